package remarks

import "mpblock"

var (
	errLength  = mpblock.NewError(mpblock.Invalid, "remark.length", "a remark of %d characters: want at most %d")
	errName    = mpblock.NewError(mpblock.Invalid, "remark.name.length", "a name of %d characters: want at most %d")
	errLine    = mpblock.NewError(mpblock.Invalid, "remark.line", "names and remarks are each one line of text")
	errForeign = mpblock.NewError(mpblock.Invalid, "remark.foreign", "%s is an OpenID of another account, and gets no remark here")
	errCursor  = mpblock.NewError(mpblock.Invalid, "remark.cursor", "this page of remarks is not there: begin with the first one")
	errText    = mpblock.NewError(mpblock.Invalid, "remark.text", "the text to look for in remarks is empty")
)
