package codec

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"mpblock"
)

// What is on disks is read by every later program: these are its bytes.
func TestChange(t *testing.T) {
	const like, line = "o23456789012345678901234567A", "o234567890123456789012345\n7A"
	for _, c := range []struct {
		name, first, want string
		undoes            uint64
	}{
		{"packed", like, "020180c0a8ca9a3a03617069047370616d000214d0310518720928108310518720928108310518720b3f00ab02", 0},
		{"undoes", like, "020180c0a8ca9a3a03617069047370616d040102c8010214d0310518720928108310518720928108310518720b3f00ab02", 200},
		{"not to be packed", line, "020180c0a8ca9a3a03617069047370616d040102c80102ff" + hex.EncodeToString([]byte(line+"o23456789012345678901234567z")) + "00ab02", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			ids := []mpblock.OpenID{mpblock.OpenID([]byte(c.first)), mpblock.OpenID([]byte("o23456789012345678901234567z"))}
			change := mpblock.Change{
				Seq: 300, Time: time.UnixMilli(1e12).UTC(), Actor: "api", Action: mpblock.Block, Reason: "spam", Undoes: c.undoes, OpenIDs: ids,
			}
			v := EncodeChange(change, []Effect{{ID: ids[0]}, {ID: ids[1], Previous: 299}})
			if got := hex.EncodeToString(v); got != c.want {
				t.Errorf("written:\n%s, want\n%s", got, c.want)
			}
			if got, err := DecodeChange(300, v); err != nil || !reflect.DeepEqual(got, change) {
				t.Errorf("read: %+v, %v", got, err)
			}
			if at, err := PreviousOf(300, v, ids[1]); err != nil || at != 299 {
				t.Errorf("previous: %d, %v", at, err)
			}
			for n := range v {
				if _, err := DecodeChange(300, v[:n]); err == nil {
					t.Errorf("%d of %d bytes were read as a change", n, len(v))
				}
			}
		})
	}
}

// An amend says too what the entries belonged to before, where it is not the change before.
func TestAmend(t *testing.T) {
	ids := []mpblock.OpenID{{1}, {2}, {3}}
	c := mpblock.Change{Seq: 9, Time: time.UnixMilli(1e12).UTC(), Actor: "api", Action: mpblock.Amend, Until: time.UnixMilli(2e12).UTC(), OpenIDs: ids}
	effects := []Effect{{ID: ids[0], Previous: 7, Before: 7}, {ID: ids[1], Previous: 8, Before: 3}, {ID: ids[2], Previous: 8, Before: 8}}
	v := EncodeChange(c, effects)
	if got, want := hex.EncodeToString(v[:len(v)-3*mpblock.OpenIDLen-6]), "020380c0a8ca9a3a0361706900080206"+"80c0a8ca9a3a"+"03ff"; got != want {
		t.Errorf("written: %s, want %s", got, want)
	}
	if got := hex.EncodeToString(v[len(v)-6:]); got != "070808"+"000300" {
		t.Errorf("written: %s", got)
	}
	if got, err := DecodeChange(9, v); err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("read: %+v, %v", got, err)
	}
	action, since, err := BelongedTo(9, v, effects[1:])
	if err != nil || action != mpblock.Amend || !slices.Equal(since, []uint64{3, 8}) {
		t.Errorf("belonged to: %v, %v, %v", action, since, err)
	}
	if _, _, err := BelongedTo(9, v, []Effect{{ID: mpblock.OpenID{4}}}); err == nil {
		t.Error("of one that it does not name")
	}
	for n := range v {
		if _, err := DecodeChange(9, v[:n]); err == nil {
			t.Errorf("%d of %d bytes were read as a change", n, len(v))
		}
	}
}

// A change of layout 2 has no fields and its OpenIDs as they are.
func TestPackChange(t *testing.T) {
	id := "o23456789012345678901234567A"
	old := slices.Concat([]byte("\x01\x01\x80\xc0\xa8\xca\x9a\x3a\x03api\x04spam\x01"), []byte(id), []byte{7})
	const want = "020180c0a8ca9a3a03617069047370616d000115d0310518720928108310518720928108310518720b07"
	if got := hex.EncodeToString(PackChange(300, old)); got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
	for _, v := range [][]byte{nil, old[:len(old)-1], append(old, 0), PackChange(300, old)} {
		if got := PackChange(300, v); got != nil {
			t.Errorf("%x became %x", v, got)
		}
	}
}

func BenchmarkChange(b *testing.B) {
	c := mpblock.Change{Seq: 1, Action: mpblock.Block, Actor: "api", Time: time.Unix(1e9, 0)}
	var effects []Effect
	for i := range 20 {
		effects = append(effects, Effect{ID: mpblock.Mint(mpblock.Prefix{1}, mpblock.Key{2}, fmt.Sprint(i))})
	}
	slices.SortFunc(effects, func(a, b Effect) int { return a.ID.Compare(b.ID) })
	v := EncodeChange(c, effects)
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			v = EncodeChange(c, effects)
		}
		b.ReportMetric(float64(len(v)), "bytes")
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := DecodeChange(1, v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("previous", func(b *testing.B) {
		for b.Loop() {
			if _, err := PreviousOf(1, v, effects[15].ID); err != nil {
				b.Fatal(err)
			}
		}
	})
}
