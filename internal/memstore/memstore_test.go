package memstore_test

import (
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/memstore"
	"mpblock/internal/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) mpblock.Store { return memstore.New() })
}

// The same on a store whose calls take long: so a slow store is one for the layers
// above, too.
func TestSlowStore(t *testing.T) {
	open := func(*testing.T) mpblock.Store { return storetest.NewSlow(memstore.New(), 3*time.Second) }
	storetest.RunSlow(t, open)
}

func TestSlowModel(t *testing.T) {
	storetest.ModelSlow(t, func() mpblock.Store { return storetest.NewSlow(memstore.New(), 6*time.Millisecond) })
}
