//go:build !unix

package bulk

import "os"

// lockFile does nothing where there is no flock.
func lockFile(*os.File) error { return nil }

// syncDir does nothing where a directory cannot be opened.
func syncDir(string) error { return nil }
