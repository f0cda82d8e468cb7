package query

import (
	"errors"
	"slices"

	"github.com/go-sql-driver/mysql"
)

// Numbers of errors after which a transaction may go through if it is tried again:
// it was the victim of another, or the server is about to go, is not up, or is not
// the one that takes writes. Texts are never looked at.
var transient = []uint16{
	1040, 1203, // too many connections
	1047,             // Galera: not part of the cluster
	1053, 1927, 3168, // shutting down, connection killed
	1105,       // Vitess: whatever it has no number for, a shard without a primary among it
	1180, 1317, // the commit failed, the statement was interrupted
	1205, 1213, // waited too long for a lock, deadlock or refused by certification
	1290, 1792, 1836, // read-only, as a server is that became a replica
	8002, 8005, 8022, 8028, 9001, 9002, 9003, 9004, 9005, 9006, 9007, 9010, // TiDB: conflicts and parts that are away
}

// Numbers of errors of a COMMIT which tell that nothing was committed.
var notCommitted = []uint16{1205, 1213}

// Number returns the number of a server's error; 0: it is none.
func Number(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

// Transient tells whether what failed with a number may go through if it is tried again.
func Transient(number uint16) bool { return slices.Contains(transient, number) }

// NotCommitted tells whether a COMMIT that failed has committed nothing.
func NotCommitted(err error) bool { return slices.Contains(notCommitted, Number(err)) }
