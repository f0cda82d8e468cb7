// Package upstream is the truth of an account whose blacklist lies on the real platform,
// or on any other server with the platform's API.
//
// The local list is what the platform last showed, plus what it has acknowledged since.
// Both are changes in the log: what came through here bears its own actor and reason,
// what others did there bears the actor Platform. A change goes to the platform first, 20
// OpenIDs a call, and is noted here before each call (intents.go), so that a process that
// is killed loses neither the change nor whose it was. An answer that is lost is settled
// by reading the list. How a batch is taken apart that is refused, bulk knows.
//
// The list is read at intervals (sync.go). What looks like a fault of the platform, like
// an empty page or a list that shrank by more than a fifth, unblocks nobody here until a
// person says so.
//
// One process works on an account at a time: it holds a lease (line.go), before each call.
// People come before jobs (turns.go), and jobs leave them a part of the day's calls
// (budget).
package upstream

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"mpblock"
	"mpblock/client"
	"mpblock/internal/lease"
	"mpblock/internal/record"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/doctor"
	"mpblock/internal/upstream/doubt"
	"mpblock/internal/upstream/seal"
	"mpblock/internal/upstream/source"
)

// Platform is the actor of changes that were made on the platform and not through here.
const Platform = "platform"

// Options are the settings of a Service.
type Options struct {
	Clock mpblock.Clock // for facts; nil: the system's
	// SealFile has the key that seals secrets; "": accounts with an upstream can be
	// neither added nor worked with. MakeSeal has it made when it is first needed.
	SealFile string
	MakeSeal bool

	Log   *slog.Logger // nil: none
	HTTP  *http.Client // nil: one with a time limit of its own
	Meter Meter        // nil: none

	Alone bool          // no other process works on the store
	Pause time.Duration // after a call that failed, twice as long each time; 0: a second
}

// Meter counts what happens on the platform.
type Meter interface {
	Called(app mpblock.AppID, c client.Made)
	Drifted(app mpblock.AppID, blocked, unblocked int)
}

type unmetered struct{}

func (unmetered) Called(mpblock.AppID, client.Made) {}

func (unmetered) Drifted(mpblock.AppID, int, int) {}

// callTime is how long one call of the platform may take.
const callTime = 30 * time.Second

// Service is the truth of all accounts with an upstream of a store. Its methods are safe
// for concurrent use.
type Service struct {
	store mpblock.Store
	clock mpblock.Clock
	log   *slog.Logger
	http  *http.Client
	meter Meter

	sealFile string
	makeSeal bool
	pause    time.Duration
	leases   *lease.Book[work]
	settled  atomic.Bool // what was open when this process began

	mu    sync.Mutex
	seal  *seal.Seal // nil until it is needed
	lines map[mpblock.AppID]*line
}

// New returns the truth of the accounts of a store that have an upstream.
func New(store mpblock.Store, o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: callTime}
	}
	if o.Meter == nil {
		o.Meter = unmetered{}
	}
	return &Service{
		store: store, meter: o.Meter, clock: mpblock.ClockOr(o.Clock), sealFile: o.SealFile, makeSeal: o.MakeSeal, log: o.Log, http: o.HTTP,
		pause: o.Pause, leases: lease.New[work](store, kindLine, lease.Node(), o.Alone), lines: map[mpblock.AppID]*line{},
	}
}

// kindUpstream is the kind of the records of upstreams; their keys are AppIDs.
const kindUpstream = record.Kind[Upstream]("upstream")

// Upstream is where an account's truth lies, and how the last readings of it went.
type Upstream struct {
	BaseURL string `json:"base_url"` // of the platform's API, without /cgi-bin
	Secret  []byte `json:"secret"`   // where tokens come from, sealed: a source.Spec; once the secret alone
	Plain   bool   `json:"plain,omitempty"`
	Tokens  string `json:"tokens,omitempty"` // where they come from, without what is secret of it

	Fresh bool     `json:"fresh,omitempty"` // programs' reads of lists are passed on
	Paths []string `json:"paths,omitempty"` // of other calls of programs that are passed on

	MirrorFollowers bool      `json:"mirror_followers,omitempty"`
	Followers       Followers `json:"followers,omitzero"`

	Limits budget.Limits `json:"limits"`         // of calls there, as somebody has set them
	Told   budget.Told   `json:"told,omitzero"`  // as the platform itself has them: they hold where none is set
	Page   int           `json:"page,omitempty"` // OpenIDs in a page of the list; 0: not known

	Moved    time.Time `json:"moved,omitzero"`    // when it came to lie at BaseURL; zero: it was read there, or never lay elsewhere
	First    time.Time `json:"first,omitzero"`    // when the first reading was taken over: what it found nobody had just changed
	Synced   time.Time `json:"synced,omitzero"`   // when the list was last taken over; zero: never
	Tried    time.Time `json:"tried,omitzero"`    // when it was last asked for
	Problem  string    `json:"problem,omitempty"` // what was wrong then; "": nothing
	Held     *Held     `json:"held,omitempty"`    // what a person is to decide
	Total    int       `json:"total,omitempty"`   // what the platform said at Synced
	Added    int       `json:"added,omitempty"`   // by others, at Synced
	Removed  int       `json:"removed,omitempty"`
	Unlisted int       `json:"unlisted,omitempty"` // OpenIDs there that cannot be held here
	Walks    []Walk    `json:"walks,omitempty"`    // the last readings, the newest first
}

// Walk is a reading of the list on the platform.
type Walk struct {
	At       time.Time     `json:"at"`
	Sure     bool          `json:"sure,omitempty"`    // somebody said that it is to be believed
	First    bool          `json:"first,omitempty"`   // it was the first that was taken over: what it found nobody had just done
	Problem  string        `json:"problem,omitempty"` // why it was not; "": it was
	Trouble  *doctor.Check `json:"trouble,omitempty"` // the same, for words
	Held     bool          `json:"held,omitempty"`    // it was not, since it was in doubt
	Cause    doubt.Cause   `json:"cause,omitempty"`   // why; also where somebody was sure
	Total    int           `json:"total,omitempty"`   // what the platform said
	Listed   int           `json:"listed,omitempty"`  // OpenIDs that came
	Added    int           `json:"added,omitempty"`   // by others
	Removed  int           `json:"removed,omitempty"` // by others; or missing, where it was held
	Unlisted int           `json:"unlisted,omitempty"`

	page int // OpenIDs in a page; 0: there was one
}

// Held is a reading that was not taken over: a person is to decide.
type Held = doubt.Held

var (
	errNoSeal      = mpblock.NewError(mpblock.Unavailable, "upstream.seal", "there is no key to seal secrets with: start the server with --seal-key-file")
	errNone        = mpblock.NewError(mpblock.NotFound, "upstream.none", "account %s has no upstream: its list lies here")
	errLost        = mpblock.NewError(mpblock.Unavailable, "upstream.lost", "the platform's answer was lost, and it cannot be read now what became of it; what was asked for is kept, and settled when the platform answers again")
	errRefused     = mpblock.NewError(mpblock.Conflict, "upstream.refused", "the platform refuses it: %d %s")
	errWhole       = mpblock.NewError(mpblock.Invalid, "upstream.whole", "%d OpenIDs at once: the platform takes %d in one call, all or none")
	errDown        = mpblock.NewError(mpblock.Unavailable, "upstream.down", "the platform does not answer: %s; nothing was changed")
	errShrunk      = mpblock.NewError(mpblock.Unavailable, "upstream.shrunk", "the platform lists %d, and %d are blocked here: that is not believed until somebody is sure (mpblock account sync --sure), and what was asked for is kept")
	errDay         = mpblock.NewError(mpblock.Limited, "upstream.day", "the calls of the platform for today are used up, or left to people: jobs go on after %s")
	errBusy        = mpblock.NewError(mpblock.Unavailable, "upstream.busy", "so much was changed while the platform's list was read that it cannot be taken over: it is read again with the next reading")
	errLimits      = mpblock.NewError(mpblock.Invalid, "upstream.limits", "%d calls a minute and %d a day: want 0, for no limit, or more")
	errMinute      = mpblock.NewError(mpblock.Limited, "upstream.minute", "the calls of the platform for this minute are used up")
	errFreshDay    = mpblock.NewError(mpblock.Limited, "upstream.day.fresh", "the calls that read the platform's list are used up for today, but for those that settle changes: they go on after %s; answered from what was read last there is no limit (mpblock account set --fresh=false)")
	errFreshMinute = mpblock.NewError(mpblock.Limited, "upstream.minute.fresh", "the calls that read the platform's list are used up for this minute: try again in the next one")
	errURL         = mpblock.NewError(mpblock.Invalid, "upstream.url", "the base URL %q cannot be used: %s")
)

// Add makes an account's upstream known. Where its tokens come from is sealed. It does not
// ask the platform anything.
func (s *Service) Add(ctx context.Context, app mpblock.AppID, baseURL string, tokens source.Spec) error {
	u := Upstream{BaseURL: baseURL}
	if err := s.from(app, &u, tokens); err != nil {
		return err
	}
	return kindUpstream.Overwrite(ctx, s.store, record.Entry[Upstream]{Key: string(app), Value: u})
}

// SetTokens has the tokens of an account come from elsewhere from now on, on all nodes.
func (s *Service) SetTokens(ctx context.Context, app mpblock.AppID, tokens source.Spec) error {
	_, err := kindUpstream.Edit(ctx, s.store, string(app), func(e *record.Entry[Upstream]) error {
		if e.Version == 0 {
			return errNone.With(app)
		}
		return s.from(app, &e.Value, tokens)
	})
	return err
}

// from notes where an account's tokens come from.
func (s *Service) from(app mpblock.AppID, u *Upstream, tokens source.Spec) error {
	by, err := s.sealing(s.makeSeal)
	if err != nil {
		return err
	}
	if _, err := s.dial(app, u.BaseURL, tokens); err != nil {
		return err
	}
	u.Secret, err = sealSpec(by, app, tokens)
	u.Plain, u.Tokens = false, tokens.Place()
	return err
}

// Erase forgets an account's upstream, its secret, and what was to be settled there. A
// reading that is under way takes nothing over any more.
func (s *Service) Erase(ctx context.Context, app mpblock.AppID) error {
	s.mu.Lock()
	delete(s.lines, app)
	s.mu.Unlock()
	return errors.Join(
		kindUpstream.Erase(ctx, s.store, string(app)), s.leases.Erase(ctx, string(app)),
		record.EraseUnder(ctx, s.store, string(app)+"/", string(kindIntent)), kindDoctor.Erase(ctx, s.store, string(app)), kindReads.Erase(ctx, s.store, string(app)),
	)
}

// Of returns an account's upstream, without what opens its secret.
func (s *Service) Of(ctx context.Context, app mpblock.AppID) (Upstream, error) {
	e, err := kindUpstream.Get(ctx, s.store, string(app))
	if errors.Is(err, mpblock.ErrNotFound) {
		return Upstream{}, errNone.With(app)
	}
	e.Value.Secret = nil
	return e.Value, err
}

// sealing returns what seals secrets.
func (s *Service) sealing(create bool) (*seal.Seal, error) {
	if s.sealFile == "" {
		return nil, errNoSeal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seal == nil {
		var err error
		if s.seal, err = seal.File(s.sealFile, create); err != nil {
			return nil, err
		}
	}
	return s.seal, nil
}

func (s *Service) dial(app mpblock.AppID, baseURL string, tokens source.Spec, more ...client.Option) (*client.Client, error) {
	options, err := tokens.Options(s.http)
	if err != nil {
		return nil, err
	}
	options = append(options, client.WithBaseURL(baseURL), client.WithHTTPClient(s.http), client.WithObserver(func(m client.Made) { s.meter.Called(app, m) }))
	c, err := client.New(string(app), tokens.Secret, append(options, more...)...)
	if err != nil {
		return nil, errURL.With(baseURL, err.Error())
	}
	return c, nil
}

// Probe reads the first page of an account's list over there, before the account is known
// here: so the credentials are tried, and the prefix of its OpenIDs is learnt. The prefix
// is zero where nobody is blocked.
func (s *Service) Probe(ctx context.Context, app mpblock.AppID, baseURL string, tokens source.Spec) (mpblock.Prefix, int, error) {
	c, err := s.dial(app, baseURL, tokens)
	if err != nil {
		return mpblock.Prefix{}, 0, err
	}
	page, err := c.List(ctx, "")
	if err != nil {
		return mpblock.Prefix{}, 0, explain(err)
	}
	for _, text := range page.OpenIDs {
		if id, err := mpblock.ParseOpenID(string(text)); err == nil {
			return id.Prefix(), page.Total, nil
		}
	}
	return mpblock.Prefix{}, page.Total, nil
}
