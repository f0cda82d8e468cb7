package codec

import (
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"mpblock"
)

func TestLast(t *testing.T) {
	for want, since := range map[string]uint64{"ac02": 0, "ac0201": 1} {
		v := EncodeLast(300, since, 0)
		if got := hex.EncodeToString(v); got != want {
			t.Errorf("written: %s, want %s", got, want)
		}
		if seq, got, err := DecodeLast(v); err != nil || seq != 300 || got != since {
			t.Errorf("read: %d, %d, %v", seq, got, err)
		}
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
