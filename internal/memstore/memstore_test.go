package memstore_test

import (
	"testing"

	"mpblock"
	"mpblock/internal/memstore"
	"mpblock/internal/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) mpblock.Store { return memstore.New() })
}
