package lines_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"mpblock/internal/lines"
	"mpblock/internal/lines/linestest"
)

// forms write OpenIDs, each with words beside it, as programs do.
var forms = []func(ids []string, words string) string{
	func(ids []string, words string) string { return table(ids, words, ',', true) },
	func(ids []string, words string) string { return table(ids, words, ',', false) },
	func(ids []string, words string) string { return table(ids, words, '\t', true) },
	func(ids []string, words string) string { return table(ids, words, ';', true) },
	func(ids []string, words string) string { // a comment behind each, on its line
		words = strings.NewReplacer("\n", " ", "\r", " ").Replace(words)
		return strings.Join(ids, " # "+words+"\n")
	},
	func(ids []string, words string) string {
		return words + "\n" + strings.Join(ids, "\r\n") + "\r\n" + words + "\r" + ids[0]
	},
	func(ids []string, words string) string { return objects(ids, words, "[", ",\n", "]") },
	func(ids []string, words string) string { return objects(ids, words, "", "\n", "\n") },
	func(ids []string, words string) string {
		return objects(ids, words, "{\"data\":{\"users\":[", ",", "]}}")
	},
	func(ids []string, words string) string {
		b, _ := json.Marshal(map[string]any{"total": len(ids), words: words, "data": map[string]any{"openid": ids}})
		return string(b)
	},
}

func table(ids []string, words string, d rune, named bool) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = d
	if named {
		_ = w.Write([]string{"no", "openid", "remark"})
	}
	for i, id := range ids {
		_ = w.Write([]string{fmt.Sprint(i), id, words})
	}
	w.Flush()
	return b.String()
}

func objects(ids []string, words, before, between, after string) string {
	all := make([]string, 0, len(ids))
	for _, id := range ids {
		b, _ := json.Marshal(map[string]any{"name": words, "openid": id, "n": 1})
		all = append(all, string(b))
	}
	return before + strings.Join(all, between) + after
}

var encodings = []encoding.Encoding{
	encoding.Nop, unicode.UTF8BOM, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	simplifiedchinese.GB18030,
}

// FuzzForms: in each form and encoding, whatever stands beside them, each OpenID is
// handed over as often as it stands in its place, or something is said; and nobody is
// handed over who does not stand there.
func FuzzForms(f *testing.F) {
	for form := range forms {
		for in := range encodings {
			for _, words := range []string{"", "x", "王小明，刷屏", "said, \"x\"\nand; left\t", "openid", linestest.ID(9), "# " + linestest.ID(9)[:20], "\"", "\\u0000{[", "𠀀\u200b"} {
				f.Add(uint8(form), uint8(in), uint8(len(words)), words)
			}
		}
	}
	f.Fuzz(func(t *testing.T, form, in, n uint8, words string) {
		if !utf8.ValidString(words) || strings.ContainsRune(words, utf8.RuneError) {
			return
		}
		ids := linestest.IDs(1, 3+int(n%40))
		text := forms[int(form)%len(forms)](ids, words)
		data, err := encodings[int(in)%len(encodings)].NewEncoder().Bytes([]byte(text))
		if err != nil {
			return // words that the encoding has not
		}
		got, bad, _, err := read(t, data, lines.Options{})
		there := append(slices.Clone(ids), standing([]byte(words))...)
		there = append(there, standing([]byte(text))...)
		for _, id := range got {
			if !slices.Contains(there, id) {
				t.Errorf("%q does not stand there", id)
			}
		}
		for _, id := range ids {
			if err == nil && len(bad) == 0 && !slices.Contains(got, id) {
				t.Fatalf("%q is lost of %q: %q", id, text, got)
			}
		}
	})
}

// FuzzMemory: what memory a reader takes is bounded, whatever an input is made of and
// however long it is.
func FuzzMemory(f *testing.F) {
	for _, piece := range []string{linestest.ID(1) + "\n", "\"x,", "[{\"openid\":[", ",\"\n", "x", "{\"openid\":\"" + linestest.ID(1) + "\"}\n", "\xff\xfea\x00", "\xd0\xb0\""} {
		f.Add([]byte(piece), []byte(piece))
	}
	f.Add([]byte(`{"tags":["x"`), []byte(`,"no"`))
	f.Fuzz(func(t *testing.T, head, piece []byte) {
		if len(piece) == 0 || bytes.HasPrefix(head, []byte("PK")) { // a workbook has a bound of its own
			return
		}
		in := &weighed{endless: endless{head: string(head), piece: string(piece), left: 1 << 20}, next: 3 << 18, start: held()}
		_, _ = lines.Read(in, lines.Options{}, func(lines.Line) error { return nil })
		if in.most > 6<<20 {
			t.Errorf("%d MiB were held", in.most>>20)
		}
	})
}

// weighed is an input that asks now and then how much memory is held.
type weighed struct {
	endless
	next        int // how much is left when it asks again
	start, most uint64
}

func (w *weighed) Read(b []byte) (int, error) {
	if w.left < w.next {
		w.next -= 1 << 18
		now := held()
		w.most = max(w.most, now-min(now, w.start))
	}
	return w.endless.Read(b)
}

func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
