//go:build crash

package crash

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"mpblock/internal/testserver"
)

// A client that never sends its body does not spoil a stop: the process ends by itself
// and well, and has given back what it had reserved of the quota.
func TestStoppedUnderAnOpenRequest(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s, token := start(t, dir)
	const limit = 40 // of which a twentieth is reserved at once
	out, code, err := testserver.Run(binary, "account", "set", testserver.DemoAppID, "--data", dir, "--daily", fmt.Sprint("getblacklist=", limit))
	if err != nil || code != 0 {
		t.Fatalf("mpblock account set ends with %d, %v:\n%s", code, err, out)
	}
	list := func() int {
		t.Helper()
		a, err := s.Post(http.DefaultClient, "getblacklist", token, `{"begin_openid":""}`)
		if err != nil {
			t.Fatal(err)
		}
		return a.Errcode
	}
	if code := list(); code != 0 {
		t.Fatalf("errcode %d", code)
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(s.Base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /cgi-bin/tags/members/batchblacklist?access_token=%s HTTP/1.1\r\nHost: mpblock\r\n"+
		"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n", token)
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if log := s.Log(); strings.Contains(log, "level=WARN") || !strings.Contains(log, "are cut") {
		t.Errorf("log:\n%s", log)
	}
	s, token = start(t, dir)
	defer kill(t, s)
	left := 0
	for ; left <= limit && list() == 0; left++ {
	}
	if left != limit-1 {
		t.Errorf("%d calls are left of %d after one", left, limit)
	}
}
