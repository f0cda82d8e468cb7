package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// tempDir is a directory that other users may look into, unlike t.TempDir's
// parents; it stays away from the caller's umask.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mpblock-engine-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What one node has acknowledged the others have, a killed one too when it is
// back.
func TestGaleraNodeKilled(t *testing.T) {
	begin := time.Now()
	g, err := StartGalera(t.Context(), tempDir(t))
	must(t, err)
	t.Cleanup(g.Stop)
	t.Logf("three nodes in sync after %v", time.Since(begin))
	must(t, g.Nodes[0].Exec(t.Context(), "CREATE DATABASE mpblock_x", "CREATE TABLE mpblock_x.t (n INT PRIMARY KEY)"))
	for i, n := range g.Nodes {
		n.Kill()
		must(t, g.Nodes[(i+1)%3].Exec(t.Context(), "INSERT INTO mpblock_x.t VALUES ("+filepath.Base(n.dir)[6:]+")"))
		begin := time.Now()
		must(t, n.Start())
		must(t, n.Synced(t.Context()))
		t.Logf("node %d back in sync after %v", i+1, time.Since(begin))
		size, err := n.Status(t.Context(), "wsrep_cluster_size")
		if err != nil || size != "3" {
			t.Errorf("it sees %s nodes, %v", size, err)
		}
	}
}
