package direct_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mpblock/internal/direct"
)

// A request that comes in drops has its time once, not with each drop.
func TestDrops(t *testing.T) {
	begun := make(chan struct{}, 1)
	d := open(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		echo(w, r)
	}, 100*time.Millisecond)
	c := dial(t, d)
	drop := time.NewTicker(time.Millisecond)
	defer drop.Stop()
	whole := post("", "", strings.Repeat("x", 5_000))
	for i := range whole {
		if _, err := io.WriteString(c, whole[i:i+1]); err != nil {
			t.Fatal(err)
		}
		select {
		case <-begun:
			if i+1 == len(whole) || d.byHTTP.Load() != 1 {
				t.Errorf("it was waited for until byte %d", i)
			}
			return
		case <-drop.C:
		}
	}
	t.Error("all of it was waited for")
}

// A connection over which nothing comes ends long before one that was of use.
func TestSilent(t *testing.T) {
	d := openWith(t, echo, direct.Options{First: time.Millisecond, Part: time.Minute})
	ended(t, dial(t, d))
}

// Where connections make room for others, a new one has its first request answered: those
// who come then do not cost each other their calls.
func TestNewAreKept(t *testing.T) {
	d := open(t, echo, 0)
	used, unused := dial(t, d), dial(t, d)
	_, _ = io.WriteString(used, post("", "", "{}"))
	in, _ := answered(t, used) // and so the other was accepted as well, or comes to the same
	d.KeepAlive(false)
	ended(t, in)
	_, _ = io.WriteString(unused, post("", "", "{}"))
	in, ends := answered(t, unused)
	if ended(t, in); !ends {
		t.Error("it does not say that it ends")
	}
}

// Whoever makes room for others meanwhile does not undo an end.
func TestNoWayBack(t *testing.T) {
	waits, goOn := make(chan struct{}), make(chan struct{})
	d := open(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "wait" {
			waits <- struct{}{}
			<-goOn
		}
		echo(w, r)
	}, 0)
	idle, busy := dial(t, d), dial(t, d)
	_, _ = io.WriteString(idle, post("", "", "{}"))
	in, _ := answered(t, idle)
	_, _ = io.WriteString(busy, post("?wait", "", "{}"))
	<-waits
	done := make(chan error)
	go func() { done <- d.Shutdown(context.WithoutCancel(t.Context())) }()
	ended(t, in)
	d.KeepAlive(true)
	close(goOn)
	if _, ends := answered(t, busy); !ends {
		t.Error("a connection stays open at an end")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A call that is made is answered, whenever connections are closed as idle.
func TestNothingIsDoneUnheard(t *testing.T) {
	var made atomic.Int64
	d := open(t, func(w http.ResponseWriter, r *http.Request) {
		made.Add(1)
		echo(w, r)
	}, 0)
	heard := int64(0)
	for range 2_000 {
		c := dial(t, d)
		_, _ = io.WriteString(c, post("", "", "{}"))
		in := bufio.NewReader(c)
		one := func() bool {
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				return false
			}
			_, err = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			return err == nil
		}
		if !one() {
			t.Fatal("a first call is not answered")
		}
		heard++
		var both sync.WaitGroup
		both.Go(func() { d.KeepAlive(false) })
		_, _ = io.WriteString(c, post("", "", "{}"))
		if one() {
			heard++
		}
		both.Wait()
		d.KeepAlive(true)
		_ = c.Close()
	}
	if made.Load() != heard {
		t.Errorf("%d calls were made, %d answered", made.Load(), heard)
	}
}

// A handler that answers with no status at all has its connection end.
func TestNoStatus(t *testing.T) {
	d := open(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(99) }, 0)
	c := dial(t, d)
	_, _ = io.WriteString(c, post("", "", "{}"))
	ended(t, c)
	d = open(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
	}, 0)
	if got := said(t, d, post("", "", "{}")); !strings.HasPrefix(got, "HTTP/1.1 418 ") {
		t.Error(got)
	}
}
