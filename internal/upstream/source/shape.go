package source

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mpblock"
)

// maxText is how long an answer with a token may be, in bytes.
const maxText = 64 << 10

var (
	errPHP     = mpblock.NewError(mpblock.Unavailable, "source.php", "what is kept there is serialised by PHP, as easywechat keeps it, and that is not read: have the program that renews tokens write the token as plain text under another key")
	errShape   = mpblock.NewError(mpblock.Unavailable, "source.shape", "%s bytes came that hold no token: want the token as bare text, or JSON with access_token, at the top or in data")
	errCode    = mpblock.NewError(mpblock.Unavailable, "source.code", "there is no token but the code %s")
	errExpired = mpblock.NewError(mpblock.Unavailable, "source.expired", "the token there ended %s ago: whoever renews tokens has stopped")
)

// tokenShape is what a token looks like: the platform documents no form of it, and that it
// has up to 512 letters.
var tokenShape = regexp.MustCompile(`^[A-Za-z0-9_\-.~+/=!]{8,1000}$`)

// phpShape is what serialize() of PHP writes of texts, arrays and objects.
var phpShape = regexp.MustCompile(`^(s:\d+:"|a:\d+:\{|O:\d+:"|C:\d+:")`)

// shape A of token servers, and B in data.
type shape struct {
	Token      string `json:"access_token"`
	ExpiresIn  number `json:"expires_in"`
	ExpireTime number `json:"expire_time"` // absolute
	ExpiresAt  number `json:"expires_at"`  // likewise

	Errcode number          `json:"errcode"`
	Code    number          `json:"code"`
	Data    json.RawMessage `json:"data"`
}

// number is a number that may stand in quotes, or be something else.
type number int64

// UnmarshalJSON reads it; what is no number is none.
func (n *number) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	if err == nil {
		*n = number(v)
	}
	return nil
}

// read finds a token in what a place has: A, JSON with access_token; B, the same in data; C,
// the token as bare text.
func read(text []byte, now time.Time) (found, error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	if phpShape.Match(text) || bytes.HasPrefix(text, []byte("\x00\x00\x00\x02")) { // igbinary
		return found{}, errPHP
	}
	if tokenShape.Match(text) {
		return found{token: string(text)}, nil
	}
	var s shape
	if err := json.Unmarshal(text, &s); err != nil {
		return found{}, errShape.With(strconv.Itoa(len(text)))
	}
	if s.Token == "" && len(s.Data) > 0 {
		var inner shape
		if json.Unmarshal(s.Data, &inner) != nil {
			_ = json.Unmarshal(s.Data, &inner.Token) // the token itself
		}
		s.Token, s.ExpiresIn, s.ExpireTime, s.ExpiresAt = inner.Token, inner.ExpiresIn, inner.ExpireTime, inner.ExpiresAt
	}
	switch {
	case tokenShape.MatchString(s.Token):
		f := found{token: s.Token, end: s.end(now)}
		if !f.end.IsZero() && !f.end.After(now) {
			return found{}, errExpired.With(now.Sub(f.end).Round(time.Second).String())
		}
		return f, nil
	case s.Errcode != 0:
		return found{}, errCode.With(strconv.Itoa(int(s.Errcode)))
	case s.Code != 0:
		return found{}, errCode.With(strconv.Itoa(int(s.Code)))
	}
	return found{}, errShape.With(strconv.Itoa(len(text)))
}

// end returns when a token ends; zero: it does not say.
func (s shape) end(now time.Time) time.Time {
	const millis = 1e12 // as seconds that is 31,000 years on
	switch at := max(s.ExpireTime, s.ExpiresAt); {
	case at >= millis:
		return time.UnixMilli(int64(at))
	case at > 0:
		return time.Unix(int64(at), 0)
	case s.ExpiresIn > 0:
		return now.Add(time.Duration(min(s.ExpiresIn, 1e9)) * time.Second)
	}
	return time.Time{}
}
