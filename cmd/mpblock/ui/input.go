package ui

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"mpblock/internal/lines"
)

// MaxShownBad is how many bad lines are told of on stderr; more are in the plan of
// --json and in the file of what was refused.
const MaxShownBad = 5

// ErrDirectory is of an input that is no file.
var ErrDirectory = errors.New("it is a directory, want a file")

// InputName is what messages call an input.
func InputName(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

// FileSecret returns the secret that a file holds, without what editors put before and
// behind it: a byte order mark and line ends.
func FileSecret(b []byte) string {
	return strings.TrimRight(strings.TrimPrefix(string(b), "\ufeff"), "\r\n")
}

// ExplainRead says of which input an error is, and what to do about it. What is wrong
// with an input is wrong usage.
func ExplainRead(name string, err error) error {
	var e *lines.Error
	var path *fs.PathError
	switch {
	case errors.As(err, &e):
		return Failed(CodeUsage, e.Hint, "%s: %w", InputName(name), err)
	case errors.Is(err, ErrDirectory):
		return Failed(CodeUsage, "", "%s: %w", InputName(name), ErrDirectory)
	case errors.As(err, &path):
		return Failed(CodeUsage, "", "%w", path)
	}
	return fmt.Errorf("read %s: %w", InputName(name), err)
}
