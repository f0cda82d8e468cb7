//go:build mariadb

package main

import (
	"context"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"mpblock/internal/sqlstore/mariadbtest"
)

// TestDatabaseScripts runs the scripts of testdata/mariadb as TestScripts does the
// others. They have a command more:
//
//	mariadb                 starts a MariaDB server; $DB1 and $DB2 are the addresses
//	                        of empty databases, $USER1 is that of the first one for
//	                        a user with the password "sekret"
func TestDatabaseScripts(t *testing.T) {
	params := scripts("testdata/mariadb")
	params.Cmds["mariadb"] = startMariaDB
	testscript.Run(t, params)
}

func startMariaDB(ts *testscript.TestScript, _ bool, _ []string) {
	server, err := mariadbtest.New()
	ts.Check(err)
	ts.Defer(func() { _ = server.Close() })
	for _, name := range []string{"DB1", "DB2"} {
		address, err := server.Database(context.Background())
		ts.Check(err)
		ts.Setenv(name, address)
	}
	ts.Setenv("USER1", strings.Replace(ts.Getenv("DB1"), "root@", "mpblock@", 1))
	for _, statement := range []string{"CREATE USER mpblock IDENTIFIED BY 'sekret'", "GRANT ALL ON d1.* TO mpblock"} {
		ts.Check(server.Exec(context.Background(), statement))
	}
}
