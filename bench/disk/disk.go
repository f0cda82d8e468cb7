// Package disk measures how often the machine itself can write and sync.
package disk

import (
	"errors"
	"os"

	"mpblock/bench/load"
	"mpblock/bench/process"
)

// Disk writes records to a file, which it makes anew and removes for each round.
type Disk struct {
	File   string
	Record []byte // written over and over, with other bytes
}

// Names of the ways to write.
const (
	Append    = "machine: append, fdatasync"
	Overwrite = "machine: overwrite, fdatasync"
)

// Subjects are both ways to write.
func (d *Disk) Subjects() []load.Subject {
	return []load.Subject{
		{Name: Append, Round: func(until load.Limit) (load.Sample, error) { return d.round(until, 0) }},
		{Name: Overwrite, Round: func(until load.Limit) (load.Sample, error) { return d.round(until, 64<<20) }},
	}
}

// round writes records behind one another to a new file, or over one that was
// written before, as a log that is used again is, and syncs each.
func (d *Disk) round(until load.Limit, written int64) (s load.Sample, err error) {
	f, err := os.Create(d.File)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(d.File)) }()
	if _, err := f.Write(make([]byte, written)); err != nil {
		return s, err
	}
	if err := f.Sync(); err != nil {
		return s, err
	}
	var at int64
	return load.Measure(1, until, func(_ int, n uint64) error {
		for i := range d.Record {
			d.Record[i] = byte(n) //nolint:gosec // any byte
		}
		if _, err := f.WriteAt(d.Record, at); err != nil {
			return err
		}
		if at += int64(len(d.Record)); written > 0 && at+int64(len(d.Record)) > written {
			at = 0
		}
		return process.Fdatasync(f)
	})
}
