// Package lines reads lists of OpenIDs as people have them: one a line or many, CSV
// and TSV with the OpenIDs in any column, JSON and NDJSON, Excel workbooks, text
// copied from code and spreadsheets; in UTF-8, UTF-16 or GB18030. It is the one
// reader for every door: commands, import, and the console's paste and upload.
//
// It promises three things. An OpenID that it hands over stands in the input, whole.
// What could be meant as an OpenID and is none is handed over too, as a line with a
// Problem, so that whoever makes a list equal to a file can refuse to act on a file
// that was not read whole. And memory stays bounded, however long the input or a
// line of it is. What it leaves aside on purpose (other columns, other fields) the
// Summary says.
//
// What to do with the OpenIDs, and whose they are, is left to the caller.
package lines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"mpblock"
)

// Limits of an input.
const (
	// MaxLine is how long a line, a quoted field, or a string of JSON may be, in
	// bytes. A line of plain text may be longer, if what stands in it is not.
	MaxLine = 256 << 10

	// MaxBad is how many lines with a Problem one input may have. With more of them
	// it is not the list that somebody meant to give.
	MaxBad = 100_000

	// MaxWorkbook is how large an Excel workbook may be, in bytes.
	MaxWorkbook = 64 << 20
)

// Format is the form that an input is said to have.
type Format string

// The formats. Auto looks at the input, and is right for all of them.
const (
	Auto   Format = "auto"
	Text   Format = "text"   // OpenIDs, whatever separates them
	CSV    Format = "csv"    // columns
	NDJSON Format = "ndjson" // a JSON value a line
)

// Options say what is known of an input.
type Options struct {
	Name   string // of the file, "" if it has none; its ending tells NDJSON
	Format Format // "" is Auto
}

// Line is an OpenID, or what stands where one should, and its place.
type Line struct {
	Source  string         // the name of the input, as Options have it
	Number  int            // of the line, or of the row of a sheet, from 1
	OpenID  mpblock.OpenID // zero where there is a Problem
	Text    string         // the OpenID as text, or the beginning of what has a Problem
	Raw     string         // what to write where refused lines are gathered, see Refused
	Head    string         // the line that names the columns of the table it is a row of, if there is one
	Problem *Problem       // nil for an OpenID
}

// Error is why an input cannot be read at all, or no further. What was handed over
// before it stands in the input, but is not all of it.
type Error struct {
	Key  string // stable: the name of the message
	Args []any
	Hint string // what to do; may be empty
}

func (e *Error) Error() string { return render(errorTexts, e.Key, e.Args) }

// Keys of Error, each with what its arguments are.
const (
	ErrWorkbookOld   = "workbook-old"   // a workbook of the old binary form
	ErrWorkbookBad   = "workbook-bad"   // a damaged or encrypted workbook: why
	ErrWorkbookLarge = "workbook-large" // larger than so many MiB
	ErrBinary        = "binary"         // no text at all: what it seems to be
	ErrJSON          = "json"           // not JSON from a line on: line, why
	ErrShifted       = "shifted"        // UTF-16 in which a byte is missing or too many: line
	ErrTooManyBad    = "too-many-bad"   // more bad lines than MaxBad: how many, number and text of the first
)

var errorTexts = map[string]string{
	ErrWorkbookOld:   "it is an Excel workbook of the old form (.xls)",
	ErrWorkbookBad:   "it is an Excel workbook that cannot be read: %v",
	ErrWorkbookLarge: "it is an Excel workbook of more than %d MiB",
	ErrBinary:        "it is %s and no list of OpenIDs",
	ErrJSON:          "line %d: not JSON: %v",
	ErrShifted:       "line %d: the UTF-16 text lacks a byte there, or has one too many",
	ErrTooManyBad:    "more than %d lines are no OpenIDs, the first of them line %d, %q: it seems to be another file",
}

const saveAs = "open it in a spreadsheet and save it as CSV UTF-8 or .xlsx"

// Read reads an input to its end and hands over each OpenID and each bad line, in
// the order in which they stand there. An error of each ends it and is returned as
// it is; other errors are *Error, or of reading in. The Summary is of what was read,
// also with an error.
func Read(in io.Reader, o Options, each func(Line) error) (Summary, error) {
	r := &reader{name: o.Name, format: o.Format, each: each, sum: Summary{Name: o.Name, Encoding: UTF8}}
	if r.format == "" {
		r.format = Auto
	}
	err := r.read(bufio.NewReaderSize(in, MaxLine))
	return r.sum, err
}

// reader is an input while it is read.
type reader struct {
	name   string
	format Format
	each   func(Line) error
	sum    Summary
	first  Line   // the first bad line
	head   string // the line that names the columns
}

func (r *reader) read(in *bufio.Reader) error {
	head, err := in.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return err
	}
	encoding := encodingOf(head)
	if encoding == UTF8 {
		if isWorkbook(head) {
			return r.workbook(in)
		}
		if what := binary(head); what != "" {
			return binaryError(what)
		}
	}
	r.sum.Encoding = encoding
	text := bufio.NewReaderSize(decode(in, encoding), MaxLine)
	head, err = text.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return err
	}
	switch {
	case r.format == NDJSON, r.format == Auto && isNDJSON(r.name, head):
		return r.jsonLines(newSource(text, &r.sum))
	case r.format == Auto && isJSON(head):
		return r.jsonDocument(text)
	}
	return r.text(newSource(text, &r.sum))
}

func binaryError(what string) error {
	if what == oldWorkbook {
		return &Error{Key: ErrWorkbookOld, Hint: saveAs}
	}
	return &Error{Key: ErrBinary, Args: []any{what}, Hint: "give a list as text, CSV, JSON or .xlsx"}
}

// isNDJSON tells whether an input is JSON with a value a line: by its name, or since
// its first line is one and there is a second.
func isNDJSON(name string, head []byte) bool {
	name = strings.ToLower(name)
	for strings.HasSuffix(name, ".rejects") { // it has the form of what it was made of
		name = strings.TrimSuffix(name, ".rejects")
	}
	switch filepath.Ext(name) {
	case ".ndjson", ".jsonl":
		return true
	}
	first, rest, ok := bytes.Cut(trimHead(head), []byte("\n"))
	return ok && len(bytes.TrimSpace(rest)) > 0 && len(first) > 0 && first[0] == '{' && json.Valid([]byte(cutMark(string(bytes.TrimSpace(first)))))
}

// openid hands over an OpenID. raw is the row that it is a part of, "" where it stands
// by itself.
func (r *reader) openid(number int, id mpblock.OpenID, raw string) error {
	r.sum.OpenIDs++
	l := Line{Source: r.name, Number: number, OpenID: id, Text: id.String(), Raw: raw, Head: r.head}
	if raw == "" {
		l.Raw = l.Text
	}
	return r.each(l)
}

// bad hands over what should be an OpenID and is none.
func (r *reader) bad(number int, text, raw string, p *Problem) error {
	l := Line{Source: r.name, Number: number, Text: clip(strings.TrimSpace(text)), Raw: raw, Head: r.head, Problem: p}
	switch r.sum.Bad {
	case 0:
		r.first = l
	case MaxBad:
		return &Error{Key: ErrTooManyBad, Args: []any{MaxBad, r.first.Number, r.first.Text}}
	}
	r.sum.Bad++
	return r.each(l)
}

// nothingYet tells whether neither an OpenID nor a bad line has been met.
func (r *reader) nothingYet() bool { return r.sum.OpenIDs+r.sum.Bad == 0 }

// maxText is how much of a bad line is shown, in characters.
const maxText = 48

// clip returns the beginning of a text.
func clip(s string) string {
	n := 0
	for i := range s {
		if n++; n > maxText {
			return s[:i] + "…"
		}
	}
	return s
}

// render fills in a text of a table.
func render(texts map[string]string, key string, args []any) string {
	text, ok := texts[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}
