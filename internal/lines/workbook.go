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
	for _, name := range f.GetSheetList() {
		if err := r.sheet(f, name); err != nil {
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
	for _, f := range z.File {
		name := strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(f.Name, `\`, "/"), "/"))
		known = known || name == "xl/workbook.xml"
		if name != "xl/sharedstrings.xml" && !strings.HasPrefix(name, "xl/worksheets/sheet") {
			continue
		}
		if f.UncompressedSize64 > maxUnzipped {
			return badWorkbook(fmt.Sprintf("%s has %d MiB", f.Name, f.UncompressedSize64>>20))
		}
		if err := soundXML(f); err != nil {
			return badWorkbook(fmt.Errorf("%s: %w", f.Name, err))
		}
	}
	if !known {
		return binaryError("a ZIP archive")
	}
	return nil
}

func soundXML(f *zip.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it is read
	d := xml.NewDecoder(in)
	for {
		switch _, err := d.Token(); {
		case errors.Is(err, io.EOF):
			_, err = io.Copy(io.Discard, in) //nolint:gosec // to its check sum; its size was looked at before
			return err
		case err != nil:
			return err
		}
	}
}

// sheet reads the rows of a sheet. One without a column of OpenIDs is left aside, as
// sheets of notes and figures are, but for what is an OpenID in it.
func (r *reader) sheet(f *excelize.File, name string) error {
	rows, err := f.Rows(name)
	if err != nil {
		return badWorkbook(fmt.Errorf("sheet %q: %w", name, err))
	}
	defer rows.Close() //nolint:errcheck // it is read
	in := &sheetRows{rows: rows, name: name}
	t := &table{r: r, delimiter: ',', sheet: true}
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
