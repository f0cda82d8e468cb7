package console

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mpblock/internal/console/i18n"
	"mpblock/internal/lines"
	"mpblock/internal/lines/linestest"
)

// TestFilesThroughTheConsole: what the reader reads is what a job is drafted of, pasted
// or uploaded. What was read, and each bad line, is told in both languages, on the page
// and in the file of what was left out.
func TestFilesThroughTheConsole(t *testing.T) {
	s := filled(t)
	b := s.as("operator")
	for _, language := range []i18n.Lang{i18n.English, i18n.Chinese} {
		b.post("/me/language", "lang", string(language))
		for _, f := range linestest.Files() {
			for _, pasted := range []bool{false, true} {
				if pasted && f.Name == "one-line.txt" {
					continue // as long as others, and slow
				}
				name, list, file := f.Name, "", string(f.Data)
				if pasted {
					name, list, file = "", file, ""
				}
				a := b.send(base+"/bulk", "block", list, name, file)
				a.body = html.UnescapeString(a.body)
				if f.Error != "" || len(f.OpenIDs) == 0 {
					a.holds(t, 422, words(t, language, f, name)...)
					continue
				}
				a.holds(t, 200, words(t, language, f, name)...)
				draftHolds(t, a, f)
				if len(f.Bad) > 0 {
					wantRefused(t, b.get(a.path+"/refused").body, language, f)
				}
			}
		}
	}
}

// words returns what a page says of a file.
func words(t *testing.T, l i18n.Lang, f linestest.File, name string) (want []string) {
	t.Helper()
	var bad []lines.Line
	sum, err := lines.Read(bytes.NewReader(f.Data), lines.Options{Name: name}, func(l lines.Line) error {
		if l.Problem != nil {
			bad = append(bad, l)
		}
		return nil
	})
	if e, ok := err.(*lines.Error); ok { //nolint:errorlint // nothing is around it
		return []string{l.Unread(e)}
	}
	if sum.String() != f.Summary || err != nil {
		t.Fatalf("%s: %v, %v", f.Name, sum, err)
	}
	if len(f.OpenIDs) == 0 {
		return nil
	}
	want = append(want, l.WasRead(sum))
	if l == i18n.English { // the same as commands say
		first, rest, _ := strings.Cut(f.Summary, ";")
		said := strings.Replace(strings.Replace(first, "OpenIDs", "OpenIDs read", 1), "1 OpenID ", "1 OpenID read ", 1)
		if said == "1 OpenID" {
			said += " read"
		}
		want = append(want, said)
		if rest, _, _ = strings.Cut(rest, "; 1 malformed"); rest != "" && !strings.Contains(rest, "malformed") {
			want = append(want, rest)
		}
	}
	for i, line := range f.Told {
		want = append(want, fmt.Sprintf(`<td>%d</td><td class="openid" translate="no">%s</td><td>%s</td>`,
			line.Line, line.Text, why(l, bad[i])))
	}
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "\x00", "\ufffd") // as html/template has it
	}
	return want
}

// why is what is wrong with a line.
func why(l i18n.Lang, line lines.Line) string {
	var args []string
	for _, a := range line.Problem.Args {
		args = append(args, fmt.Sprint(a))
	}
	text, ok := l.BadLine(line.Problem.Key, args)
	if !ok {
		return "no words for " + line.Problem.Key
	}
	return text
}

var planRow = regexp.MustCompile(`data-kind="([a-z]+)"><th scope="row">[^<]+</th><td class="number">([0-9,]+)<`)

// draftHolds tells of a page that counts otherwise than a file does.
func draftHolds(t *testing.T, a answer, f linestest.File) {
	t.Helper()
	n := make(map[string]int)
	for _, m := range planRow.FindAllStringSubmatch(a.body, -1) {
		n[m[1]], _ = strconv.Atoi(strings.ReplaceAll(m[2], ",", ""))
	}
	different := slices.Compact(slices.Sorted(slices.Values(f.OpenIDs)))
	if n["unknown"] != len(different) || n["malformed"] != len(f.Bad) || n["duplicate"] != len(f.OpenIDs)-len(different) {
		t.Errorf("%s: %d different of %d OpenIDs and %d bad lines are shown as %v", f.Name, len(different), len(f.OpenIDs), len(f.Bad), n)
	}
}

// wantRefused tells of a file of what was left out that lacks a bad line of a file, or
// says it in another language than the pages.
func wantRefused(t *testing.T, body string, l i18n.Lang, f linestest.File) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 1+len(f.Bad) {
		t.Fatalf("%s: %v, %q", f.Name, err, rows)
	}
	again, err := lines.Read(strings.NewReader(body), lines.Options{Name: "refused.csv"}, func(lines.Line) error { return nil })
	if err != nil || again.OpenIDs != 0 || again.Bad != len(f.Bad) {
		t.Errorf("%s: of what was left out is read again: %s; %v\n%s", f.Name, again, err, body)
	}
	for i, line := range f.Told {
		row := rows[1+i]
		if row[1] != strconv.Itoa(line.Line) || strings.ContainsFunc(row[3], func(r rune) bool { return 0x4e00 <= r && r < 0xa000 }) != (l == i18n.Chinese) {
			t.Errorf("%s: %q, want line %d", f.Name, row, line.Line)
		}
	}
}

// TestSlowUploads: while the bodies of uploads trickle in, however many, they keep nobody
// from a list of their own.
func TestSlowUploads(t *testing.T) {
	s := filled(t)
	slow := s.as("operator")
	form := multipart.NewWriter(io.Discard)
	begin := "--" + form.Boundary() + "\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nblock\r\n--" + form.Boundary() +
		"\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n" + strings.Repeat(follower(0)+"\n", 1<<18)
	var bodies []*io.PipeWriter
	ended := make(chan int)
	for range 6 {
		out, in := io.Pipe()
		bodies = append(bodies, in)
		r := slow.request(http.MethodPost, base+"/bulk", out)
		r.Header.Set("Content-Type", form.FormDataContentType())
		go func() { ended <- slow.do(r).status }()
		if _, err := io.WriteString(in, begin); err != nil { // more than lies on the way: it is being read
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // so that a failure is one
	defer cancel()
	b := s.as("operator")
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if err := errors.Join(w.WriteField("action", "block"), w.WriteField("list", follower(1)), w.Close()); err != nil {
		t.Fatal(err)
	}
	r := b.request(http.MethodPost, base+"/bulk", &body).WithContext(ctx)
	r.Header.Set("Content-Type", w.FormDataContentType())
	b.do(r).holds(t, 200, "1 user would be blocked")
	for _, in := range bodies {
		_, err := io.WriteString(in, "\r\n--"+form.Boundary()+"--\r\n")
		if err = errors.Join(err, in.Close()); err != nil {
			t.Error(err)
		}
		if status := <-ended; status != 200 {
			t.Errorf("a slow upload: %d", status)
		}
	}
}
