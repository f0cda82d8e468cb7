// Package audit keeps who set what: accounts made, changed, retired and removed, secrets rotated,
// programs and webhooks made, changed and ended, operators invited, changed and removed. Changes of the lists are not among it: they
// have a log of their own.
//
// It promises that a line is written once what it says has been done, that it is kept
// for Life, and that lines are read the newest first. Who may read them it leaves to
// others.
package audit

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"mpblock"
	"mpblock/internal/record"
)

// Life is how long a line is kept, which bounds how many there are.
const Life = 400 * 24 * time.Hour

// Deed is what was done.
type Deed string

// The deeds.
const (
	AccountAdded   Deed = "account.added"
	AccountSet     Deed = "account.set"
	AccountSecret  Deed = "account.secret"
	AccountRetired Deed = "account.retired"
	AccountBack    Deed = "account.back"
	AccountGone    Deed = "account.gone"
	ProgramAdded   Deed = "program.added"
	ProgramSet     Deed = "program.set"
	ProgramSecret  Deed = "program.secret"
	ProgramGone    Deed = "program.gone"
	WebhookAdded   Deed = "webhook.added"
	WebhookSecret  Deed = "webhook.secret"
	WebhookResumed Deed = "webhook.resumed"
	WebhookGone    Deed = "webhook.gone"
	Protected      Deed = "person.protected"
	Unprotected    Deed = "person.unprotected"
	OperatorAdded  Deed = "operator.added"
	OperatorSet    Deed = "operator.set"
	OperatorOff    Deed = "operator.off"
	OperatorOn     Deed = "operator.on"
	OperatorGone   Deed = "operator.gone"
	OperatorReset  Deed = "operator.reset"
	OperatorOut    Deed = "operator.out"
	FactorRequired Deed = "factor.required"
	FactorFree     Deed = "factor.free"
	FactorOn       Deed = "factor.on" // by the operator itself, and so are the two below
	FactorOff      Deed = "factor.off"
	FactorCodes    Deed = "factor.codes"
)

// Deeds returns all of them.
func Deeds() []Deed {
	return []Deed{
		AccountAdded, AccountSet, AccountSecret, AccountRetired, AccountBack, AccountGone,
		ProgramAdded, ProgramSet, ProgramSecret, ProgramGone,
		WebhookAdded, WebhookSecret, WebhookResumed, WebhookGone, Protected, Unprotected, OperatorAdded, OperatorSet, OperatorOff,
		OperatorOn, OperatorGone, OperatorReset, OperatorOut, FactorRequired, FactorFree,
		FactorOn, FactorOff, FactorCodes,
	}
}

// ByAdmin is who works by the commands on the server's machine.
const ByAdmin = "admin"

// Accounts is what a line says was changed where an operator's accounts were.
const Accounts = "accounts"

// Line is one deed.
type Line struct {
	Key    string    `json:"-"` // to read on from
	Time   time.Time `json:"time"`
	By     string    `json:"by"` // an operator's name with "console:" before it, ByAdmin, or mpblock.ActorAPI: a call with an account's own secret
	Deed   Deed      `json:"deed"`
	On     string    `json:"on,omitempty"`     // an AppID, with a slash and the name of a program or webhook, or an OpenID, behind it, or the name of an operator
	Was    string    `json:"was,omitempty"`    // of OperatorSet: the role before
	Now    string    `json:"now,omitempty"`    // of OperatorSet and OperatorAdded: the role then
	Fields []string  `json:"fields,omitempty"` // what was changed: of AccountSet by the names in Changed, of operators Accounts; of programs the scopes then, of webhooks the events, of Protected why
}

// OfProgram is a line about a program of an account, and what it may do then.
func OfProgram(by string, deed Deed, app mpblock.AppID, name string, scopes []string) Line {
	l := Line{By: by, Deed: deed, On: string(app) + "/" + name}
	if deed == ProgramAdded || deed == ProgramSet {
		l.Fields = scopes
	}
	return l
}

// OfWebhook is a line about a webhook of an account, and what it is told of where it is new.
func OfWebhook(by string, deed Deed, app mpblock.AppID, name string, events ...string) Line {
	return Line{By: by, Deed: deed, On: string(app) + "/" + name, Fields: events}
}

// OfPerson is a line about a person of an account who was protected, for which why, or is no
// more.
func OfPerson(by string, deed Deed, app mpblock.AppID, id mpblock.OpenID, why string) Line {
	l := Line{By: by, Deed: deed, On: string(app) + "/" + id.String()}
	if deed == Protected {
		l.Fields = []string{why}
	}
	return l
}

// kindAudit is the kind of the records of lines. Their keys are times counted down, so
// that the newest comes first.
const kindAudit = record.Kind[Line]("audit")

// Service has the lines of a store.
type Service struct {
	store mpblock.Records
	clock mpblock.Clock
	log   *slog.Logger
	last  atomic.Int64 // the instant in the newest line's key, in ns
}

// New returns the lines of a store; what cannot be written stands in the log.
func New(store mpblock.Records, clock mpblock.Clock, log *slog.Logger) *Service {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Service{store: store, clock: mpblock.ClockOr(clock), log: log}
}

// Note writes a line about what has been done. It was done, so that a store that fails
// now is no error of whoever did it: the line then stands in the log alone.
func (s *Service) Note(ctx context.Context, l Line) {
	l.Time = s.clock.Now().UTC()
	key := fmt.Sprintf("%016x-%s", uint64(math.MaxInt64-s.instant(l.Time)), rand.Text()[:8]) //nolint:gosec // after 1970
	_, err := kindAudit.Put(context.WithoutCancel(ctx), s.store, record.Entry[Line]{Key: key, Value: l, Expires: l.Time.Add(Life)})
	if err != nil {
		s.log.Error("audit: a line could not be written", "by", l.By, "deed", l.Deed, "on", l.On, "error", err)
	}
}

// instant returns a time in ns that no line before has in its key: two lines of one instant,
// as a clock that stands still makes them, are read in the order of their deeds.
func (s *Service) instant(now time.Time) int64 {
	for {
		last := s.last.Load()
		next := max(now.UnixNano(), last+1)
		if s.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// Lines returns up to limit lines, the newest first, those after the one with a key; ""
// for the newest.
func (s *Service) Lines(ctx context.Context, after string, limit int) ([]Line, error) {
	records, err := s.store.List(ctx, string(kindAudit), after, limit)
	if err != nil {
		return nil, err
	}
	lines := make([]Line, 0, len(records))
	for _, r := range records {
		e, err := kindAudit.Of(r)
		if err != nil {
			return nil, err
		}
		e.Value.Key = e.Key
		lines = append(lines, e.Value)
	}
	return lines, nil
}

// Erase removes the lines that name people of an account which is removed. Those about the
// account itself, its programs and webhooks stay for their Life.
func (s *Service) Erase(ctx context.Context, app mpblock.AppID) error {
	for after := ""; ; {
		records, err := s.store.List(ctx, string(kindAudit), after, erasedAtOnce)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			after = r.Key
			e, err := kindAudit.Of(r)
			if l := e.Value; err != nil || l.Deed != Protected && l.Deed != Unprotected || !strings.HasPrefix(l.On, string(app)+"/") {
				continue // one that cannot be read is no reason to keep the others
			}
			if err := kindAudit.Delete(ctx, s.store, e.Key, e.Version); err != nil {
				return err
			}
		}
	}
}

// erasedAtOnce is how many lines are read at a time.
const erasedAtOnce = 1_000

// Fields returns the names of what Changed finds.
func Fields() []string {
	return []string{"name", "any", "ips", "calls", "limits", "reasons", "required", "prefix", "retired", "upstream"}
}

// Changed returns what of an account's settings is another than it was.
func Changed(was, now *mpblock.Account) (fields []string) {
	same := []bool{
		was.Name == now.Name, was.AnyFollower == now.AnyFollower, slices.Equal(was.AllowIPs, now.AllowIPs), slices.Equal(was.Denied, now.Denied),
		maps.Equal(was.Daily, now.Daily) && maps.Equal(was.PerMinute, now.PerMinute), slices.Equal(was.Reasons, now.Reasons),
		was.ReasonRequired == now.ReasonRequired, was.Prefix == now.Prefix && was.AnyPrefix == now.AnyPrefix, was.Retired == now.Retired,
		was.Upstream == now.Upstream,
	}
	for i, name := range Fields() {
		if !same[i] {
			fields = append(fields, name)
		}
	}
	return fields
}
