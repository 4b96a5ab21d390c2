package journald_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/journald"
)

// journal is a systemd-journald of the test's own: a namespace, of which a host can have any number, whether systemd
// runs on it or not.
type journal struct {
	namespace string
	cmd       *exec.Cmd
}

const daemon = "/lib/systemd/systemd-journald"

func startJournal(t *testing.T) *journal {
	t.Helper()
	missing := ""
	if _, err := os.Stat(daemon); err != nil {
		missing = err.Error()
	} else if os.Getuid() != 0 {
		missing = "only root can run systemd-journald"
	}
	if missing != "" {
		if os.Getenv("SPANSTACK_REQUIRE_DAEMONS") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	j := &journal{namespace: fmt.Sprintf("spanstack-%d-%s", os.Getpid(), strings.ToLower(t.Name()))}
	config := filepath.Join("/run/systemd", "journald@"+j.namespace+".conf.d")
	if err := os.MkdirAll(config, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "test.conf"), []byte("[Journal]\nStorage=volatile\nRateLimitBurst=0\nForwardToSyslog=no\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	j.cmd = exec.Command(daemon, j.namespace)
	var stderr bytes.Buffer
	j.cmd.Stderr = &stderr
	if err := j.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		j.cmd.Process.Signal(syscall.SIGCONT)
		j.cmd.Process.Signal(syscall.SIGTERM)
		j.cmd.Wait()
		os.RemoveAll(config)
		os.RemoveAll("/run/systemd/journal." + j.namespace)
		dirs, _ := filepath.Glob("/run/log/journal/*." + j.namespace)
		if len(dirs) != 1 {
			t.Errorf("the journal's files are in %q", dirs)
		}
		for _, dir := range dirs {
			os.RemoveAll(dir)
		}
		if t.Failed() {
			t.Logf("journald said: %s", &stderr)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(j.socket()); err == nil {
			return j
		}
		if time.Now().After(deadline) {
			t.Fatalf("journald has no socket: %s", &stderr)
		}
	}
}

func (j *journal) socket() string { return "/run/systemd/journal." + j.namespace + "/socket" }

// entries returns what is in the journal of this process.
func (j *journal) entries(t *testing.T) (entries []map[string]any) {
	t.Helper()
	cmd := exec.Command("journalctl", "--namespace="+j.namespace, "-o", "json", "--all", "--no-pager", "_PID="+strconv.Itoa(os.Getpid()))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	for in := bufio.NewReader(bytes.NewReader(out)); ; {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return entries
		}
		var e map[string]any
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		entries = append(entries, e)
	}
}

// await waits until the journal has n entries.
func (j *journal) await(t *testing.T, n int) (entries []map[string]any) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if entries = j.entries(t); len(entries) >= n {
			break
		}
	}
	return entries
}

// text returns a field's value; journalctl writes one that isn't printable as an array of bytes.
func text(e map[string]any, name string) string {
	switch v := e[name].(type) {
	case string:
		return v
	case []any:
		var b []byte
		for _, c := range v {
			n, _ := c.(float64)
			b = append(b, byte(n))
		}
		return string(b)
	}
	return fmt.Sprint(e[name])
}

func TestJournal(t *testing.T) {
	j := startJournal(t)
	ctx, h := open(t, journald.Config{Socket: j.socket(), App: "zferry"})
	log := logging.GetLogger(ctx, "zfs")
	long := strings.Repeat("long ", 50<<10) // cut, but larger than a datagram with the others
	log.Error("sent\nsnapshot\x1b[31m", "bytes", 4096, "odd key", "\x00\xff\n\\", "a", long, "b", long, "c", long, "d", long)
	const n = 10_000
	for i := range n {
		log.Info(strconv.Itoa(i), "i", i)
	}
	if err := h.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	entries := j.await(t, n+1)
	if len(entries) != n+1 || h.Dropped() != 0 {
		t.Fatalf("%d of %d entries; %d were dropped", len(entries), n+1, h.Dropped())
	}
	for name, want := range map[string]string{
		"MESSAGE": "sent\nsnapshot\x1b[31m", "PRIORITY": "3", "SYSLOG_IDENTIFIER": "zferry", "SUBSYSTEM": "zfs", "TRACE": "none",
		"BYTES": "4096", "ATTR": "odd\\x20key=\x00\xff\n\\", "A": long[:logging.MaxValue] + fmt.Sprintf("…(+%d)", len(long)-logging.MaxValue),
	} {
		if got := text(entries[0], name); got != want {
			t.Errorf("%s is %.100q", name, got)
		}
	}
	for i, e := range entries[1:] {
		if want := strconv.Itoa(i); text(e, "MESSAGE") != want || text(e, "I") != want {
			t.Fatalf("entry %d: %v", i, e)
		}
	}
}

// TestStoppedJournal stops the journal for a while: what is lost meanwhile is counted, and then reported there.
func TestStoppedJournal(t *testing.T) {
	j := startJournal(t)
	ctx, h := open(t, journald.Config{Socket: j.socket(), Queue: logging.QueueConfig{Bytes: 64 << 10}})
	log := logging.GetLogger(ctx, "zfs")
	log.Info("0")
	if err := h.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	j.cmd.Process.Signal(syscall.SIGSTOP)
	const n = 20_000
	for i := 1; i < n; i++ {
		log.Info(strconv.Itoa(i))
	}
	dropped := h.Dropped()
	if dropped == 0 {
		t.Error("nothing was lost")
	}
	j.cmd.Process.Signal(syscall.SIGCONT)
	if err := h.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	log.Info("last")
	if err := h.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	entries := j.await(t, n-int(dropped)+2)
	got, reported := 0, 0
	for _, e := range entries {
		if text(e, "MESSAGE") == "log lines were lost" {
			lines, _ := strconv.Atoi(text(e, "LINES"))
			reported += lines
		} else {
			got++
		}
	}
	if got+reported != n+1 || uint64(reported) != dropped || h.Dropped() != dropped {
		t.Errorf("%d arrived, %d were reported, %d were counted, of %d", got, reported, h.Dropped(), n+1)
	}
}
