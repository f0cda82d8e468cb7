package storetest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"mpblock"
)

// requests are all that the account's store remembers, read two at a time.
func (t *suite) requests(app mpblock.AppID) (all []mpblock.Request) {
	t.Helper()
	for after := [16]byte{}; ; {
		some, err := t.s.Requests(t.Context(), app, after, 2)
		t.must(err)
		if len(some) == 0 {
			return all
		}
		all = append(all, some...)
		after = some[len(some)-1].ID.Key
	}
}

// wantRequests compares what is remembered, in the order of keys, and holds the account to
// its log.
func (t *suite) wantRequests(want ...mpblock.Request) {
	t.Helper()
	slices.SortFunc(want, func(a, b mpblock.Request) int { return slices.Compare(a.ID.Key[:], b.ID.Key[:]) })
	t.equal(t.requests(app), want, "what is remembered")
	t.sound(app)
}

func (t *suite) requestOnce() {
	b := ids(4)
	first := mpblock.Batch{Action: mpblock.Block, OpenIDs: b[:2], Reason: "spam", ID: mpblock.NewRequestID("first", []byte("2"))}
	made := t.do(app, first)                                       // 1
	t.equal(t.do(app, first), made, "the answer when asked again") // though both are blocked
	t.apply(mpblock.Unblock, b[0])                                 // 2
	first.Time = start.Add(mpblock.KeepRequests - time.Second)
	t.equal(t.do(app, first), made, "the answer though one is unblocked since")
	t.equal(len(t.log()), 2, "changes")
	t.equal(t.do(other, first).Seq, uint64(1), "the same key of another account")
	second := mpblock.Batch{Action: mpblock.Block, OpenIDs: b[2:], Until: start.Add(time.Hour), ID: mpblock.NewRequestID("second", nil)}
	again := t.do(app, second) // 3
	t.equal(t.do(app, second), again, "the other one, with an end")
	t.wantRequests(first.Request(made), second.Request(again))

	first.Time = start.Add(mpblock.KeepRequests) // by which time the key is free
	later := t.do(app, first)
	t.equal(later, t.log()[3], "the change of the key when it was free again")
	t.equal(later.OpenIDs, b[:1], "on whom it took effect")
	t.wantRequests(first.Request(later), second.Request(again))
}

func (t *suite) requestWithoutEffect() {
	b := ids(1)
	t.apply(mpblock.Block, b[0])
	nothing := mpblock.Batch{Action: mpblock.Block, OpenIDs: b, Time: start.Add(time.Nanosecond), ID: mpblock.NewRequestID("a", nil)}
	t.equal(t.do(app, nothing), mpblock.Change{}, "a block of who is blocked")
	t.apply(mpblock.Unblock, b[0])
	t.equal(t.do(app, nothing), mpblock.Change{}, "the same when asked again")
	t.equal(t.page(mpblock.OpenID{}, 1), mpblock.Page{Seq: 2}, "nobody is blocked by it")
	t.wantRequests(nothing.Request(mpblock.Change{}))
}

func (t *suite) requestRefused() {
	b := mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(1), Actor: "test", Time: start, Known: true, ID: mpblock.NewRequestID("a", nil)}
	if _, err := t.s.Apply(t.Context(), app, b); !errors.As(err, new(*mpblock.UnknownError)) {
		t.Errorf("a batch with an unknown one: %v", err)
	}
	t.wantRequests()
	t.follow(b.OpenIDs...)
	t.equal(t.do(app, b).Seq, uint64(1), "the change once it is known")
}

func (t *suite) requestReused() {
	b := ids(2)
	first := mpblock.Batch{Action: mpblock.Block, OpenIDs: b[:1], ID: mpblock.NewRequestID("a", []byte("1"))}
	made := t.do(app, first)
	reused := mpblock.Batch{Action: mpblock.Block, OpenIDs: b[1:], Actor: "test", Time: start, ID: mpblock.NewRequestID("a", []byte("2"))}
	if c, err := t.s.Apply(t.Context(), app, reused); !errors.Is(err, mpblock.ErrReused) || c.Seq != 0 {
		t.Errorf("the key with other content: %+v, %v, want ErrReused", c, err)
	}
	t.wantRequests(first.Request(made))
	reused.Time = start.Add(mpblock.KeepRequests)
	t.equal(t.do(app, reused).Seq, uint64(2), "the key when it is free again")
}

// requestsTogether asks for the same many times at once, among others without an ID.
func (t *suite) requestsTogether() {
	b := ids(41)
	id := mpblock.NewRequestID("a", nil)
	changes := make([]mpblock.Change, 40)
	var wg sync.WaitGroup
	for i := range changes {
		wg.Go(func() {
			batch := mpblock.Batch{Action: mpblock.Block, OpenIDs: b[40:], Actor: "test", Time: start}
			if i%2 == 0 {
				batch.ID = id
			} else {
				batch.OpenIDs = b[i : i+1]
			}
			var err error
			if changes[i], err = t.s.Apply(t.Context(), app, batch); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := 0; i < len(changes); i += 2 {
		t.equal(changes[i], changes[0], "the change of the request")
	}
	t.equal(t.page(mpblock.OpenID{}, 0), mpblock.Page{Total: 21, Seq: 21}, "head")
	t.wantRequests(mpblock.Request{ID: id, Time: changes[0].Time, Seq: changes[0].Seq})
}

func (t *suite) requestsErased() {
	batch := mpblock.Batch{Action: mpblock.Block, OpenIDs: ids(1), ID: mpblock.NewRequestID("a", nil)}
	t.do(app, batch)
	t.do(other, batch)
	t.must(t.s.Erase(t.Context(), app))
	t.equal(len(t.requests(app)), 0, "requests of the erased one")
	t.equal(len(t.requests(other)), 1, "requests of the other one")
	t.equal(t.do(app, batch).Seq, uint64(1), "the same once the account is new")
}
