//go:build mariadb

package sqlstore

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy stands between a store and its server, knows where a command begins, and
// can break the connection at one.
type proxy struct {
	Addr   string
	server string
	listen net.Listener

	mu       sync.Mutex
	commands []string // the first bytes of all that were sent
	prefix   string   // of the command at which to break, "" for none
	deliver  bool     // the server still gets it; the answer is lost
	cuts     int      // how often to break yet
	done     int      // how often it broke
	broken   func()   // called at each break, before the client sees it
	refuse   bool     // new connections
	frozen   bool     // takes what it is sent, and does nothing more
	open     map[net.Conn]struct{}
	end      chan struct{}
}

func startProxy(tb testing.TB, server string) *proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{Addr: l.Addr().String(), server: server, listen: l, open: map[net.Conn]struct{}{}, end: make(chan struct{})}
	go p.accept()
	tb.Cleanup(func() { _ = l.Close(); close(p.end) })
	return p
}

func (p *proxy) accept() {
	for {
		c, err := p.listen.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		refuse := p.refuse
		p.open[c] = struct{}{}
		p.mu.Unlock()
		if refuse {
			_ = c.Close()
			continue
		}
		go p.serve(c)
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	p.freezes()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	answers := make(chan struct{}) // closed when no answer comes any more
	var lost sync.Once
	cut := make(chan struct{})
	go func() {
		defer close(answers)
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			select {
			case <-cut: // the server has answered: it has done what it was sent. The client is told below
				return
			default:
			}
			if err == nil {
				_, err = client.Write(buf[:n])
			}
			if err != nil {
				_ = client.Close()
				return
			}
		}
	}()
	for {
		packet, err := readPacket(client)
		if err != nil {
			return
		}
		p.freezes()
		breaks, deliver := p.sees(packet)
		if breaks {
			lost.Do(func() { close(cut) })
		}
		if !breaks || deliver {
			if _, err := server.Write(packet); err != nil {
				return
			}
		}
		if breaks {
			if deliver {
				<-answers
			}
			if p.broken != nil {
				_ = server.Close() // with its locks
				p.broken()
			}
			return
		}
	}
}

// readPacket reads a packet of the protocol: three bytes of length, a number, and
// the content.
func readPacket(from io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32([]byte{head[0], head[1], head[2], 0})
	packet := append(head[:], make([]byte, n)...)
	_, err := io.ReadFull(from, packet[4:])
	return packet, err
}

// sees notes a command and tells whether to break the connection at it.
func (p *proxy) sees(packet []byte) (breaks, deliver bool) {
	const query = 3
	if len(packet) < 6 || packet[3] != 0 || packet[4] != query {
		return false, false
	}
	text := packet[5:]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commands = append(p.commands, string(text[:min(len(text), 40)]))
	if p.cuts == 0 || !bytes.HasPrefix(text, []byte(p.prefix)) {
		return false, false
	}
	p.cuts--
	p.done++
	return true, p.deliver
}

// cut has the next connections break at a command, so many times: before the server
// gets it, or after it has done it and before its answer arrives.
func (p *proxy) cut(prefix string, deliver bool, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prefix, p.deliver, p.cuts, p.done = prefix, deliver, times, 0
}

// broke returns how often a connection was broken since cut.
func (p *proxy) broke() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// sent returns how many commands began with a prefix.
func (p *proxy) sent(prefix string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.commands {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

// away breaks all connections and refuses new ones, or takes them again.
func (p *proxy) away(is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = is
	if !is {
		return
	}
	for c := range p.open {
		_ = c.Close()
		delete(p.open, c)
	}
}

// freeze has the proxy do nothing more, with all connections open.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = true
}

// freezes waits for the end where the proxy is frozen.
func (p *proxy) freezes() {
	p.mu.Lock()
	frozen := p.frozen
	p.mu.Unlock()
	if frozen {
		<-p.end
	}
}
