package lines

import (
	"strings"
	"testing"
)

// The name and the remark that stand beside an OpenID, in every form that has names for
// what stands where.
func TestPerson(t *testing.T) {
	const id = "oAQIDBLv9XGNQwpfpZvVJ4uk8TLA"
	for _, c := range []struct{ input, name, remark string }{
		{"openid,name,remark\n" + id + ",Wang,ad\n", "Wang", "ad"},
		{"备注;OpenID;昵称\n\"广告;号\";" + id + "; 小王 \n", "小王", "广告;号"},
		{"\ufeffNickname\tSex\tOpenID\tRemark\nLi\tf\t" + id + "\t\"a \"\"b\"\"\"\n", "Li", `a "b"`},
		{"openid,name,remark\n" + id + ",'=cmd,'''+1\n", "=cmd", "''+1"},
		{"openid,name,remark\n" + id + ",'quoted',x\n", "'quoted'", "x"},
		{"openid,name,remark\n" + id + ",only\n", "only", ""},
		{"openid,city\n" + id + ",Paris\n", "", ""},
		{id + "\n", "", ""},
		{`{"openid":"` + id + `","name":"Wang","remark":"=1","sex":0}` + "\n{}\n", "Wang", "=1"},
	} {
		n := 0
		_, err := Read(strings.NewReader(c.input), Options{}, func(l Line) error {
			if l.Text == id {
				n++
			}
			if name, remark := l.Person(); l.Text == id && (name != c.name || remark != c.remark) {
				t.Errorf("%q: %q, %q, want %q, %q", c.input, name, remark, c.name, c.remark)
			}
			return nil
		})
		if err != nil || n != 1 {
			t.Errorf("%q: %d, %v", c.input, n, err)
		}
	}
}
