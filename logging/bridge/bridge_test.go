package bridge_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/bridge"
	"github.com/spanstack/spanstack/trace"
)

// newLog returns a context whose lines, without their times, end up in the buffer.
func newLog(ctx context.Context) (context.Context, *bytes.Buffer) {
	var b bytes.Buffer
	h := logging.NewHandler(&b, logging.Options{Format: logging.FormatLogfmt, Stack: logging.StackOff, Levels: logging.Levels{Default: slog.LevelDebug}})
	return logging.WithHandler(ctx, h), &b
}

// lines returns what is behind the time of each line.
func lines(b *bytes.Buffer) (out []string) {
	for line := range strings.Lines(b.String()) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		out = append(out, rest)
	}
	return out
}

func want(t *testing.T, b *bytes.Buffer, want ...string) {
	t.Helper()
	if got := lines(b); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTakeOver(t *testing.T) {
	var before bytes.Buffer
	log.SetOutput(&before)
	log.SetFlags(0)
	defer log.SetOutput(os.Stderr)
	ctx, b := newLog(t.Context())
	restore := bridge.TakeOver(ctx, "std")
	slog.Debug("by slog", "a", 1)
	log.Print("by log\nin two lines")
	restore()
	log.Print("after")
	slog.Info("after, too")
	want(t, b, `level=DEBUG subsystem=std msg="by slog" a=1`, `level=INFO subsystem=std msg="by log\nin two lines"`)
	if got := before.String(); got != "after\nINFO after, too\n" {
		t.Errorf("%q", got)
	}
}

func TestLogger(t *testing.T) {
	ctx, b := newLog(t.Context())
	bridge.Logger(ctx, "http", slog.LevelWarn).Printf("TLS handshake error from %s", "x\ny")
	want(t, b, `level=WARN subsystem=http msg="TLS handshake error from x\ny"`)
}

func TestLines(t *testing.T) {
	ctx, b := newLog(t.Context())
	w := bridge.Lines(ctx, "ssh", slog.LevelInfo)
	io.WriteString(w, "one\r\n\ntw")
	io.WriteString(w, "o\nthr\x1bee")
	want(t, b, `level=INFO subsystem=ssh msg=one`, `level=INFO subsystem=ssh msg=two`)
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	want(t, b, `level=INFO subsystem=ssh msg=one`, `level=INFO subsystem=ssh msg=two`, `level=INFO subsystem=ssh msg="thr\x1bee"`)
	if _, err := io.WriteString(w, "late"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write after Close: %v", err)
	}
}

// TestLinesAreWhole wants the same lines whatever the pieces are that they come in.
func TestLinesAreWhole(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.SliceOf(rapid.StringMatching(`[ -~é]{0,20}`)).Draw(r, "lines")
		long := strings.Repeat("x", rapid.SampledFrom([]int{0, bridge.MaxLine, bridge.MaxLine + 1, 3 * bridge.MaxLine}).Draw(r, "long"))
		text = append(text, long)
		ctx, b := newLog(context.Background())
		w := bridge.Lines(ctx, "x", slog.LevelInfo)
		in := strings.NewReader(strings.Join(text, "\n"))
		if _, err := io.Copy(w, iotest.HalfReader(in)); err != nil {
			r.Fatal(err)
		}
		w.Close()
		wanted := 0
		for _, line := range text {
			wanted += (len(line) + bridge.MaxLine - 1) / bridge.MaxLine
		}
		if got := len(lines(b)); got != wanted {
			r.Errorf("%d lines, want %d", got, wanted)
		}
	})
}

// TestChild shows a child's stderr on the span that it runs in.
func TestChild(t *testing.T) {
	r := trace.NewRecorder(trace.Config{})
	ctx, b := newLog(trace.WithRecorder(t.Context(), r))
	ctx, task := trace.WithTask(ctx, "task")
	w := bridge.Lines(ctx, "sh", slog.LevelWarn)
	cmd := exec.Command("sh", "-c", "echo one >&2; echo two >&2")
	cmd.Stderr = w
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	task.End()
	want(t, b, `level=WARN subsystem=sh msg=one`, `level=WARN subsystem=sh msg=two`)
	n := 0
	for _, record := range r.Snapshot() {
		if record.Name == "one" || record.Name == "two" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d lines are recorded", n)
	}
}
