//go:build cluster

package engine

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Balancer is the load balancer of deploy/haproxy.
type Balancer struct {
	Base string // http://host:port

	process *process
}

// StartBalancer starts it in front of nodes, given as host:port. module is the
// directory of the module. It returns when a node is there.
func StartBalancer(ctx context.Context, module, dir string, nodes ...string) (*Balancer, error) {
	if err := Find(Need{"haproxy", "haproxy"}); err != nil {
		return nil, err
	}
	port, err := Port()
	if err != nil {
		return nil, err
	}
	if err := copyDeployed(module, dir, nodes[min(2, len(nodes)):]); err != nil {
		return nil, err
	}
	b := &Balancer{Base: "http://" + loopback(port)}
	b.process, err = start("haproxy", dir, []string{"setpriv", "--pdeathsig", "KILL", "haproxy", "-db", "-f", filepath.Join(dir, "haproxy.cfg")},
		"MPBLOCK_BIND="+loopback(port), "MPBLOCK_NODE1="+nodes[0], "MPBLOCK_NODE2="+nodes[1])
	if err != nil {
		return nil, err
	}
	err = until(ctx, 5*time.Minute, func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.Base+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		if res.Header.Get("Content-Type") != "text/plain; charset=utf-8" { // not from a node
			err = fmt.Errorf("it answers %s", res.Header.Get("Content-Type"))
		}
		_ = res.Body.Close() // its header said it
		return err
	}, b.process)
	if err != nil {
		b.Stop()
		return nil, err
	}
	return b, nil
}

// copyDeployed copies the files of deploy/haproxy and adds the nodes that go beyond the
// two of them.
func copyDeployed(module, dir string, more []string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, name := range []string{"haproxy.cfg", "system-error.http"} {
		text, err := os.ReadFile(filepath.Join(module, "deploy", "haproxy", name)) //nolint:gosec // of our own
		if err != nil {
			return err
		}
		var b strings.Builder
		b.Write(text)
		if name == "haproxy.cfg" {
			for i, node := range more {
				fmt.Fprintf(&b, "    server node%d %s\n", i+3, node)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends it.
func (b *Balancer) Stop() { b.process.kill() }
