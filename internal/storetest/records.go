package storetest

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"mpblock"
)

func (t *suite) put(r mpblock.Record) mpblock.Record {
	t.Helper()
	r, err := t.s.Put(t.Context(), r)
	t.must(err)
	return r
}

func (t *suite) wantErr(err, want error, what string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func (t *suite) records() {
	ctx := t.Context()
	_, err := t.s.Get(ctx, "kind", "key")
	t.wantErr(err, mpblock.ErrNotFound, "get of none")
	t.wantErr(t.s.Delete(ctx, "kind", "key", 1), mpblock.ErrNotFound, "delete of none")
	_, err = t.s.Put(ctx, mpblock.Record{Kind: "kind", Key: "key", Version: 7})
	t.wantErr(err, mpblock.ErrConflict, "put with a version where there is none")

	first := t.put(mpblock.Record{Kind: "kind", Key: "key", Value: []byte{0, 1, 255}})
	if first.Version == 0 {
		t.Error("a stored record has version 0")
	}
	got, err := t.s.Get(ctx, "kind", "key")
	t.must(err)
	t.equal(got, first, "record")
	_, err = t.s.Put(ctx, mpblock.Record{Kind: "kind", Key: "key"})
	t.wantErr(err, mpblock.ErrConflict, "put of a new one where there is one")

	second := first
	second.Value = []byte("second")
	second = t.put(second)
	if second.Version == first.Version {
		t.Error("two writes have the same version")
	}
	_, err = t.s.Put(ctx, first)
	t.wantErr(err, mpblock.ErrConflict, "put with an old version")
	t.wantErr(t.s.Delete(ctx, "kind", "key", first.Version), mpblock.ErrConflict, "delete with an old version")
	got, err = t.s.Get(ctx, "kind", "key")
	t.must(err)
	t.equal(got, second, "record after refusals")

	t.must(t.s.Delete(ctx, "kind", "key", second.Version))
	_, err = t.s.Get(ctx, "kind", "key")
	t.wantErr(err, mpblock.ErrNotFound, "get of a deleted one")
	_, err = t.s.Put(ctx, second)
	t.wantErr(err, mpblock.ErrConflict, "put with the version of a deleted one")
	third := t.put(mpblock.Record{Kind: "kind", Key: "key"})
	if third.Version == first.Version || third.Version == second.Version {
		t.Error("a version was used again")
	}
	_, err = t.s.Get(ctx, "kin", "dkey")
	t.wantErr(err, mpblock.ErrNotFound, "kind and key run together")
}

func (t *suite) expiry() {
	ctx := t.Context()
	past, future := time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	live := t.put(mpblock.Record{Kind: "kind", Key: "live", Expires: future})
	t.equal(live.Expires, future.Truncate(time.Millisecond), "end of life, to the millisecond")
	dead := t.put(mpblock.Record{Kind: "kind", Key: "dead", Expires: past})
	_, err := t.s.Get(ctx, "kind", "dead")
	t.wantErr(err, mpblock.ErrNotFound, "get")
	_, err = t.s.Put(ctx, dead)
	t.wantErr(err, mpblock.ErrConflict, "put with its version")
	t.wantErr(t.s.Delete(ctx, "kind", "dead", dead.Version), mpblock.ErrNotFound, "delete")
	all, err := t.s.List(ctx, "kind", "", 9)
	t.must(err)
	t.equal(all, []mpblock.Record{live}, "list")
	t.put(mpblock.Record{Kind: "kind", Key: "dead", Value: []byte("alive again")})
	got, err := t.s.Get(ctx, "kind", "live")
	t.must(err)
	t.equal(got, live, "the one that lives")
}

func (t *suite) list() {
	ctx := t.Context()
	var want []mpblock.Record
	for _, key := range []string{"A", "B", "a", "b", "ba", "é", "\xff"} { // in byte order
		want = append(want, t.put(mpblock.Record{Kind: "kind", Key: key, Value: []byte(key)}))
	}
	t.put(mpblock.Record{Kind: "kin", Key: "dA"})
	t.put(mpblock.Record{Kind: "kinds", Key: "A"})
	list := func(after string, limit int, want []mpblock.Record) {
		t.Helper()
		got, err := t.s.List(ctx, "kind", after, limit)
		t.must(err)
		t.equal(got, want, "list after "+strconv.Quote(after))
	}
	kinds, err := t.s.Kinds(ctx)
	t.must(err)
	t.equal(kinds, []string{"kin", "kind", "kinds"}, "kinds")
	list("", 99, want)
	list("", 2, want[:2])
	list("B", 2, want[2:4])
	list("AA", 1, want[1:2])
	list("\xff", 9, nil)
	list("", 0, nil)
}

func (t *suite) recordLimits() {
	r := mpblock.Record{
		Kind: strings.Repeat("k", mpblock.MaxKind), Key: strings.Repeat("k", mpblock.MaxKey), Value: make([]byte, mpblock.MaxValue),
	}
	t.equal(len(t.put(r).Value), mpblock.MaxValue, "the largest record")
	for _, r := range []mpblock.Record{
		{Kind: "", Key: "key"},
		{Kind: "kind", Key: ""},
		{Kind: "ki\x00nd", Key: "key"},
		{Kind: "kind", Key: "ke\x00y"},
		{Kind: "kind", Key: "key", Value: make([]byte, mpblock.MaxValue+1)},
	} {
		if _, err := t.s.Put(t.Context(), r); err == nil {
			t.Errorf("a record of kind %q, key %q and %d bytes was accepted", r.Kind, r.Key, len(r.Value))
		}
	}
}

// concurrentRecords has many writers count in one record: none is lost.
func (t *suite) concurrentRecords() {
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for done := 0; done < each; {
				r, err := t.s.Get(t.Context(), "kind", "count")
				if err != nil && !errors.Is(err, mpblock.ErrNotFound) {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(string(r.Value))
				_, err = t.s.Put(t.Context(), mpblock.Record{Kind: "kind", Key: "count", Version: r.Version, Value: strconv.AppendInt(nil, int64(n)+1, 10)})
				switch {
				case err == nil:
					done++
				case !errors.Is(err, mpblock.ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	r, err := t.s.Get(t.Context(), "kind", "count")
	t.must(err)
	t.equal(string(r.Value), strconv.Itoa(writers*each), "count")
}
