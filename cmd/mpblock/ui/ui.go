// Package ui is how the commands speak and read:
//
//   - What was asked for goes to stdout, everything else to stderr.
//   - An error is one line, "mpblock: what happened, to which input", and where
//     there is something to do about it, a line "hint: " with the command to run.
//     With --json both are one object on stderr.
//   - Text is for people and may change; --json is for programs and may not.
//   - A progress bar is drawn on a terminal only; elsewhere a line now and then.
//   - What a server or a file says is printed without its control characters.
//   - A number is printed with Many or Grouped: "1 call", "2,000 calls".
//   - A secret is printed once, where it is made, and never in an error.
package ui

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"golang.org/x/term"

	"mpblock/client"
	"mpblock/native"
)

// Exit codes; they are in the help text.
const (
	CodeDone      = 0
	CodeFailed    = 1
	CodeUsage     = 2
	CodeInUse     = 3
	CodePartly    = 4
	CodeDamaged   = 5
	CodeNoServer  = 6
	CodeRefused   = 7
	CodeCancelled = 8
)

// Failure is an error with an exit code and a hint.
type Failure struct {
	Code int
	Err  error
	Hint string // the command to run, or what else to do; "" if there is nothing
}

// Error says what happened.
func (f Failure) Error() string { return f.Err.Error() }

// Unwrap returns the error without code and hint.
func (f Failure) Unwrap() error { return f.Err }

// Quietly returns a failure that is an answer: nothing is said of it but its exit code.
func Quietly(code int) error { return quiet(code) }

type quiet int

func (quiet) Error() string { return "" }

// Failed returns a failure: its exit code, its hint, and what happened.
func Failed(code int, hint, format string, args ...any) error {
	return Failure{Code: code, Err: fmt.Errorf(format, args...), Hint: hint}
}

// Terminal is where a command reads and writes.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
	AsJSON   bool // errors too are for programs
}

// WantsJSON tells whether --json is among the arguments. They may not be understood
// otherwise.
func WantsJSON(args []string) bool {
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
		Code    string `json:"code,omitempty"`    // of the native API
	} `json:"error"`
}

// Fail prints an error and returns the exit code for it.
func (t Terminal) Fail(err error) int {
	if err == nil {
		return CodeDone
	}
	if q := quiet(0); errors.As(err, &q) {
		return int(q)
	}
	f := Failure{Code: CodeFailed}
	errors.As(err, &f)
	if t.AsJSON {
		t.failJSON(err, f)
		return f.Code
	}
	fmt.Fprintf(t.Err, "mpblock: %s\n", Printable(err.Error()))
	if f.Hint != "" {
		fmt.Fprintf(t.Err, "hint: %s\n", Printable(f.Hint))
	}
	return f.Code
}

func (t Terminal) failJSON(err error, f Failure) {
	var out failedJSON
	out.Error.Message, out.Error.Hint, out.Error.Exit = err.Error(), f.Hint, f.Code
	var refused *client.Error
	if errors.As(err, &refused) {
		out.Error.ErrCode = refused.Code
	}
	var problem *native.Error
	if errors.As(err, &problem) {
		out.Error.Code = problem.Code
	}
	_ = writeJSON(t.Err, out)
}

// JSON prints a value for programs.
func (t Terminal) JSON(v any) error { return writeJSON(t.Out, v) }

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Printf prints for people.
func (t Terminal) Printf(format string, args ...any) { fmt.Fprintf(t.Out, format, args...) }

// IsTerminal tells whether a person watches stderr.
func (t Terminal) IsTerminal() bool {
	f, ok := t.Err.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// CanAsk tells whether somebody is there to answer.
func (t Terminal) CanAsk() bool {
	f, ok := t.In.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Ask puts a question and tells whether the answer is yes.
func (t Terminal) Ask(question string) bool {
	answer := strings.ToLower(t.AskFor(question + " [y/N]"))
	return answer == "y" || answer == "yes"
}

// AskFor puts a question and returns the answer, without blanks around it.
func (t Terminal) AskFor(question string) string {
	fmt.Fprint(t.Err, question, " ")
	answer, _ := bufio.NewReader(t.In).ReadString('\n')
	return strings.TrimSpace(answer)
}

// Printable returns a text without what steers a terminal, which may come from a
// server or a file.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) || r == '\n' || r == '\t' {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// Many prints a number of things: 1 call, 2,000 calls.
func Many(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return Grouped(n) + " " + thing + "s"
}

// Grouped prints a number with its thousands apart.
func Grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Local prints a time in this machine's zone, to the second.
func Local(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
