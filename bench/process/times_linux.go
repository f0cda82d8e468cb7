package process

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Sleep sleeps as short as the kernel can; time.Sleep rounds up to a millisecond where
// nothing else is to be done.
func Sleep(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // whom a signal wakes early looks at the time again
}

// TimesNow reads what the kernel has counted since the machine began.
func TimesNow() (t Times, err error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return t, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	const user, nice, system, idle, waiting, irq, softirq, steal = 1, 2, 3, 4, 5, 6, 7, 8
	f := strings.Fields(line)
	if len(f) <= steal {
		return t, errors.New("/proc/stat does not begin with what the cores did")
	}
	n, err := numbers(f[1:])
	if err != nil {
		return t, err
	}
	for _, i := range []int{user, nice, system, idle, waiting, irq, softirq, steal} {
		t.all += n[i-1]
	}
	t.busy, t.stolen = n[user-1]+n[nice-1]+n[system-1], n[steal-1]
	t.ours, err = ours()
	return t, err
}

func numbers(fields []string) ([]int64, error) {
	all := make([]int64, len(fields))
	for i, s := range fields {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, err
		}
		all[i] = n
	}
	return all, nil
}

// spent is what a process has used of the cores.
type spent struct {
	parent   int
	own      int64
	children int64 // of those that have ended and were waited for
}

// ours adds up what this program, and all that descend from it, have used.
func ours() (sum int64, err error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	all := map[int]spent{}
	for _, file := range files {
		b, err := os.ReadFile(file) //nolint:gosec // of the kernel
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ESRCH):
			continue // it has ended meanwhile
		case err != nil:
			return 0, err
		}
		pid, s, err := parseStat(b)
		if err != nil {
			return 0, err
		}
		all[pid] = s
	}
	me := os.Getpid()
	for pid, s := range all {
		for at := pid; at > 0; at = all[at].parent {
			if at == me {
				sum += s.own
				break
			}
		}
	}
	return sum + all[me].children, nil
}

// parseStat reads a line of /proc/PID/stat: the name in it may have blanks.
func parseStat(b []byte) (pid int, s spent, err error) {
	const parent, user, system, childUser, childSystem = 4, 14, 15, 16, 17
	head, _, found := bytes.Cut(b, []byte(" ("))
	end := bytes.LastIndexByte(b, ')')
	if !found || end < 0 {
		return 0, s, errors.New("/proc has a line of a process without its name")
	}
	if pid, err = strconv.Atoi(string(head)); err != nil {
		return 0, s, err
	}
	const first = 3 // the field behind the name, the state, which is no number
	f := strings.Fields(string(b[end+1:]))
	if len(f) <= childSystem-first {
		return 0, s, errors.New("/proc has a line of a process that ends before its time")
	}
	n, err := numbers(f[1 : childSystem-first+1])
	if err != nil {
		return 0, s, err
	}
	at := func(field int) int64 { return n[field-first-1] }
	return pid, spent{parent: int(at(parent)), own: at(user) + at(system), children: at(childUser) + at(childSystem)}, nil
}
