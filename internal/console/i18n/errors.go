package i18n

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"mpblock"
)

//go:embed errors.txt
var errorsText string

// errorWords are what errors say in every language, by their keys.
var errorWords = readCatalogue(errorsText)

// Refused returns what an error says in a language. A cause that has words of its own
// says the rest.
func (l Lang) Refused(e *mpblock.Error) string {
	text, ok := errorWords[Msg(e.Key)][l]
	if !ok {
		return e.Message()
	}
	if len(e.Args) > 0 {
		text = fmt.Sprintf(text, l.named(e)...)
	}
	var cause *mpblock.Error
	if !errors.As(e.Err, &cause) {
		return text
	}
	if l == English {
		text += " "
	}
	return text + l.Refused(cause)
}

// named returns the arguments of an error, in which whoever has protected somebody is called
// as everywhere else.
func (l Lang) named(e *mpblock.Error) []any {
	if e.Key != "openid.protected" || len(e.Args) < 2 {
		return e.Args
	}
	args := slices.Clone(e.Args)
	args[1] = l.Who(fmt.Sprint(args[1]))
	return args
}
