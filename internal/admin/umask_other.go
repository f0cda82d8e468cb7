//go:build !unix

package admin

// restrictNewFiles does nothing where files have no modes; the data directory's
// own protection is what there is.
func restrictNewFiles() (restore func()) { return func() {} }
