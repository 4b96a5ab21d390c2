package logging_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/spanstack/spanstack/internal/leaktest"
	"github.com/spanstack/spanstack/logging"
)

// TestMain lets the test binary be the programs that tests start.
func TestMain(m *testing.M) {
	switch os.Getenv("LOGGING_TEST_CHILD") {
	case "":
		os.Exit(leaktest.Wrap(m).Run())
	case "append":
		appendLines(os.Getenv("LOGGING_TEST_FILE"), os.Getenv("LOGGING_TEST_NAME"))
	case "default":
		log := logging.GetLogger(context.Background(), "s")
		log.Debug("off")
		log.Info("on")
	case "dead stderr":
		h, err := logging.Open(logging.Config{})
		if err != nil {
			panic(err)
		}
		log := logging.GetLogger(logging.WithHandler(context.Background(), h), "s")
		log.Info("nobody reads this")
		fmt.Print(h.Flush(context.Background()), " ", h.Dropped(), " ", h.Close())
	case "kill":
		h, err := logging.Open(logging.Config{File: os.Getenv("LOGGING_TEST_FILE"), Format: logging.FormatLogfmt})
		if err != nil {
			panic(err)
		}
		logging.GetLogger(logging.WithHandler(context.Background(), h), "s").Info("last words")
		select {}
	}
}

const appendedLines = 2000

func appendLines(path, name string) {
	h, err := logging.Open(logging.Config{File: path, Format: logging.FormatLogfmt})
	if err != nil {
		panic(err)
	}
	defer h.Close()
	var wg sync.WaitGroup
	for g := range 2 {
		wg.Go(func() {
			l := logging.GetLogger(logging.WithHandler(context.Background(), h), name)
			for i := range appendedLines {
				l.Info("a line", "g", g, "i", i, "filler", strings.Repeat("x", i%300))
			}
		})
	}
	wg.Wait()
}

// child returns this binary as a program of that role.
func child(t *testing.T, role string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append(env, "LOGGING_TEST_CHILD="+role)...)
	return cmd
}

func TestSeveralAppendToOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b"} { // two handlers in this process
		wg.Go(func() { appendLines(path, name) })
	}
	for _, name := range []string{"c", "d"} { // and two more processes
		cmd := child(t, "append", "LOGGING_TEST_NAME="+name, "LOGGING_TEST_FILE="+path)
		cmd.Stderr = os.Stderr
		wg.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	next := map[string]int{}
	for _, line := range readLines(t, path) {
		m := parseLine(t, logging.FormatLogfmt, line)
		who := fmt.Sprint(m["subsystem"], m["g"])
		if m["i"] != fmt.Sprint(next[who]) {
			t.Fatalf("%s: line %v instead of %d", who, m["i"], next[who])
		}
		next[who]++
	}
	for who, n := range next {
		if n != appendedLines {
			t.Errorf("%s wrote %d lines", who, n)
		}
	}
	if len(next) != 8 {
		t.Errorf("%d writers", len(next))
	}
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(strings.Lines(string(data)))
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for range 2 {
		h, err := logging.Open(logging.Config{File: path})
		if err != nil {
			t.Fatal(err)
		}
		logging.GetLogger(logging.WithHandler(t.Context(), h), "s").Info("m")
		if err := h.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	if lines := readLines(t, path); len(lines) != 2 {
		t.Errorf("%q", lines)
	} else if strings.Contains(lines[0], "\x1b") {
		t.Error("colours in a file")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestTornLineIsEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("whole\ntor"), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := logging.Open(logging.Config{File: path, Format: logging.FormatLogfmt})
	if err != nil {
		t.Fatal(err)
	}
	logging.GetLogger(logging.WithHandler(t.Context(), h), "s").Info("m")
	h.Close()
	lines := readLines(t, path)
	if len(lines) != 3 || lines[1] != "tor\n" || !strings.HasPrefix(lines[2], "time=") {
		t.Errorf("%q", lines)
	}
}

// TestLineInProgressIsLeftAlone: an incomplete line at the end of a file that somebody has open is not a torn one.
func TestLineInProgressIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	open := func() *logging.Handler {
		h, err := logging.Open(logging.Config{File: path})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	first := open()
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := open()
	first.Close()
	open().Close()
	if data, err := os.ReadFile(path); err != nil || string(data) != "half" {
		t.Errorf("%q, %v", data, err)
	}
	second.Close()
	open().Close()
	if data, err := os.ReadFile(path); err != nil || string(data) != "half\n" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                          "is a directory",
		filepath.Join(dir, "no/log"): "no such file or directory",
		fifo:                         "it is a FIFO that nobody reads",
	} {
		_, err := logging.Open(logging.Config{File: path})
		if err == nil || err.Error() != "open log file "+path+": "+want {
			t.Errorf("%v, want %s", err, want)
		}
		if e, ok := errors.AsType[*logging.OpenError](err); !ok || e.Path != path {
			t.Errorf("%#v", err)
		}
	}
	if _, err := logging.Open(logging.Config{File: filepath.Join(dir, "no/log")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not ErrNotExist", err)
	}
}

func TestFileIsNotInherited(t *testing.T) {
	h, err := logging.Open(logging.Config{File: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	e, err := logging.Open(logging.Config{}) // the copy of stderr, too
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	out, err := exec.Command("/bin/sh", "-c", "for fd in 3 4 5 6 7 8 9; do (: >&$fd) 2>/dev/null && echo open: $fd; done; true").Output()
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// TestDefaultWritesBeforeExit: a program that configures nothing and closes nothing loses nothing.
func TestDefaultWritesBeforeExit(t *testing.T) {
	var stderr strings.Builder
	cmd := child(t, "default")
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	m := parseLine(t, logging.FormatHuman, stderr.String())
	if m["msg"] != "on" || m["subsystem"] != "s" || m["trace"] != "none" {
		t.Errorf("%q", &stderr)
	}
}

// TestDeadStderr: the Go runtime ends a program by SIGPIPE if it writes to a dead stderr, but the log must not do that.
func TestDeadStderr(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	cmd := child(t, "dead stderr")
	cmd.Stderr = w
	out, err := cmd.Output()
	if want := "<nil> 1 flush log: 1 lines are lost: write stderr: broken pipe"; err != nil || string(out) != want {
		t.Errorf("%v: %s", err, out)
	}
}

func TestWantsColor(t *testing.T) {
	char, err := os.Open(os.DevNull) // a character device, as terminals are
	if err != nil {
		t.Fatal(err)
	}
	defer char.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		file          *os.File
		noColor, term string
		want          bool
	}{
		{char, "", "xterm", true}, {char, "1", "xterm", false}, {char, "", "dumb", false}, {file, "", "xterm", false},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		if got := logging.WantsColor(c.file); got != c.want {
			t.Errorf("%s, NO_COLOR=%q, TERM=%q: %v", c.file.Name(), c.noColor, c.term, got)
		}
	}
}

// TestLineOutlivesKill: a line is written although its program does nothing more, and never ends by itself.
func TestLineOutlivesKill(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := child(t, "kill", "LOGGING_TEST_FILE="+fifo)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := ""
	for line == "" { // end of file just means that the child hasn't opened it yet
		if line, err = bufio.NewReader(r).ReadString('\n'); err != nil && err != io.EOF {
			break
		}
	}
	if !strings.Contains(line, `msg="last words"`) {
		t.Errorf("%q, %v", line, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
}
