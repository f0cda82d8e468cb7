package jobs

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/lines"
)

type unreadable struct{}

func (unreadable) Receive() error { return nil }

func (unreadable) Read(func(lines.Line) error) ([]lines.Summary, error) { return nil, errKilled }

func TestDraftsAreChecked(t *testing.T) {
	c := newJobCase(t)
	for text, list := range map[string][]string{
		"the list is empty": {"", " "},
		`has no OpenID of this account; line 2 is "OPENID1"`:                             {"", "OPENID1"},
		"more than 100000 lines are no OpenID of this account, the first of them line 1": slices.Repeat([]string{mpblock.Mint(mpblock.Prefix{}, mpblock.Key{}, "x").String()}, MaxJobBad+1),
	} {
		_, err := c.svc.Draft(t.Context(), c.a, "anna", mpblock.Block, listOf(list...))
		wantRefusal(t, err, text)
	}
	_, err := c.svc.Draft(t.Context(), c.a, "anna", mpblock.Block, unreadable{})
	if !errors.Is(err, errKilled) {
		t.Errorf("the error of a list: %v", err)
	}
	j := c.draft(mpblock.Block)
	if err := c.svc.Drop(t.Context(), c.app, j.ID); err != nil {
		t.Error(err)
	}
	_, err = c.svc.Job(t.Context(), c.app, j.ID)
	wantRefusal(t, err, "there is no job")
	for _, kind := range []string{string(kindJob), string(kindJobList), string(kindJobBad)} {
		if left, err := c.svc.store.List(t.Context(), kind, "", 9); len(left) != 0 || err != nil {
			t.Errorf("a dropped draft leaves %d of %s, %v", len(left), kind, err)
		}
	}
}

// A list that comes in slowly holds up no other.
func TestSlowLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newJobCase(t)
		end, ended := make(chan struct{}), make(chan error)
		const many = 10
		for range many {
			go func() {
				_, err := c.svc.Draft(t.Context(), c.a, "anna", mpblock.Block, trickling{listOf(c.ids...), end})
				ended <- err
			}()
		}
		synctest.Wait()
		c.draft(mpblock.Block)
		close(end)
		for range many {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
}

type trickling struct {
	Source
	end chan struct{}
}

func (l trickling) Receive() error {
	<-l.end
	return nil
}

// The drafts of an account hold so many OpenIDs together. One that is dropped or
// started makes room, and those of another account take none.
func TestDraftsAreLimited(t *testing.T) {
	c := newJobCase(t)
	large := c.draft(mpblock.Block)
	_, err := c.svc.editJob(t.Context(), c.app, large.ID, func(j *storedJob) error {
		j.Preview.Total = MaxDrafts
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	one := listOf(c.ids[0])
	_, err = c.svc.Draft(t.Context(), c.a, "ben", mpblock.Block, one)
	wantRefusal(t, err, "this list has 1 OpenIDs, and lists of this account that nobody has started have 4000000 already")
	other := *c.a
	other.AppID = "wxfedcba9876543210"
	if _, err := c.svc.Draft(t.Context(), &other, "ben", mpblock.Block, one); err != nil {
		t.Errorf("of another account: %v", err)
	}
	if _, err := c.svc.Start(t.Context(), c.app, large.ID, "", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.svc.Draft(t.Context(), c.a, "ben", mpblock.Block, one); err != nil {
		t.Errorf("once the large one has been started: %v", err)
	}
}

func TestDraftsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLogged(t, 0)
		c.a.AnyFollower = true
		id := mpblock.Mint(c.a.Prefix, c.a.Key, "stranger").String()
		j, err := c.svc.Draft(t.Context(), c.a, "anna", mpblock.Block, listOf(id))
		if err != nil || j.Preview != (JobPreview{Total: 1, New: 1}) {
			t.Errorf("draft of an account that takes any follower: %+v, %v", j, err)
		}
		time.Sleep(DraftLife)
		_, err = c.svc.Start(t.Context(), c.app, j.ID, "", time.Time{})
		wantRefusal(t, err, "a list that was not started is kept for 24 hours")
	})
}
