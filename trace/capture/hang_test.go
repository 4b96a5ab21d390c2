//go:build unix

package capture_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
)

// hang opens what a program has open that hangs in a nested span.
func hang(ctx context.Context) (end func()) {
	ctx, task := trace.WithTask(ctx, "replicate", slog.String("dataset", "tank/a"))
	ctx, step := trace.WithSpan(ctx, "step", slog.Int("n", 7))
	_, send := trace.WithSpan(ctx, "zfs send", slog.String("snapshot", "@1"))
	send.SetAttrs(slog.Int64("bytes", 1<<20))
	return func() {
		for _, s := range []*trace.Span{send, step, task} {
			s.End()
		}
	}
}

// wantHang checks that a trace shows what hang opened as open, and at least as old as it must be.
func wantHang(t *testing.T, what string, events []*tracefmt.Event, age time.Duration) {
	t.Helper()
	last := int64(math.MinInt64)
	open := map[string]*tracefmt.Event{}
	for _, e := range events {
		if e.Kind.Timed() {
			last = max(last, e.Time)
		}
		switch e.Kind {
		case tracefmt.Begin:
			open[e.Name] = e
		case tracefmt.End, tracefmt.Complete:
			t.Errorf("%s: %q has ended", what, e.Name)
		}
	}
	parent := ""
	for _, want := range []struct{ name, attr, value string }{
		{"replicate", "dataset", "tank/a"}, {"step", "n", "7"}, {"zfs send", "snapshot", "@1"}, {"zfs send", "bytes", "1048576"},
	} {
		e := open[want.name]
		if e == nil {
			t.Fatalf("%s: %q isn't open:\n%s", what, want.name, brief(events))
		}
		if got := time.Duration(last - e.Time); got < age-time.Microsecond { // inner spans start some ns after outer ones
			t.Errorf("%s: %q is open for %v, want at least %v", what, want.name, got, age)
		}
		if got := e.Attr(want.attr).String(); got != want.value {
			t.Errorf("%s: %q has %s=%s, want %s", what, want.name, want.attr, got, want.value)
		}
		if e.ID != parent && e.Parent != parent {
			t.Errorf("%s: the parent of %q is %q, want %q", what, want.name, e.Parent, parent)
		}
		parent = e.ID
	}
}

// TestCaptureOfAHang attaches to a program that hangs since 10 s.
func TestCaptureOfAHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := tracetest.Strict(t)
		rec := trace.RecorderFromContext(ctx)
		defer hang(ctx)()
		time.Sleep(10 * time.Second)
		snapshot := filepath.Join(t.TempDir(), "snapshot.json")
		writeSnapshot(t, snapshot, rec)
		wantHang(t, "snapshot", load(t, snapshot), 10*time.Second)
		stream := filepath.Join(t.TempDir(), "stream.json")
		f, err := capture.Start(stream, rec)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		wantHang(t, "stream", load(t, stream), 10*time.Second)
		if err := f.Stop(); err != nil {
			t.Fatal(err)
		}
		wantHang(t, "stopped stream", load(t, stream), 10*time.Second)
	})
}

// writeSnapshot writes a file that is complete when it is there.
func writeSnapshot(t testing.TB, path string, rec *trace.Recorder) {
	var b bytes.Buffer
	if err := capture.Write(&b, tracefmt.Lookup("chrome"), rec); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

const hangEnv = "CAPTURE_TEST_HANG" // makes the test binary a program that hangs, and that writes traces to this folder

func init() {
	if dir := os.Getenv(hangEnv); dir != "" {
		hangingProgram(dir)
		os.Exit(0)
	}
}

// hangingProgram does what the lines of its stdin say, and hangs otherwise. SIGUSR1 makes it write what it does.
func hangingProgram(dir string) {
	attach := make(chan os.Signal, 1)
	signal.Notify(attach, syscall.SIGUSR1)
	go func() {
		<-attach
		writeSnapshot(new(fatal), filepath.Join(dir, "snapshot.json"), trace.Default())
		startCapture(filepath.Join(dir, "late.json"))
	}()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "stream":
			startCapture(filepath.Join(dir, "stream.json"))
		case "hang":
			hang(context.Background())
		}
		fmt.Println(in.Text())
	}
}

// fatal ends a program that can't go on.
type fatal struct{ testing.TB }

func (*fatal) Fatal(a ...any) { panic(fmt.Sprint(a...)) }

func startCapture(path string) {
	if _, err := capture.Start(path, trace.Default()); err != nil {
		panic(err)
	}
}

// A hanging is a process that runs hangingProgram.
type hanging struct {
	*exec.Cmd
	dir string
	in  io.Writer
	out *bufio.Reader
}

func startHanging(t *testing.T) *hanging {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &hanging{Cmd: exec.Command(exe), dir: t.TempDir()}
	h.Env = append(os.Environ(), hangEnv+"="+h.dir)
	h.Stderr = os.Stderr
	in, err := h.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.in, h.out = in, bufio.NewReader(out)
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.kill(); in.Close() })
	return h
}

func (h *hanging) kill() {
	h.Process.Kill()
	h.Wait()
}

// do tells the process to do something, and waits until it has done it.
func (h *hanging) do(t *testing.T, what string) {
	t.Helper()
	fmt.Fprintln(h.in, what)
	if line, err := h.out.ReadString('\n'); err != nil || line != what+"\n" {
		t.Fatalf("told to %s, the program said %q, %v", what, line, err)
	}
}

// shows waits until a file of the process shows what it hangs in, and where that is known to be open.
func (h *hanging) shows(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(h.dir, name)
	waitFor(t, func() bool {
		b, _ := os.ReadFile(path)
		return bytes.Contains(b, []byte(`"zfs send"`)) && bytes.Contains(b, []byte(`"cat":"open"`))
	})
	return path
}

// TestProcessThatHangs is TestCaptureOfAHang in real time, with a process that is attached to by a signal, and killed.
func TestProcessThatHangs(t *testing.T) {
	if testing.Short() {
		t.Skip("a program that hangs for 10 s takes 10 s")
	}
	t.Parallel()
	h := startHanging(t)
	h.do(t, "hang")
	time.Sleep(10 * time.Second) // this is what is tested
	h.Process.Signal(syscall.SIGUSR1)
	late := h.shows(t, "late.json")
	h.kill()
	wantHang(t, "snapshot", load(t, filepath.Join(h.dir, "snapshot.json")), 10*time.Second)
	wantHang(t, "late stream", load(t, late), 10*time.Second)
}

// TestSpanThatBeganInAStream: what was opened after a stream began, and is open when that is cut, is in it.
func TestSpanThatBeganInAStream(t *testing.T) {
	h := startHanging(t)
	h.do(t, "stream")
	h.do(t, "hang")
	stream := h.shows(t, "stream.json")
	h.kill()
	wantHang(t, "stream", load(t, stream), 0)
}
