package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load is a number of callers, each of whom asks again as soon as it is answered.
type load struct {
	callers int
	round   time.Duration
	client  *http.Client
}

func newLoad(callers int, round time.Duration) *load {
	return &load{callers: callers, round: round, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: callers, DisableCompression: true},
	}}
}

// measure has every caller call until the round is over.
func (l *load) measure(call func(n uint64) error) (sample, error) {
	var n atomic.Uint64
	var failed atomic.Pointer[error]
	took := make([][]time.Duration, l.callers)
	begin := time.Now()
	var wg sync.WaitGroup
	for c := range l.callers {
		wg.Go(func() {
			for time.Since(begin) < l.round && failed.Load() == nil {
				start := time.Now()
				if err := call(n.Add(1)); err != nil {
					failed.Store(&err)
					return
				}
				took[c] = append(took[c], time.Since(start))
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(begin)
	if err := failed.Load(); err != nil {
		return sample{}, *err
	}
	all := slices.Concat(took...)
	slices.Sort(all)
	return sample{rate: float64(len(all)) / elapsed.Seconds(), p50: all[len(all)/2], p99: all[len(all)*99/100]}, nil
}

var readBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// post measures calls of a URL, each of which must be answered with want in its
// first bytes.
func (l *load) post(url string, body func(n uint64) string, want string) (sample, error) {
	return l.measure(func(n uint64) error {
		res, err := l.client.Post(url, "application/json", strings.NewReader(body(n)))
		if err != nil {
			return err
		}
		defer res.Body.Close()                   //nolint:errcheck // it has been read
		buf := readBuffers.Get().(*bytes.Buffer) //nolint:forcetypeassert // the pool holds nothing else
		defer readBuffers.Put(buf)
		buf.Reset()
		if _, err := io.Copy(buf, res.Body); err != nil {
			return err
		}
		if head := buf.Bytes()[:min(80, buf.Len())]; !bytes.Contains(head, []byte(want)) {
			return fmt.Errorf("answer %s", head)
		}
		return nil
	})
}

// facts describes the machine.
func facts() string {
	line := func(name string, command ...string) string {
		out, err := exec.Command(command[0], command[1:]...).Output() //nolint:gosec // constants
		if err != nil {
			return name + ": not known"
		}
		return name + ": " + strings.TrimSpace(string(out))
	}
	return strings.Join([]string{
		"date: " + time.Now().UTC().Format(time.DateOnly),
		line("commit", "git", "rev-parse", "--short", "HEAD"),
		fmt.Sprintf("go: %s %s/%s, %d cores", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
		line("cpu", "sh", "-c", "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1"),
		line("memory", "sh", "-c", "awk '/MemTotal/ {printf \"%.0f GiB\", $2/1048576}' /proc/meminfo"),
		line("kernel", "uname", "-r"),
		line("file system", "stat", "-f", "-c", "%T", os.TempDir()),
	}, "\n")
}
