//go:build unix

package bulk

import (
	"errors"
	"os"
	"syscall"
)

// errRunning is the error for a journal that another process has.
var errRunning = errors.New("another process runs this job")

// lockFile keeps other processes from running the same job.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errRunning
	}
	return err
}

// syncDir makes the names in a directory durable.
func syncDir(name string) error {
	d, err := os.Open(name) //nolint:gosec // the directory of a file that the user names
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
