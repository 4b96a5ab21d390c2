package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

// TestExamples runs each line of each command's examples, as its help shows them, in a world of its own: what users copy has to work.
// A line is a command line, and, after two blanks or more, what is to be said about it.
func TestExamples(t *testing.T) {
	n, seen := 0, make(map[string]bool)
	for _, cmd := range commands(newCommand(io.Discard, io.Discard)) {
		if cmd.Example == "" {
			if !cmd.HasSubCommands() {
				t.Errorf("the help of %q has no example", cmd.CommandPath())
			}
			continue
		}
		for line := range strings.Lines(cmd.Example) {
			command, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
			if seen[command] {
				continue // as of a command and of one below it
			}
			seen[command] = true
			if reason, ok := cannotRun(command); ok {
				t.Logf("left out: %s: %s", command, reason)
				continue
			}
			n++
			t.Run(command, func(t *testing.T) { newWorld(t, command).run(t, command) })
		}
	}
	if n < 30 {
		t.Errorf("only %d examples were found", n)
	}
}

// unrunnable are beginnings of examples that need what isn't here, and why.
var unrunnable = map[string]string{
	"zferry agent": "it serves a peer until that goes: TestAgentExamples is that",
}

// longTime is for how long people want to look at a daemon.
var longTime = regexp.MustCompile(`--time \d+s`)

// endless are words of examples that go on until they are interrupted.
var endless = regexp.MustCompile(`--watch|activity-trace|^zferry daemon( --config|$)`)

func cannotRun(command string) (reason string, ok bool) {
	for beginning, reason := range unrunnable {
		if strings.HasPrefix(command, beginning) {
			return reason, true
		}
	}
	return "", false
}

// commands returns a command and all below it.
func commands(cmd *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{cmd}
	for _, below := range cmd.Commands() {
		list = append(list, commands(below)...)
	}
	return list
}

// world is what examples are about: the pools tank and backup on a model of ZFS, files, and an ssh whose only host is this one.
type world struct {
	dir   string
	shell string
	env   []string
	token string // of an interrupted receive
}

func newWorld(t *testing.T, command string) *world {
	t.Helper()
	model, err := modelPools(t)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{dir: t.TempDir(), shell: "bash"}
	bin := filepath.Join(w.dir, "bin")
	for _, dir := range []string{bin, filepath.Join(w.dir, "backups"), filepath.Join(w.dir, "node_exporter"), filepath.Join(w.dir, "run")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := installZFS(bin, model); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{"ssh": "case \"$*\" in *' -- '*) while [ \"$1\" != -- ]; do shift; done; shift;; esac\nshift\nexec sh -c \"$*\"\n", "jq": "exec cat\n", "man": "exec cat\n"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.env = append(os.Environ(), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "GORACE=atexit_sleep_ms=10",
		"ZFERRY_LOCK_DIR="+filepath.Join(w.dir, "locks"), "RUNTIME_DIRECTORY="+filepath.Join(w.dir, "run"), "STATE_DIRECTORY="+w.dir)
	w.addStream(t, "tank.zsend", "backups/1.zsend", "backups/2.zsend")
	w.addConfigs(t)
	w.prepare(t, model, command)
	if strings.Contains(command, "zferry status") || strings.Contains(command, "zferry pprof") || strings.HasPrefix(command, "zferry daemon r") {
		w.startDaemon(t)
	}
	return w
}

// addStream makes files with a stream of a real zfs send.
func (w *world) addStream(t *testing.T, names ...string) {
	t.Helper()
	data, err := recordedStream("full")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(w.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// addConfigs makes configurations of other programs.
func (w *world) addConfigs(t *testing.T) {
	t.Helper()
	for name, text := range map[string]string{
		"zrepl/zrepl.yml":    "jobs: [{name: s, type: snap, filesystems: {tank: true}, snapshotting: {type: periodic, prefix: z_, interval: 10m}, pruning: {keep: [{type: last_n, count: 9}]}}]\n",
		"sanoid/sanoid.conf": "[tank/home]\nuse_template = a\n[template_a]\nhourly = 24\nautosnap = yes\nautoprune = yes\n",
		"cron.d/syncoid":     "0 1 * * * root syncoid --no-sync-snap tank/home backup/home\n",
	} {
		path := filepath.Join(w.dir, "etc", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"zferry.yml", "other.yml"} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(ownConfig), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// ownConfig is one of zferry daemon.
const ownConfig = "listen: off\njobs: [{name: home, source: tank/home, snapshot: {template: \"auto_%F_%T%z\", every: 1h}}]\n"

// startDaemon starts the daemon that examples ask, until the end of the test.
func (w *world) startDaemon(t *testing.T) {
	t.Helper()
	cmd := exec.Command("zferry", "daemon", "--config", "zferry.yml")
	cmd.Dir, cmd.Env = w.dir, w.env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the daemon: %v", err)
		}
	})
	w.must(t, `for i in $(seq 600); do [ -S run/zferry.sock ] && exit; sleep 0.05; done; exit 1`)
}

// prepare makes datasets and snapshots, and what else a command is about.
func (w *world) prepare(t *testing.T, model *zfsmodel.Model, command string) {
	t.Helper()
	w.must(t, `zfs create -p tank/vm/swap && zfs create tank/home && zfs create tank/tmp1`)
	if err := model.Write("tank/home", "file", make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	setup := `zfs snapshot -r tank@mon && zfs snapshot -r tank@tue`
	if strings.Contains(command, "backup/tank") {
		setup += ` && zfs send -R tank@tue | zfs receive -u backup/tank && zfs snapshot -r tank@wed`
	}
	if strings.Contains(command, "holds") {
		setup += ` && zfs hold -r zferry_backup tank@mon && zfs hold -r zrepl_STEP tank@tue`
	}
	w.must(t, setup)
	if strings.Contains(command, "token") {
		w.must(t, `zfs send tank/home@mon | head -c 500000 | zfs receive -s -u backup/home || true`)
		w.token = strings.TrimSpace(w.must(t, `zfs get -H -o value receive_resume_token backup/home`))
	}
}

// must runs a command line that has to succeed, and returns its stdout.
func (w *world) must(t *testing.T, line string) string {
	t.Helper()
	stdout, stderr, err := w.sh(t, line)
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, stderr)
	}
	return stdout
}

func (w *world) sh(t *testing.T, line string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out, errout strings.Builder
	cmd := exec.CommandContext(ctx, w.shell, "-o", "pipefail", "-c", line)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.dir, w.env, &out, &errout
	err = cmd.Run()
	return out.String(), errout.String(), err
}

var someToken = regexp.MustCompile(`1-[0-9a-f]+-[0-9a-f]+-789c[0-9a-f]*\.\.\.`)

// run runs an example, with what it takes from elsewhere put in place.
func (w *world) run(t *testing.T, command string) {
	t.Helper()
	line := someToken.ReplaceAllString(command, w.token)
	line = strings.ReplaceAll(line, " /backup/", " backups/")
	line = longTime.ReplaceAllString(line, "--time 300ms")
	if strings.Contains(line, "zferry pprof") {
		line = strings.ReplaceAll(line, "localhost:6060", "unix:run/zferry.sock")
	}
	line = strings.NewReplacer("localhost:6060", "localhost:0", "/run/backup.sock", "run/zferry.sock", "/run/zferry/other.sock", "run/zferry.sock").Replace(line)
	switch line { // whose configuration is where none can be put
	case "zferry daemon":
		line += " --config zferry.yml"
	case "zferry config check":
		line += " zferry.yml"
	}
	if endless.MatchString(command) {
		line = "timeout --foreground --preserve-status -s INT 3 " + line // --foreground: one signal, and not another one to the group
	}
	for _, dir := range []string{" /etc/", " /var/lib/node_exporter/", " /usr/local/share/man/"} {
		line = strings.ReplaceAll(line, dir, " "+filepath.Base(dir)+"/")
	}
	stdout, stderr, err := w.sh(t, line)
	if err != nil {
		t.Errorf("%s: %v\n%s%s", line, err, stdout, stderr)
	}
	if strings.Contains(stderr, "zferry: warning") || strings.Contains(stderr, "zferry: note") {
		t.Errorf("%s: %s", line, stderr)
	}
	t.Logf("%s\n%s", line, stdout)
}
