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

func TestModel(t *testing.T) {
	var url string
	reopen := func() mpblock.Store { return openOn(t, url) }
	storetest.Model(t, func() mpblock.Store { url = mariadbtest.URL(t); return reopen() }, reopen)
}
