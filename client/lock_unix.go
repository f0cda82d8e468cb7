//go:build unix

package client

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// noFollow has an open fail where the name is a symbolic link: in a directory that
// others may write to, it can be one of theirs.
const noFollow = syscall.O_NOFOLLOW

// lockTokenFile waits until this process alone has the lock.
func lockTokenFile(ctx context.Context, name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|noFollow, 0o600) //nolint:gosec // the caller names it
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = pause(ctx, 20*time.Millisecond)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
}
