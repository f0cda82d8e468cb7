package main

import (
	"io"
	"log/slog"
	"sync"
	"time"
)

// logDelay is how long a line about a call may wait for others, so that a server
// of many thousand calls a second does not make as many system calls to tell of
// them.
const logDelay = 100 * time.Millisecond

// logHeld is how many bytes of lines may wait.
const logHeld = 32 << 10

// lineBuffer collects lines and writes them together.
type lineBuffer struct {
	to    io.Writer
	mu    sync.Mutex
	lines []byte
}

// Write implements io.Writer. The first line that waits sets the time for all.
func (b *lineBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) == 0 {
		time.AfterFunc(logDelay, b.flush)
	}
	b.lines = append(b.lines, line...)
	if len(b.lines) >= logHeld {
		b.writeOut()
	}
	return len(line), nil
}

func (b *lineBuffer) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writeOut()
}

func (b *lineBuffer) writeOut() {
	if len(b.lines) == 0 {
		return
	}
	_, _ = b.to.Write(b.lines) // there is nobody to tell
	b.lines = b.lines[:0]
}

// newLogger returns a logger in one of the formats of --log-format.
func newLogger(format string, to io.Writer) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(to, nil))
	}
	return slog.New(slog.NewTextHandler(to, nil))
}
