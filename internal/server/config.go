package server

import (
	"log/slog"
	"path/filepath"
	"time"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/console/sso"
	"mpblock/internal/pebblestore"
	"mpblock/internal/sqlstore"
	"mpblock/internal/sqlstore/address"
	"mpblock/internal/upstream"
	"mpblock/internal/webhooks"
)

// sealKeyName is the file in a data directory that has the key of sealed secrets.
const sealKeyName = "seal.key"

// DefaultSync is how often the lists of accounts on the real platform are read.
const DefaultSync = 5 * time.Minute

// TokenLife is how long access tokens live on the platform.
const TokenLife = access.TokenLife

// DefaultCacheSize is the memory for lists and for blocks read from disk, in bytes,
// of a Config that does not say.
const DefaultCacheSize = 512 << 20

// blockShare is the part of the cache that is for blocks read from disk, one in so
// many; what is not written to tables takes some too, and the rest is for lists.
const blockShare = 8

// Config says what a Server is made of. Every field may be left out but the place
// of the store: one of Data, Store and Database.
type Config struct {
	// Data is the data directory; it is made if it is not there. It has the
	// embedded store, unless Store or Database is set, the socket of the
	// administration, and the CA of TLSSelfSigned. A server on a Store or a
	// Database does without, and is then not administered over a socket.
	Data string

	// Store is a store that is open already. It stays the caller's: Close does
	// not close it.
	Store mpblock.Store

	// Database is where the store is, if it is in a database.
	Database *Database

	// StoreTimeout is how long one operation of the store may take; 0 means
	// sqlstore.DefaultTimeout. A Database is held to it. The time of a call of
	// the API, and all times of HTTP that must be longer, follow from it.
	StoreTimeout time.Duration

	CacheSize int64 // memory for lists and for blocks read from disk, in bytes; 0: DefaultCacheSize
	Demo      bool  // begin with the demo account, see demo.go

	DemoLanguage string // of what the demo's operators have written: DemoEnglish, which "" means, or DemoChinese

	// Emulate makes it an emulator, whose store is in memory: neither Store nor
	// Database is used, and Data holds no store. Nil: it is none.
	Emulate *Emulation

	PageSize int // OpenIDs a page of the API, 1 to lists.MaxPageSize, which 0 means
	// Clock is for facts: when a change was made, a token or a record ends, which day
	// it is. Nil means the system's; a Store that is given has its own.
	Clock mpblock.Clock

	// SealKeyFile has the key that seals the secrets of webhooks, and of accounts whose list
	// lies on the real platform: 64 hexadecimal digits. "": a file in Data, made when it is
	// first needed, if the store is there too or in memory; else there can be neither. Nodes
	// that share a Database have the same one.
	SealKeyFile string
	makeSeal    bool
	meter       upstream.Meter
	posted      webhooks.Meter
	SyncEvery   time.Duration // how often their lists are read; 0: DefaultSync, negative: never

	// WebhookPrivate lets webhooks lead to addresses that are not public, and be sent
	// without TLS.
	WebhookPrivate bool

	TokenLife    time.Duration // how long access tokens live; 0: TokenLife
	RequireHTTPS bool          // the API answers 43003 to calls without TLS
	RID          bool          // the request id behind the errmsg of errors, as today's real service has it

	Listen    string // address of what Handler serves; "": none
	OpsListen string // address of metrics and profiles; "": none

	TLSCert, TLSKey string   // files, PEM; "": no TLS
	TLSSelfSigned   bool     // TLS with a certificate of a CA of its own, in Data
	TLSNames        []string // names and addresses that certificate is for, beside this machine's own and the host of Listen

	PublicURL string        // scheme and host under which browsers find the console; "": as they ask for it
	OIDC      *sso.Provider // nil: no login through a provider

	Log     *slog.Logger // nil: none
	CallLog *slog.Logger // of lines about calls that went well or were refused; nil: Log
	Version string       // that the metrics tell
}

// Database is a store in a database.
type Database struct {
	At        address.Database
	Conns     int  // connections to it; 0: sqlstore.DefaultMaxConns
	NoMigrate bool // refuse a schema that is not the newest, instead of bringing it there
}

// withDefaults fills in what is left out.
func (c Config) withDefaults() Config {
	if c.StoreTimeout == 0 {
		c.StoreTimeout = sqlstore.DefaultTimeout
	}
	c.Clock = mpblock.ClockOr(c.Clock)
	if c.TokenLife == 0 {
		c.TokenLife = TokenLife
	}
	if c.SyncEvery == 0 {
		c.SyncEvery = DefaultSync
	}
	if c.SealKeyFile == "" && c.Data != "" && (c.embedded() || c.Emulate != nil) {
		c.SealKeyFile, c.makeSeal = filepath.Join(c.Data, sealKeyName), true
	}
	if c.CacheSize == 0 {
		c.CacheSize = DefaultCacheSize
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.CallLog == nil {
		c.CallLog = c.Log
	}
	return c
}

// embedded tells whether the store is the one in the data directory.
func (c Config) embedded() bool { return c.Store == nil && c.Database == nil && c.Emulate == nil }

// Memory returns what of CacheSize is for lists, for the embedded store's filters, and for
// what else that takes, in bytes. The first two are on Go's heap; the third is outside of it
// where there is C.
func (c Config) Memory() (lists, filters, embedded int64) {
	c = c.withDefaults()
	if !c.embedded() {
		return c.CacheSize, 0, 0
	}
	blocks := c.blocks()
	filters = blocks / pebblestore.FilterShare
	return max(c.CacheSize-blocks-filters-pebblestore.Unwritten, c.CacheSize/2), filters, blocks + pebblestore.Unwritten
}

func (c Config) blocks() int64 { return c.CacheSize / blockShare }

// Times of a request. That of a call is derived from the store's, so that a store
// that may take longer is waited for, and the connection outlives the call.
const (
	callMargin = time.Second      // for what a call does beside the store; 20 OpenIDs give a database 100 ms more
	headTime   = 10 * time.Second // for the header of a request to come
	readTime   = 30 * time.Second // for all of a request to come
	answerTime = 20 * time.Second // for an answer to leave
	idleTime   = 2 * time.Minute  // between two requests of a connection
)

// callTime is how long a call of the API may take.
func (c Config) callTime() time.Duration { return c.StoreTimeout + callMargin }

// writeTime is how long the connection waits from a request's header to the end of
// its answer. A body may be late before the call begins.
func (c Config) writeTime() time.Duration { return readTime + c.callTime() + answerTime }
