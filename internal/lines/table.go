package lines

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"mpblock"
)

// table is an input, or a sheet of a workbook, in rows and columns; without columns
// it is lines in which OpenIDs stand anywhere.
type table struct {
	r         *reader
	delimiter rune  // between the cells of a row; 0: there are no columns
	columns   []int // that hold the OpenIDs
	width     int   // cells of a row, where the columns were found by what is in them; else 0
	names     int   // of columns, where they have names
	doubtful  []int // those without a name, or with the same one
	heading   string
	quiet     bool // hardly an OpenID stands in other columns, where the columns were found by what is in them
}

func (t *table) form() Format {
	if t.delimiter != 0 {
		return CSV
	}
	return Text
}

// What is looked at before it is settled how a text is made.
const (
	sampleLines = 200
	sampleBytes = 128 << 10
)

// leastRows is how many rows it takes to tell a column from a list that goes over a
// line or two, one of whose OpenIDs is damaged.
const leastRows = 3

var delimiters = []rune{',', '\t', ';', '|'}

// sniffTable looks at the first lines and tells how the text is made. What stands
// above the names of the columns is left away, if no OpenID stands in it.
func (r *reader) sniffTable(s *source) (*table, error) {
	t := &table{r: r}
	var sample []physical
	for size := 0; len(sample) < sampleLines && size < sampleBytes; {
		p, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		sample = append(sample, p)
		size += len(p.text)
		if !p.ends { // what follows can only be read at once
			break
		}
	}
	skip := 0
	if r.format != Text {
		skip = t.sniff(sample)
	}
	s.unread(sample[skip:]...)
	return t, nil
}

// sniff sets how the lines of a sample are made, and returns how many of them stand
// above the names of the columns.
func (t *table) sniff(sample []physical) (above int) {
	for i, p := range sample {
		if suspect(p.text) {
			break
		}
		if t.header(p.text) {
			t.listen(records(sample[i+1:], t.delimiter))
			return i
		}
	}
	if len(sample) > 0 && sample[len(sample)-1].ends {
		t.byValues(sample)
	}
	return 0
}

// header tells whether a line names columns, one of them that of the OpenIDs, and
// sets the table so.
func (t *table) header(line string) bool {
	if !mentionsName(line) || suspect(line) {
		return false
	}
	var best []string
	for _, d := range delimiters {
		cells := split(cutMark(line), d, false)
		if len(cells) > len(best) && nameCell(cells) >= 0 {
			best = cells
			t.delimiter = d
		}
	}
	if len(best) < 2 && t.r.format != CSV || len(best) == 0 { // a heading over a list, or none
		t.delimiter = 0
		return false
	}
	t.named(best, line)
	return true
}

// named sets the column by the names in a row.
func (t *table) named(cells []string, line string) {
	at := nameCell(cells)
	t.columns, t.width, t.names, t.heading, t.quiet = []int{at}, 0, len(cells), tidy(cells[at]), true
	t.doubtful = nil
	for i, c := range cells {
		if i != at && (blank(c) || exactName(c)) {
			t.doubtful = append(t.doubtful, i)
		}
	}
	t.r.head = line
	t.r.sum.column(at+1, t.heading, len(cells)-1)
}

// nameCell returns which cell names OpenIDs, -1 if none does. A name that is only
// that goes before others.
func nameCell(cells []string) int {
	if i := slices.IndexFunc(cells, exactName); i >= 0 {
		return i
	}
	if i := slices.IndexFunc(cells, func(c string) bool {
		return isName(c) && (strings.Contains(c, "用户") || strings.Contains(c, "粉丝"))
	}); i >= 0 {
		return i // and not that of who invited them
	}
	return slices.IndexFunc(cells, isName)
}

// doubted returns what stands in columns without a name, or with the same one: whoever
// is in them may have been meant too.
func (t *table) doubted(cells []string) string {
	var b strings.Builder
	for _, c := range t.doubtful {
		if c < len(cells) {
			b.WriteString(cells[c] + "\t")
		}
	}
	return b.String()
}

// byValues sets the columns by what stands in them: those in which most cells are
// one OpenID, where there are other columns.
func (t *table) byValues(sample []physical) {
	for _, d := range delimiters {
		rows := records(sample, d)
		widths := make(map[int]int)
		for _, row := range rows {
			widths[len(row)]++
		}
		width := 0
		for w, n := range widths {
			if n > widths[width] || n == widths[width] && w > width {
				width = w
			}
		}
		if width < 2 || len(rows) < leastRows || widths[width]*10 < len(rows)*6 {
			continue
		}
		if columns := openIDColumns(rows, width); len(columns) == 1 { // with more of them it is a list in lines
			t.delimiter, t.columns, t.width = d, columns, width
			t.found(rows)
			return
		}
	}
}

// found notes the columns that were found by what is in them.
func (t *table) found(rows [][]string) {
	t.r.sum.column(t.columns[0]+1, "", t.width-len(t.columns))
	t.r.sum.Columns = max(t.r.sum.Columns, len(t.columns))
	t.listen(rows)
}

// listen notes whether OpenIDs stand in other columns too, as those of who invited
// somebody do. Where they hardly do, one that does may be of a row that lost its end.
func (t *table) listen(rows [][]string) {
	loud := 0
	for _, row := range rows {
		if (t.width == 0 || len(row) == t.width) && likely(t.others(row)) {
			loud++
		}
	}
	t.quiet = loud*5 <= len(rows)
}

// others returns what stands in the columns that do not hold the OpenIDs.
func (t *table) others(row []string) string {
	var b strings.Builder
	for i, cell := range row {
		if !slices.Contains(t.columns, i) {
			b.WriteString(cell + "\t")
		}
	}
	return b.String()
}

func openIDColumns(rows [][]string, width int) []int {
	var columns []int
	for c := range width {
		filled, ids := 0, 0
		for _, row := range rows {
			if len(row) != width || blank(row[c]) {
				continue
			}
			filled++
			if found, others := scan(row[c]); len(found) == 1 && len(others) == 0 {
				ids++
			}
		}
		if ids > 0 && ids*2 >= filled {
			columns = append(columns, c)
		}
	}
	return columns
}

// line reads a line and, where a quoted field goes on, those that belong to it.
func (t *table) line(s *source, p physical) error {
	if t.delimiter == 0 {
		return t.plain(s, p)
	}
	if !p.ends {
		if err := t.r.bad(p.number, p.text, clip(p.text), problem(BadLong, MaxLine>>10)); err != nil {
			return err
		}
		return skipLine(s)
	}
	if blank(p.text) {
		return nil
	}
	text, whole, err := t.record(s, p)
	if err != nil {
		return err
	}
	return t.row(p.number, split(text, t.delimiter, !whole), text)
}

// plain reads a line of a text without columns. Names of columns may come at any
// place, as where files were joined.
func (t *table) plain(s *source, p physical) error {
	if !p.ends {
		return t.r.long(s, p)
	}
	if t.r.format != Text && mentionsName(p.text) && !suspect(p.text) {
		if t.header(p.text) {
			return nil
		}
		if isName(p.text) { // a heading over a list
			return nil
		}
	}
	return t.r.free(p.number, p.text, p.text)
}

// row reads a row of a table.
func (t *table) row(number int, cells []string, raw string) error {
	if t.repeated(cells, raw) {
		return nil
	}
	if t.width != 0 && (len(cells) != t.width || t.quiet && suspect(t.others(cells))) { // two rows in one, perhaps
		return t.r.free(number, strings.Join(cells, "\t"), raw)
	}
	if strings.HasPrefix(strings.TrimSpace(raw), "#") && !suspect(raw) || blank(strings.Join(cells, "")) {
		return nil
	}
	if t.width != 0 && t.r.nothingYet() && isTitle(cells[t.columns[0]]) { // names of columns
		t.heading = tidy(cells[t.columns[0]])
		t.r.sum.Heading = clip(t.heading)
		return nil
	}
	if t.names > 0 && ((t.quiet || len(cells) > t.names) && likely(t.others(cells)) || likely(t.doubted(cells))) {
		for _, id := range t.inColumn(cells) {
			if err := t.r.openid(number, id, raw); err != nil {
				return err
			}
		}
		return t.r.bad(number, raw, raw, problem(BadOther))
	}
	return t.cells(number, cells, raw)
}

// cells reads the cells of a row that hold the OpenIDs.
func (t *table) cells(number int, cells []string, raw string) error {
	filled := false
	for _, c := range t.columns {
		if len(t.columns) > 1 && blank(cells[c]) {
			continue
		}
		filled = true
		if err := t.cell(number, c, cells, raw); err != nil {
			return err
		}
	}
	if !filled {
		return t.r.bad(number, raw, raw, problem(BadEmpty, t.columns[0]+1))
	}
	return nil
}

// repeated tells whether a row names the columns, again or anew, as where files were
// joined.
func (t *table) repeated(cells []string, raw string) bool {
	if !mentionsName(raw) || !slices.ContainsFunc(cells, func(c string) bool { return exactName(c) || t.heading != "" && tidy(c) == t.heading }) || suspect(raw) {
		return false
	}
	if quiet := t.quiet; nameCell(cells) == t.columns[0] && len(cells) == t.names {
		t.named(cells, raw)
		t.quiet = quiet // nothing new
	} else {
		t.named(cells, raw)
	}
	return true
}

// cell reads the OpenIDs of a cell.
func (t *table) cell(number, c int, cells []string, raw string) error {
	if c >= len(cells) {
		return t.r.bad(number, raw, raw, problem(BadColumns, len(cells), c+1))
	}
	text := cells[c]
	ids, others := scan(text)
	for _, id := range ids {
		if err := t.r.openid(number, id, raw); err != nil {
			return err
		}
	}
	switch what, found := damaged(len(ids), others); {
	case len(ids) > 0 && found:
		return t.r.bad(number, what, raw, problem(BadBesides))
	case len(ids) > 0:
		return nil
	case blank(text):
		return t.r.bad(number, raw, raw, problem(BadEmpty, c+1))
	}
	return t.r.bad(number, text, raw, explain(text))
}

// inColumn returns the OpenIDs of a row that are in the column of that name.
func (t *table) inColumn(cells []string) (ids []mpblock.OpenID) {
	if c := t.columns[0]; c < len(cells) {
		ids, _ = scan(cells[c])
	}
	return ids
}

// tidy takes away what code and spreadsheets put around a text.
func tidy(s string) string { return strings.Trim(s, "\"'`=　 \t\ufeff") }

func atEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func itoa(n int) string { return strconv.Itoa(n) }

// oneLine keeps a text on its line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
