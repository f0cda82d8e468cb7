package lines_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"mpblock/internal/lines"
)

// TestBombs: small workbooks that would unpack to much more than a spreadsheet writes
// are refused before they are held.
func TestBombs(t *testing.T) {
	const head = `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row>`
	const sheet = "xl/worksheets/sheet1.xml"
	for name, c := range map[string]struct {
		part string
		in   *endless
		mib  int
		want string
	}{
		"picture": {"xl/media/a.png", &endless{piece: strings.Repeat(" ", 32<<10)}, 130, "unpacked it has 130 MiB"},
		"cell":    {sheet, &endless{head: head + `<c t="inlineStr"><is><t>`, piece: "x"}, 8, "a value longer than 256 KiB"},
		"runs":    {sheet, &endless{head: head + `<c t="inlineStr"><is>`, piece: "<r><t>x</t></r>"}, 8, "a value longer than 256 KiB"},
		"row":     {sheet, &endless{head: head, piece: "<c><v>1</v></c>"}, 8, "a row of more than 16384 cells"},
		"depth":   {sheet, &endless{head: head, piece: "<a>"}, 8, "more than 64 values inside of each other"},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.left = c.mib << 20
			data := bomb(t, c.part, c.in)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, _, err := read(t, data, lines.Options{})
			runtime.ReadMemStats(&after)
			var e *lines.Error
			if !errors.As(err, &e) || !strings.Contains(e.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 32 {
				t.Errorf("%d KiB took %d MiB", len(data)>>10, mib)
			}
		})
	}
}

// bomb returns a workbook with another part in it.
func bomb(t *testing.T, name string, part io.Reader) []byte {
	var whole, out bytes.Buffer
	f := excelize.NewFile()
	if err := errors.Join(f.Write(&whole), f.Close()); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(whole.Bytes()), int64(whole.Len()))
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(&out)
	for _, p := range z.File {
		if p.Name != name {
			err = errors.Join(err, w.Copy(p))
		}
	}
	to, err2 := w.Create(name)
	_, err3 := io.Copy(to, part)
	if err := errors.Join(err, err2, err3, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
