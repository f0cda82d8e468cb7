package tokens

import (
	"encoding/base64"
	"strings"
	"testing"
)

// A token is read as it was signed, whoever got it, and nothing else is read.
func TestSigner(t *testing.T) {
	s := NewSigner([]byte("key"))
	for _, program := range []string{"", "c", strings.Repeat("n", MaxProgram)} {
		c := Claims{App: "wx0123456789abcdef", Program: []byte(program), Kind: Stable, Epoch: 1 << 40, Serial: 7, Expires: 1_800_000_000_000}
		text := s.Sign(c)
		got, ok := s.Read(text)
		if !ok || got.App != c.App || string(got.Program) != program || got.Kind != c.Kind || got.Epoch != c.Epoch || got.Serial != c.Serial || got.Expires != c.Expires {
			t.Errorf("%q: read %+v, %v", program, got, ok)
		}
		if _, ok := NewSigner([]byte("other")).Read(text); ok {
			t.Errorf("%q: signed by another key, and read", program)
		}
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		later := append([]byte{9}, raw[1:len(raw)-32]...) // of a version that is not known
		if _, ok := s.Read(base64.RawURLEncoding.EncodeToString(append(later, s.mac(later)...))); ok {
			t.Errorf("%q: of another version, and read", program)
		}
		for i := range raw {
			raw[i] ^= 1
			if _, ok := s.Read(base64.RawURLEncoding.EncodeToString(raw)); ok {
				t.Errorf("%q: byte %d is another, and it is read", program, i)
			}
			raw[i] ^= 1
		}
		for _, bad := range []string{"", text[:len(text)-1], text + "A", text + "\n", text[:9] + "\n" + text[9:], strings.Repeat("A", 600), text[:20] + "=" + text[21:]} {
			if _, ok := s.Read(bad); ok {
				t.Errorf("%q: %q is read", program, bad)
			}
		}
	}
}
