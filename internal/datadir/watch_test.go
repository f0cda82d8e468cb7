package datadir

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// A directory that is deleted, renamed or replaced is noticed within a second, and one
// that is neither is left alone.
func TestWatchWithinASecond(t *testing.T) {
	lock := func(dir string) error { return os.WriteFile(filepath.Join(dir, LockFile), nil, 0o600) }
	for name, away := range map[string]func(dir string) error{
		"none":    func(string) error { return nil },
		"deleted": os.RemoveAll,
		"renamed": func(dir string) error { return os.Rename(dir, dir+".old") },
		"replaced": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700), lock(dir))
		},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		if err := errors.Join(os.Mkdir(dir, 0o700), lock(dir)); err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			stop := make(chan struct{})
			var lost error
			run, err := Watch(dir, stop, func(err error) { lost = err })
			if err != nil {
				t.Fatal(err)
			}
			go run()
			time.Sleep(time.Hour + time.Second/2)
			synctest.Wait()
			if lost != nil {
				t.Errorf("%s: %v before it happened", name, lost)
			}
			if err := away(dir); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if (lost != nil) != (name != "none") {
				t.Errorf("%s: %v after a second", name, lost)
			}
			close(stop)
		})
	}
}
