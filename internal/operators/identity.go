package operators

import (
	"context"
	"slices"
	"strings"
)

// Verified is what an OpenID Connect provider has said of a person, checked by the
// caller.
type Verified struct {
	Identity
	Email         string
	EmailVerified bool
}

// maxIdentities is how many identities an operator can be linked to.
const maxIdentities = 8

// LoginVerified lets in the operator that is linked to the identity. One that is
// linked to none of that issuer, and has the verified email, is linked to it for
// good. The provider answers for the second factor. Nobody found is a *LoginError
// with NotLinked.
func (svc *Service) LoginVerified(ctx context.Context, v Verified) (Session, error) {
	var s Session
	err := svc.editRoster(ctx, func(t *roster) error {
		name, o := t.identified(v)
		if o == nil || o.Disabled {
			return &LoginError{Reason: NotLinked}
		}
		if !slices.Contains(o.Identities, v.Identity) {
			o.Identities = append(o.Identities, v.Identity)
		}
		s = o.enter(name, svc.clock.Now())
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	return s, nil
}

// identified returns the operator that a person is: one linked to the identity, else
// one with the email.
func (t *roster) identified(v Verified) (string, *operatorRecord) {
	if v.Issuer == "" || v.Subject == "" {
		return "", nil
	}
	for name, o := range t.Operators {
		if slices.Contains(o.Identities, v.Identity) {
			return name, o
		}
	}
	email := emailForm(v.Email)
	if email == "" || !v.EmailVerified {
		return "", nil
	}
	for name, o := range t.Operators {
		if o.Email == email && len(o.Identities) < maxIdentities &&
			!slices.ContainsFunc(o.Identities, func(i Identity) bool { return i.Issuer == v.Issuer }) {
			return name, o
		}
	}
	return "", nil
}

// emailForm returns the form in which emails are compared: without the blanks around,
// ASCII letters lowered. Others stay as they are, since Unicode lowers letters to
// ASCII that are not those: the Kelvin sign to k.
func emailForm(email string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.TrimSpace(email))
}
