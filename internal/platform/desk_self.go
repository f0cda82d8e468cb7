package platform

import "context"

// ChangePassword replaces the operator's own password and ends its other sessions:
// the Session returned takes the place of the present one. A wrong old password is
// a Refusal, and counts as an attempt to log in.
func (d *Desk) ChangePassword(ctx context.Context, old, password string) (Session, error) {
	return Session{}, errSoon
}

// SetLanguage sets the operator's own language: "zh", "en" or "".
func (d *Desk) SetLanguage(ctx context.Context, language string) error { return errSoon }

// SecondFactor is a TOTP key that has not been confirmed.
type SecondFactor struct {
	Secret string // base32, to type in
	URL    string // otpauth://…, for a QR code
}

// NewSecondFactor makes a key for the operator; it counts once a code of it has been
// confirmed. It takes the place of an earlier one that was not confirmed.
func (d *Desk) NewSecondFactor(ctx context.Context) (SecondFactor, error) {
	return SecondFactor{}, errSoon
}

// ConfirmSecondFactor puts the new key into force if the code is one of its. A wrong
// code is a Refusal.
func (d *Desk) ConfirmSecondFactor(ctx context.Context, code string) error { return errSoon }

// RemoveSecondFactor removes the operator's own second factor. A wrong password is a
// Refusal, and so is removing it where it is required.
func (d *Desk) RemoveSecondFactor(ctx context.Context, password string) error { return errSoon }

// Link links the operator to an identity, which the caller has verified. One that is
// linked to another operator is a Refusal.
func (d *Desk) Link(ctx context.Context, id Identity) error { return errSoon }

// Unlink removes a link. The only way to log in cannot be removed: a Refusal.
func (d *Desk) Unlink(ctx context.Context, id Identity) error { return errSoon }
