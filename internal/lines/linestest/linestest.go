// Package linestest has files as people and their programs write them, with what is
// in them: for the tests of the reader, and of each door that it stands behind.
package linestest

import (
	"bytes"
	_ "embed" // told.txt
	"fmt"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"mpblock"
)

// File is an input and what is to be read of it.
type File struct {
	Name    string // with the ending that tells its form, if it has one
	Data    []byte
	OpenIDs []string // in their order, each as often as it is there
	Bad     []int    // numbers of the lines that are no OpenIDs
	Error   string   // a part of the error; then the rest does not count

	Summary string // in English; this and Told are in told.txt
	Told    []Told // of each of Bad
}

// Told is what a bad line is said to be.
type Told struct {
	Line      int
	Text, Why string // the beginning of it; in English
}

// Prefix is that of all OpenIDs in the files.
var Prefix = mpblock.Prefix{1, 2, 3, 4}

// ID returns the n-th OpenID of the files.
func ID(n int) string {
	return mpblock.Mint(Prefix, mpblock.Key{}, fmt.Sprintf("lines-%d", n)).String()
}

// IDs returns some of them, one after the other.
func IDs(first, last int) []string {
	var ids []string
	for n := first; n <= last; n++ {
		ids = append(ids, ID(n))
	}
	return ids
}

// each returns a text for each of the first three OpenIDs, put together.
func each(form func(n int, id string) string) string {
	var b strings.Builder
	for n := 1; n <= 3; n++ {
		b.WriteString(form(n, ID(n)))
	}
	return b.String()
}

// form is each with a format of the OpenID alone.
func form(format string) string {
	return each(func(_ int, id string) string { return fmt.Sprintf(format, id) })
}

func encoded(e encoding.Encoding, s string) []byte {
	b, err := e.NewEncoder().Bytes([]byte(s))
	if err != nil {
		panic(err) // the texts are ours
	}
	return b
}

var (
	utf16LE    = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	utf16BE    = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	utf16Plain = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	gbk        = simplifiedchinese.GBK
	gb18030    = simplifiedchinese.GB18030
)

// sheet is a sheet of a workbook.
type sheet struct {
	name string
	rows [][]any
}

func workbook(sheets ...sheet) []byte {
	f := excelize.NewFile()
	for i, s := range sheets {
		if i == 0 {
			must(f.SetSheetName("Sheet1", s.name))
		} else {
			_, err := f.NewSheet(s.name)
			must(err)
		}
		for n, row := range s.rows {
			must(f.SetSheetRow(s.name, fmt.Sprintf("A%d", n+1), &row))
		}
	}
	var b bytes.Buffer
	must(f.Write(&b))
	must(f.Close())
	return b.Bytes()
}

func must(err error) {
	if err != nil {
		panic(err) // in memory nothing fails
	}
}

// Files returns the table.
func Files() []File {
	var all []File
	for _, part := range [][]File{text(), separators(), csvFiles(), encodings(), jsonFiles(), workbooks(), own(), damagedFiles(), refused()} {
		all = append(all, part...)
	}
	for i := range all {
		told(&all[i])
	}
	return all
}

// What is said of each file: its name and the summary, then number, beginning and
// reason of each bad line.
//
//go:embed told.txt
var saying string

func told(f *File) {
	_, rest, found := strings.Cut("\n"+saying, "\n"+f.Name+": ")
	if !found {
		return
	}
	for i, line := range strings.Split(rest, "\n") {
		if i == 0 {
			f.Summary = line
			continue
		}
		if !strings.HasPrefix(line, "\t") {
			return
		}
		var t Told
		_, err := fmt.Sscanf(line, "\t%d %q:", &t.Line, &t.Text)
		must(err)
		_, t.Why, _ = strings.Cut(line, strconv.Quote(t.Text)+": ")
		f.Told = append(f.Told, t)
	}
}

// String returns what is said of a bad line as told.txt has it.
func (t Told) String() string { return fmt.Sprintf("\t%d %q: %s\n", t.Line, t.Text, t.Why) }
