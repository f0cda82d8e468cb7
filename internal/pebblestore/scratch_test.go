package pebblestore

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mpblock"
)

func TestScratchOpenFull(t *testing.T) {
	for _, fresh := range []bool{true, false} {
		for nth := 0; nth < 60; nth++ {
			var count, on atomic.Int64
			syncs := false
			mem := vfs.NewMem()
			efs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
				switch op.Kind {
				case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
					if !syncs { return nil }
				}
				if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && on.Load() == 1 && count.Add(1) > int64(nth) {
					return syscall.ENOSPC
				}
				return nil
			}))
			if !fresh {
				s := openOn(t, mem)
				s.Apply(t.Context(), app, batchOf(mpblock.Block, mint(1)))
				s.Close()
			}
			on.Store(1)
			res := make(chan string, 1)
			go func() {
				defer func() { if r := recover(); r != nil { res <- fmt.Sprint("PANIC ", r) } }()
				s, err := Open("data", Options{FS: efs})
				if err == nil { on.Store(0); soon(t, "x", func() bool { return s.Health() == nil }); err = s.Close(); res <- fmt.Sprint("opened; close ", err); return }
				res <- fmt.Sprint("ERR ", err)
			}()
			select {
			case r := <-res:
				t.Log(fresh, nth, r)
			case <-time.After(3*time.Second):
				t.Log(fresh, nth, "HANG")
			}
		}
	}
}

func TestScratchBackupCtx(t *testing.T) {
	var slow atomic.Bool
	release := make(chan struct{})
	s := openOn(t, errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if slow.Load() && op.Kind == errorfs.OpFileSyncData { <-release }
		return nil
	})))
	slow.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Backup(ctx, "bk") }()
	select {
	case err := <-done: t.Log("backup", err)
	case <-time.After(2*time.Second): t.Log("backup HANGS past its context")
	}
	slow.Store(false); close(release)
}
