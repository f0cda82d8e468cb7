package web

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// LongTime is how long a long list may take to come or a file to go, in place of the
// server's own limits.
const LongTime = 10 * time.Minute

// File writes rows in one format.
type File interface {
	Begin() error
	Flush() error
}

// Download says that the answer is a file, and gives it the time that it takes.
func (v *Visit) Download(name, kind string) {
	_ = http.NewResponseController(v.W).SetWriteDeadline(time.Now().Add(LongTime)) // where there is none, there is no need
	v.W.Header().Set("Content-Type", kind)
	v.W.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	v.W.Header().Set("Cache-Control", "no-store")
}

// Stream writes a file; what fails is for the log, since the answer has begun.
func (v *Visit) Stream(out File, rows func() error) error {
	err := out.Begin()
	if err == nil {
		err = rows()
	}
	if err != nil {
		v.Log("", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// CSV writes rows that spreadsheets read as UTF-8, whichever of them: some separate
// fields by semicolons and tabs, so that encoding/csv quotes too little.
type CSV struct {
	w       *bufio.Writer
	heading []string
}

// NewCSV returns a writer of rows under a heading.
func NewCSV(w io.Writer, heading ...string) *CSV { return &CSV{bufio.NewWriter(w), heading} }

// Begin writes the heading, and before it the mark of UTF-8.
func (t *CSV) Begin() error {
	if _, err := t.w.WriteString("\ufeff"); err != nil {
		return err
	}
	return t.Write(t.heading...)
}

// Write writes a row.
func (t *CSV) Write(fields ...string) error {
	for i, f := range fields {
		if i > 0 {
			_ = t.w.WriteByte(',') // the end of the line tells of errors
		}
		_, _ = t.w.WriteString(quoted(plain(f)))
	}
	return t.w.WriteByte('\n')
}

// Flush sends what was written.
func (t *CSV) Flush() error { return t.w.Flush() }

// quoted is a field as CSV has it.
func quoted(s string) string {
	if !strings.ContainsAny(s, ",;\"\t\r\n") && s == strings.TrimSpace(s) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// plain keeps a spreadsheet from taking a text for a formula: one may trim blanks, or
// take full-width signs for the others. What looks as if this had been done gets one more
// mark, so that a reader can take it away again.
func plain(s string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(strings.TrimLeft(s, "'"), func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }))
	if strings.ContainsRune("=+-@＝＋－＠", first) || strings.HasPrefix(s, "\t") || strings.HasPrefix(s, "\r") {
		return "'" + s
	}
	return s
}

// TakeLong lets the request last as long as a long list does.
func (v *Visit) TakeLong() {
	_ = http.NewResponseController(v.W).SetReadDeadline(time.Now().Add(LongTime)) // where there is none, there is no need
	_ = http.NewResponseController(v.W).SetWriteDeadline(time.Now().Add(LongTime))
}
