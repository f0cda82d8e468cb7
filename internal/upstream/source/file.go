package source

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"mpblock"
)

var errFile = mpblock.NewError(mpblock.Unavailable, "source.file", "the file with the token cannot be read: %s")

// file is a file that somebody else writes, with a token in any of the shapes. It is read
// again when it is another, or was written since.
func (s Spec) file() place {
	var seen fs.FileInfo
	return place{
		changed: func() bool {
			info, err := os.Stat(s.File)
			return err == nil && (seen == nil || !os.SameFile(info, seen) || info.Size() != seen.Size() || !info.ModTime().Equal(seen.ModTime()))
		},
		ask: func(_ context.Context, _ string, now time.Time) (found, error) {
			text, info, err := readFile(s.File)
			if err != nil {
				seen = nil
				var path *fs.PathError
				if errors.As(err, &path) {
					err = path.Err
				}
				return found{}, errFile.With(err.Error())
			}
			seen = info
			return read(text, now)
		},
	}
}

var errNoFile = errors.New("it is no regular file")

func readFile(name string) ([]byte, fs.FileInfo, error) {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil, nil, errors.Join(err, errNoFile) // a pipe would be waited for
	}
	f, err := os.Open(name) //nolint:gosec // whoever adds the account names it
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() //nolint:errcheck // it was read
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxText))
	return text, info, err
}
