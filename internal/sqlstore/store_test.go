//go:build mariadb

package sqlstore

import (
	"testing"

	"mpblock"
	"mpblock/internal/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) mpblock.Store { return openEmpty(t) })
}

func TestModel(t *testing.T) {
	var last *Store
	storetest.Model(t, func() mpblock.Store { last = openEmpty(t); return last }, func() mpblock.Store { return reopen(t, last) })
}
