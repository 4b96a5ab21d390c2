package catapult

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A tab or a browser that dies, as with too big a trace, must be an error and
// not a wait without end.
func TestCrash(t *testing.T) {
	for _, kind := range []string{"--type=renderer", "--headless"} {
		t.Run(kind, func(t *testing.T) {
			tmp, err := os.MkdirTemp("", "ct") // t.TempDir is too long for Chromium's socket
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(tmp)
			t.Setenv("TMPDIR", tmp)
			v, err := Start(t.Context(), Options{})
			if missing, ok := errors.AsType[*MissingError](err); ok && os.Getenv("SPANSTACK_REQUIRE_BROWSER") != "1" {
				t.Skip(missing)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			if n := kill(t, tmp, kind); n == 0 {
				t.Skipf("no process with %s found in /proc", kind)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if _, err := v.Load(ctx, []byte("[]")); err == nil || ctx.Err() != nil {
				t.Errorf("Load after a crash returns %v", err)
			} else if kind == "--type=renderer" && !errors.Is(err, ErrCrashed) {
				t.Errorf("Load after a crash of the page returns %v, want ErrCrashed", err)
			}
			if err := v.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// kill kills the processes that have both words in their command line.
func kill(t *testing.T, words ...string) (killed int) {
	t.Helper()
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
next:
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		for _, word := range words {
			if !strings.Contains(string(line), word) {
				continue next
			}
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err == nil {
			killed++
		}
	}
	return killed
}
