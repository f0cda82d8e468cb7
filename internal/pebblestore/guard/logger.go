package guard

import (
	"context"
	"fmt"
	"log/slog"
)

// Logger hands Pebble's messages on.
type Logger struct{ To *slog.Logger }

func (l Logger) log(level slog.Level, format string, args []any) {
	l.To.Log(context.Background(), level, "pebble: "+fmt.Sprintf(format, args...))
}

// Infof implements pebble.Logger. Pebble tells much that only its own developers
// can use.
func (l Logger) Infof(format string, args ...any) { l.log(slog.LevelDebug, format, args) }

// Errorf implements pebble.Logger.
func (l Logger) Errorf(format string, args ...any) { l.log(slog.LevelError, format, args) }

// Fatalf implements pebble.Logger. Pebble calls it where it cannot go on, and
// must not return from it.
func (l Logger) Fatalf(format string, args ...any) {
	l.log(slog.LevelError, format, args)
	panic("pebble: " + fmt.Sprintf(format, args...))
}
