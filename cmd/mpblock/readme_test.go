//go:build shells

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mpblock/internal/seed"
	"mpblock/internal/testserver"
)

// boxes are the pieces of a document to paste, by their language.
func boxes(t *testing.T, name, heading string) map[string][]string {
	t.Helper()
	all, err := testserver.Boxes(name, heading)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// program is an empty directory beside a clone.
func program(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "program"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, filepath.Join(dir, "mpblock")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "program")
}

// shell runs a script there, and returns what it prints.
func shell(t *testing.T, dir, script string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euc", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s\n%v: %s", script, err, out)
	}
	return string(out)
}

// paste writes the first box of Go into a directory as a test, and runs the last one for
// a shell, which tests it.
func paste(t *testing.T, dir string, boxes map[string][]string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "program_test.go"), []byte(boxes["go"][0]), 0o600); err != nil {
		t.Fatal(err)
	}
	return shell(t, dir, boxes["sh"][len(boxes["sh"])-1])
}

// What the README has to paste works in an empty directory beside a clone, and is the
// same in both languages but for its comments.
func TestREADMEBoxes(t *testing.T) {
	en := boxes(t, "../../README.md", "Four boxes to paste")
	zh := boxes(t, "../../README.zh-CN.md", "四段可直接粘贴的命令")
	comment := regexp.MustCompile(`(?m) *(#|// ).*$`)
	if bare := func(all map[string][]string) string { return comment.ReplaceAllString(fmt.Sprint(all), "") }; bare(en) != bare(zh) {
		t.Errorf("they differ:\n%s\n%s", bare(en), bare(zh))
	}
	dir := program(t)
	t.Run("a Go test", func(t *testing.T) { paste(t, dir, en) })
	t.Run("in CI", func(t *testing.T) {
		address := free(t)
		_, script, _ := strings.Cut(en["yaml"][0], "run: |\n")
		script = strings.ReplaceAll(script, "127.0.0.1:8080", address)
		shell(t, dir, script+"\nkill $!", "MPBLOCK_LISTEN="+address)
		if _, err := http.Get("http://" + address + "/readyz"); err == nil {
			t.Error("the server goes on")
		}
	})
}

// The test of docs/emulator.md tests what it says, in the time that it says.
func TestEmulatorBox(t *testing.T) {
	out := paste(t, program(t), boxes(t, "../../docs/emulator.md", "A test of a bad day, in five minutes"))
	m := regexp.MustCompile(`ok\s+example.com/program\s+(\S+s)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no test ran: %s", out)
	}
	if took, err := time.ParseDuration(m[1]); err != nil || took >= time.Second {
		t.Errorf("it took %s, %v", m[1], err)
	}
}

// indented are the commands of a document that stand indented, without their comments.
func indented(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^    (mpblock .*)$`).FindAllStringSubmatch(string(text), -1) {
		all = append(all, regexp.MustCompile(` +#.*`).ReplaceAllString(m[1], ""))
	}
	return all
}

// All commands of docs/operations.md, and of its short form in Chinese, that need no
// database work one after the other, as they stand there.
func TestOperationsCommands(t *testing.T) {
	for _, name := range []string{"operations.md", "operations.zh-CN.md"} {
		t.Run(name, func(t *testing.T) { runOperations(t, "../../docs/"+name) })
	}
}

func runOperations(t *testing.T, document string) {
	dir := withBinary(t)
	script := []string{
		`trap 'kill $(jobs -p); wait' EXIT`,
		`ready() { until [ -S data/mpblock.sock ]; do sleep 0.05; done; }`,
		`people() { mpblock follower mint --data data --account $APPID 3 > followers.txt; (echo openid,name,remark; sed 's/$/,Li,asks for refunds/' followers.txt) > people.csv; }`,
	}
	n := 0
	for _, command := range indented(t, document) {
		if strings.Contains(command, "mysql://") {
			continue
		}
		n++
		command = strings.NewReplacer("/var/lib/mpblock", "data", "/backup/2026-11-24", "backup", "wx…", "$APPID", "o… o…", "$(head -2 followers.txt)", "o…", "$(head -1 followers.txt)").Replace(command)
		switch {
		case strings.Contains(command, "account remove"):
			command += " --yes" // nobody is there to be asked
		case strings.HasSuffix(command, "&"):
			command += "\nready"
		case strings.Contains(command, "account add"):
			command += " > account.txt\nAPPID=$(sed -n 's/^appid *//p' account.txt)\npeople"
		}
		script = append(script, command)
	}
	if n < 14 {
		t.Fatalf("%d commands", n)
	}
	script = append(script, "grep -c 'asks for refunds' all.csv")
	out := shell(t, dir, strings.Join(script, "\n"), "MPBLOCK_LISTEN=127.0.0.1:0")
	if !strings.Contains(out, "\n3\n") {
		t.Errorf("the remarks that were imported are not exported:\n%s", out)
	}
}

// withBinary is an empty directory, with mpblock on the PATH.
func withBinary(t *testing.T) string {
	t.Helper()
	binary, err := testserver.Build("../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(binary)+":"+os.Getenv("PATH"))
	return t.TempDir()
}

// The commands of "An operator's day" work as they stand there, with the profile of
// docs/cli.md in place of their variables, too; so do those of the pages in Chinese.
func TestOperatorsDay(t *testing.T) {
	t.Run("en", func(t *testing.T) { runDay(t, "README.md", "An operator's day", "cli.md", "Profiles", "") })
	t.Run("zh", func(t *testing.T) {
		runDay(t, "README.zh-CN.md", "运营人员的一天", "cli.zh-CN.md", "配置文件", "一次完整的操作")
	})
}

// runDay runs a box of a README, and one of a page about the commands, if it has one.
func runDay(t *testing.T, readme, day, page, profile, more string) {
	dir := withBinary(t)
	s, err := testserver.Start("mpblock", "serve", "--demo", "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	fill := strings.NewReplacer("http://127.0.0.1:8080", s.Base, "wx…", testserver.DemoAppID, "wx0123456789abcdef", testserver.DemoAppID,
		"block-….job", "$(cd jobs && echo block-*.job)")
	for name, content := range map[string]string{
		"secret": testserver.DemoSecret, "shop.secret": testserver.DemoSecret,
		"profiles.yaml": fill.Replace(boxes(t, "../../docs/"+page, profile)["yaml"][0]),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	jobs, profiles := "MPBLOCK_JOBS="+filepath.Join(dir, "jobs"), "MPBLOCK_PROFILES="+filepath.Join(dir, "profiles.yaml")
	spam := "mpblock list | head -3 > spam.txt; mpblock unblock -f spam.txt\n"
	variables, commands, _ := strings.Cut(fill.Replace(boxes(t, "../../"+readme, day)["sh"][0]), "\n")
	shell(t, dir, variables+"\n"+spam+commands, jobs)
	listed := shell(t, dir, "wc -l < blacklist.txt; mpblock list | wc -l; mpblock list --profile shop | wc -l", profiles)
	if want := strings.Repeat("23000\n", 3); listed != want {
		t.Errorf("the lists have\n%swant\n%s", listed, want)
	}
	if more != "" {
		out := shell(t, dir, "rm -r jobs\nmpblock unblock -f spam.txt --profile shop --job free\n"+fill.Replace(boxes(t, "../../docs/"+page, more)["sh"][0]),
			jobs, profiles, "MPBLOCK_SECRET_FILE="+filepath.Join(dir, "secret"))
		if !strings.Contains(out, "JOB ") {
			t.Errorf("no jobs are listed:\n%s", out)
		}
	}
}

// Each command of docs/emulator.md does something, in the order in which they stand
// there, and each plan and seed is one.
func TestEmulatorCommands(t *testing.T) {
	bin := t.TempDir()
	if _, err := testserver.Build("../..", bin); err != nil {
		t.Fatal(err)
	}
	s, err := testserver.Start(filepath.Join(bin, "mpblock"), "serve", "--demo", "--listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	dir := t.TempDir()
	run := func(script string) {
		t.Helper()
		shell(t, dir, script, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "MPBLOCK_CONTROL="+s.Control)
	}
	edit := strings.NewReplacer(
		"--follow ", "", // it would not end
		"--times 3", "--times 3 || [ $? = 4 ]", // nobody has called
		"curl ", "curl -sf ", "http://127.0.0.1:8081", s.Control)
	commands := 0
	for _, heading := range []string{"From any language", "Fault plans", "Time", "State: reset, snapshots, seeds", "The journal", "The control door"} {
		all := boxes(t, "../../docs/emulator.md", heading)
		for _, box := range all["sh"] {
			for line := range strings.Lines(box) {
				if !strings.HasPrefix(line, "mpblock serve") {
					run(edit.Replace(line))
					commands++
				}
			}
		}
		for _, box := range all["yaml"] {
			if err := os.WriteFile(filepath.Join(dir, "box.yaml"), []byte(box), 0o600); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(box, "accounts:") {
				_, err := seed.Load(filepath.Join(dir, "box.yaml"))
				if err != nil {
					t.Error(err)
				}
				continue
			}
			run("mpblock emulator faults load box.yaml")
		}
	}
	if commands < 18 {
		t.Errorf("%d commands alone", commands)
	}
}
