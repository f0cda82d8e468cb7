package lines

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// Encoding is how an input writes its characters.
type Encoding string

// The encodings.
const (
	UTF8    Encoding = "UTF-8"
	UTF16   Encoding = "UTF-16"
	UTF16BE Encoding = "UTF-16BE"
	GB18030 Encoding = "GB18030" // and its parts GBK and GB2312
)

// sniffed is how much of an input is looked at to tell what it is, in bytes.
const sniffed = 64 << 10

// encodingOf tells UTF-16 by its mark, or by the zeros that Latin letters have in it.
// Whether the rest is UTF-8 or GB18030 is seen line by line: both write what OpenIDs
// are made of alike.
func encodingOf(head []byte) Encoding {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return UTF16
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return UTF16BE
	}
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i%2]++
		}
	}
	switch pairs := len(head) / 2; {
	case pairs < 2:
	case zeros[1] > pairs/2 && zeros[0] == 0:
		return UTF16
	case zeros[0] > pairs/2 && zeros[1] == 0:
		return UTF16BE
	}
	return UTF8
}

// decode returns the input as UTF-8, but for GB18030.
func decode(in io.Reader, e Encoding) io.Reader {
	switch e {
	case UTF16:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder().Reader(&pairs{in: in, line: 1})
	case UTF16BE:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder().Reader(&pairs{in: in, line: 1, high: true})
	default:
		return in
	}
}

// pairs passes UTF-16 on, and ends it where a byte is missing or one too many: behind
// that each letter is another script's, and nobody would miss who stands there.
type pairs struct {
	in   io.Reader
	high bool // the high byte of a character is the first
	odd  bool // the first byte of a character has been read
	last byte
	run  int // characters in a row that are letters of OpenIDs, shifted
	line int
}

// maxShifted is how many characters in a row may look like shifted letters, of which
// U+3000, a wide blank, is one.
const maxShifted = 8

func (p *pairs) Read(b []byte) (int, error) {
	n, err := p.in.Read(b)
	for i, c := range b[:n] {
		if p.odd = !p.odd; p.odd {
			p.last = c
			continue
		}
		high, low := c, p.last
		if p.high {
			high, low = low, high
		}
		switch {
		case low == 0 && tokenByte[high]:
			if high != '0' {
				p.run++
			}
		default:
			p.run = 0
		}
		if high == 0 && low == '\n' {
			p.line++
		}
		if p.run > maxShifted {
			return i, &Error{Key: ErrShifted, Args: []any{p.line}, Hint: "make the file anew, or save it as UTF-8"}
		}
	}
	return n, err
}

// What is recognised by its first bytes.
const oldWorkbook = "xls"

var magics = []struct{ bytes, what string }{
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", oldWorkbook},
	{"%PDF-", "a PDF"},
	{"PK\x03\x04", "a ZIP archive"},
	{"\x1f\x8b", "a gzip archive"},
	{"Rar!\x1a\x07", "a RAR archive"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{"\x28\xb5\x2f\xfd", "a zstd archive"},
	{"\x89PNG\r\n\x1a\n", "a picture"},
	{"\xff\xd8\xff", "a picture"},
	{"GIF8", "a picture"},
	{"\x7fELF", "a program"},
	{"SQLite format 3\x00", "a database file"},
}

// binary returns what an input is that is no text; "" for text.
func binary(head []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.bytes)) {
			return m.what
		}
	}
	controls := 0
	for _, c := range head {
		if c < ' ' && (c < '\t' || c > '\r') && c != 0x1b {
			controls++
		}
	}
	if controls > len(head)/32 {
		return "a binary file"
	}
	return ""
}

// isWorkbook tells an Excel workbook from other ZIP archives, whose first entries are
// not named so.
func isWorkbook(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) &&
		(bytes.Contains(head, []byte("[Content_Types].xml")) || bytes.Contains(head, []byte("xl/")) || bytes.Contains(head, []byte("_rels/.rels")))
}

// source is a text, line by line.
type source struct {
	in     *bufio.Reader
	sum    *Summary
	number int
	ahead  []physical // that were read and put back, the next one last
	told   bool       // the encoding is settled
}

// physical is a line, or a piece of one that is longer than MaxLine.
type physical struct {
	number int
	text   string
	begins bool // the line begins with it
	ends   bool // the line ends with it
	inside inside
}

func newSource(in *bufio.Reader, sum *Summary) *source { return &source{in: in, sum: sum} }

// unread puts lines back, the first of them to be read first.
func (s *source) unread(lines ...physical) {
	for i := len(lines) - 1; i >= 0; i-- {
		s.ahead = append(s.ahead, lines[i])
	}
}

// next returns the next line without its end, which is LF, CRLF or CR; io.EOF after
// the last.
func (s *source) next() (physical, error) {
	if n := len(s.ahead); n > 0 {
		p := s.ahead[n-1]
		s.ahead = s.ahead[:n-1]
		return p, nil
	}
	return s.read(true)
}

// rest returns the next piece of a line that has not ended.
func (s *source) rest() (physical, error) { return s.read(false) }

func (s *source) read(begins bool) (physical, error) {
	if begins {
		s.number++
	}
	p := physical{number: s.number, begins: begins, ends: true}
	for searched := 0; ; {
		b, _ := s.in.Peek(s.in.Buffered())
		if i := bytes.IndexAny(b[searched:], "\r\n"); i >= 0 {
			i += searched
			p.text = s.decoded(b[:i])
			long := b[i] == '\r'
			s.drop(i + 1)
			if next, err := s.in.Peek(1); long && err == nil && next[0] == '\n' {
				s.drop(1)
			}
			return p, nil
		}
		if len(b) == s.in.Size() {
			cut := lastGap(b)
			p.text, p.ends = s.decoded(b[:cut]), false
			s.drop(cut)
			return p, nil
		}
		searched = len(b)
		_, err := s.in.Peek(len(b) + 1)
		if err != nil {
			if b, _ := s.in.Peek(s.in.Buffered()); len(b) > 0 && errors.Is(err, io.EOF) {
				p.text = s.decoded(b)
				s.drop(len(b))
				return p, nil
			}
			return p, err
		}
	}
}

func (s *source) drop(n int) { _, _ = s.in.Discard(n) } // it is buffered

// lastGap returns where a piece of a long line can be cut without cutting an OpenID or
// a character.
func lastGap(b []byte) int {
	for i := len(b); i > 0; i-- {
		if c := b[i-1]; c < utf8.RuneSelf && !tokenByte[c] {
			return i
		}
	}
	whole := len(b) // characters of other scripts alone separate them
	for whole > 0 && len(b)-whole < utf8.UTFMax && !utf8.Valid(b[:whole]) {
		whole--
	}
	if utf8.Valid(b[:whole]) {
		if i := bytes.LastIndexFunc(b[:whole], func(r rune) bool { return !isTokenRune(r) }); i >= 0 {
			_, size := utf8.DecodeRune(b[i:])
			return i + size
		}
		return len(b)
	}
	gap := 0
	for i := 0; i < len(b); { // GB18030, whose characters may end with a letter or a digit
		switch size := gbSize(b[i:]); {
		case size == 0:
			i = len(b)
		case size > 1:
			i += size
			gap = i
		default:
			i++
		}
	}
	if gap == 0 {
		return len(b)
	}
	return gap
}

// gbSize returns how many bytes the first character of GB18030 has, 0 if it is cut.
func gbSize(b []byte) int {
	switch {
	case b[0] <= utf8.RuneSelf:
		return 1
	case len(b) < 2:
		return 0
	case b[1] < '0' || '9' < b[1]:
		return 2
	case len(b) < 4:
		return 0
	}
	return 4
}

// decoded returns a line as UTF-8. One that is none is taken for GB18030; the first
// of those that are not plain ASCII settles what the input is said to be.
func (s *source) decoded(b []byte) string {
	valid := utf8.Valid(b)
	if !s.told && s.sum.Encoding == UTF8 {
		if !valid {
			s.sum.Encoding = GB18030
		}
		s.told = !valid || bytes.ContainsFunc(b, func(r rune) bool { return r >= utf8.RuneSelf && !invisible(r) })
	}
	if valid {
		return string(b)
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b)
	if err != nil { // it replaces what it cannot read, and so never fails
		return string(bytes.ToValidUTF8(b, []byte("\ufffd")))
	}
	return string(text)
}
