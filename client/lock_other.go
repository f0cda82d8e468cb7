//go:build !unix

package client

import "context"

// lockTokenFile does nothing where there is no flock: processes that renew at the
// same time get the same stable token.
func lockTokenFile(context.Context, string) (unlock func(), err error) { return func() {}, nil }

// noFollow is nothing where the system has no such flag.
const noFollow = 0
