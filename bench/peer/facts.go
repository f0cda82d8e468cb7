package peer

import (
	"os/exec"
	"strings"

	"mpblock/bench/process"
)

// RedisSettings and MariaSettings are all that differs from the defaults and
// matters: every answer waits for its fsync, and the list fits in memory.
var (
	RedisSettings = []string{"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0", "--io-threads", "1"}
	MariaSettings = []string{
		"--skip-log-bin", "--innodb-flush-log-at-trx-commit=1", "--innodb-flush-method=O_DIRECT", "--innodb-buffer-pool-size=2G", "--innodb-log-file-size=1G",
		"--innodb-doublewrite=1", "--max-connections=200", "--skip-name-resolve", "--performance-schema=OFF", "--max-allowed-packet=64M",
	}
)

// Facts names the programs and settings that are measured beside ours.
func Facts() []string {
	return []string{
		"redis: " + Version("redis-server", "--version") + "; " + strings.Join(RedisSettings, " "),
		"mariadb: " + Version("mariadbd", "--version") + "; " + strings.Join(MariaSettings, " "),
	}
}

// Version returns what a program says of its version.
func Version(program, arg string) string {
	path, err := process.Need(program, program)
	if err != nil {
		return "not installed"
	}
	out, err := exec.Command(path, arg).CombinedOutput() //nolint:gosec // constants
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(out))
}
