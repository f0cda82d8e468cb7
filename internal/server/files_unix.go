//go:build unix

package server

import "syscall"

// openFiles returns how many files the process may have open. Go has raised the limit
// to what the system allows it.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return anyFiles
	}
	return int(min(uint64(limit.Cur), anyFiles)) //nolint:unconvert // small; another type on some systems
}
