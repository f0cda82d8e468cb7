package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// maxLine is how long a line of an input may be, in bytes; a longer one is refused
// like any bad line.
const maxLine = 64 << 10

// formatOf returns the form of an input: what was asked for, else what the ending
// of its name says.
func formatOf(asked, name string) string {
	if asked != "auto" {
		return asked
	}
	name = strings.ToLower(name)
	for strings.HasSuffix(name, ".rejects") { // it has the form of what it was made of
		name = strings.TrimSuffix(name, ".rejects")
	}
	switch filepath.Ext(name) {
	case ".csv":
		return "csv"
	case ".ndjson", ".jsonl":
		return "ndjson"
	}
	return "text"
}

// refusedMark stands in a file of refused lines between a line and its number and
// what was wrong with it. It is no part of the line when that file is read again.
const refusedMark = "\t# line "

// lines reads OpenIDs from an input, one a line, whatever the input's length. A
// line that is too long or has the wrong form is bad, and does not stop it.
type lines struct {
	in     *bufio.Reader
	format string
	column int    // of a CSV
	head   string // the line of a CSV that names the columns, if there is one

	number int    // of the line, from 1 on
	raw    string // the line, cut where it is too long
	openid string
	bad    error // what is wrong with the line
	err    error // of reading
}

func newLines(in io.Reader, format string) *lines {
	return &lines{in: bufio.NewReaderSize(in, maxLine), format: format}
}

// next goes on to the next line that is not blank.
func (l *lines) next() bool {
	for {
		line, tooLong, err := l.line()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				l.err = err
			}
			return false
		}
		l.number++
		if l.number == 1 {
			if strings.HasPrefix(line, "\xff\xfe") || strings.HasPrefix(line, "\xfe\xff") {
				l.err = errors.New("it is UTF-16, want UTF-8: convert it with iconv -f UTF-16 -t UTF-8")
				return false
			}
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if !tooLong {
			line, _, _ = strings.Cut(line, refusedMark)
		}
		l.raw, l.openid, l.bad = line, "", nil
		switch {
		case tooLong:
			l.raw = line[:100] + "..."
			l.bad = fmt.Errorf("longer than %d bytes", maxLine)
		case strings.TrimSpace(line) == "":
			continue
		case l.format == "csv":
			if l.header() {
				continue
			}
			l.fromCSV()
		case l.format == "ndjson":
			l.fromJSON()
		default:
			l.openid = strings.TrimSpace(line)
		}
		return true
	}
}

// line reads a line without its end; of one that is too long, the beginning.
func (l *lines) line() (line string, tooLong bool, err error) {
	b, err := l.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line = string(b)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.in.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return line, true, err
	}
	if errors.Is(err, io.EOF) && len(b) > 0 {
		err = nil
	}
	return strings.TrimRight(string(b), "\r\n"), false, err
}

func (l *lines) fields() ([]string, error) {
	r := csv.NewReader(strings.NewReader(l.raw))
	r.TrimLeadingSpace = true
	f, err := r.Read()
	var p *csv.ParseError
	if errors.As(err, &p) {
		return nil, fmt.Errorf("not CSV: %w", p.Err)
	}
	return f, err
}

// header tells whether the line is the first of a CSV and names its columns, one
// of them openid.
func (l *lines) header() bool {
	if l.number != 1 {
		return false
	}
	f, err := l.fields()
	if err != nil {
		return false
	}
	at := slices.IndexFunc(f, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), "openid") })
	if at < 0 {
		return false
	}
	l.column, l.head = at, l.raw
	return true
}

func (l *lines) fromCSV() {
	f, err := l.fields()
	switch {
	case err != nil:
		l.bad = err
	case len(f) <= l.column:
		l.bad = fmt.Errorf("%d columns, want the OpenID in column %d", len(f), l.column+1)
	default:
		l.openid = strings.TrimSpace(f[l.column])
	}
}

func (l *lines) fromJSON() {
	if strings.HasPrefix(strings.TrimSpace(l.raw), `"`) {
		if err := json.Unmarshal([]byte(l.raw), &l.openid); err != nil {
			l.bad = fmt.Errorf("not JSON: %w", err)
		}
		return
	}
	var v struct {
		OpenID *string `json:"openid"`
	}
	err := json.Unmarshal([]byte(l.raw), &v)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		l.bad = fmt.Errorf(`a JSON %s, want a string or an object with a string "openid"`, wrong.Value)
		return
	case err != nil:
		l.bad = fmt.Errorf("not JSON: %w", err)
		return
	}
	if v.OpenID == nil {
		l.bad = errors.New(`no field "openid"`)
		return
	}
	l.openid = *v.OpenID
}
