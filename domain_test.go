package mpblock_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"mpblock"
)

func TestParseAppID(t *testing.T) {
	if id, err := mpblock.ParseAppID("wxdec0dedec0dedec0"); err != nil || id != "wxdec0dedec0dedec0" {
		t.Errorf("got %q, %v", id, err)
	}
	for _, in := range []string{"", "wx", "wxdec0dedec0dedec", "wxdec0dedec0dedec00", "wxDEC0dedec0dedec0", "xxdec0dedec0dedec0", "wxdec0dedec0dedeg0"} {
		if _, err := mpblock.ParseAppID(in); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", in)) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestSecretHash(t *testing.T) {
	h := mpblock.HashSecret("5eedda7a5eedda7a5eedda7a5eedda7a")
	if !h.Matches("5eedda7a5eedda7a5eedda7a5eedda7a") || h.Matches("5eedda7a5eedda7a5eedda7a5eedda7b") || h.Matches("") {
		t.Error("a hash matches what was not hashed")
	}
	if strings.Contains(h.String(), "5eedda7a") {
		t.Error("a hash shows its secret")
	}
}

func TestParseCall(t *testing.T) {
	for _, c := range mpblock.Calls() {
		if got, err := mpblock.ParseCall(string(c)); err != nil || got != c {
			t.Errorf("%s: %s, %v", c, got, err)
		}
	}
	if _, err := mpblock.ParseCall("GetBlacklist"); err == nil || !strings.Contains(err.Error(), "getblacklist, batchblacklist") {
		t.Errorf("the error names no calls: %v", err)
	}
}

func TestBatchValidate(t *testing.T) {
	good := mpblock.Batch{Action: mpblock.Block, OpenIDs: make([]mpblock.OpenID, 1), Actor: "test", Reason: strings.Repeat("r", mpblock.MaxReason)}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	end := time.UnixMilli(1e12)
	for _, action := range []mpblock.Action{mpblock.Block, mpblock.Amend} {
		ends := good
		if ends.Action, ends.Until = action, end; ends.Validate() != nil {
			t.Errorf("%v with an end: %v", action, ends.Validate())
		}
	}
	tests := map[string]func(*mpblock.Batch){
		"batch with Action(0)": func(b *mpblock.Batch) { b.Action = 0 },
		"batch with Action(4)": func(b *mpblock.Batch) { b.Action = 4 },
		"to unblock that undoes change 0 (0: none) with the end": func(b *mpblock.Batch) { b.Action, b.Until = mpblock.Unblock, end },
		"undoes change 7":               func(b *mpblock.Batch) { b.Undoes, b.Until = 7, end },
		"an end after 1970":             func(b *mpblock.Batch) { b.Until = time.UnixMilli(0) },
		"batch to amend what has ended": func(b *mpblock.Batch) { b.Action, b.Ended = mpblock.Amend, true },
		"batch of 0 OpenIDs":            func(b *mpblock.Batch) { b.OpenIDs = nil },
		"batch of 10001 OpenIDs": func(b *mpblock.Batch) {
			b.OpenIDs = make([]mpblock.OpenID, mpblock.MaxWrite+1)
		},
		"actor of 0 bytes":     func(b *mpblock.Batch) { b.Actor = "" },
		"actor of 65 bytes":    func(b *mpblock.Batch) { b.Actor = strings.Repeat("a", mpblock.MaxActor+1) },
		"reason of 1025 bytes": func(b *mpblock.Batch) { b.Reason += "r" },
	}
	for want, spoil := range tests {
		b := good
		spoil(&b)
		if err := b.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestRecordValidate(t *testing.T) {
	good := mpblock.Record{Kind: strings.Repeat("k", mpblock.MaxKind), Key: strings.Repeat("k", mpblock.MaxKey), Value: make([]byte, mpblock.MaxValue)}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(*mpblock.Record){
		"empty kind":     func(r *mpblock.Record) { r.Kind = "" },
		"long kind":      func(r *mpblock.Record) { r.Kind += "k" },
		"zero in a kind": func(r *mpblock.Record) { r.Kind = "a\x00b" },
		"empty key":      func(r *mpblock.Record) { r.Key = "" },
		"long key":       func(r *mpblock.Record) { r.Key += "k" },
		"zero in a key":  func(r *mpblock.Record) { r.Key = "\x00" },
		"large value":    func(r *mpblock.Record) { r.Value = append(r.Value, 0) },
	}
	for name, spoil := range tests {
		r := good
		spoil(&r)
		if r.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRecordLive(t *testing.T) {
	end := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := mpblock.Record{Expires: end}
	if !r.Live(end.Add(-1)) || r.Live(end) || !(mpblock.Record{}).Live(end) {
		t.Error("a record lives until its Expires, and for ever without one")
	}
}

func TestError(t *testing.T) {
	declared := mpblock.NewError(mpblock.Conflict, "list.full", "the list holds %d OpenIDs")
	e := mpblock.At(fmt.Errorf("on the way: %w", declared.With(20).Because(fs.ErrPermission)), "list[%d]", 3)
	if got, want := e.Error(), "list[3]: the list holds 20 OpenIDs: permission denied"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var parts *mpblock.Error
	if !errors.As(e, &parts) || parts.Message() != "list[3]: the list holds 20 OpenIDs" {
		t.Errorf("the message has the cause, or lacks something: %q", parts.Message())
	}
	if len(declared.Args) != 0 || declared.Err != nil {
		t.Errorf("what was declared has changed: %+v", declared)
	}
	for key, want := range map[string]bool{"list.full": true, "list": true, "list.ful": false, "list.full.of_one": false} {
		if errors.Is(e, mpblock.NewError(mpblock.Conflict, key, "")) != want {
			t.Errorf("list.full is %s: want %v", key, want)
		}
	}
	if !errors.Is(e, fs.ErrPermission) || mpblock.KindOf(e) != mpblock.Conflict || mpblock.KindOf(fs.ErrPermission) != mpblock.Internal {
		t.Error("cause or kind is lost")
	}
	if mpblock.At(fs.ErrPermission, "list[3]") != fs.ErrPermission { //nolint:errorlint // the very same
		t.Error("an internal error has become one of the domain")
	}
}
