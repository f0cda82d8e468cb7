package sqlstore

import (
	"os"
	"testing"

	"mpblock"
	"mpblock/internal/sqlstore/mariadbtest"
	"mpblock/internal/storetest"
)

func TestMain(m *testing.M) { os.Exit(mariadbtest.Main(m)) }

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) mpblock.Store { return openOn(t, mariadbtest.URL(t)) })
}
