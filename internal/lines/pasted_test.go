package lines

import (
	"slices"
	"testing"

	"mpblock"
)

func TestPasted(t *testing.T) {
	const id = "o3sDe0CA1uf9mL5aG8cXkVtYqWzE"
	if _, err := mpblock.ParseOpenID(id); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		id, "  " + id + "\n", `"` + id + `"`, "“" + id + "”", "openid=" + id, "OpenID：" + id, `{"openid":"` + id + `"}`, "\u200b" + id[:9] + "\u200b" + id[9:],
		"https://example.com/u?openid=" + id + "&x=1", "（" + id + "）。",
	} {
		if text, ids := Pasted(s); text != "" || len(ids) != 1 || ids[0].String() != id {
			t.Errorf("%q: %q, %s", s, text, ids)
		}
	}
	if _, ids := Pasted(id + "," + id[:27] + "A"); len(ids) != 2 {
		t.Errorf("two: %s", ids)
	}
	for s, want := range map[string]string{
		`"o3sDe0"`: "o3sDe0", "openid=o3s": "o3s", "openid: 'o3s": "o3s", " #25 ": "#25", "": "", "openid": "openid", "  a   remark ": "a remark",
		"job:1": "job:1", "\u200bo3s\ufeff": "o3s", "=": "=", "\xff": "",
	} {
		if text, ids := Pasted(s); text != want || len(ids) != 0 {
			t.Errorf("%q: %q, %s; want %q", s, text, ids, want)
		}
	}
}

func TestMayBegin(t *testing.T) {
	var got []bool
	for _, s := range []string{"o", "o3sDe-_", "O3", "", "o 3", "备注", "#25", "o3sDe0CA1uf9mL5aG8cXkVtYqWzEx"} {
		got = append(got, MayBegin(s))
	}
	if want := []bool{true, true, true, false, false, false, false, false}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
