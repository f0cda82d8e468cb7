// Package passage says which calls of programs are passed on to the real platform, and
// passes them on: with the platform's token in the place of the caller's, as they come, and
// within limits. Neither a body nor a query nor a token reaches a log or an error.
package passage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"mpblock"
	"mpblock/client"
)

// Front says which calls of an account are answered from what is here.
type Front struct {
	Fresh     bool      // lists are read on the platform for each call
	Paths     []string  // of calls that are passed on, beside those of lists
	Synced    time.Time // when the blacklist here was what the platform showed; zero: never
	Followers time.Time // likewise; zero: they are not mirrored
}

// Passes tells whether a call is passed on.
func (f Front) Passes(path string) bool { return slices.Contains(f.Paths, path) }

// ErrUnread is the error of a call that asks for a list which was never read.
var ErrUnread = mpblock.NewError(mpblock.Unavailable, "passage.unread", "the list of account %s has not been read from the platform yet: who is blocked is not known here")

var (
	errPath  = mpblock.NewError(mpblock.Invalid, "passage.path", "%q cannot be passed on: want a path like /cgi-bin/user/info, without a query")
	errOurs  = mpblock.NewError(mpblock.Invalid, "passage.ours", "%s is answered here and not passed on: it has its own way to the platform")
	errToken = mpblock.NewError(mpblock.Forbidden, "passage.token", "%s is never passed on: it gives access to the account itself")
	errLost  = mpblock.NewError(mpblock.Unavailable, "passage.lost", "the call was passed on, and no answer came: what it asked for may have happened or not")
	errLong  = mpblock.NewError(mpblock.Limited, "passage.long", "the body has more than %d bytes, the most that is passed on")
)

const (
	head = "/cgi-bin/"

	maxBody   = 32 << 20 // of a call
	maxAnswer = 64 << 20
	replayed  = 1 << 20  // a body up to this length is sent again if the token turns out dead
	looked    = 64 << 10 // how much of an answer is looked at for its code
)

// Check tells what is wrong with a path that is to be passed on.
func Check(p string) error {
	name, ok := strings.CutPrefix(p, head)
	if !ok || name == "" || path.Clean(p) != p || strings.ContainsAny(p, "?#%* \\") {
		return errPath.With(p)
	}
	if strings.Contains(strings.ToLower(name), "token") || strings.HasPrefix(name, "component/") {
		return errToken.With(p)
	}
	if strings.HasPrefix(name, "tags/members/") && strings.Contains(name, "blacklist") || name == "user/get" {
		return errOurs.With(p)
	}
	return nil
}

// Answer is what the platform answers.
type Answer struct {
	*http.Response

	Code int // errcode, as far as it is JSON; 0: none
}

// body is an answer's body whose beginning has been read.
type body struct {
	io.Reader
	io.Closer
}

// Send passes a call on. A token that turns out dead is asked for anew once, and the call
// sent again if its body is short enough. Where that does not help, or the address of this
// server is refused, it is an error, with the platform's code in a *client.Error: neither is
// the caller's.
func Send(ctx context.Context, c *client.Client, r *http.Request) (*Answer, error) {
	if r.ContentLength > maxBody {
		return nil, errLong.With(maxBody)
	}
	begin, err := io.ReadAll(io.LimitReader(r.Body, replayed+1))
	if err != nil {
		return nil, errors.Join(context.Canceled, errors.New("the body was not read to its end"))
	}
	whole := len(begin) <= replayed
	out := *r
	token, err := c.Token(ctx)
	for again := false; err == nil; again = true {
		out.Body = io.NopCloser(bytes.NewReader(begin))
		if out.ContentLength = int64(len(begin)); !whole {
			out.Body = io.NopCloser(io.MultiReader(bytes.NewReader(begin), http.MaxBytesReader(nil, r.Body, maxBody-int64(len(begin)))))
			out.ContentLength = r.ContentLength
		} else if len(begin) == 0 {
			out.Body = http.NoBody
		}
		res, err := c.Forward(ctx, token, &out)
		if err != nil {
			return nil, lost(ctx, err)
		}
		a, err := look(res)
		if err != nil {
			_ = res.Body.Close()
			return nil, lost(ctx, err)
		}
		refused := &client.Error{Call: r.URL.Path, Code: a.Code, Message: "the platform refuses this server"}
		if !Ours(refused) {
			return a, nil
		}
		_ = a.Body.Close()
		if again || !refused.DeadToken() { // the next call asks for another
			return nil, refused
		}
		next, err := c.RenewToken(ctx, token)
		if err != nil || next == token || !whole {
			return nil, errors.Join(refused, err)
		}
		token = next
	}
	return nil, err
}

// ourCodes are those with which the platform refuses the address of this server, or finds no
// token where this server has put it. They name the address, too.
var ourCodes = []int{40164, 41001, 61004, 89501, 89503, 89506, 89507}

// Ours tells whether the platform has refused not the call but who makes it: this server. A
// program that heard such a code would look for the fault in its own token or address.
func Ours(e *client.Error) bool { return e.DeadToken() || slices.Contains(ourCodes, e.Code) }

func lost(ctx context.Context, err error) error {
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return errLong.With(maxBody)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return errLost.Because(err)
}

// look reads the code of an answer that is JSON.
func look(res *http.Response) (*Answer, error) {
	begin, err := io.ReadAll(io.LimitReader(res.Body, looked))
	if err != nil {
		return nil, err
	}
	a := &Answer{Response: res}
	var said struct {
		Code int `json:"errcode"`
	}
	if json.Unmarshal(begin, &said) == nil {
		a.Code = said.Code
	}
	res.Body = body{io.MultiReader(bytes.NewReader(begin), http.MaxBytesReader(nil, res.Body, maxAnswer)), res.Body}
	return a, nil
}
