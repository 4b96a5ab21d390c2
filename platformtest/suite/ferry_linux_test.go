package suite

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program returns the program zferry. Without one, the test is skipped.
func program(t *testing.T) string {
	t.Helper()
	zferry := os.Getenv("SPANSTACK_ZFERRY")
	if zferry == "" {
		t.Skip("SPANSTACK_ZFERRY is not set: it names the program zferry")
	}
	return zferry
}

// ferry is a zferry that runs, or has run.
type ferry struct {
	cmd  *exec.Cmd
	out  lockedBuffer // stdout and stderr
	done chan struct{}
}

// startFerry starts "zferry replicate", which logs errors only.
func startFerry(t *testing.T, args ...string) *ferry {
	t.Helper()
	f := &ferry{cmd: exec.Command(program(t), append([]string{"replicate", "--log-level", "error"}, args...)...), done: make(chan struct{})}
	f.cmd.Stdout, f.cmd.Stderr = &f.out, &f.out
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(f.done)
		f.cmd.Wait() // how it ended is in its state
	}()
	t.Cleanup(func() {
		f.cmd.Process.Kill()
		<-f.done
	})
	return f
}

// wait waits for its end, and returns its exit code, -1 if a signal ended it. What hangs is told by its goroutines.
func (f *ferry) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-f.done:
	case <-time.After(patience):
		f.cmd.Process.Signal(syscall.SIGQUIT)
		<-f.done
		t.Fatalf("%v hangs:\n%s", f.cmd.Args, f.out.String())
	}
	return f.cmd.ProcessState.ExitCode()
}

// wants waits for its end, and wants an exit code, and texts in what it wrote.
func (f *ferry) wants(t *testing.T, exitCode int, texts ...string) string {
	t.Helper()
	code, out := f.wait(t), f.out.String()
	if code != exitCode {
		t.Errorf("%v: exit code %d, want %d:\n%s", f.cmd.Args[1:], code, exitCode, out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("%v doesn't say %q:\n%s", f.cmd.Args[1:], text, out)
		}
	}
	return out
}

// lockedBuffer is a buffer that may be read while a process writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// voyage is a replication into a dataset in which the user has others, too.
type voyage struct {
	p, to    pool
	name     string // of the source in its pool
	src, dst string
	above    string // of the destination
	theUsers map[string]string
}

// newVoyage makes the source with a snapshot @1 of so many bytes, and what there is besides.
func newVoyage(t *testing.T, name string, size int64) *voyage {
	t.Helper()
	v := &voyage{p: source(), to: destination(), name: name}
	v.src, v.above = v.p.create(t, name), v.to.create(t, name)
	v.dst = v.above + "/copy"
	v.p.write(t, name, "file", size)
	run(t, "zfs", "snapshot", v.src+"@1")
	v.to.create(t, name+"/mine")
	v.to.write(t, name+"/mine", "file", 4<<10)
	run(t, "zfs", "snapshot", v.above+"/mine@mine")
	v.note(t)
	return v
}

// note notes what belongs to the user.
func (v *voyage) note(t *testing.T) {
	t.Helper()
	v.theUsers = guidsOf(t, v.src, v.above+"/mine")
}

// snapshot writes so many bytes and takes a snapshot of it.
func (v *voyage) snapshot(t *testing.T, name string, size int64) {
	t.Helper()
	v.p.write(t, v.name, name, size)
	run(t, "zfs", "snapshot", "-r", v.src+"@"+name)
	v.note(t)
}

// arrives runs zferry, which has to succeed now: both sides are equal, and the user has what he had.
func (v *voyage) arrives(t *testing.T, args ...string) string {
	t.Helper()
	out := startFerry(t, append(args, v.src, v.dst)...).wants(t, 0)
	wantEqual(t, t.Context(), v.src, v.dst)
	v.kept(t)
	return out
}

// kept checks that the user has what he had.
func (v *voyage) kept(t *testing.T) {
	t.Helper()
	now := guidsOf(t, v.src, v.above+"/mine")
	for name, guid := range v.theUsers {
		if now[name] != guid {
			t.Errorf("%s was %s, and is %q", name, guid, now[name])
		}
	}
}

// guidsOf returns those of datasets, of all below, and of their snapshots and bookmarks, as zfs itself lists them.
func guidsOf(t *testing.T, roots ...string) map[string]string {
	t.Helper()
	list := make(map[string]string)
	args := append([]string{"zfs", "list", "-Hp", "-r", "-t", "filesystem,volume,snapshot,bookmark", "-o", "name,guid"}, roots...)
	for line := range strings.Lines(run(t, args...)) {
		name, guid, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		list[name] = guid
	}
	return list
}

// awaitReceive waits until zferry receives into a dataset, and something of it has arrived: its zfs receive exists, and has read.
func (f *ferry) awaitReceive(t *testing.T) (pid int) {
	t.Helper()
	pid = awaitChild(t, f.cmd.Process.Pid, "receive", "")
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if n, err := bytesRead(pid); err != nil || n > 1<<20 {
			return pid
		}
	}
	t.Fatalf("zfs receive reads nothing; zferry says:\n%s", f.out.String())
	return 0
}

// bytesRead returns how many bytes a process has read.
func bytesRead(pid int) (n int64, err error) {
	text, err := os.ReadFile("/proc/" + itoa(pid) + "/io")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "rchar: "); ok {
			return parseInt(strings.TrimSpace(value))
		}
	}
	return 0, errors.New("there is no rchar")
}
