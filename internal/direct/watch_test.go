package direct

import (
	"net"
	"testing"
)

// A call that is soon over is not watched; one that takes long is, until it is over.
func TestWatchBeginsLate(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tcp, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	d := &Listener{}
	d.looks.Store(true) // this test does
	c := &conn{tcp: tcp.(*net.TCPConn), door: d, watcher: watcher{heard: make(chan struct{}, 1)}}
	for looks, want := range []int8{asked, seen, begun, begun} {
		stop := c.watch(func() { t.Error("the caller is there") })
		for range looks {
			c.beginWatch()
		}
		if c.watcher.state != want {
			t.Errorf("after %d looks at it the watch is in state %d, want %d", looks, c.watcher.state, want)
		}
		stop()
		if c.beginWatch() || c.watcher.state != unasked {
			t.Errorf("when it is over the watch is in state %d", c.watcher.state)
		}
	}
}
