package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
)

type note struct {
	Text string `json:"text"`
	N    int    `json:"n,omitempty"`
}

const (
	notes = Kind[note]("note")
	blobs = Kind[[]byte]("blob")
)

// meanwhile is a store on which something happens just before the next write.
type meanwhile struct {
	mpblock.Records
	do func()
}

func (m *meanwhile) Put(ctx context.Context, r mpblock.Record) (mpblock.Record, error) {
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return m.Records.Put(ctx, r)
}

func set(t *testing.T, store mpblock.Records, key, text string) Entry[note] {
	t.Helper()
	e, err := notes.Edit(t.Context(), store, key, func(e *Entry[note]) error { e.Value.Text = text; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestGetAndPut(t *testing.T) {
	store := memstore.New()
	if _, err := notes.Get(t.Context(), store, "a"); !errors.Is(err, mpblock.ErrNotFound) {
		t.Errorf("of none: %v", err)
	}
	end := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	put, err := notes.Put(t.Context(), store, Entry[note]{Key: "a", Value: note{Text: "x", N: 1}, Expires: end})
	if err != nil {
		t.Fatal(err)
	}
	got, err := notes.Get(t.Context(), store, "a")
	if err != nil || got.Value != (note{"x", 1}) || got.Version == 0 || got.Version != put.Version || !got.Expires.Equal(end) || got.Key != "a" {
		t.Errorf("got %+v, %v, put %+v", got, err, put)
	}
	if _, err := notes.Put(t.Context(), store, Entry[note]{Key: "a"}); !errors.Is(err, mpblock.ErrConflict) {
		t.Errorf("one more of the key: %v", err)
	}
	r, err := store.Get(t.Context(), "note", "a")
	if err != nil || string(r.Value) != `{"text":"x","n":1}` {
		t.Errorf("kept as %s, %v", r.Value, err)
	}
}

func TestBytesAreKeptAsTheyAre(t *testing.T) {
	store := memstore.New()
	want := []byte("\x00\xff{")
	if _, err := blobs.Put(t.Context(), store, Entry[[]byte]{Key: "a", Value: want}); err != nil {
		t.Fatal(err)
	}
	r, err := store.Get(t.Context(), "blob", "a")
	if err != nil || !bytes.Equal(r.Value, want) {
		t.Errorf("kept as %q, %v", r.Value, err)
	}
	if got, err := blobs.Get(t.Context(), store, "a"); err != nil || !bytes.Equal(got.Value, want) {
		t.Errorf("got %q, %v", got.Value, err)
	}
}

func TestDamagedRecordIsNamed(t *testing.T) {
	store := memstore.New()
	if _, err := blobs.Put(t.Context(), store, Entry[[]byte]{Key: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), mpblock.Record{Kind: "note", Key: "x", Value: []byte("{")}); err != nil {
		t.Fatal(err)
	}
	named := func(err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "the record note x cannot be read") {
			t.Errorf("got %v", err)
		}
	}
	_, err := notes.Get(t.Context(), store, "x")
	named(err)
	_, err = notes.Edit(t.Context(), store, "x", func(*Entry[note]) error { t.Error("it is edited"); return nil })
	named(err)
	for _, err := range notes.Under(t.Context(), store, "", 10) {
		named(err)
	}
}

// An edit is tried again on what another has written meanwhile: made, changed or
// removed.
func TestEditMeetsOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		before, during func(*testing.T, mpblock.Records)
		saw            []string
	}{
		"made": {nil, func(t *testing.T, s mpblock.Records) { t.Helper(); set(t, s, "k", "theirs") }, []string{"", "theirs"}},
		"changed": {
			func(t *testing.T, s mpblock.Records) { t.Helper(); set(t, s, "k", "first") },
			func(t *testing.T, s mpblock.Records) { t.Helper(); set(t, s, "k", "theirs") }, []string{"first", "theirs"},
		},
		"removed": {
			func(t *testing.T, s mpblock.Records) { t.Helper(); set(t, s, "k", "first") },
			func(t *testing.T, s mpblock.Records) {
				t.Helper()
				e, err := notes.Get(t.Context(), s, "k")
				if err := errors.Join(err, notes.Delete(t.Context(), s, "k", e.Version)); err != nil {
					t.Fatal(err)
				}
			}, []string{"first", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inner := memstore.New()
			if tt.before != nil {
				tt.before(t, inner)
			}
			store := &meanwhile{Records: inner, do: func() { tt.during(t, inner) }}
			var saw []string
			e, err := notes.Edit(t.Context(), store, "k", func(e *Entry[note]) error {
				saw = append(saw, e.Value.Text)
				e.Value.Text += "+mine"
				return nil
			})
			last := tt.saw[1] + "+mine"
			if err != nil || e.Value.Text != last || !slices.Equal(saw, tt.saw) {
				t.Errorf("became %+v, %v; saw %q, want %q", e, err, saw, tt.saw)
			}
			if got, err := notes.Get(t.Context(), inner, "k"); err != nil || got.Value.Text != last || got.Version != e.Version {
				t.Errorf("stored %+v, %v", got, err)
			}
		})
	}
}

// However many edit at once, none is lost.
func TestEditsAreAllKept(t *testing.T) {
	store := memstore.New()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				if _, err := notes.Edit(t.Context(), store, "k", func(e *Entry[note]) error { e.Value.N++; return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if e, err := notes.Get(t.Context(), store, "k"); err != nil || e.Value.N != 200 {
		t.Errorf("%d of 200 edits were kept, %v", e.Value.N, err)
	}
}

func TestEditThatKeepsOrFails(t *testing.T) {
	store := memstore.New()
	was := set(t, store, "k", "x")
	e, err := notes.Edit(t.Context(), store, "k", func(e *Entry[note]) error {
		if e.Value.Text == "x" {
			return fmt.Errorf("nothing is new: %w", ErrKeep)
		}
		return nil
	})
	if err != nil || e.Version != was.Version {
		t.Errorf("kept %+v, %v, was %+v", e, err, was)
	}
	failed := errors.New("no")
	if _, err := notes.Edit(t.Context(), store, "k", func(e *Entry[note]) error { e.Value.Text = "y"; return failed }); !errors.Is(err, failed) {
		t.Errorf("refused: %v", err)
	}
	if e, err := notes.Get(t.Context(), store, "k"); err != nil || e.Value.Text != "x" || e.Version != was.Version {
		t.Errorf("an edit that failed wrote %+v, %v", e, err)
	}
}

func TestOverwriteMeetsOthers(t *testing.T) {
	inner := memstore.New()
	store := &meanwhile{Records: inner, do: func() { set(t, inner, "k", "theirs") }}
	if err := notes.Overwrite(t.Context(), store, Entry[note]{Key: "k", Value: note{Text: "mine"}}); err != nil {
		t.Fatal(err)
	}
	if e, err := notes.Get(t.Context(), inner, "k"); err != nil || e.Value.Text != "mine" {
		t.Errorf("stored %+v, %v", e, err)
	}
}

// Who removes what is gone, or what another has changed, has nothing to do.
func TestDelete(t *testing.T) {
	store := memstore.New()
	e := set(t, store, "k", "x")
	changed := set(t, store, "k", "y")
	if err := notes.Delete(t.Context(), store, "k", e.Version); err != nil {
		t.Error(err)
	}
	if _, err := notes.Get(t.Context(), store, "k"); err != nil {
		t.Errorf("what another has changed is gone: %v", err)
	}
	for range 2 {
		if err := notes.Delete(t.Context(), store, "k", changed.Version); err != nil {
			t.Error(err)
		}
	}
	if _, err := notes.Get(t.Context(), store, "k"); !errors.Is(err, mpblock.ErrNotFound) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestUnder(t *testing.T) {
	store := memstore.New()
	for _, key := range []string{"a", "b/1", "b/2", "b/3", "b/4", "b0", "c"} {
		set(t, store, key, key)
	}
	for _, piece := range []int{1, 2, 3, 4, 5, 100} {
		for head, want := range map[string]string{"b/": "b/1 b/2 b/3 b/4", "": "a b/1 b/2 b/3 b/4 b0 c", "d": "", "b/4": ""} {
			var got []string
			for e, err := range notes.Under(t.Context(), store, head, piece) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, e.Value.Text)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("under %q, %d at a time: %q, want %s", head, piece, got, want)
			}
		}
	}
	for range notes.Under(t.Context(), store, "b/", 2) {
		break // it can be left
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	broken := memstore.New()
	_ = broken.Close()
	n := 0
	for _, err := range notes.Under(ctx, broken, "", 2) {
		if n++; err == nil {
			t.Error("no error of a store that is closed")
		}
	}
	if n != 1 {
		t.Errorf("%d errors", n)
	}
}

// Of nodes that make the signing key at once one wins, and all have its key.
func TestSigningKeyIsMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		if _, err := Fingerprint(t.Context(), store); !errors.Is(err, mpblock.ErrNotFound) {
			t.Errorf("of an empty store: %v", err)
		}
		if err := Answers(t.Context(), store); !errors.Is(err, mpblock.ErrNotFound) {
			t.Errorf("an empty store answers %v", err)
		}
		made := make([][]byte, 16)
		var wg sync.WaitGroup
		for i := range made {
			wg.Go(func() {
				var err error
				if made[i], err = SigningKey(t.Context(), store); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, key := range made {
			if len(key) != 32 || !bytes.Equal(key, made[0]) {
				t.Errorf("keys of %d and %d bytes, not the same", len(key), len(made[0]))
			}
		}
		mark, err := Fingerprint(t.Context(), store)
		if err != nil || bytes.Contains(mark, made[0]) || len(mark) != 32 {
			t.Errorf("fingerprint of %d bytes, %v", len(mark), err)
		}
		if err := Answers(t.Context(), store); err != nil {
			t.Error(err)
		}
	})
}
