package client

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A page of 10,000 is parsed once: every OpenID of it takes one piece of memory.
func TestPagesAreParsedOnce(t *testing.T) {
	const size = 10_000
	ids := make([]string, size)
	for i := range ids {
		ids[i] = fmt.Sprintf(`"o6_bmjrPTlm6_2sgVt7%09d"`, i)
	}
	text := fmt.Appendf(nil, `{"total":%d,"count":%d,"data":{"openid":[%s]},"next_openid":%s}`, size, size, strings.Join(ids, ","), ids[size-1])
	res := &http.Response{StatusCode: http.StatusOK}
	pieces := testing.AllocsPerRun(3, func() {
		if a, err := (&Client{}).understand(request{name: "getblacklist", read: true}, res, text); err != nil || len(a.Data.OpenID) != size {
			t.Fatal(err)
		}
	})
	if pieces > size*1.2 {
		t.Errorf("%.0f pieces of memory for %d OpenIDs", pieces, size)
	}
}
