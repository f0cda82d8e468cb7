package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"mpblock/internal/quoted"
)

// AppendPage appends the answer of a call that lists, in pieces: the OpenIDs stay
// where they are. A page with nothing in it has no data and an empty next_openid,
// which ends the loop of every client.
func AppendPage(pieces [][]byte, p quoted.Page) [][]byte {
	n := p.Len()
	head := make([]byte, 0, 96)
	head = append(head, `{"total":`...)
	head = strconv.AppendInt(head, int64(p.Total), 10)
	head = append(head, `,"count":`...)
	head = strconv.AppendInt(head, int64(n), 10)
	if n == 0 {
		return append(pieces, append(head, `,"next_openid":""}`...))
	}
	pieces = append(pieces, append(head, `,"data":{"openid":[`...))
	for _, run := range p.Runs { // its elements need no escaping: they are base64url
		pieces = append(pieces, run)
	}
	last, list := p.Runs[len(p.Runs)-1].Last(), &pieces[len(pieces)-1]
	*list = (*list)[:len(*list)-1] // no comma behind the last
	return append(pieces, slices.Concat([]byte(`]},"next_openid":"`), last[:], []byte(`"}`)))
}

// AppendOK appends the answer of a call that has changed what it was asked to.
func AppendOK(b []byte) []byte { return append(b, `{"errcode":0,"errmsg":"ok"}`...) }

// AppendError appends the answer of a call that was refused.
func AppendError(b []byte, code Code, message string) []byte {
	b = append(b, `{"errcode":`...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, `,"errmsg":`...)
	return append(appendJSON(b, message), '}')
}

// AppendToken appends the answer of a call that issues an access token, which is
// good for so many seconds.
func AppendToken(b []byte, token string, seconds int) []byte {
	b = append(b, `{"access_token":`...)
	b = appendJSON(b, token)
	b = append(b, `,"expires_in":`...)
	return append(strconv.AppendInt(b, int64(seconds), 10), '}')
}

func appendJSON(b []byte, v any) []byte {
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false) // it is read by people too
	if err := e.Encode(v); err != nil {
		panic(err) // strings, and structs of plain fields, always can be
	}
	return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...)
}
