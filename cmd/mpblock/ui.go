package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"

	"mpblock/client"
)

// How the commands speak:
//
//   - What was asked for goes to stdout, everything else to stderr.
//   - An error is one line, "mpblock: what happened, to which input", and where
//     there is something to do about it, a line "hint: " with the command to run.
//     With --json both are one object on stderr.
//   - Text is for people and may change; --json is for programs and may not.
//   - A progress bar is drawn on a terminal only; elsewhere a line now and then.
//   - What a server or a file says is printed without its control characters.
//   - A number is printed with many or grouped: "1 call", "2,000 calls".
//   - A secret is printed once, where it is made, and never in an error.

// Exit codes; they are in the help text.
const (
	codeDone      = 0
	codeFailed    = 1
	codeUsage     = 2
	codeInUse     = 3
	codePartly    = 4
	codeDamaged   = 5
	codeNoServer  = 6
	codeRefused   = 7
	codeCancelled = 8
)

// failure is an error with an exit code and a hint.
type failure struct {
	code int
	err  error
	hint string
}

func (f failure) Error() string { return f.err.Error() }
func (f failure) Unwrap() error { return f.err }

func failed(code int, hint, format string, args ...any) error {
	return failure{code: code, err: fmt.Errorf(format, args...), hint: hint}
}

// terminal is where a command reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	asJSON   bool // errors too are for programs
}

// wantsJSON tells whether --json is among the arguments. They may not be understood
// otherwise.
func wantsJSON(args []string) bool {
	for _, a := range args {
		if a == "--" {
			break
		}
		if a == "--json" {
			return true
		}
	}
	return false
}

// failedJSON is an error as --json prints it.
type failedJSON struct {
	Error struct {
		Message string `json:"message"`
		Hint    string `json:"hint,omitempty"`
		Exit    int    `json:"exit"`
		ErrCode int    `json:"errcode,omitempty"` // of the API
	} `json:"error"`
}

// fail prints an error and returns the exit code for it.
func (t terminal) fail(err error) int {
	if err == nil {
		return codeDone
	}
	f := failure{code: codeFailed}
	errors.As(err, &f)
	if t.asJSON {
		t.failJSON(err, f)
		return f.code
	}
	fmt.Fprintf(t.err, "mpblock: %s\n", printable(err.Error()))
	if f.hint != "" {
		fmt.Fprintf(t.err, "hint: %s\n", printable(f.hint))
	}
	return f.code
}

func (t terminal) failJSON(err error, f failure) {
	var out failedJSON
	out.Error.Message, out.Error.Hint, out.Error.Exit = err.Error(), f.hint, f.code
	var refused *client.Error
	if errors.As(err, &refused) {
		out.Error.ErrCode = refused.Code
	}
	_ = writeJSON(t.err, out)
}

// json prints a value for programs.
func (t terminal) json(v any) error { return writeJSON(t.out, v) }

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printf prints for people.
func (t terminal) printf(format string, args ...any) { fmt.Fprintf(t.out, format, args...) }

// isTerminal tells whether a person watches stderr.
func (t terminal) isTerminal() bool {
	f, ok := t.err.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// canAsk tells whether somebody is there to answer.
func (t terminal) canAsk() bool {
	f, ok := t.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ask puts a question and tells whether the answer is yes.
func (t terminal) ask(question string) bool {
	fmt.Fprint(t.err, question, " [y/N] ")
	answer, _ := bufio.NewReader(t.in).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// printable returns a text without what steers a terminal, which may come from a
// server or a file.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) || r == '\n' || r == '\t' {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// many prints a number of things: 1 call, 2,000 calls.
func many(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(n) + " " + thing + "s"
}

// grouped prints a number with its thousands apart.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
