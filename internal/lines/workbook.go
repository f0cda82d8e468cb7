package lines

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"
)

// maxUnzipped is how large the parts of a workbook may be together, unpacked, in
// bytes. Those that are large are unpacked to files, and read from there.
const maxUnzipped = 1 << 30

// maxHeld is how large those together may be that stay in memory.
const maxHeld = 128 << 20

// maxCells is how many cells may be read, with the empty ones before the last of a row.
const maxCells = 64 << 20

// workbook reads the sheets of an Excel workbook, one after the other.
func (r *reader) workbook(in io.Reader) (err error) {
	r.sum.Form = XLSX
	b, err := io.ReadAll(io.LimitReader(in, MaxWorkbook+1))
	if err != nil {
		return err
	}
	if len(b) > MaxWorkbook {
		return &Error{Key: ErrWorkbookLarge, Args: []any{MaxWorkbook >> 20}, Hint: "save the sheet as CSV UTF-8"}
	}
	if err := sound(b); err != nil {
		return err
	}
	defer func() { // of what the library makes of a workbook that somebody made to hurt
		if p := recover(); p != nil {
			err = badWorkbook(p)
		}
	}()
	f, err := excelize.OpenReader(bytes.NewReader(b), excelize.Options{RawCellValue: true, UnzipSizeLimit: maxUnzipped})
	if err != nil {
		return badWorkbook(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	cells := 0
	for _, name := range f.GetSheetList() {
		if err := r.sheet(f, name, &cells); err != nil {
			return err
		}
	}
	return nil
}

func badWorkbook(why any) error {
	return &Error{Key: ErrWorkbookBad, Args: []any{why}, Hint: saveAs}
}

// sound reads the parts of a workbook that hold what is in its cells to their ends.
// The library takes a part that breaks off for one that ends there.
func sound(b []byte) error {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return badWorkbook(err)
	}
	known := false
	var all, held uint64
	for _, f := range z.File {
		size := f.UncompressedSize64 // more than that is not unpacked
		all += min(size, maxUnzipped+1)
		if !holdsCells(f.Name) || size <= excelize.StreamChunkSize {
			held += min(size, maxUnzipped+1)
		}
		known = known || partName(f.Name) == "xl/workbook.xml"
	}
	if !known {
		return binaryError("a ZIP archive")
	}
	if all > maxUnzipped || held > maxHeld {
		return badWorkbook(fmt.Sprintf("unpacked it has %d MiB", all>>20))
	}
	for _, f := range z.File {
		if !holdsCells(f.Name) {
			continue
		}
		if err := soundXML(f); err != nil {
			return badWorkbook(fmt.Errorf("%s: %w", f.Name, err))
		}
	}
	return nil
}

func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "/"))
}

func holdsCells(name string) bool {
	name = partName(name)
	return name == "xl/sharedstrings.xml" || strings.HasPrefix(name, "xl/worksheets/sheet")
}

// soundXML reads a part to its end. What the library would hold at once, a cell and a
// row, is no larger than a spreadsheet makes it.
func soundXML(f *zip.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it is read
	m := &meter{in: in}
	d := xml.NewDecoder(m)
	depth, cells, inCell := 0, 0, false
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			_, err = io.Copy(io.Discard, in) //nolint:gosec // to its check sum; its size was looked at before
			return err
		case err != nil:
			return err
		}
		switch e := t.(type) {
		case xml.StartElement:
			depth++
			switch e.Name.Local {
			case "row":
				cells = 0
			case "c", "si":
				inCell = true
				cells++
			}
			if depth > maxDepth {
				return errDeep
			}
			if e.Name.Local == "c" && cells > excelize.MaxColumns {
				return fmt.Errorf("a row of more than %d cells", excelize.MaxColumns)
			}
		case xml.EndElement:
			depth--
			inCell = inCell && e.Name.Local != "c" && e.Name.Local != "si"
		}
		if !inCell {
			m.since = 0
		}
		m.ends = m.ends[:0]
	}
}

// sheet reads the rows of a sheet. One without a column of OpenIDs is left aside, as
// sheets of notes and figures are, but for what is an OpenID in it.
func (r *reader) sheet(f *excelize.File, name string, cells *int) error {
	rows, err := f.Rows(name)
	if err != nil {
		return badWorkbook(fmt.Errorf("sheet %q: %w", name, err))
	}
	defer rows.Close() //nolint:errcheck // it is read
	in := &sheetRows{rows: rows, name: name, cells: cells}
	t := &table{r: r, delimiter: ','}
	if err := in.look(t); err != nil {
		return err
	}
	before := r.sum.OpenIDs + r.sum.Bad
	defer func() { r.head = "" }()
	for {
		row, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := t.sheetRow(row); err != nil {
			return err
		}
	}
	if r.sum.OpenIDs+r.sum.Bad > before {
		if r.sum.Sheets++; r.sum.Sheets == 1 {
			r.sum.Sheet = clip(name)
		}
	}
	return nil
}

// sheetRow reads a row of a sheet, which leaves empty cells at its end away.
func (t *table) sheetRow(row sheetRow) error {
	if blank(strings.Join(row.cells, "")) {
		return nil
	}
	raw := asCSV(row.cells)
	if len(t.columns) == 0 {
		if nameCell(row.cells) >= 0 && !suspect(raw) {
			t.named(row.cells, raw)
			return nil
		}
		if !suspect(raw) {
			return nil
		}
		return t.r.free(row.number, strings.Join(row.cells, "\t"), raw)
	}
	for len(row.cells) < max(t.width, slices.Max(t.columns)+1) {
		row.cells = append(row.cells, "")
	}
	return t.row(row.number, row.cells, raw)
}

func asCSV(cells []string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(cells); err != nil { // a Builder takes all
		return strings.Join(cells, ",")
	}
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// sheetRow is a row and its number, from 1.
type sheetRow struct {
	number int
	cells  []string
}

// sheetRows are the rows of a sheet.
type sheetRows struct {
	rows   *excelize.Rows
	name   string
	number int
	ahead  []sheetRow
	cells  *int // that were read of the workbook
}

func (s *sheetRows) next() (sheetRow, error) {
	if len(s.ahead) > 0 {
		row := s.ahead[0]
		s.ahead = s.ahead[1:]
		return row, nil
	}
	return s.read()
}

func (s *sheetRows) read() (sheetRow, error) {
	if !s.rows.Next() {
		if err := s.rows.Error(); err != nil {
			return sheetRow{}, badWorkbook(fmt.Errorf("sheet %q: %w", s.name, err))
		}
		return sheetRow{}, io.EOF
	}
	s.number++
	cells, err := s.rows.Columns(excelize.Options{RawCellValue: true})
	if err != nil {
		return sheetRow{}, badWorkbook(fmt.Errorf("sheet %q, row %d: %w", s.name, s.number, err))
	}
	if *s.cells += len(cells); *s.cells > maxCells {
		return sheetRow{}, badWorkbook(fmt.Sprintf("it has more than %d cells", maxCells))
	}
	return sheetRow{s.number, cells}, nil
}

// look tells from the first rows which columns hold the OpenIDs, and leaves away what
// stands above their names.
func (s *sheetRows) look(t *table) error {
	for len(s.ahead) < sampleLines {
		row, err := s.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		s.ahead = append(s.ahead, row)
	}
	var cells [][]string
	named := true // none of the rows before has an OpenID
	for i, row := range s.ahead {
		raw := asCSV(row.cells)
		named = named && !suspect(raw)
		if named && nameCell(row.cells) >= 0 {
			t.named(row.cells, raw)
			s.ahead = s.ahead[i+1:]
			var rest [][]string
			for _, row := range s.ahead {
				rest = append(rest, row.cells)
			}
			t.listen(rest)
			return nil
		}
		if !blank(raw) {
			cells = append(cells, row.cells)
		}
	}
	t.width = 0
	for _, row := range cells {
		t.width = max(t.width, len(row))
	}
	for i, row := range cells {
		cells[i] = append(row[:len(row):len(row)], make([]string, t.width-len(row))...)
	}
	if t.columns = openIDColumns(cells, t.width); len(t.columns) == 0 {
		t.width = 0
		return nil
	}
	t.found(cells)
	return nil
}
