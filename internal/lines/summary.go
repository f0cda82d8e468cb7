package lines

import (
	"fmt"
	"strconv"
	"strings"
)

// Summary is what was read of an input and what was left aside.
type Summary struct {
	Name     string   `json:"file,omitempty"`
	Form     Format   `json:"form"` // text, csv, json, ndjson or xlsx
	Encoding Encoding `json:"encoding"`
	OpenIDs  int      `json:"openids"` // that were read, the same one counted each time
	Bad      int      `json:"malformed"`
	Column   int      `json:"column,omitempty"`  // where the OpenIDs are, from 1; 0: anywhere
	Heading  string   `json:"heading,omitempty"` // of that column, as it stands there
	Columns  int      `json:"columns,omitempty"` // of OpenIDs, where they are more than one
	Ignored  int      `json:"ignored_columns,omitempty"`
	Sheets   int      `json:"sheets,omitempty"` // of a workbook with OpenIDs in them
	Sheet    string   `json:"sheet,omitempty"`  // the first of them

	// Elsewhere is how many OpenIDs stand in other fields of JSON, and were left aside.
	Elsewhere int `json:"ignored_openids,omitempty"`

	// Query is the filter by which the OpenIDs were taken from a list of the console, as
	// its address has it; such a Summary has no Form.
	Query string `json:"query,omitempty"`
}

// Taken tells whether the OpenIDs were taken from a list of the console.
func (s Summary) Taken() bool { return s.Form == "" }

// Forms beside those that Options can name.
const (
	JSON Format = "json"
	XLSX Format = "xlsx"
)

// column notes where the OpenIDs are; the first note counts.
func (s *Summary) column(at int, heading string, ignored int) {
	if s.Column == 0 {
		s.Column, s.Heading, s.Ignored, s.Columns = at, clip(heading), ignored, 1
	}
}

// String says in English what was read: 2,997 OpenIDs in column 2 "OPENID", GB18030;
// 4 other columns ignored.
func (s Summary) String() string {
	var b strings.Builder
	b.WriteString(count(s.OpenIDs, "OpenID"))
	switch {
	case s.Columns > 1:
		fmt.Fprintf(&b, " in %d columns, from column %d on", s.Columns, s.Column)
	case s.Column > 0:
		fmt.Fprintf(&b, " in column %d", s.Column)
		if s.Heading != "" {
			fmt.Fprintf(&b, " “%s”", oneLine(s.Heading))
		}
	}
	if s.Sheets > 0 {
		fmt.Fprintf(&b, " of sheet “%s”", oneLine(s.Sheet))
		if s.Sheets > 1 {
			fmt.Fprintf(&b, " and %s", count(s.Sheets-1, "other sheet"))
		}
	}
	if s.Encoding != UTF8 {
		b.WriteString(", " + string(s.Encoding))
	}
	if s.Ignored > 0 {
		b.WriteString("; " + count(s.Ignored, "other column") + " ignored")
	}
	if s.Elsewhere > 0 {
		b.WriteString("; " + count(s.Elsewhere, "OpenID") + " in other fields ignored")
	}
	if s.Bad > 0 {
		b.WriteString("; " + count(s.Bad, "malformed line"))
	}
	return b.String()
}

// count returns a number, with commas, and what it counts.
func count(n int, what string) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n != 1 {
		what += "s"
	}
	return digits + " " + what
}
