package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"mpblock"
)

// AppendPage appends the answer of a call that lists. A page with nothing in it
// has no data and an empty next_openid, which ends the loop of every client.
func AppendPage(b []byte, p mpblock.Page) []byte {
	n := p.Len()
	b = slices.Grow(b, len(`{"total":,"count":,"data":{"openid":[]},"next_openid":""}`)+2*maxDigits+n*elementLen+mpblock.OpenIDLen)
	b = append(b, `{"total":`...)
	b = strconv.AppendInt(b, int64(p.Total), 10)
	b = append(b, `,"count":`...)
	b = strconv.AppendInt(b, int64(n), 10)
	if n == 0 {
		return append(b, `,"next_openid":""}`...)
	}
	b = append(b, `,"data":{"openid":[`...)
	for _, run := range p.Runs {
		b = appendElements(b, run)
	}
	last := p.Last()
	b = append(b[:len(b)-1], `]},"next_openid":"`...)
	b = append(b, last[:]...)
	return append(b, `"}`...)
}

const (
	elementLen = len(`"`) + mpblock.OpenIDLen + len(`",`)
	maxDigits  = 20 // of an int
)

// appendElements appends OpenIDs as elements of an array, each with a comma behind
// it. They need no escaping: they are base64url. The room for all of them is taken
// at once, and each is one move of fixed size: appending byte by byte takes five
// times as long, most of the time that a page costs.
func appendElements(b []byte, ids []mpblock.OpenID) []byte {
	n := len(b)
	b = slices.Grow(b, len(ids)*elementLen)[:n+len(ids)*elementLen]
	out := b[n:]
	for i := range ids {
		e := (*[elementLen]byte)(out)
		e[0] = '"'
		*(*mpblock.OpenID)(e[1:]) = ids[i]
		e[elementLen-2], e[elementLen-1] = '"', ','
		out = out[elementLen:]
	}
	return b
}

// AppendOK appends the answer of a call that has changed what it was asked to.
func AppendOK(b []byte) []byte { return append(b, `{"errcode":0,"errmsg":"ok"}`...) }

// AppendError appends the answer of a call that was refused.
func AppendError(b []byte, code mpblock.Code, message string) []byte {
	b = append(b, `{"errcode":`...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, `,"errmsg":`...)
	return append(appendString(b, message), '}')
}

// AppendToken appends the answer of a call that issues an access token, which is
// good for so many seconds.
func AppendToken(b []byte, token string, seconds int) []byte {
	b = append(b, `{"access_token":`...)
	b = appendString(b, token)
	b = append(b, `,"expires_in":`...)
	return append(strconv.AppendInt(b, int64(seconds), 10), '}')
}

func appendString(b []byte, s string) []byte {
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false) // an errmsg is read by people too
	if err := e.Encode(s); err != nil {
		panic(err) // a string always can be
	}
	return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...)
}
