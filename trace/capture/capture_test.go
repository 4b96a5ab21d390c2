package capture_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/internal/leaktest"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/compress" // what a program has if it imports all formats
)

// TestMain lets the test binary be the program that is traced, too.
func TestMain(m *testing.M) {
	if mode := os.Getenv("CAPTURE_TEST_PROGRAM"); mode != "" {
		program(mode)
		return
	}
	os.Exit(leaktest.Wrap(m).Run())
}

// program traces itself as its environment says, and hangs, exits or returns.
func program(mode string) {
	defer capture.FromEnv()()
	ctx, task := trace.WithTask(context.Background(), "replicate", slog.String("dataset", "tank/a"))
	defer task.End()
	_, done := trace.WithSpan(ctx, "plan")
	done.End()
	ctx, span := trace.WithSpan(ctx, "step")
	defer span.End()
	_, child := trace.WithTask(ctx, "zfs send")
	defer child.End()
	child.Log(time.Now(), slog.LevelInfo, "last words")
	switch mode {
	case "hang":
		fmt.Println("hanging")
		select {}
	case "busy":
		for {
			ctx, s := trace.WithSpan(ctx, "work", slog.String("text", "some text that makes events longer"))
			_, in := trace.WithSpan(ctx, "inner")
			in.End()
			s.End()
		}
	case "exit":
		time.Sleep(500 * time.Millisecond)
		os.Exit(3)
	}
	fmt.Println("done")
}

func start(t *testing.T, mode, path string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "CAPTURE_TEST_PROGRAM="+mode, capture.EnvVar+"="+path)
	cmd.Stderr = &stderr
	return cmd, &stderr
}

// load reads a trace file. One whose end is missing is fine.
func load(t *testing.T, path string) []*tracefmt.Event {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".gz") {
		b = unpack(t, b)
	}
	if !bytes.HasSuffix(b, []byte("]\n")) {
		b = append(b, ']') // as viewers do
	}
	if !json.Valid(b) {
		t.Fatalf("not JSON:\n%s", b)
	}
	format := tracefmt.Detect(b)
	if format == nil {
		t.Fatalf("no format detected:\n%s", b)
	}
	return readAll(t, format.NewReader(bytes.NewReader(b)))
}

func readAll(t *testing.T, r tracefmt.Reader) (events []*tracefmt.Event) {
	t.Helper()
	for {
		e, err := r.Next()
		if err == io.EOF {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e.Clone())
	}
}

// brief lists slices, flows and logs, each with its track's name.
func brief(events []*tracefmt.Event) string {
	tracks := map[tracefmt.TrackID]string{}
	var out []string
	for _, e := range events {
		switch e.Kind {
		case tracefmt.Track:
			tracks[e.Track] = cmp.Or(e.Name, tracks[e.Track])
		case tracefmt.Begin, tracefmt.End, tracefmt.Complete, tracefmt.Log, tracefmt.FlowStart, tracefmt.FlowEnd:
			out = append(out, fmt.Sprintf("%s: %s %s", tracks[e.Track], e.Kind, e.Name))
		}
	}
	return strings.Join(out, "\n")
}

func TestKilledProgramLeavesItsOpenSpans(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace.json")
	cmd, stderr := start(t, "hang", path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	waitFor(t, func() bool { // the begin of the last span, and the mark that shows it
		b, _ := os.ReadFile(path)
		return bytes.Contains(b, []byte(`"zfs send"`)) && bytes.Contains(b, []byte(`"cat":"open"`))
	})
	cmd.Process.Kill()
	cmd.Wait()
	want := `replicate: begin replicate
replicate: complete plan
replicate: begin step
zfs send: begin zfs send
replicate: flow start child task
zfs send: flow end child task
zfs send: log last words`
	if got := brief(load(t, path)); got != want {
		t.Errorf("the trace of a killed program:\n%s\nwant:\n%s\n%s", got, want, stderr)
	}
}

// TestKilledWhileWriting kills a program that traces as fast as it can, most likely within a write(2).
func TestKilledWhileWriting(t *testing.T) {
	for i := range 10 {
		path := filepath.Join(t.TempDir(), "trace.json")
		cmd, _ := start(t, "busy", path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool {
			info, err := os.Stat(path)
			return err == nil && info.Size() > int64(1<<20+i<<17)
		})
		cmd.Process.Kill()
		cmd.Wait()
		if n := len(load(t, path)); n < 1000 {
			t.Errorf("only %d events", n)
		}
	}
}

func TestProgramThatExits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace-%p.json")
	cmd, stderr := start(t, "exit", path)
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 3 {
		t.Fatalf("%v\n%s", err, stderr)
	}
	got := brief(load(t, strings.Replace(path, "%p", strconv.Itoa(cmd.Process.Pid), 1)))
	if !strings.Contains(got, "begin step") || strings.Contains(got, "end step") {
		t.Errorf("the step must be open:\n%s", got)
	}
}

func TestUnwritableFileIsAnErrorOnStderr(t *testing.T) {
	for path, want := range map[string]string{
		"/nonexistent/trace.json": "SPANSTACK_TRACE: write trace: open /nonexistent/trace.json: no such file or directory\n",
		"trace.doc":               `SPANSTACK_TRACE: write trace trace.doc: the name must end with one of .json`,
		"trace.json.zst":          "SPANSTACK_TRACE: write trace trace.json.zst: a capture can be packed as .gz, not as .zst\n",
	} {
		cmd, stderr := start(t, "return", path)
		out, err := cmd.Output()
		if err != nil || string(out) != "done\n" {
			t.Errorf("%s: the program must run: %v, %q", path, err, out)
		}
		if !strings.HasPrefix(stderr.String(), want) {
			t.Errorf("%s: stderr is %q, want %q", path, stderr, want)
		}
	}
}

func TestFileInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace.json")
	f, err := capture.Start(path, trace.NewRecorder(trace.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := capture.Start(path, trace.NewRecorder(trace.Config{})); !errors.Is(err, capture.ErrInUse) {
		t.Errorf("second Start: %v, want ErrInUse", err)
	}
	if err := f.Stop(); err != nil {
		t.Fatal(err)
	}
	load(t, path) // the second Start must not have emptied it
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v", info.Mode())
	}
	f, err = capture.Start(path, trace.NewRecorder(trace.Config{}))
	if err != nil {
		t.Errorf("Start after Stop: %v", err)
	}
	f.Stop()
}

func TestWriteSnapshot(t *testing.T) {
	base := tracetest.Strict(t)
	ctx, task := trace.WithTask(base, "task")
	_, span := trace.WithSpan(ctx, "span", slog.Duration("timeout", time.Second))
	span.Event("tick")
	err := errors.New("broken")
	span.EndErr(&err)
	_, async := trace.WithAsyncSpan(ctx, "async")
	var b bytes.Buffer
	if err := capture.Write(&b, tracefmt.Lookup("chrome"), trace.RecorderFromContext(ctx)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "snapshot.json")
	os.WriteFile(path, b.Bytes(), 0o600)
	events := load(t, path)
	if got := brief(events); got != "task: begin task\ntask: complete span" {
		t.Errorf("got:\n%s", got)
	}
	for _, e := range events {
		if e.Name == "span" {
			if e.ID != span.ID().String() || e.Parent != task.ID().String() || e.Attr("timeout").String() != "1s" || e.Attr("error").String() != "broken" {
				t.Errorf("the span is %+v", e)
			}
		}
	}
	async.End()
	task.End()
}

func TestLanes(t *testing.T) {
	base := tracetest.Strict(t)
	path := filepath.Join(t.TempDir(), "trace.json")
	f, err := capture.Start(path, trace.RecorderFromContext(base))
	if err != nil {
		t.Fatal(err)
	}
	g, ctx := trace.WithTaskGroup(base, "group")
	two := make(chan struct{}, 2)
	for range 2 { // both at a time
		g.Go("step", func(context.Context) error {
			two <- struct{}{}
			for len(two) < 2 {
				runtime.Gosched()
			}
			return nil
		})
	}
	g.Wait()
	for range 10 { // one after the other
		_, task := trace.WithTask(ctx, "step")
		task.End()
	}
	if err := f.Stop(); err != nil {
		t.Fatal(err)
	}
	var tracks []string
	steps := 0
	for _, e := range load(t, path) {
		if e.Kind == tracefmt.Track && e.Name != "" {
			tracks = append(tracks, e.Name)
		}
		if e.Name == "step" && (e.Kind == tracefmt.Complete || e.Kind == tracefmt.Begin) {
			steps++
		}
	}
	if got := strings.Join(tracks, ", "); got != "group, step, step #2" || steps != 12 {
		t.Errorf("%d steps on the tracks %s", steps, got)
	}
}

// TestLoadableAtAnyTime reads the file again and again while a program traces at full speed.
func TestLoadableAtAnyTime(t *testing.T) {
	base := tracetest.Strict(t)
	path := filepath.Join(t.TempDir(), "trace.json")
	f, err := capture.Start(path, trace.RecorderFromContext(base))
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	g, _ := trace.WithTaskGroup(base, "group")
	for i := range 4 {
		g.Go("worker", func(ctx context.Context) error {
			for j := 0; ; j++ {
				select {
				case <-stop:
					return nil
				default:
				}
				ctx, s := trace.WithSpan(ctx, "work", slog.Int("i", i), slog.String("text", "\"\x00ü\xff\n"))
				_, in := trace.WithSpan(ctx, "inner")
				time.Sleep(time.Duration(j%20) * time.Millisecond)
				in.End()
				s.End()
			}
		})
	}
	size := 0
	for n := 0; n < 5; {
		waitFor(t, func() bool {
			info, err := os.Stat(path)
			return err == nil && int(info.Size()) > size
		})
		b, _ := os.ReadFile(path)
		size = len(b)
		load(t, path)
		n++
	}
	close(stop)
	g.Wait()
	if err := f.Stop(); err != nil {
		t.Fatal(err)
	}
	load(t, path)
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it didn't happen within 20 s")
		}
	}
}

// TestStopWhileTheProgramIsFaster: a program that makes records faster than they can be written doesn't keep Stop.
func TestStopWhileTheProgramIsFaster(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{Bytes: 1 << 20})
	ctx, task := trace.WithTask(trace.WithRecorder(t.Context(), rec), "task")
	f, err := capture.Start(filepath.Join(t.TempDir(), "trace.json"), rec)
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_, s := trace.WithSpan(ctx, "span")
				s.End()
			}
		}
	}()
	time.Sleep(300 * time.Millisecond)
	done := make(chan error)
	go func() { done <- f.Stop() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Stop hangs")
	}
	close(stop)
	<-stopped
	task.End()
}
