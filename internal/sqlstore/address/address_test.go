package address

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]Database{
		"mysql://u@h/d":                         {Hosts: []string{"h:3306"}, User: "u", Database: "d"},
		"mysql://u:p%40%2F:w@h:1,[::1]:2,::1/d": {Hosts: []string{"h:1", "[::1]:2", "[::1]:3306"}, User: "u", Password: "p@/:w", Database: "d"},
		"mysql://u:a@b@h:1/d?tls=false":         {Hosts: []string{"h:1"}, User: "u", Password: "a@b", Database: "d"},
	} {
		got, err := Parse(in)
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(Database{}, "TLS")); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", in, err, d)
		}
	}
	c, err := Parse("mysql://u:sekret@h:1,i:2/d?tls=true")
	if err != nil || c.TLS == nil || c.String() != "mysql://u@h:1,i:2/d" {
		t.Errorf("%v, %v", c, err)
	}
}

func TestParseErrors(t *testing.T) {
	for in, says := range map[string]string{
		"":                                 "does not begin with mysql://",
		"postgres://u:sekret@h/d":          "does not begin with mysql://",
		"mysql://h/d":                      "names no user",
		"mysql://:sekret@h/d":              "names no user",
		"mysql://u:sekret%zz@h/d":          "password is not percent-encoded",
		"mysql://u:sekret@/d":              "is no host:port",
		"mysql://u:sekret@h:/d":            "is no host:port",
		"mysql://u:sekret@h":               "names no database",
		"mysql://u:sekret@h/d/e":           "names no database",
		"mysql://u:sekret@h/d?tls=perhaps": "want true, false or skip-verify",
		"mysql://u:sekret@h/d?x=1":         `the parameter "x"`,
		"mysql://u:sekret@h/d?%zz":         "parameters are not",
		"mysql://u:sekret@h/d?tls-ca=f":    "tls-ca goes with tls=true",
		"mysql://u:sekret@h/d?tls=true&tls-ca=/nonexistent": "tls-ca: open",
		"mysql://u:sekret@h/d?tls=true&tls-ca=address.go":   "no certificate",
	} {
		_, err := Parse(in)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "want mysql://") || strings.Contains(err.Error(), "sekret") {
			t.Errorf("%s: %v", in, err)
		}
	}
}
