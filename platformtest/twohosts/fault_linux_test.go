package twohosts

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
)

// soon bounds what a stalled stream isn't to delay. On a quiet machine it takes a second or two, most of which is the start of a
// process, and of ssh's arithmetic; a stream that waits for a stalled one would wait for ever.
const soon = 40 * time.Second

// ferry is a zferry that runs on host a.
type ferry struct {
	cmd  *exec.Cmd
	out  text
	done chan struct{}
}

// text is what a process writes, for others to read meanwhile.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// begin starts zferry on host a.
func begin(t *testing.T, h *Hosts, args ...string) *ferry {
	t.Helper()
	r := &ferry{cmd: h.A.Command(t.Context(), "zferry", args...), done: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.done)
		r.cmd.Wait() // how it ended is in its state
	}()
	t.Cleanup(func() {
		r.cmd.Process.Kill()
		<-r.done
	})
	return r
}

// ends waits for its end, which has to come within a bound, with an exit code, and texts in what it wrote.
func (r *ferry) ends(t *testing.T, within time.Duration, exitCode int, texts ...string) {
	t.Helper()
	start := time.Now()
	select {
	case <-r.done:
	case <-time.After(within):
		r.cmd.Process.Signal(syscall.SIGQUIT)
		<-r.done
		t.Fatalf("%v hangs:\n%s", r.cmd.Args, &r.out)
	}
	t.Logf("%v ended after %v:\n%s", r.cmd.Args[2:], time.Since(start).Round(10*time.Millisecond), &r.out)
	if code := r.cmd.ProcessState.ExitCode(); code != exitCode {
		t.Errorf("exit code %d, want %d", code, exitCode)
	}
	for _, s := range texts {
		if !strings.Contains(r.out.String(), s) {
			t.Errorf("it doesn't say %q", s)
		}
	}
}

// receiver returns the process ID of the zfs receive into a dataset, 0 if there is none.
func receiver(t *testing.T, dataset string) int {
	t.Helper()
	for line := range strings.Lines(command(t, "ps", "-Ao", "pid=,args=")) {
		pid, args, _ := strings.Cut(strings.TrimSpace(line), " ")
		if args = strings.TrimSpace(args); strings.HasPrefix(args, "zfs receive ") && strings.HasSuffix(args, " "+dataset) {
			n, _ := strconv.Atoi(pid)
			return n
		}
	}
	return 0
}

// stall stops the receive into a dataset, as if its pool stood still.
func stall(t *testing.T, dataset string) {
	t.Helper()
	await(t, dataset+" is received", patience, func() bool { return receiver(t, dataset) != 0 })
	if err := syscall.Kill(receiver(t, dataset), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// small makes a filesystem with a snapshot @1 of a megabyte.
func small(t *testing.T, name string) {
	t.Helper()
	command(t, "zfs", "create", name)
	random(t, "/"+name+"/file", 1<<20)
	command(t, "zfs", "snapshot", name+"@1")
}

// has reports whether a snapshot exists.
func has(snapshot string) bool { return exec.Command("zfs", "list", snapshot).Run() == nil }

// TestZferryStalled stops a receive on the other side, for good. That delays nobody: the other stream of the same connection, another
// zferry, who asks what is open, and the end by SIGINT.
func TestZferryStalled(t *testing.T) {
	h := start(t)
	pool(t, "tank")
	pool(t, "backup")
	small(t, "tank/s")
	interruptible(t, "s/large")
	small(t, "tank/s/other")
	small(t, "tank/beside")
	socket := "unix:" + filepath.Join(t.TempDir(), "debug")
	r := begin(t, h, "replicate", "-r", "--jobs", "2", "--limit", "3MB", "--log-level", "warn", "--debug-listen", socket, "tank/s", "root@b:backup/s")
	stall(t, "backup/s/large")
	await(t, "another stream of the same connection", soon, func() bool { return has("backup/s/other@1") })
	quick(t, "pprof active", func() {
		if out := must(t, h, "pprof", "active", socket); !strings.Contains(out, "backup/s/large") {
			t.Errorf("what is open doesn't show the stalled receive:\n%s", out)
		}
	})
	quick(t, "another zferry", func() { must(t, h, "replicate", "--log-level", "warn", "tank/beside", "root@b:backup/beside") })
	if has("backup/s/large@1") {
		t.Error("it wasn't stalled")
	}
	r.cmd.Process.Signal(os.Interrupt)
	r.ends(t, soon, 130, "hint: what has arrived stays")
	await(t, "nothing is received any more", soon, func() bool { return receiver(t, "backup/s/large") == 0 })
	must(t, h, "replicate", "-r", "tank/s", "root@b:backup/s")
	same(t, "tank/s", "backup/s", "1")
}

// quick does something that has to be quick.
func quick(t *testing.T, what string, do func()) {
	t.Helper()
	start := time.Now()
	do()
	took := time.Since(start)
	t.Logf("beside a stalled stream, %s took %v", what, took.Round(10*time.Millisecond))
	if took > soon {
		t.Errorf("%s took %v", what, took)
	}
}

// TestDaemonStalled does that to a daemon, which is asked for its status, has another job to do, and is stopped.
func TestDaemonStalled(t *testing.T) {
	h := start(t)
	pool(t, "tank")
	pool(t, "backup")
	interruptible(t, "large")
	small(t, "tank/beside")
	dir := t.TempDir()
	socket := filepath.Join(dir, "socket")
	job := func(name string) string {
		return "  - name: " + name + "\n    source: tank/" + name + "\n    replicate:\n      every: 1d\n      targets:\n        - {to: root@b:backup/" + name + ", limit: 3MB}\n"
	}
	config := filepath.Join(dir, "zferry.yml")
	if err := os.WriteFile(config, []byte("listen: off\nsocket: "+socket+"\nmax_jobs: 2\njobs:\n"+job("large")+job("beside")), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, h, "config", "check", config)
	r := begin(t, h, "daemon", "--config", config)
	await(t, "the daemon answers", patience, func() bool { return strings.Contains(statusOf(t, h, socket), "large") })
	for _, name := range []string{"large", "beside"} {
		begin(t, h, "daemon", "run", "--socket", socket, name) // it is waited for by what it brings
	}
	stall(t, "backup/large")
	await(t, "another job", soon, func() bool { return has("backup/beside@1") })
	quick(t, "status", func() {
		if out := statusOf(t, h, socket); !strings.Contains(out, "large") || !strings.Contains(out, "beside") {
			t.Errorf("the status:\n%s", out)
		}
	})
	quick(t, "pprof active", func() { must(t, h, "pprof", "active", "unix:"+socket) })
	if has("backup/large@1") {
		t.Error("it wasn't stalled")
	}
	r.cmd.Process.Signal(syscall.SIGTERM)
	r.ends(t, soon, 0)
	await(t, "nothing is received any more", soon, func() bool { return receiver(t, "backup/large") == 0 })
}

// statusOf returns what zferry status says, be all well or not.
func statusOf(t *testing.T, h *Hosts, socket string) string {
	t.Helper()
	out, _ := zferry(t, h, "status", "--socket", socket)
	return out
}

// TestZferryLogs: searching the logs of both hosts for the ID of a span finds the lines of its subtree, all of them, and no others.
func TestZferryLogs(t *testing.T) {
	h := start(t)
	pool(t, "tank")
	pool(t, "backup")
	small(t, "tank/l")
	for _, name := range []string{"one", "two", "three"} {
		small(t, "tank/l/"+name)
	}
	dir := t.TempDir()
	near, far, trace := filepath.Join(dir, "near.log"), filepath.Join(dir, "far.log"), filepath.Join(dir, "trace.json")
	must(t, h, "replicate", "-r", "--trace", trace, "--log-file", near, "--log-format", "logfmt", "--log-level", "debug",
		"--agent", "zferry agent --stdio --log-file "+far+" --log-format logfmt --log-level debug", "tank/l", "root@b:backup/l")
	lines := map[string][]string{"near": linesOf(t, near), "far": linesOf(t, far)}
	below := make(map[string]string) // the parents, by IDs
	spans := make(map[string][]*tracefmt.Event)
	for e := range read(t, trace).Events() {
		if e.Kind == tracefmt.Complete && e.ID != "" {
			below[e.ID] = e.Parent
			spans[e.Name] = append(spans[e.Name], e)
		}
	}
	count := map[string]int{}
	for _, name := range []string{"replicate", "plan", "dataset", "step", "remote receive"} {
		if len(spans[name]) == 0 {
			t.Errorf("there is no %s in the trace", name)
		}
		for _, e := range spans[name] {
			for side, list := range lines {
				found, want := grepped(list, e.ID), inSubtree(list, e.ID, below)
				count[name+" "+side] += len(found)
				if !maps.Equal(found, want) {
					t.Errorf("%s, %s log: searching for %s finds %d lines, and %d are of its subtree", name, side, e.ID, len(found), len(want))
				}
			}
		}
	}
	t.Logf("%d and %d lines; found: %v", len(lines["near"]), len(lines["far"]), count)
	for _, want := range []string{"replicate near", "replicate far", "plan near", "plan far", "dataset far", "step near", "step far", "remote receive far"} {
		if count[want] == 0 {
			t.Errorf("nothing is found: %s", want)
		}
	}
}

func linesOf(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// grepped returns the lines with a text in them, by their numbers.
func grepped(lines []string, text string) map[int]bool {
	found := make(map[int]bool)
	for i, line := range lines {
		if strings.Contains(line, text) {
			found[i] = true
		}
	}
	return found
}

// inSubtree returns the lines that were written in a span, or below it, by what the trace says of spans' parents.
func inSubtree(lines []string, id string, below map[string]string) map[int]bool {
	found := make(map[int]bool)
	for i, line := range lines {
		for at := innermost(line); at != ""; at = below[at] {
			if at == id {
				found[i] = true
				break
			}
		}
	}
	return found
}

// innermost returns the ID of the span that a line was written in.
func innermost(line string) string {
	_, rest, _ := strings.Cut(line, " trace=")
	stack, _, _ := strings.Cut(rest, " ")
	ids := strings.FieldsFunc(stack, func(r rune) bool { return strings.ContainsRune("/.~", r) })
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}

// TestZferryClock steps the clock of both hosts forth and back by an hour or two while something is replicated. Nobody takes that for silence or for
// the deadline, and no span is longer than the whole.
func TestZferryClock(t *testing.T) {
	h := start(t)
	pool(t, "tank")
	pool(t, "backup")
	rate := interruptible(t, "clock")
	trace := filepath.Join(t.TempDir(), "trace.json")
	began := time.Now()
	r := begin(t, h, "replicate", "--limit", rate, "--deadline", "30m", "--stall-timeout", "20m", "--trace", trace, "--retries", "0", "--log-level", "warn", "tank/clock", "root@b:backup/clock")
	await(t, "it is received", patience, func() bool { return receiver(t, "backup/clock") != 0 })
	for _, by := range []time.Duration{time.Hour, -2 * time.Hour, time.Hour} {
		time.Sleep(time.Second)
		step(t, by)
	}
	if receiver(t, "backup/clock") == 0 {
		t.Error("it was over before the last step")
	}
	r.ends(t, patience, 0, "received full @1")
	took := time.Since(began)
	same(t, "tank/clock", "backup/clock", "1")
	n := 0
	for e := range read(t, trace).Events() {
		if e.Kind == tracefmt.Complete {
			n++
			if d := time.Duration(e.Dur); d < 0 || d > took+time.Second {
				t.Errorf("%s took %v of %v", e.Name, d, took)
			}
		}
	}
	t.Logf("%d spans in %v", n, took.Round(time.Millisecond))
	if n < 10 {
		t.Error("there are no spans")
	}
	random(t, "/tank/clock/more", 1<<20)
	must(t, h, "snapshot", "--name", "2", "tank/clock")
	must(t, h, "replicate", "tank/clock", "root@b:backup/clock")
	same(t, "tank/clock", "backup/clock", "2")
}

// step steps the wall clock.
func step(t *testing.T, by time.Duration) {
	t.Helper()
	tv := syscall.NsecToTimeval(time.Now().Add(by).UnixNano())
	if err := syscall.Settimeofday(&tv); err != nil {
		t.Fatalf("step the clock by %v: %v", by, err)
	}
}

// TestZferryRebooted kills all that runs on the other host at once, while its link is dead and its pool is away, and then has it come back.
// zferry notices, by the silence; the next run goes on.
func TestZferryRebooted(t *testing.T) {
	h := start(t)
	pool(t, "tank")
	pool(t, "backup")
	dir := filepath.Dir(vdevOf(t, "backup"))
	rate := interruptible(t, "boot")
	small(t, "backup/mine")
	mine := guids(t, "backup/mine")
	r := begin(t, h, "replicate", "--retries", "0", "--limit", rate, "--log-level", "warn", "tank/boot", "root@b:backup/boot")
	await(t, "it is received", patience, func() bool { return receiver(t, "backup/boot") != 0 })
	time.Sleep(2 * time.Second) // something has arrived
	if err := h.Cut(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.die(t)
	await(t, "the pool is away", patience, func() bool { return exec.Command("zpool", "export", "-f", "backup").Run() == nil })
	r.ends(t, patience, 1, "root@b: ", "no sign of life", "hint: when the other host can be reached, run it again")
	command(t, "zpool", "import", "-d", dir, "backup")
	if err := h.Netem(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := h.serve(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out := must(t, h, "replicate", "tank/boot", "root@b:backup/boot"); !strings.Contains(out, "received resumed @1") {
		t.Errorf("after the boot:\n%s", out)
	}
	same(t, "tank/boot", "backup/boot", "1")
	if !maps.Equal(guids(t, "backup/mine"), mine) {
		t.Error("what was the user's is not what it was")
	}
}

// die kills the processes of host b: those in its network namespace.
func (h *Hosts) die(t *testing.T) {
	t.Helper()
	for pid := range strings.FieldsSeq(command(t, "ip", "netns", "pids", "b")) {
		n, err := strconv.Atoi(pid)
		if err == nil {
			err = syscall.Kill(n, syscall.SIGKILL)
		}
		if err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
	}
	_ = h.sshd.Wait() // killed
	h.sshd = nil
}

// vdevOf returns the file of a pool.
func vdevOf(t *testing.T, pool string) string {
	t.Helper()
	for line := range strings.Lines(command(t, "zpool", "list", "-HPv", pool)) {
		if fields := strings.Fields(line); len(fields) > 0 && strings.HasPrefix(fields[0], "/") {
			return fields[0]
		}
	}
	t.Fatal("the pool has no file")
	return ""
}
