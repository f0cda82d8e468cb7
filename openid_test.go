package mpblock_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mpblock"
)

// sample is an OpenID that the platform's own documentation shows.
const sample = "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"

func TestParseOpenID(t *testing.T) {
	id, err := mpblock.ParseOpenID(sample)
	if err != nil {
		t.Fatal(err)
	}
	if id.String() != sample {
		t.Errorf("%s came back as %s", sample, id)
	}
	if got, want := id.Prefix().String(), "ebf6e68e"; got != want {
		t.Errorf("prefix %s, want %s", got, want)
	}
	if (mpblock.OpenID{}).String() != "" {
		t.Error("the zero OpenID is not the empty cursor")
	}
}

func TestParseOpenIDRefuses(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "0 bytes long, an OpenID has 28"},
		{"OPENID1", "7 bytes long, an OpenID has 28"},
		{sample + "A", "29 bytes long"},
		{"O" + sample[1:], "begins with 'O', an OpenID begins with 'o'"},
		{sample[:5] + "+" + sample[6:], "byte 5 is '+', allowed are A-Z a-z 0-9 - _"},
		{sample[:27] + "N", "ends with 'N', the last character is one of AEIMQUYcgkosw048"},
		{sample[:26] + "é", "byte 26 is"},
		{strings.Repeat("\x00", 28), "begins with '\\x00'"},
	}
	for _, tt := range tests {
		id, err := mpblock.ParseOpenID(tt.in)
		if !errors.Is(err, mpblock.ErrOpenIDShape) {
			t.Errorf("%q: %v does not wrap ErrOpenIDShape", tt.in, err)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %q lacks %q", tt.in, err, tt.want)
		}
		if id != (mpblock.OpenID{}) {
			t.Errorf("%q: refused and returned %s", tt.in, id)
		}
	}
}

// What is accepted is exactly "o" and the canonical base64url of 20 bytes.
func TestParseOpenIDIsBase64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`o[A-Za-z0-9_-]{26}[A-Za-z0-9_\-+]`).Draw(t, "openid")
		raw, want := base64.RawURLEncoding.Strict().DecodeString(s[1:])
		id, err := mpblock.ParseOpenID(s)
		if (err == nil) != (want == nil) {
			t.Fatalf("%s: ParseOpenID says %v, base64 says %v", s, err, want)
		}
		if err == nil && id.Prefix() != mpblock.Prefix(raw[:4]) {
			t.Fatalf("%s has the prefix %s, want %x", s, id.Prefix(), raw[:4])
		}
	})
}

func TestMint(t *testing.T) {
	p, k := mpblock.Prefix{0xde, 0xc0, 0xde, 0xd0}, mpblock.Key([]byte("mpblock-demo-key"))
	id := mpblock.Mint(p, k, "demo-00001")
	if again := mpblock.Mint(p, k, "demo-00001"); id != again {
		t.Errorf("the same user became %s and %s", id, again)
	}
	if _, err := mpblock.ParseOpenID(id.String()); err != nil {
		t.Errorf("minted %s: %v", id, err)
	}
	if id.Prefix() != p {
		t.Errorf("%s has the prefix %s, want %s", id, id.Prefix(), p)
	}
	// The demo's OpenIDs stand in documents and scripts: they never change.
	if want := "o3sDe0Pn-ZEMZle54b9ImlPnl7fA"; id.String() != want {
		t.Errorf("the first user of the demo is %s, want %s", id, want)
	}
	others := map[string]mpblock.OpenID{
		"another user": mpblock.Mint(p, k, "demo-00002"),
		"another key":  mpblock.Mint(p, mpblock.Key{1}, "demo-00001"),
	}
	for name, other := range others {
		if other == id {
			t.Errorf("%s has the same OpenID", name)
		}
	}
}

func TestOpenIDsAreCaseSensitiveBytes(t *testing.T) {
	lower, upper := mpblock.OpenID([]byte(sample)), mpblock.OpenID([]byte("o6_BMJRPTLM6_2SGVT7HMZOPFL2M"))
	if lower.Compare(upper) <= 0 || upper.Compare(lower) >= 0 || lower.Compare(mpblock.OpenID([]byte(sample))) != 0 {
		t.Error("OpenIDs are not ordered by their bytes")
	}
}

func TestParsePrefix(t *testing.T) {
	p, err := mpblock.ParsePrefix("DEC0ded0")
	if err != nil || p.String() != "dec0ded0" {
		t.Errorf("got %s, %v", p, err)
	}
	for _, in := range []string{"", "dec0de", "dec0ded0d0", "dec0dedx"} {
		if _, err := mpblock.ParsePrefix(in); err == nil {
			t.Errorf("%q was taken as a prefix", in)
		}
	}
}

func TestDistinct(t *testing.T) {
	a, b, c := mpblock.OpenID{'o', 'a'}, mpblock.OpenID{'o', 'b'}, mpblock.OpenID{'o', 'c'}
	given := []mpblock.OpenID{c, a, c, b}
	if got := mpblock.Distinct(given); !slices.Equal(got, []mpblock.OpenID{a, b, c}) || !slices.Equal(given, []mpblock.OpenID{c, a, c, b}) {
		t.Errorf("%v of %v", got, given)
	}
	given = []mpblock.OpenID{a, b, b}
	if got := mpblock.Distinct(given); len(got) != 2 {
		t.Errorf("%v of %v", got, given)
	}
	if got := mpblock.Distinct(given[:2]); &got[0] != &given[0] {
		t.Error("what is in order was copied")
	}
	if mpblock.Distinct(nil) != nil {
		t.Error("there is something in nothing")
	}
}

func TestWithout(t *testing.T) {
	ids := make([]mpblock.OpenID, 4)
	for i := range ids {
		ids[i] = mpblock.OpenID{byte(i)}
	}
	if got := mpblock.Without(ids, ids[1:3]); !slices.Equal(got, []mpblock.OpenID{ids[0], ids[3]}) {
		t.Errorf("got %v", got)
	}
	if got := mpblock.Without(ids[1:2], ids); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
