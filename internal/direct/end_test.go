package direct_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// answered reads an answer and tells whether the connection ends behind it.
func answered(t *testing.T, c net.Conn) (in *bufio.Reader, ends bool) {
	t.Helper()
	in = bufio.NewReader(c)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return in, res.Close
}

// ended fails unless the connection is closed.
func ended(t *testing.T, in io.Reader) {
	t.Helper()
	if n, err := in.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the connection is still open: %d bytes, %v", n, err)
	}
}

// A caller who goes away while somebody waits is noticed; what another has sent meanwhile
// is its next request.
func TestWatch(t *testing.T) {
	waits, gone, goOn := make(chan struct{}), make(chan error), make(chan struct{})
	d := open(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "wait" {
			waits <- struct{}{}
			select {
			case <-r.Context().Done():
				gone <- r.Context().Err()
			case <-goOn:
			}
		}
		echo(w, r)
	}, 0)
	c := dial(t, d)
	_, _ = io.WriteString(c, post("?wait", "", "{}"))
	<-waits
	_ = c.Close()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	c = dial(t, d)
	for range 3 {
		_, _ = io.WriteString(c, post("?wait", "", "{}"))
		<-waits
		_, _ = io.WriteString(c, post("", "", "next"))
		goOn <- struct{}{}
		in, _ := answered(t, c)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	if d.byHTTP.Load() != 0 {
		t.Error("it was handed on")
	}
}

// An end closes what is idle, answers what is under way, and cuts what takes too long.
func TestShutdown(t *testing.T) {
	waits, goOn, cut := make(chan struct{}), make(chan struct{}), make(chan struct{})
	d := open(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RawQuery {
		case "wait":
			waits <- struct{}{}
			<-goOn
		case "forever":
			waits <- struct{}{}
			<-r.Context().Done()
			close(cut)
		}
		echo(w, r)
	}, 0)
	never, silent, slow, endless := dial(t, d), dial(t, d), dial(t, d), dial(t, d)
	_, _ = io.WriteString(silent, post("", "", "{}"))
	idle, ends := answered(t, silent)
	if ends {
		t.Error("a connection ends behind its first answer")
	}
	_, _ = io.WriteString(slow, post("?wait", "", "{}"))
	<-waits
	_, _ = io.WriteString(endless, post("?forever", "", "{}"))
	<-waits
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error)
	go func() { done <- d.Shutdown(ctx) }()
	ended(t, idle)
	ended(t, never)
	close(goOn)
	in, ends := answered(t, slow)
	if !ends {
		t.Error("the answer does not say that the connection ends")
	}
	ended(t, in)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	<-cut
	ended(t, endless)
	if err := d.Shutdown(t.Context()); err != nil { // until all have ended
		t.Error(err)
	}
	if n := d.ended.Load(); n != 4 {
		t.Errorf("%d connections have ended, want 4", n)
	}
	if c, err := net.DialTimeout("tcp", d.Addr().String(), time.Second); err == nil {
		_ = c.Close()
		t.Error("it still listens")
	}
}

// Where connections do not stay, the idle end, and others behind their answer.
func TestKeepAlive(t *testing.T) {
	d := open(t, echo, 0)
	c := dial(t, d)
	_, _ = io.WriteString(c, post("", "", "{}"))
	in, _ := answered(t, c)
	d.KeepAlive(false)
	ended(t, in)
	c = dial(t, d)
	_, _ = io.WriteString(c, post("", "", "{}"))
	in, ends := answered(t, c)
	if ended(t, in); !ends {
		t.Error("it does not say that it ends")
	}
	d.KeepAlive(true)
	c = dial(t, d)
	for range 2 {
		_, _ = io.WriteString(c, post("", "", "{}"))
		if _, ends := answered(t, c); ends {
			t.Error("it ends again")
		}
	}
}

// A handler that panics costs its own connection, and nobody else's.
func TestPanic(t *testing.T) {
	d := open(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "abort" {
			panic(http.ErrAbortHandler)
		}
		panic("out of cheese")
	}, 0)
	for _, query := range []string{"", "?abort"} {
		c := dial(t, d)
		_, _ = io.WriteString(c, post(query, "", "{}"))
		ended(t, c)
	}
}
