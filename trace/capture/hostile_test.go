//go:build unix

package capture_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/tracetest"
)

// TestFullDisk wants the error of a write that fails in the middle of a program.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	ctx := tracetest.Strict(t)
	path := filepath.Join(t.TempDir(), "full.json")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	f, err := capture.Start(path, trace.RecorderFromContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	_, task := trace.WithTask(ctx, "task")
	task.End()
	if err := f.Stop(); err == nil || !strings.Contains(err.Error(), "no space left") || !strings.Contains(err.Error(), path) {
		t.Errorf("Stop returned %v", err)
	}
}

// TestPipeWithoutReader: opening it must fail, not wait; and a reader that stalls must not keep the program from ending.
func TestPipeWithoutReader(t *testing.T) {
	ctx := tracetest.Strict(t)
	path := filepath.Join(t.TempDir(), "pipe.json")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := capture.Start(path, trace.RecorderFromContext(ctx)); err == nil {
		f.Stop()
		t.Error("a pipe that nobody reads must be an error")
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	f, err := capture.Start(path, trace.RecorderFromContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 { // more than fits into the pipe
		_, task := trace.WithTask(ctx, "task")
		task.End()
	}
	start := time.Now()
	if err := f.Stop(); err == nil {
		t.Error("a trace that nobody reads can't be complete")
	}
	t.Logf("Stop took %v", time.Since(start))
}
