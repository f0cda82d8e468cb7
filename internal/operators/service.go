// Package operators holds who may work at the console: operators with their roles and
// accounts, passwords, second factors, identities at providers, sessions, and the
// links by which the first operator is made and a lost password replaced.
//
// It promises that there is always an admin who can log in once there was one; that a
// link or a code is good once, on all nodes together; that attempts to log in are
// slowed down before they are judged (throttle.go); and that passwords, tokens of
// sessions and links are kept as hashes alone.
//
// What a role may do it leaves to the package desk, and pages to the console. What it
// refuses is an *mpblock.Error or a *LoginError.
package operators

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"mpblock"
	"mpblock/internal/operators/credentials"
	"mpblock/internal/operators/sessions"
	"mpblock/internal/record"
)

// Options are the settings of a Service.
type Options struct {
	// Cost is how dear it is to hash a password; the zero Cost means
	// credentials.DefaultCost. Passwords that were hashed before keep theirs.
	Cost credentials.Cost
	// Clock is for what is written down and ends: attempts, sessions, links, codes;
	// nil: the system's.
	Clock mpblock.Clock
	// Log gets what an admin should know; nil: nobody does.
	Log *slog.Logger
}

// Service has the operators of a store. Its methods are safe for concurrent use.
type Service struct {
	store   mpblock.Records
	tickets credentials.Tickets
	hasher  credentials.Hasher
	log     *slog.Logger
	clock   mpblock.Clock
	logins  *sessions.Logins
}

// Open returns the operators of a store. The key that signs tickets is read from the
// store, or made there by the first node that opens it.
func Open(ctx context.Context, store mpblock.Records, opts Options) (*Service, error) {
	key, err := record.SigningKey(ctx, store)
	if err != nil {
		return nil, fmt.Errorf("read the key of the tickets: %w", err)
	}
	if opts.Cost == (credentials.Cost{}) {
		opts.Cost = credentials.DefaultCost
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	clock := mpblock.ClockOr(opts.Clock)
	return &Service{
		store: store, tickets: credentials.NewTickets(key), hasher: credentials.NewHasher(opts.Cost),
		log: opts.Log, clock: clock, logins: sessions.NewLogins(store, clock, SessionIdle),
	}, nil
}

// Mark returns eight characters that tell this store from others, the same on all
// nodes and after a restart. They are no secret.
func (svc *Service) Mark() string { return svc.tickets.Mark() }

// Sessions returns the store of the sessions.
func (svc *Service) Sessions() *sessions.Store { return sessions.New(svc.store, svc.clock) }

// Begin notes who has come in, and from where, and returns the session as it is to be
// kept.
func (svc *Service) Begin(ctx context.Context, s Session, agent string, addr netip.Addr) (Session, error) {
	var err error
	at := sessions.Login{ID: s.ID, Agent: agent, Addr: addr, Epoch: s.Epoch, Began: s.Began}
	s.ID, err = svc.logins.Begin(ctx, s.Name, at, s.Began.Add(SessionLife))
	return s, err
}

// Stretch has a login last as if it had begun later: the clock of an emulator is about to
// be moved ahead by so much.
func (svc *Service) Stretch(ctx context.Context, s Session, by time.Duration) error {
	return svc.logins.Stretch(ctx, s.Name, s.ID, by)
}

// Leave ends a session.
func (svc *Service) Leave(ctx context.Context, s Session) error {
	return svc.logins.End(ctx, s.Name, s.ID)
}
