package platform

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Attempt is what somebody shows to log in.
type Attempt struct {
	Name     string
	Password string
	Ticket   string     // of a LoginError with NeedCode, in place of name and password
	Code     string     // of the second factor
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
	NotLinked      LoginReason = "no operator is linked to this identity"
)

// LoginError is why somebody was not let in.
type LoginError struct {
	Reason LoginReason
	Wait   time.Duration // with TooMany: when to try again, whole seconds
	Ticket string        // with NeedCode and BadCode; good for 5 minutes
}

// Error returns the reason in English.
func (e *LoginError) Error() string {
	if e.Reason == TooMany {
		return fmt.Sprintf("too many attempts: try again in %d s", secondsUp(e.Wait))
	}
	return string(e.Reason)
}

// Login lets an operator in who shows the right password and, if it has one set up,
// the code of the second factor. Attempts are slowed down per operator and per
// address. What is wrong is a *LoginError.
func (p *Platform) Login(ctx context.Context, a Attempt) (Session, error) {
	return Session{}, errSoon
}

// Verified is what an OpenID Connect provider has said of a person, checked by the
// caller.
type Verified struct {
	Identity
	Email         string
	EmailVerified bool
}

// LoginVerified lets in the operator that is linked to the identity. One that is
// linked to none of that issuer, and alone has the verified email, is linked to it
// for good. The provider answers for the second factor. Nobody found is a
// *LoginError with NotLinked.
func (p *Platform) LoginVerified(ctx context.Context, v Verified) (Session, error) {
	return Session{}, errSoon
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
}

// ErrLoggedOut is the error of a session that has ended: by time, by an admin, by a
// new password, or because the operator was disabled or removed.
var ErrLoggedOut = errors.New("platform: the session has ended")
