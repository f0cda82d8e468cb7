// Package admin administers a running server: accounts, followers, backups. It
// speaks JSON over HTTP through a Unix socket in the data directory, mode 0600, so
// who may administer is who may open that file; there is no password and no port.
// The protocol is between one version of mpblock and itself, and may change.
package admin

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"mpblock"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
)

// SocketName is the name of the socket in the data directory.
const SocketName = "mpblock.sock"

// maxSocketPath is how long the path of a Unix socket may be on every system that
// Go runs on, in bytes.
const maxSocketPath = 103

// maxBody is how long the body of a request may be: 10,000 OpenIDs take 310 KB.
const maxBody = 1 << 20

// Account is an account as an operator sees it, without its key and the hash of
// its secret.
type Account struct {
	AppID       mpblock.AppID        `json:"appid"`
	Name        string               `json:"name"`
	Prefix      string               `json:"prefix"` // of its OpenIDs, 8 hexadecimal digits
	AnyFollower bool                 `json:"any_follower"`
	AllowIPs    []string             `json:"allow_ips"`
	DeniedCalls []mpblock.Call       `json:"denied_calls"`
	Daily       map[mpblock.Call]int `json:"daily"`
	PerMinute   map[mpblock.Call]int `json:"per_minute"`
	Followers   int                  `json:"followers"`
	Blocked     int                  `json:"blocked"`

	Reasons        []string `json:"reasons,omitempty"`
	ReasonRequired bool     `json:"reason_required,omitempty"`
	Retired        bool     `json:"retired,omitempty"`
	Upstream       string   `json:"upstream,omitempty"` // base URL of where its list lies; "": here
}

// NewAccount is what an account is created with; what is empty is chosen by the
// server.
type NewAccount struct {
	AppID       string `json:"appid,omitempty"`
	Name        string `json:"name,omitempty"`
	Prefix      string `json:"prefix,omitempty"`
	AnyFollower bool   `json:"any_follower,omitempty"`

	Upstream *NewUpstream `json:"upstream,omitempty"` // nil: its list lies here
}

// Created is an account and its secret, which cannot be shown again.
type Created struct {
	Account
	Secret string `json:"secret"`
}

// Settings change an account; what is nil or empty stays as it is. A limit of -1
// takes the limit away.
type Settings struct {
	Name        *string              `json:"name,omitempty"`
	AnyFollower *bool                `json:"any_follower,omitempty"`
	AnyPrefix   *bool                `json:"any_prefix,omitempty"`
	AllowIPs    []string             `json:"allow_ips,omitempty"`  // to add, addresses or networks
	ForgetIPs   []string             `json:"forget_ips,omitempty"` // to remove; "all"
	DenyCalls   []mpblock.Call       `json:"deny_calls,omitempty"`
	AllowCalls  []mpblock.Call       `json:"allow_calls,omitempty"`
	Daily       map[mpblock.Call]int `json:"daily,omitempty"`
	PerMinute   map[mpblock.Call]int `json:"per_minute,omitempty"`

	Reasons        []string `json:"reasons,omitempty"`        // to offer, beside those there are
	ForgetReasons  []string `json:"forget_reasons,omitempty"` // to offer no more; "all"
	ReasonRequired *bool    `json:"reason_required,omitempty"`
	Retired        *bool    `json:"retired,omitempty"`
}

// Operator is an operator of the console.
type Operator struct {
	Name         string          `json:"name"`
	Role         operators.Role  `json:"role"`
	Accounts     []mpblock.AppID `json:"accounts"` // empty: all
	Email        string          `json:"email"`
	Disabled     bool            `json:"disabled"`
	SecondFactor bool            `json:"second_factor"`
	LastLogin    *time.Time      `json:"last_login"` // null: never
}

// NewOperator is what an operator is created with.
type NewOperator struct {
	Name     string          `json:"name"`
	Role     operators.Role  `json:"role"`
	Accounts []mpblock.AppID `json:"accounts,omitempty"`
	Email    string          `json:"email,omitempty"`
}

// Invited is an operator and the token with which it chooses a password, good once
// and for operators.LinkLife.
type Invited struct {
	Name  string `json:"name"`
	Token string `json:"token"`
	Path  string `json:"path"` // of the console, with the token
	URL   string `json:"url"`  // where browsers find it, as far as the server knows
}

// ErrNoServer is wrapped by the error of a Client whose server does not run.
var ErrNoServer = mpblock.NewError(mpblock.Unavailable, "server.none", "no mpblock serves this directory")

// problem is the body of an answer that is not 200.
type problem struct {
	Error string       `json:"error"`
	Kind  mpblock.Kind `json:"kind"`
	Key   string       `json:"key,omitempty"`
}

// Errors of the administration's own.
var (
	errNotAllowed     = mpblock.NewError(mpblock.Conflict, "address.none", "%s is not on the allow-list")
	errMintCount      = mpblock.NewError(mpblock.Invalid, "mint.count", "%d followers: want 1 to %d at a time")
	errRemarks        = mpblock.NewError(mpblock.Limited, "remark.many", "%d remarks: want at most %d at a time")
	errBackupRelative = mpblock.NewError(mpblock.Invalid, "backup.relative", "the directory of a backup is given by its absolute path")
	errBackupExists   = mpblock.NewError(mpblock.Conflict, "backup.exists", "%s is there already: a backup goes to a directory that is not")
)

// secretAnswer is the answer of a rotation.
type secretAnswer struct {
	Secret string `json:"secret"`
}

// idsBody is a piece of a list of OpenIDs.
type idsBody struct {
	OpenIDs []string `json:"openids"`
}

// addedAnswer tells how many of a piece were new.
type addedAnswer struct {
	Added int `json:"added"`
}

// nameBody names an operator.
type nameBody struct {
	Name string `json:"name"`
}

// countBody is how many followers to mint.
type countBody struct {
	Count int `json:"count"`
}

// Remark is the name and the remark of an OpenID.
type Remark struct {
	OpenID string `json:"openid"`
	Name   string `json:"name"`
	Remark string `json:"remark"`
}

// MaxRemarks is how many remarks one request may set, or one answer lists.
const MaxRemarks = 1_000

// remarksBody is remarks to set.
type remarksBody struct {
	Remarks []Remark `json:"remarks"`
}

// forgottenAnswer tells of how many OpenIDs there was something to forget.
type forgottenAnswer struct {
	Forgotten int `json:"forgotten"`
}

// dirBody is where a backup goes.
type dirBody struct {
	Dir string `json:"dir"`
}

// openSocketDir returns a path of the socket that is short enough for the system,
// and what to call when it is no longer needed. The path of a deep directory is
// shortened through a descriptor of the directory, where the system has /proc.
func openSocketDir(dir string) (path string, done func(), err error) {
	path = filepath.Join(dir, SocketName)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	d, err := os.Open(dir) //nolint:gosec // the operator names the directory
	if err != nil {
		return "", nil, err
	}
	short := fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), SocketName)
	if _, err := os.Stat(filepath.Dir(short)); err != nil {
		_ = d.Close()
		return "", nil, fmt.Errorf("the path of the socket, %s, has %d bytes, and sockets may have %d: choose a shorter data directory", path, len(path), maxSocketPath)
	}
	return short, func() { _ = d.Close() }, nil
}

func view(a *mpblock.Account, t lists.Totals) Account {
	v := Account{
		AppID: a.AppID, Name: a.Name, Prefix: a.Prefix.String(), AnyFollower: a.AnyFollower,
		AllowIPs: []string{}, DeniedCalls: append([]mpblock.Call{}, a.Denied...), Daily: a.Daily, PerMinute: a.PerMinute,
		Followers: t.Followers, Blocked: t.Blocked,
		Reasons: a.Reasons, ReasonRequired: a.ReasonRequired, Retired: a.Retired, Upstream: a.Upstream,
	}
	for _, ip := range a.AllowIPs {
		v.AllowIPs = append(v.AllowIPs, ip.String())
	}
	if v.Daily == nil {
		v.Daily = map[mpblock.Call]int{}
	}
	if v.PerMinute == nil {
		v.PerMinute = map[mpblock.Call]int{}
	}
	return v
}

func viewOperator(o operators.Operator) Operator {
	v := Operator{
		Name: o.Name, Role: o.Role, Accounts: append([]mpblock.AppID{}, o.Accounts...), Email: o.Email,
		Disabled: o.Disabled, SecondFactor: o.SecondFactor,
	}
	if !o.LastLogin.IsZero() {
		v.LastLogin = &o.LastLogin
	}
	return v
}
