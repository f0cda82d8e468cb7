package codec

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"slices"
	"testing"
	"time"

	"mpblock"
)

func TestLast(t *testing.T) {
	for want, last := range map[string]Last{
		"ac02":                 {Seq: 300},
		"ac0201":               {Seq: 300, Since: 1},
		"ac020180a094a58d1d":   {Seq: 300, Since: 1, Until: 1e12},
		"ac02ac0280a094a58d1d": {Seq: 300, Since: 300, Until: 1e12},
	} {
		usual := uint64(0)
		if last.Since == last.Seq {
			usual = last.Seq
		}
		v := EncodeLast(last, usual)
		if got := hex.EncodeToString(v); got != want {
			t.Errorf("written: %s, want %s", got, want)
		}
		if got, err := DecodeLast(v); err != nil || got != last {
			t.Errorf("read: %+v, %v", got, err)
		}
	}
}

// Ends are in the order of time, account and OpenID, and pages of them begin behind one.
func TestEndKeys(t *testing.T) {
	var keys [][]byte
	var ends []mpblock.DueEnd
	for _, ms := range []int64{1, 255, 256, 1e12} {
		for _, app := range []mpblock.AppID{"wx0000000000000001", "wx0000000000000002"} {
			for _, id := range []mpblock.OpenID{{1}, {2}} {
				k := EndKey(ms, app, id)
				d, err := DecodeEnd(k)
				if want := (mpblock.DueEnd{Until: time.UnixMilli(ms).UTC(), AppID: app, OpenID: id}); err != nil || d != want {
					t.Errorf("read: %+v, %v", d, err)
				}
				keys, ends = append(keys, k), append(ends, d)
			}
		}
	}
	if !slices.IsSortedFunc(keys, bytes.Compare) || !slices.IsSortedFunc(ends, mpblock.DueEnd.Compare) {
		t.Errorf("%x", keys)
	}
	lower, upper := EndKeysAfter(ends[5], ends[9].Until)
	for i, k := range keys {
		if in := bytes.Compare(k, lower) >= 0 && bytes.Compare(k, upper) < 0; in != (i > 5 && i < 12) {
			t.Errorf("end %d is in the page: %v", i, in)
		}
	}
	if _, err := DecodeEnd(keys[0][1:]); err == nil {
		t.Error("too short")
	}
}

func TestRecord(t *testing.T) {
	r := mpblock.Record{Kind: "kind", Key: "key", Version: 3, Expires: time.UnixMilli(1e12).UTC(), Value: []byte("v")}
	v := EncodeRecord(r)
	if got := hex.EncodeToString(v); got != "0380a094a58d1d76" {
		t.Errorf("written: %s", got)
	}
	if got, err := DecodeRecord("kind", "key", v); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("read: %+v, %v", got, err)
	}
}
