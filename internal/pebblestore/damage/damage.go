// Package damage is what the embedded store knows of files that are not what was written.
// Pebble would end the process over one, which serves nobody: the other accounts are sound.
package damage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Error says that a file of the store is not what was written. What lies in its
// damaged part cannot be read; the rest of the store can.
type Error struct {
	Dir, File string
	Err       error // what is wrong with it
}

func (e *Error) Error() string {
	return fmt.Sprintf("pebblestore: the file %s is damaged (%s). What lies there cannot be read, and the rest can: stop the server, run mpblock check %s, and go back to the last backup that it finds sound",
		e.File, FirstLine(e.Err), e.Dir)
}

// Unwrap returns what is wrong with the file.
func (e *Error) Unwrap() error { return e.Err }

// Files are the damaged ones that were met.
type Files struct {
	Dir string
	Log *slog.Logger

	mu    sync.Mutex
	files map[string]struct{}
	first error
}

// Met is told of each block that is not what was written.
func (f *Files) Met(info pebble.DataCorruptionInfo) {
	err := &Error{f.Dir, info.Path, info.Details}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.files[info.Path]; known {
		return
	}
	if f.files == nil {
		f.files, f.first = map[string]struct{}{}, err
	}
	f.files[info.Path] = struct{}{}
	f.Log.Error("a file of the store is damaged", "error", err)
}

// Any returns the first damage that was met, nil if there was none.
func (f *Files) Any() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.first
}

// Explain returns an *Error for an error of Pebble's that is one, others as they are.
func (f *Files) Explain(err error) error {
	if err == nil || !pebble.IsCorruptionError(err) || errors.As(err, new(*Error)) {
		return err
	}
	e := &Error{f.Dir, "of its tables that the log names", err}
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		e.File = info.Path
	}
	return e
}

// FirstLine is what somebody says, or a panic of Pebble's, without the stack trace that
// follows.
func FirstLine(said any) string {
	text, _, _ := strings.Cut(fmt.Sprint(said), "\n")
	return text
}

// Verify reads every block of a table.
func Verify(ctx context.Context, fs vfs.FS, name string) error {
	options := &pebble.Options{}
	options.EnsureDefaults()
	file, err := fs.Open(name)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	r, err := sstable.NewReader(ctx, readable, options.MakeReaderOptions())
	if err != nil {
		return err // which has closed the file
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}
