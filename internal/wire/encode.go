package wire

import (
	"bytes"
	"encoding/json"
	"strconv"

	"mpblock"
)

// AppendPage appends the answer of a call that lists. A page with nothing in it
// has no data and an empty next_openid, which ends the loop of every client.
func AppendPage(b []byte, p mpblock.Page) []byte {
	b = append(b, `{"total":`...)
	b = strconv.AppendInt(b, int64(p.Total), 10)
	b = append(b, `,"count":`...)
	b = strconv.AppendInt(b, int64(len(p.OpenIDs)), 10)
	if len(p.OpenIDs) == 0 {
		return append(b, `,"next_openid":""}`...)
	}
	b = append(b, `,"data":{"openid":[`...)
	for i := range p.OpenIDs { // OpenIDs need no escaping: they are base64url
		b = append(b, '"')
		b = append(b, p.OpenIDs[i][:]...)
		b = append(b, '"', ',')
	}
	b = append(b[:len(b)-1], `]},"next_openid":"`...)
	b = append(b, p.OpenIDs[len(p.OpenIDs)-1][:]...)
	return append(b, `"}`...)
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
