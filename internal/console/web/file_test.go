package web

import (
	"encoding/csv"
	"reflect"
	"strings"
	"testing"
)

// What people wrote goes out as text, to whichever spreadsheet: not as a formula, and
// not as more fields than it is. Any reader of CSV has it back, but for the mark.
func TestCSVIsText(t *testing.T) {
	for text, want := range map[string]string{
		"":             "",
		"spam":         "spam",
		"广告 ＝ 广告":      "广告 ＝ 广告",
		"=1+1":         "'=1+1",
		"+1":           "'+1",
		"-1":           "'-1",
		"@SUM(A1)":     "'@SUM(A1)",
		"＝1+1":         "'＝1+1",
		"＋1":           "'＋1",
		"－1":           "'－1",
		"＠SUM":         "'＠SUM",
		" =1+1":        "' =1+1",
		"\u3000＝1":     "'\u3000＝1",
		"\u200b=1":     "'\u200b=1",
		"\t=1":         "\"'\t=1\"",
		"\tspam":       "\"'\tspam\"",
		"x;=1+1":       `"x;=1+1"`,
		"x\t=1+1":      "\"x\t=1+1\"",
		"a,b":          `"a,b"`,
		`a "b"`:        `"a ""b"""`,
		"a\nb":         "\"a\nb\"",
		" blanks ":     `" blanks "`,
		"\rx":          "\"'\rx\"",
		"1 - 1, i = 1": `"1 - 1, i = 1"`,
	} {
		var out strings.Builder
		c := NewCSV(&out, "reason", "more")
		if err := c.Begin(); err != nil {
			t.Fatal(err)
		}
		if err := c.Write(text, "end"); err != nil {
			t.Fatal(err)
		}
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		_, line, _ := strings.Cut(out.String(), "\n")
		if line != want+",end\n" {
			t.Errorf("%q: %q, want %q", text, line, want)
		}
		rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		if err != nil || len(rows) != 2 || !reflect.DeepEqual(rows[1], []string{plain(text), "end"}) {
			t.Errorf("%q is read as %q, %v", text, rows, err)
		}
	}
}
