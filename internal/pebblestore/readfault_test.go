package pebblestore

import (
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mpblock"
)

// A disk that fails one read, whichever it is, gets an error as the answer or has
// done no harm: what could not be read is not taken for what is not there.
func TestReadsFail(t *testing.T) {
	const n = 600                                     // several blocks of a table
	const before mpblock.AppID = "wx0000000000000000" // in the block that Open reads
	ids := make([]mpblock.OpenID, n)
	for i := range ids {
		ids[i] = mint(i)
	}
	blocked := func(s *Store) bool {
		states, err := s.States(t.Context(), app, ids)
		for _, st := range states {
			if err == nil && (!st.Blocked || !st.Follower) {
				t.Errorf("a lookup: %+v", st)
				break
			}
		}
		return err == nil
	}
	tests := []struct {
		name string
		read func(*Store) bool // tells whether there was no error
	}{
		{"lookup", blocked},
		{"page", func(s *Store) bool {
			p, err := s.Blacklist(t.Context(), app, mpblock.OpenID{}, n)
			if err == nil && (len(p.OpenIDs) != n || p.Total != n || p.Seq != 1) {
				t.Errorf("a page: %d of %d, seq %d", len(p.OpenIDs), p.Total, p.Seq)
			}
			return err == nil
		}},
		{"followers", func(s *Store) bool {
			p, err := s.Followers(t.Context(), app, mpblock.OpenID{}, 0)
			if err == nil && (p.Total != n || p.Seq != 1) {
				t.Errorf("a page of followers: %d, seq %d", p.Total, p.Seq)
			}
			return err == nil
		}},
		{"history", func(s *Store) bool {
			c, err := s.ChangesOf(t.Context(), app, ids[0], 0, 9)
			if err == nil && len(c) != 1 {
				t.Errorf("a history: %+v", c)
			}
			return err == nil
		}},
		{"apply", func(s *Store) bool {
			c, err := s.Apply(t.Context(), app, batchOf(mpblock.Block, ids...))
			if err == nil && c.Seq != 0 {
				t.Errorf("%d were blocked again", len(c.OpenIDs))
			}
			return err == nil
		}},
		{"remove followers", func(s *Store) bool {
			took, err := s.RemoveFollowers(t.Context(), app, ids)
			if err == nil && took != n {
				t.Errorf("%d followers were removed", took)
			}
			return err == nil
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for fails, met := int64(1), true; met; fails++ {
				mem := vfs.NewMem()
				s := openOn(t, mem)
				_, err := s.Apply(t.Context(), before, batchOf(mpblock.Block, ids...))
				if err == nil {
					_, err = s.AddFollowers(t.Context(), app, ids)
				}
				if err == nil {
					_, err = s.Apply(t.Context(), app, batchOf(mpblock.Block, ids...))
				}
				if err := errors.Join(err, s.Close()); err != nil {
					t.Fatal(err)
				}
				var reads, armed atomic.Int64
				cause := errors.New("injected")
				s = openOn(t, errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
					if op.Kind == errorfs.OpFileReadAt && filepath.Ext(op.Path) == ".sst" && armed.Load() > 0 && reads.Add(1) == armed.Load() {
						return cause
					}
					return nil
				})))
				armed.Store(fails)
				ok := tt.read(s)
				met = reads.Load() >= fails
				armed.Store(0)
				if !met && !ok {
					t.Error("an error without a cause")
				}
				if !ok && !tt.read(s) {
					t.Error("the error stays when the disk is well again")
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
