package zfssend

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

// recording returns a context whose tasks go into a recorder of its own, in which misuse fails the test.
func recording(t *testing.T) (context.Context, *trace.Recorder) {
	rec := trace.NewRecorder(trace.Config{
		Logger:    slog.New(slog.DiscardHandler),
		OnAnomaly: func(a trace.Anomaly) { t.Errorf("misuse of package trace: %v", a) },
	})
	return trace.WithRecorder(t.Context(), rec), rec
}

// find returns the only record of that name and its attributes.
func find(t *testing.T, rec *trace.Recorder, name string) (trace.Record, map[string]slog.Value) {
	t.Helper()
	var found []trace.Record
	for _, r := range rec.Snapshot() {
		if r.Name == name {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d records named %q", len(found), name)
	}
	attrs := make(map[string]slog.Value)
	for _, a := range found[0].Attrs {
		attrs[a.Key] = a.Value
	}
	return found[0], attrs
}

func wantAttrs(t *testing.T, got map[string]slog.Value, want map[string]string) {
	t.Helper()
	for key, value := range want {
		if got[key].String() != value {
			t.Errorf("%s = %v, want %s", key, got[key], value)
		}
	}
}

func TestTraceStream(t *testing.T) {
	CheckLeaks(t)
	ctx, rec := recording(t)
	ctx, task := trace.WithTask(ctx, "replicate")
	s, err := fake(Write(300_000)).Send(ctx, "tank/a b@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := receive(t, ctx, s, Save(filepath.Join(t.TempDir(), "received")))
	if err := wait(t, r); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	task.End()

	root, _ := find(t, rec, "replicate")
	sent, attrs := find(t, rec, "zfs send")
	wantAttrs(t, attrs, map[string]string{
		"dataset": "tank/a b@x", "bytes": "300000", "state": "complete", "process.exit.code": "0",
	})
	if sent.Kind != trace.KindTask || sent.Phase != trace.PhaseComplete || sent.Parent != root.ID || sent.Status != trace.StatusUnset {
		t.Errorf("got %+v", sent)
	}
	if line := attrs["process.command_line"].String(); !strings.HasSuffix(line, `send "tank/a b@x"`) {
		t.Errorf("command line %s", line)
	}
	for _, key := range []string{"process.pid", "process.user_time", "process.system_time", "first_byte", "read_wait", "write_wait", "pipe_size"} {
		if _, ok := attrs[key]; !ok {
			t.Errorf("no attribute %s", key)
		}
	}
	received, attrs := find(t, rec, "zfs receive")
	wantAttrs(t, attrs, map[string]string{"dataset": "backup/a", "bytes": "300000", "state": "complete", "process.exit.code": "0"})
	if received.Kind != trace.KindTask || received.Parent != root.ID {
		t.Errorf("got %+v", received)
	}
}

// TestTraceStuck: while a stream is stuck, its task is seen as open, with what is needed to look for its process.
func TestTraceStuck(t *testing.T) {
	CheckLeaks(t)
	ctx, rec := recording(t)
	s, err := fake(Block()).Send(ctx, "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	open, attrs := find(t, rec, "zfs send")
	if open.Phase != trace.PhaseBegin || attrs["process.pid"].Int64() != int64(s.PID()) {
		t.Errorf("got %+v with %v", open, attrs)
	}
	s.Close()
	ended, attrs := find(t, rec, "zfs send")
	wantAttrs(t, attrs, map[string]string{"state": "canceled", "process.signal": "killed"})
	if ended.Status != trace.StatusUnset {
		t.Errorf("its owner's Close is an error: %+v", ended)
	}
	if event, attrs := find(t, rec, "cancel"); event.Parent != ended.ID || attrs["cause"].String() == "" {
		t.Errorf("got %+v with %v", event, attrs)
	}
}

// TestTraceCanceled: a stream that its context ended counts as cancelled, although its task is detached from that.
func TestTraceCanceled(t *testing.T) {
	CheckLeaks(t)
	ctx, rec := recording(t)
	ctx, cancel := context.WithCancelCause(ctx)
	s, err := fake(Block()).Send(ctx, "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cancel(errors.New("shutting down"))
	within(t, "the end", func() { <-s.Done() })
	if ended, _ := find(t, rec, "zfs send"); ended.Status != trace.StatusCancelled || !strings.Contains(ended.Err, "shutting down") {
		t.Errorf("got %+v", ended)
	}
}

func TestTraceFailure(t *testing.T) {
	CheckLeaks(t)
	ctx, rec := recording(t)
	s, err := fake(Stderr("cannot open 'tank/a@x': dataset does not exist\n"), Exit(1)).Send(ctx, "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, s)
	s.Close()
	r, attrs := find(t, rec, "zfs send")
	wantAttrs(t, attrs, map[string]string{"state": "failed", "process.exit.code": "1"})
	if r.Status != trace.StatusError || !strings.Contains(r.Err, "does not exist") {
		t.Errorf("got %+v", r)
	}
}

// TestTraceCommands: what only answers is a span of the caller's task, or a task where there is none.
func TestTraceCommands(t *testing.T) {
	CheckLeaks(t)
	ctx, rec := recording(t)
	if err := fake().Snapshot(ctx, "tank/a@x", "tank/b@x"); err != nil {
		t.Fatal(err)
	}
	r, attrs := find(t, rec, "zfs snapshot")
	wantAttrs(t, attrs, map[string]string{"dataset": "tank/a@x and 1 more", "process.exit.code": "0"})
	if r.Kind != trace.KindTask {
		t.Errorf("got %+v", r)
	}
	ctx, task := trace.WithTask(ctx, "plan")
	defer task.End()
	if _, err := fake(Exit(1)).List(ctx, "tank/a", ListOptions{WithoutVersions: true}); err == nil {
		t.Fatal("no error")
	}
	if r, _ := find(t, rec, "zfs list"); r.Kind != trace.KindSpan || r.Parent != task.ID() || r.Status != trace.StatusError {
		t.Errorf("got %+v", r)
	}
}

// TestRunCanceled: a command that doesn't answer is given up, also if it can't be reaped.
func TestRunCanceled(t *testing.T) {
	CheckLeaks(t)
	reason := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	gate := filepath.Join(t.TempDir(), "gate")
	ready := filepath.Join(t.TempDir(), "ready")
	c := fake(Grandchild(gate), Touch(ready), Block())
	c.Grace = time.Millisecond // less than a process takes whose stderr is held by another
	result := make(chan error, 1)
	go func() { result <- c.Snapshot(ctx, "tank/a@x") }()
	await(t, "the fake and its grandchild", func() bool { _, err := os.Stat(ready); return err == nil })
	cancel(reason)
	var err error
	within(t, "Snapshot", func() { err = <-result })
	if !errors.Is(err, reason) || !errors.Is(err, Canceled) || !errors.Is(err, ErrAbandoned) {
		t.Errorf("got %v", err)
	}
	if err := c.Snapshot(ctx, "tank/a@x"); !errors.Is(err, reason) {
		t.Errorf("after the cancellation: %v", err)
	}
	touch(t, gate)
}

// TestTraceLastLine: the last line on stderr is told although it has no end.
func TestTraceLastLine(t *testing.T) {
	CheckLeaks(t)
	ctx, rec := recording(t)
	s, err := fake(Stderr("first\nlast, without a line break"), Exit(1)).Send(ctx, "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, s)
	<-s.Done()
	sent, _ := find(t, rec, "zfs send")
	if line, _ := find(t, rec, "last, without a line break"); line.Kind != trace.KindLog || line.Parent != sent.ID {
		t.Errorf("got %+v", line)
	}
}

// TestRunOutputHeld: an answer whose end nobody has seen isn't taken for all of it.
func TestRunOutputHeld(t *testing.T) {
	CheckLeaks(t)
	dir := t.TempDir() // when it is gone, the test is over
	c := &Client{Command: []string{"sh", "-c", "echo tank; (while [ -d " + dir + " ]; do sleep 0.1; done) 2>/dev/null & exit 0", "zfs"}}
	out, err := c.run(t.Context(), opList, "tank")
	if !errors.Is(err, errOutputHeld) || !strings.Contains(err.Error(), "holds its output") {
		t.Errorf("got %q, %v", out, err)
	}
}

// TestReapedElsewhere: if somebody else has waited for zfs, nobody knows how it ended, and the error says that.
func TestReapedElsewhere(t *testing.T) {
	ch := &child{op: opSend, object: "tank/a@x", cmd: &exec.Cmd{Process: &os.Process{Pid: 77}}, reaped: make(chan struct{}), err: syscall.ECHILD}
	close(ch.reaped)
	if e := ch.failure(); !errors.Is(e, syscall.ECHILD) || e.ExitCode != -1 || !strings.Contains(e.Error(), "no child processes") {
		t.Errorf("got %v", e)
	}
}

// TestCanceledBySibling: a stream that was cancelled since another one stalled hasn't stalled itself.
func TestCanceledBySibling(t *testing.T) {
	CheckLeaks(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	s, err := fake(Block()).Send(ctx, "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cancel(&Error{Op: opReceive, Object: "backup/b", Cause: Stalled, Err: &StallError{For: time.Minute}})
	<-s.Done()
	if e := sendError(t, s.Err()); e.Cause != Canceled || !errors.Is(e, Canceled) || !errors.Is(e, ErrStalled) {
		t.Errorf("got %v, cause %v", e, e.Cause)
	}
}

// TestTraceStderr: what zfs writes to stderr stands on its task, line by line, and not all of it if it is much.
func TestTraceStderr(t *testing.T) {
	CheckLeaks(t)
	ctx, rec := recording(t)
	ctx, task := trace.WithTask(ctx, "owner")
	s, err := fake(Stderr("first\nsec"), Stderr("ond\n"), Flood(1000), Stderr("unfinished")).Send(ctx, "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, s); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	task.End()
	sent, _ := find(t, rec, "zfs send")
	var lines []string
	for _, r := range rec.Snapshot() {
		if r.Kind == trace.KindLog && r.Parent == sent.ID {
			lines = append(lines, r.Name)
		}
	}
	if len(lines) != stderrLines || lines[0] != "first" || lines[1] != "second" || lines[2] != "line 0" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}
