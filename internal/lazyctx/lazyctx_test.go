package lazyctx_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"mpblock/internal/lazyctx"
)

// A context ends at its time, with its parent, or when it is ended, whoever asks and
// whether somebody waited or not.
func TestEnds(t *testing.T) {
	for name, want := range map[string]error{"time": context.DeadlineExceeded, "parent": context.Canceled, "end": context.Canceled} {
		for _, waits := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(t.Context())
				defer cancel()
				c := lazyctx.WithDeadline(parent, time.Now().Add(time.Minute))
				defer c.End()
				if at, ok := c.Deadline(); !ok || time.Until(at) != time.Minute || c.Err() != nil {
					t.Errorf("%v, %v, %v", at, ok, c.Err())
				}
				if waits {
					child, stop := context.WithCancel(c)
					defer stop()
					defer func() {
						<-child.Done()
						if !errors.Is(child.Err(), want) {
							t.Errorf("%s: one derived from it: %v", name, child.Err())
						}
					}()
				}
				switch name {
				case "time":
					time.Sleep(time.Minute)
				case "parent":
					cancel()
				default:
					c.End()
				}
				synctest.Wait()
				if err := c.Err(); !errors.Is(err, want) {
					t.Errorf("%s, waited for: %v: %v", name, waits, err)
				}
				<-c.Done()
				if err := c.Err(); !errors.Is(err, want) {
					t.Errorf("%s, waited for: %v: %v afterwards", name, waits, err)
				}
			})
		}
	}
}

// What a context has said of its end stays so.
func TestErrStays(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	c := lazyctx.WithDeadline(parent, time.Now())
	for _, what := range []func(){func() {}, c.End, cancel, func() { <-c.Done() }} {
		if what(); !errors.Is(c.Err(), context.DeadlineExceeded) {
			t.Error(c.Err())
		}
	}
}

// What watches is set up by the first who waits, once, and taken down at the end.
func TestWatched(t *testing.T) {
	begun, stopped := 0, 0
	var gone func()
	c := lazyctx.Watched(t.Context(), func(f func()) func() {
		begun, gone = begun+1, f
		return func() { stopped++ }
	})
	type key struct{}
	if c.Err() != nil || c.Value(key{}) != nil || begun != 0 {
		t.Errorf("%v; watched %d times before somebody waits", c.Err(), begun)
	}
	c.Done()
	c.Done()
	gone()
	<-c.Done()
	if c.End(); begun != 1 || stopped != 1 || !errors.Is(c.Err(), context.Canceled) {
		t.Errorf("watched %d times, stopped %d times, %v", begun, stopped, c.Err())
	}
	c = lazyctx.Watched(t.Context(), func(func()) func() { t.Error("watched after its end"); return nil })
	c.End()
	<-c.Done()
}
