package body

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"mpblock"
)

type end struct {
	TTL string `json:"ttl"`
}

type in struct {
	end
	Reason  string   `json:"reason"`
	Sure    bool     `json:"sure"`
	OpenIDs []string `json:"openids"`
}

func read(body io.Reader) (in, error) { return readOf(context.Background(), body) }

func readOf(ctx context.Context, body io.Reader) (in, error) {
	var v in
	err := Read(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, "/", body), &v, 1_000_000)
	return v, err
}

func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		``:    "body.empty",
		" \n": "body.empty",
		`{}`:  "",
		`{"reason":"a:{}[]\"\\","openids":["\"}","x:"]}`: "",
		`{"reason":null}`:             "",
		`null`:                        "no object",
		`[]`:                          "an array in the place of an object",
		`"x"`:                         "a string in the place of an object",
		`{} {}`:                       "behind",
		`{}x`:                         "behind",
		`{"reason":"a"`:               "ends before its time",
		`{"reason":1e999}`:            "a number in the place of reason: want a string",
		`{"openids":["a",1]}`:         "a number in the place of openids",
		`{"openids":{"a":1}}`:         "an object in the place of openids: want an array",
		`{"ttl":120}`:                 `a number in the place of ttl: want a string, as "90s"`,
		`{"sure":"yes"}`:              "a string in the place of sure: want true or false",
		`{"other":1}`:                 `unknown field "other"`,
		`{"reason":"a","reason":"b"}`: "the field reason is there twice",
		`{"reason":"a","openids":[],"REASON":"b"}`:       "the field reason is there twice",
		`{"reason":"a","re\u0061son":"b"}`:               "the field reason is there twice",
		"{\"reason\":\"a\xff\"}":                         "no UTF-8",
		"\ufeff{}":                                       "invalid character",
		`{"openids":` + strings.Repeat("[", 100_000):     "exceeded max depth",
		`{"openids":` + strings.Repeat(`{"a":`, 100_000): "exceeded max depth",
		`{"reason":"` + strings.Repeat("x", 1_000_000):   "1000000 bytes",
		strings.Repeat(" ", 1_000_001):                   "1000000 bytes",
	} {
		_, err := read(strings.NewReader(text))
		var own *mpblock.Error
		switch {
		case want == "" && err != nil, want != "" && err == nil:
			t.Errorf("%.60q: %v", text, err)
		case want != "" && (!errors.As(err, &own) || !strings.Contains(own.Key+" "+own.Message(), want)):
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
	if v, err := read(strings.NewReader(`{"openids":["a","b:"],"reason":"\u0061"}`)); err != nil || v.Reason != "a" || len(v.OpenIDs) != 2 {
		t.Errorf("%+v, %v", v, err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestWhatDoesNotCome(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := readOf(gone, failing{os.ErrDeadlineExceeded}); !errors.Is(err, ErrSlow) { // for whom net/http takes the caller
		t.Errorf("a slow body of who seems to be gone: %v", err)
	}
	if _, err := readOf(gone, failing{io.ErrUnexpectedEOF}); !errors.Is(err, ErrJSON) {
		t.Errorf("a body that is cut: %v", err)
	}
	if _, err := readOf(gone, failing{errors.New("reset")}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who is gone: %v", err)
	}
	if _, err := read(failing{os.ErrDeadlineExceeded}); !errors.Is(err, ErrSlow) {
		t.Error(err)
	}
	if _, err := read(failing{io.ErrUnexpectedEOF}); !errors.Is(err, ErrJSON) {
		t.Error(err)
	}
	if _, err := read(failing{os.ErrClosed}); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

// FuzzRead has what is looked for in a body be looked for in any.
func FuzzRead(f *testing.F) {
	f.Add(`{"a":"b:{","c\u0064":[{"e":1}],"f":{"g":"\\"}}`)
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = read(strings.NewReader(text)) // does not panic
	})
}
