package lines

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names of the columns and fields in which people stand beside their OpenIDs.
var (
	nameNames   = []string{"name", "nickname", "nick", "姓名", "名称", "昵称", "微信昵称", "用户昵称"}
	remarkNames = []string{"remark", "remarks", "备注", "备注名"}
)

// Person returns the name and the remark that stand beside the OpenID, in columns or
// in fields of NDJSON that are named so; "" where there is none.
func (l Line) Person() (name, remark string) {
	if l.Head == "" {
		var fields map[string]any
		if strings.HasPrefix(l.Raw, "{") && json.Unmarshal([]byte(l.Raw), &fields) == nil {
			for field, value := range fields {
				if text, ok := value.(string); ok {
					set(field, text, &name, &remark)
				}
			}
		}
		return name, remark
	}
	var heads []string
	var d rune
	for _, by := range delimiters {
		if cells := split(cutMark(l.Head), by, false); len(cells) > len(heads) && nameCell(cells) >= 0 {
			heads, d = cells, by
		}
	}
	if d == 0 {
		return "", ""
	}
	for i, cell := range split(l.Raw, d, false) {
		if i < len(heads) {
			set(heads[i], unguarded(strings.TrimSpace(cell)), &name, &remark)
		}
	}
	return name, remark
}

func set(heading, text string, name, remark *string) {
	switch heading = strings.ToLower(tidy(heading)); {
	case slices.Contains(nameNames, heading):
		*name = text
	case slices.Contains(remarkNames, heading):
		*remark = text
	}
}

// unguarded takes the mark away by which an export keeps spreadsheets from taking a text
// for a formula.
func unguarded(s string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(strings.TrimLeft(s, "'"), func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }))
	if strings.HasPrefix(s, "'") && strings.ContainsRune("=+-@＝＋－＠", first) {
		return s[1:]
	}
	return s
}
