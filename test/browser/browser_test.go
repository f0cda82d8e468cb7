// Package browser drives the console in a real Chromium, against the real binary.
// It is a module of its own, so that what drives the browser and the client library
// that calls a new account are not mpblock's dependencies.
//
// With MPBLOCK_SCREENSHOTS set to a directory, the pages are saved there as pictures.
package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"mpblock/internal/testserver"
)

// patience is how long a page may take to do what it is waited for.
const patience = 3 * time.Minute

var (
	binary string
	axe    string // the source of axe-core

	// newTab opens a tab in the browser that all tests share.
	newTab func(...chromedp.ContextOption) (context.Context, context.CancelFunc)
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "mpblock-browser-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		source, err := os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
		if err != nil {
			fmt.Fprintf(os.Stderr, "axe-core is not there: %v\nInstall it with: npm ci, in test/browser (apt-get install nodejs npm)\n", err)
			return 1
		}
		axe = string(source)
		if binary, err = testserver.Build(filepath.Join("..", ".."), dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		end, err := startChromium(filepath.Join(dir, "profile"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer end()
		return m.Run()
	}())
}

// startChromium starts Debian's Chromium with an empty profile, and without what
// would have it look for hosts of its maker.
func startChromium(profile string) (end func(), err error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if path == "" {
		return nil, errors.New("there is no Chromium on the PATH: install the package chromium (apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "en"),
	)
	if os.Geteuid() == 0 { // for which Chromium has no sandbox
		options = append(options, chromedp.Flag("no-sandbox", true))
	}
	all, cancelAll := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(all)
	end = func() { cancel(); cancelAll() }
	if err := chromedp.Do(ctx); err != nil {
		end()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	newTab = func(options ...chromedp.ContextOption) (context.Context, context.CancelFunc) {
		return chromedp.NewContext(ctx, options...)
	}
	return end, nil
}

// serve starts a server with the demo and data of its own, which ends with the test.
func serve(t *testing.T) *testserver.Server {
	t.Helper()
	s := serveTillKilled(t)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the log of the server:\n%s", s.Log())
		}
	})
	return s
}

// serveTillKilled is serve for a test that ends the server itself.
func serveTillKilled(t *testing.T) *testserver.Server {
	t.Helper()
	return serveAt(t, filepath.Join(t.TempDir(), "data"))
}

// serveAt is serveTillKilled with data in a directory.
func serveAt(t *testing.T, data string) *testserver.Server {
	t.Helper()
	s, err := testserver.Start(binary, "serve", "--demo", "--demo-language", "en", "--listen", "127.0.0.1:0", "--data", data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Kill() }) // of a test that has failed before it came to that
	return s
}

// tab is a tab of a browser that nobody has used before.
type tab struct {
	t      *testing.T
	ctx    context.Context
	base   string
	expect map[string]bool // addresses whose answers may be errors

	mu    sync.Mutex
	wrong []string // what the browser complained about
}

// browse opens a tab with cookies of its own.
func browse(t *testing.T, base string) *tab {
	t.Helper()
	b := &tab{t: t, base: base, expect: map[string]bool{}}
	b.open(chromedp.WithNewBrowserContext())
	return b
}

func (b *tab) open(with chromedp.ContextOption) {
	b.t.Helper()
	ctx, cancel := newTab(with, chromedp.WithListener(b.hear))
	b.ctx = ctx
	b.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatal(err)
	}
	b.size(1440, 900)
	b.t.Cleanup(b.calm)
}

// enter opens the link that the server printed, which logs in, in a language.
func enter(t *testing.T, s *testserver.Server, lang string) *tab {
	t.Helper()
	link, err := s.Link()
	if err != nil {
		t.Fatal(err)
	}
	b := browse(t, s.Base)
	b.visit(link)
	b.speak(lang)
	return b
}

// speak changes the language where it is another one, by the link in the bar.
func (b *tab) speak(lang string) {
	b.t.Helper()
	if eval[string](b, "document.documentElement.lang") != lang {
		b.follow("#language")
	}
	if got := eval[string](b, "document.documentElement.lang"); got != lang {
		b.t.Fatalf("the page is in %q, want %q", got, lang)
	}
}

// hear notes each complaint of the browser: uncaught exceptions, what is written to
// the console, refusals by the content security policy, and requests that failed.
func (b *tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		b.complain("uncaught: " + text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			var args []string
			for _, a := range e.Args {
				args = append(args, string(a.Value)+a.Description)
			}
			b.complain("console: " + strings.Join(args, " "))
		}
	case *log.EventEntryAdded:
		if (e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning) && !b.expected(e.Entry.URL) {
			b.complain("log: " + e.Entry.Text + " " + e.Entry.URL)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled && e.ErrorText != "net::ERR_ABORTED" { // as of a download, or of a page that was left
			b.complain("request: " + e.ErrorText)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 && !b.expected(e.Response.URL) {
			b.complain(fmt.Sprintf("status %d of %s", e.Response.Status, e.Response.URL))
		}
	}
}

func (b *tab) expected(address string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.expect[strings.TrimPrefix(address, b.base)]
}

// allow lets an address answer with an error from now on.
func (b *tab) allow(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expect[address] = true
}

func (b *tab) complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = append(b.wrong, text)
}

// calm fails for each complaint that came since it was called last.
func (b *tab) calm() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.wrong {
		b.t.Errorf("the browser complains: %s", text)
	}
	b.wrong = nil
}

func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v\nthe page is\n%s", what, err, b.describe())
	}
}

// describe returns the address and the text of the page, for a message.
func (b *tab) describe() string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText.slice(0, 2000)`))
	if err != nil {
		return err.Error()
	}
	return text
}

// visit goes to an address, and returns the status of its answer.
func (b *tab) visit(address string) int {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.base + address
	}
	return b.load("visit "+strings.TrimPrefix(address, b.base), chromedp.Navigate(address))
}

// follow clicks what leads to another page, and waits for that.
func (b *tab) follow(css string) int {
	b.t.Helper()
	return b.load("click "+css, chromedp.Click(chromedp.CSS(css)))
}

func (b *tab) load(what string, step chromedp.Action[chromedp.Void]) int {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	res, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		b.t.Fatalf("%s: %v\nthe page is\n%s", what, err, b.describe())
	}
	return int(res.Status)
}

// click clicks what does not lead to another page.
func (b *tab) click(css string) {
	b.t.Helper()
	b.do("click "+css, chromedp.Click(chromedp.CSS(css)))
}

// fill types into a field, over what it holds.
func (b *tab) fill(css, text string) {
	b.t.Helper()
	b.do("fill "+css, chromedp.WaitVisible(chromedp.CSS(css)),
		chromedp.Evaluate[chromedp.Void]("document.querySelector("+quote(css)+").select()"),
		chromedp.SendKeys(chromedp.CSS(css), text))
}

// put sets a field at once, as pasting does.
func (b *tab) put(css, text string) {
	b.t.Helper()
	b.do("put into "+css, chromedp.WaitVisible(chromedp.CSS(css)), chromedp.SetValue(chromedp.CSS(css), text))
}

// wait waits until an expression is true, of this page or of one that it is just being left for.
func (b *tab) wait(expression string) {
	b.t.Helper()
	b.do("wait for "+expression, func(ctx context.Context, target *chromedp.Target) (v chromedp.Void, err error) {
		for {
			if v, err = chromedp.Poll[chromedp.Void](expression)(ctx, target); !left(err) {
				return v, err
			}
		}
	})
}

// left says whether a page was left while something was asked of it, in Chromium's words.
func left(err error) bool {
	said := (*cdproto.Error)(nil)
	return errors.As(err, &said) && slices.Contains([]string{
		"Cannot find context with specified id", "Execution context was destroyed.", "Inspected target navigated or closed",
	}, said.Message)
}

// text returns the text of an element, with its blanks as they show.
func (b *tab) text(css string) string {
	b.t.Helper()
	return eval[string](b, "document.querySelector("+quote(css)+")?.innerText ?? ''")
}

// has says whether there is such an element.
func (b *tab) has(css string) bool {
	b.t.Helper()
	return eval[bool](b, "document.querySelector("+quote(css)+") !== null")
}

// says fails if an element does not show a text.
func (b *tab) says(css, want string) {
	b.t.Helper()
	if got := b.text(css); !strings.Contains(got, want) {
		b.t.Errorf("%s says %q, want %q\nthe page is\n%s", css, got, want, b.describe())
	}
}

// figure returns the number in a row of a preview or a report.
func (b *tab) figure(table, kind string) int {
	b.t.Helper()
	text := b.text(table + " tr[data-kind=" + kind + "] td.number")
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		b.t.Fatalf("%s in %s: %v\nthe page is\n%s", kind, table, err, b.describe())
	}
	return n
}

func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func quote(text string) string {
	q, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string can always be written
	}
	return string(q)
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.do("set the size", chromedp.EmulateViewport(width, height))
}
