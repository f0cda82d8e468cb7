package i18n

import (
	_ "embed"
	"errors"
	"fmt"

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
		text = fmt.Sprintf(text, e.Args...)
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
