package lines_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"mpblock"
	"mpblock/internal/lines"
	"mpblock/internal/lines/linestest"
)

var word = regexp.MustCompile(`[A-Za-z0-9_-]+`)

// standing returns the OpenIDs that stand in a text, each as often as it does.
func standing(data []byte) (ids []string) {
	for _, w := range word.FindAllString(string(data), -1) {
		if _, err := mpblock.ParseOpenID(w); err == nil {
			ids = append(ids, w)
		}
	}
	return ids
}

// FuzzText: of plain text each OpenID that stands in it is handed over, in its order,
// and nothing else is.
func FuzzText(f *testing.F) {
	for _, file := range linestest.Files() {
		if len(file.Data) < 8<<10 {
			f.Add(file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
			return // what stands in other encodings is another question
		}
		ids, bad, _, err := read(t, data, lines.Options{Format: lines.Text})
		if err != nil {
			return
		}
		want := standing(data)
		if slices.Equal(ids, want) {
			return
		}
		for _, l := range bad { // one in a comment is said to be there
			if l.Problem.Key == lines.BadComment {
				return
			}
		}
		t.Errorf("read %q, there stand %q", ids, want)
	})
}

// FuzzAuto: whatever the form, no OpenID is handed over that does not stand there, and
// one that stands there is handed over, or something is said to be left aside.
func FuzzAuto(f *testing.F) {
	for _, file := range linestest.Files() {
		if len(file.Data) < 8<<10 {
			f.Add(file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ids, bad, sum, err := read(t, data, lines.Options{})
		if sum.Form == lines.XLSX || sum.Encoding == lines.UTF16 || sum.Encoding == lines.UTF16BE {
			return
		}
		var want []string
		for line := range bytes.FieldsFuncSeq(data, func(r rune) bool { return r == '\n' || r == '\r' }) {
			if !utf8.Valid(line) { // which is GB18030, whatever others are
				line, _ = simplifiedchinese.GB18030.NewDecoder().Bytes(line)
			}
			want = append(want, standing(line)...)
		}
		if sum.Form == lines.JSON || sum.Form == lines.NDJSON {
			want = append(want, unescaped(data)...)
		}
		for _, id := range ids {
			if !slices.Contains(want, id) {
				t.Errorf("%q does not stand there", id)
			}
		}
		if err == nil && len(bad) == 0 && sum.Column == 0 && sum.Form == lines.Text && sum.Encoding == lines.UTF8 && !slices.Equal(ids, want) {
			t.Errorf("read %q, there stand %q, and nothing is said", ids, want)
		}
	})
}

// unescaped returns the OpenIDs that JSON writes with escapes.
func unescaped(data []byte) (ids []string) {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	for {
		t, err := d.Token()
		if err != nil {
			break
		}
		if s, ok := t.(string); ok {
			ids = append(ids, standing([]byte(s))...)
		}
	}
	for line := range bytes.Lines(data) {
		d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(line, []byte("\ufeff"))))
		for t, err := d.Token(); err == nil; t, err = d.Token() {
			if s, ok := t.(string); ok {
				ids = append(ids, standing([]byte(s))...)
			}
		}
	}
	return ids
}

// TestDamage: a file in which a byte was changed, lost or added is never read as if it
// were whole: each OpenID that was in it is there, or was changed into another one, or
// something is said. With several such bytes each OpenID that still stands there is
// read, or something is said. The seed is printed; LINES_SEED repeats it.
func TestDamage(t *testing.T) {
	const n = 40
	ids := linestest.IDs(1, n)
	var table strings.Builder
	table.WriteString("no,openid,remark\n")
	for i, id := range ids {
		table.WriteString(string(rune('0'+i%10)) + "," + id + ",\"said, \"\"x\"\"\nand left\"\n")
	}
	files := map[string]string{
		"lines":       strings.Join(ids, "\n") + "\n",
		"crlf":        strings.Join(ids, "\r\n") + "\r\n",
		"commas":      strings.Join(ids, ", "),
		"four a line": strings.Join(ids[:4], ",") + "\n" + strings.Join(ids[4:8], ",") + "\n" + strings.Join(ids[8:], ","),
		"quoted":      `"` + strings.Join(ids, "\",\n\"") + `"`,
		"table":       table.String(),
		"tabs":        "openid\tn\n" + strings.Join(ids, "\tx\n") + "\tx\n",
		"json":        `["` + strings.Join(ids, `","`) + `"]`,
		"answer":      `{"total":40,"data":{"openid":["` + strings.Join(ids, `","`) + `"]}}`,
		"ndjson":      `{"openid":"` + strings.Join(ids, "\",\"n\":1}\n{\"openid\":\"") + `","n":1}`,
	}
	seed := seedOf(t)
	random := rand.New(rand.NewPCG(seed, 1))
	for name, whole := range files {
		for range 800 {
			once := random.IntN(2) == 0
			times := 1
			if !once {
				times = 2 + random.IntN(2)
			}
			data := linestest.Damage(random, []byte(whole), times)
			got, bad, _, err := read(t, data, lines.Options{})
			if err != nil || len(bad) > 0 {
				continue
			}
			lost := slices.ContainsFunc(ids, func(id string) bool {
				return !slices.Contains(got, id) && (once || slices.Contains(standing(data), id))
			})
			if !lost || once && len(got) == n && oneMore(standing(data), ids) { // one made another one: nobody can tell
				continue
			}
			rest := string(data)
			for i, id := range ids {
				if slices.Contains(got, id) {
					rest = strings.ReplaceAll(rest, id, "<"+strconv.Itoa(i)+">")
				}
			}
			t.Fatalf("%s: of %d OpenIDs %d were read, and nothing was said, of\n%q", name, n, len(got), rest)
		}
	}
}

// oneMore tells whether there is an OpenID that was not there.
func oneMore(now, before []string) bool {
	return slices.ContainsFunc(now, func(id string) bool { return !slices.Contains(before, id) })
}

// TestMemory: what a line or a list is long, memory is not.
func TestMemory(t *testing.T) {
	for name, in := range map[string]*endless{
		"a line":           {piece: "xyz"},
		"a line of lists":  {piece: linestest.ID(1) + ","},
		"a quoted field":   {head: "openid,a\nx,\"", piece: "y"},
		"quoted lines":     {head: "openid,a\nx,\"", piece: "y\n"},
		"a string":         {head: `["`, piece: "z"},
		"depth":            {piece: "["},
		"lines":            {piece: linestest.ID(1) + "\n"},
		"blank lines":      {piece: "\n"},
		"objects":          {piece: `{"openid":"` + linestest.ID(1) + `"}` + "\n"},
		"an array":         {head: `["` + linestest.ID(2) + `"`, piece: `,"` + linestest.ID(1) + `"`},
		"words in a list":  {head: `{"tags":["x"`, piece: `,"no"`},
		"lines in a list":  {head: `{"tags":["x"`, piece: ",\n1"},
		"an endless field": {head: `{"openid":"` + linestest.ID(2) + `","x":{"a":1`, piece: `,"b":2`},
	} {
		t.Run(name, func(t *testing.T) {
			in.left = 8 << 20
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			var most uint64
			n := 0
			_, _ = lines.Read(in, lines.Options{}, func(lines.Line) error {
				if n++; n%100_000 == 1 {
					runtime.GC()
					runtime.ReadMemStats(&after)
					most = max(most, after.HeapAlloc-min(after.HeapAlloc, before.HeapAlloc))
				}
				return nil
			})
			runtime.ReadMemStats(&after)
			if grown := after.Sys - before.Sys; grown > 24<<20 || most > 4<<20 {
				t.Errorf("the process has grown by %d MiB, %d MiB were held", grown>>20, most>>20)
			}
		})
	}
}

// endless is a long input of one piece again and again.
type endless struct {
	head, piece string
	left, at    int
}

func (e *endless) Read(b []byte) (int, error) {
	if e.head != "" {
		n := copy(b, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	if e.left <= 0 {
		return 0, errEnd
	}
	n := 0
	for n < len(b) {
		some := copy(b[n:], e.piece[e.at:])
		e.at = (e.at + some) % len(e.piece)
		n += some
	}
	e.left -= n
	return n, nil
}
