package operators

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/operators/credentials"
)

// Attempt is what somebody shows to log in.
type Attempt struct {
	Name     string
	Password string
	Ticket   string     // of a LoginError with NeedCode, in place of name and password
	Code     string     // of the second factor, or one of the recovery codes
	Addr     netip.Addr // where the attempt comes from
}

// LoginReason is why somebody was not let in.
type LoginReason string

// The reasons. BadCredentials does not tell which part was wrong, nor whether there
// is such an operator.
const (
	BadCredentials LoginReason = "bad credentials"
	NeedCode       LoginReason = "code needed" // name and password were right: go on with Ticket and the code
	BadCode        LoginReason = "bad code"    // wrong, or used before; Ticket is good still
	TooMany        LoginReason = "too many attempts"
	Busy           LoginReason = "many are logging in"
	NotLinked      LoginReason = "no operator is linked to this identity"
)

// LoginError is why somebody was not let in.
type LoginError struct {
	Reason LoginReason
	Wait   time.Duration // with TooMany and Busy: when to try again, whole seconds
	Ticket string        // with NeedCode and BadCode; good for 5 minutes, void after some 20 wrong codes
}

// Error returns the reason in English.
func (e *LoginError) Error() string {
	if e.Reason == TooMany || e.Reason == Busy {
		return fmt.Sprintf("%s: try again in %d s", e.Reason, secondsUp(e.Wait))
	}
	return string(e.Reason)
}

func secondsUp(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// busyWait is when somebody is to try again who was not let wait.
const busyWait = 10 * time.Second

// maxAddresses is how many addresses an operator is known by.
const maxAddresses = 8

// Login lets an operator in who shows the right password and, if it has one set up,
// the code of the second factor. Attempts are slowed down per operator and per
// address; many wrong codes are a warning in the log. Where too many wait who come from
// addresses at which the operator has not logged in before, more are refused: Busy. What is wrong is a *LoginError.
func (svc *Service) Login(ctx context.Context, a Attempt) (Session, error) {
	a.Name = strings.ToLower(strings.TrimSpace(a.Name))
	var epoch uint64
	if a.Ticket != "" {
		t, err := svc.useTicket(ctx, a.Ticket, svc.clock.Now())
		if err != nil {
			return Session{}, err
		}
		a.Name, epoch = t.Name, t.Epoch
	}
	t, err := svc.readRoster(ctx)
	if err != nil {
		return Session{}, err
	}
	o := t.Operators[a.Name]
	known := o != nil && slices.Contains(o.Addresses, credentials.HashToken(addressGroup(a.Addr)))
	if !known {
		leave, ok := svc.hasher.Queue() // before anything is written
		if !ok {
			return Session{}, &LoginError{Reason: Busy, Wait: busyWait}
		}
		defer leave()
	}
	right, err := svc.admitAttempt(ctx, a.Name, a.Addr, known)
	if err != nil {
		return Session{}, err
	}
	if err := svc.judge(ctx, a, o, epoch, known); err != nil {
		return Session{}, err
	}
	if o.Factor == "" {
		return svc.enter(ctx, a, o, 0, right)
	}
	ticket := svc.tickets.Issue(a.Name, o.Epoch, svc.clock.Now())
	if a.Code == "" {
		return Session{}, errors.Join(right(false), &LoginError{Reason: NeedCode, Ticket: ticket})
	}
	codes := codesOf(a.Name, o.Epoch)
	wrong, err := svc.reserveAttempt(ctx, codes)
	if err != nil {
		return Session{}, err
	}
	step, ok := credentials.Step(o.Factor, a.Code, svc.clock.Now())
	ok = ok || o.Recovery.Has(a.Code)
	var s Session
	if ok {
		s, err = svc.enter(ctx, a, o, step, right)
	}
	if !ok || errors.Is(err, errUsedCode) {
		svc.warn(a, wrong)
		return Session{}, &LoginError{Reason: BadCode, Ticket: ticket}
	}
	if err != nil {
		return Session{}, err
	}
	return s, svc.forget(ctx, codes)
}

// useTicket reads a ticket, unless codes have to wait. Once there were many wrong
// codes, a ticket from before the last of them is void.
func (svc *Service) useTicket(ctx context.Context, text string, now time.Time) (credentials.Ticket, error) {
	t, ok := svc.tickets.Read(text, now)
	if !ok {
		return t, &LoginError{Reason: BadCredentials}
	}
	wrong, err := svc.peek(ctx, codesOf(t.Name, t.Epoch))
	if err != nil {
		return t, err
	}
	if wrong.Failed >= freeCodes && t.Issued.UnixMilli() <= wrong.Last {
		return t, &LoginError{Reason: BadCredentials}
	}
	return t, nil
}

// warn tells whoever reads the log that somebody who has an operator's password is
// guessing codes.
func (svc *Service) warn(a Attempt, wrong attempts) {
	if wrong.Failed >= freeCodes {
		svc.log.Warn("operators: many wrong codes of the second factor after the right password: who did not mistype should choose another password",
			"operator", a.Name, "wrong", wrong.Failed, "address", a.Addr)
	}
}

// judge checks what comes before the second factor: the password, or the ticket for
// it. o is nil if there is no such operator.
func (svc *Service) judge(ctx context.Context, a Attempt, o *operatorRecord, epoch uint64, known bool) error {
	if a.Ticket != "" {
		if o == nil || o.Disabled || o.Epoch != epoch {
			return &LoginError{Reason: BadCredentials}
		}
		return nil
	}
	stored := ""
	if o != nil {
		stored = o.Password
	}
	password := a.Password
	if len(password) > MaxPassword {
		password = ""
	}
	ok, err := svc.hasher.Matches(ctx, known, stored, password)
	if err != nil {
		return err
	}
	if !ok || o.Disabled {
		return &LoginError{Reason: BadCredentials}
	}
	return nil
}

var errUsedCode = errors.New("operators: the code was used before")

// enter writes that an operator is in, unless what it has shown is no longer good.
func (svc *Service) enter(ctx context.Context, a Attempt, seen *operatorRecord, step int64, right func(bool) error) (Session, error) {
	var s Session
	_, err := svc.editOperator(ctx, a.Name, func(_ *roster, o *operatorRecord) error {
		switch {
		case o.Disabled || o.Epoch != seen.Epoch || o.Password != seen.Password || o.Factor != seen.Factor:
			return &LoginError{Reason: BadCredentials}
		case step != 0 && step <= o.FactorStep && o.FactorStep <= credentials.LastStep(svc.clock.Now()): // a later one is of a clock that was ahead
			return errUsedCode
		case step != 0:
			o.FactorStep = step
		case o.Factor != "" && !o.Recovery.Spend(a.Code):
			return errUsedCode
		}
		here := credentials.HashToken(addressGroup(a.Addr))
		o.Addresses = append([]string{here}, slices.DeleteFunc(o.Addresses, func(x string) bool { return x == here })...)
		o.Addresses = o.Addresses[:min(len(o.Addresses), maxAddresses)]
		s = o.enter(a.Name, svc.clock.Now())
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	return s, right(true)
}

// Times of sessions.
const (
	SessionIdle = 2 * time.Hour  // a session that is not used ends
	SessionLife = 12 * time.Hour // any session ends
)

// Session is what the console keeps of an operator who is in.
type Session struct {
	Name  string
	Epoch uint64 // of the operator's sessions: those of another one have been ended
	Began time.Time
	ID    string // of the login; "" in one from before they were noted
}

// ErrLoggedOut is the error of a session that has ended: by time, by an admin, by a
// new password, or because the operator was disabled or removed.
var ErrLoggedOut = mpblock.NewError(mpblock.Unauthenticated, "session.over", "the session has ended: log in again")
