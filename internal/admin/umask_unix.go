//go:build unix

package admin

import "syscall"

// restrictNewFiles makes files that are created until the returned function is
// called accessible to their owner alone.
func restrictNewFiles() (restore func()) {
	old := syscall.Umask(0o177)
	return func() { syscall.Umask(old) }
}
