package credentials

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// TicketLife is how long one may take from the password to the code.
const TicketLife = 5 * time.Minute

// Tickets makes and reads tickets: signed words that an operator has shown the right
// password.
type Tickets struct{ key []byte }

// NewTickets returns the tickets that are signed with a key.
func NewTickets(key []byte) Tickets { return Tickets{key} }

const ticketHead = "ticket:"

// Mark returns eight characters that tell this key from others. They are no secret.
func (t Tickets) Mark() string { return hex.EncodeToString(t.mac([]byte("mark"))[:4]) }

func (t Tickets) mac(b []byte) []byte {
	h := hmac.New(sha256.New, t.key)
	h.Write(b)
	return h.Sum(nil)
}

// Issue makes a ticket for an operator whose sessions are of an epoch.
func (t Tickets) Issue(name string, epoch uint64, now time.Time) string {
	b := binary.BigEndian.AppendUint64([]byte(ticketHead), epoch)
	b = binary.BigEndian.AppendUint64(b, uint64(now.Add(TicketLife).UnixMilli()))
	b = append(b, name...)
	return base64.RawURLEncoding.EncodeToString(append(t.mac(b), b...))
}

// Ticket is what a ticket says.
type Ticket struct {
	Name   string
	Epoch  uint64
	Issued time.Time
}

// Read returns what a ticket says. It is false for one that is not of this key or is
// over.
func (t Tickets) Read(text string, now time.Time) (Ticket, bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < sha256.Size+len(ticketHead)+16 {
		return Ticket{}, false
	}
	mac, b := b[:sha256.Size], b[sha256.Size:]
	if !hmac.Equal(mac, t.mac(b)) || string(b[:len(ticketHead)]) != ticketHead {
		return Ticket{}, false
	}
	b = b[len(ticketHead):]
	ends := time.UnixMilli(int64(binary.BigEndian.Uint64(b[8:]))) //nolint:gosec // as Issue has written it
	return Ticket{string(b[16:]), binary.BigEndian.Uint64(b), ends.Add(-TicketLife)}, now.Before(ends)
}
