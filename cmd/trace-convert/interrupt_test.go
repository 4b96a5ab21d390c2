package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInterrupt checks that an interrupted run ends at once, although its input blocks, and leaves no file.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	in, feed := io.Pipe()
	defer feed.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var stderr bytes.Buffer
	code := make(chan int)
	go func() {
		code <- run(ctx, []string{"-o", filepath.Join(dir, "out.json")}, streams{in, io.Discard, &stderr})
	}()
	// Write returns when the program has read it all, and it waits for more then.
	if _, err := io.WriteString(feed, `[{"ph":"X","ts":1,"dur":1}`+strings.Repeat(" ", 8192)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if got := <-code; got != exitInterrupted {
		t.Errorf("exit code %d, want %d", got, exitInterrupted)
	}
	if !strings.Contains(stderr.String(), "trace-convert: error: interrupted") {
		t.Errorf("stderr: %s", stderr.String())
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
}
