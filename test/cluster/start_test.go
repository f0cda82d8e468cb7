//go:build cluster

package cluster

import (
	"errors"
	"sync"
	"testing"

	"mpblock/test/cluster/nodes"
)

// Ten nodes that find an empty database make its tables, once, and come up.
func TestTenAtOnce(t *testing.T) {
	urls := database(t, galera, "ten", false)
	all, errs := make([]*nodes.Node, 10), make([]error, 10)
	var wg sync.WaitGroup
	for i := range all {
		all[i] = nodes.New(t, binary, urls[i%3], nil)
		wg.Go(func() { errs[i] = all[i].Start() })
	}
	wg.Wait()
	nodes.Must(t, errors.Join(errs...))
	a := all[0].AddAccount(t)
	for i, n := range all {
		n.Block(t, a, a.IDs(i*20, 20))
	}
	listed, err := all[9].Walk(all[9].HTTP, all[9].Token(t, a))
	if err != nil || len(listed) != 200 {
		t.Errorf("%d are blocked, %v, want 200", len(listed), err)
	}
	all[0].Check(t)
}
