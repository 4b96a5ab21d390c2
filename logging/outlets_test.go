package logging_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logfile"
	"github.com/spanstack/spanstack/logging/syslog"
)

// TestManyGoroutines lets many log through three outlets at once: a JSON file, a logfmt file that is rotated, and a
// syslog daemon's stream. No line may be torn, those of a goroutine must be in order, and those that are missing must
// be counted.
func TestManyGoroutines(t *testing.T) {
	goroutines, lines := 8, 100_000
	if testing.Short() {
		lines = 2000
	}
	dir := t.TempDir()
	daemon, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	var sent []string
	var reading sync.WaitGroup
	reading.Go(func() {
		conn, err := daemon.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for in := bufio.NewReader(conn); ; {
			line, err := in.ReadString('\n')
			if err != nil {
				if err != io.EOF || line != "" {
					t.Errorf("the daemon got %q and %v at the end", line, err)
				}
				return
			}
			_, text, _ := strings.Cut(line, "]: ")
			sent = append(sent, text)
		}
	})

	open := func(h *logging.Handler, err error) *logging.Handler {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	jsonPath, logfmtPath := filepath.Join(dir, "json"), filepath.Join(dir, "logfmt")
	outlets := []*logging.Handler{
		open(logging.Open(logging.Config{File: jsonPath, Format: logging.FormatJSON})),
		open(logfile.Open(logfile.Config{Path: logfmtPath, MaxBytes: 1 << 20, Options: logging.Options{Format: logging.FormatLogfmt}})),
		open(syslog.Open(syslog.Config{Address: filepath.Join(dir, "socket")})),
	}
	h := logging.Join(outlets...)
	ctx := logging.WithHandler(t.Context(), h)
	var writing sync.WaitGroup
	for g := range goroutines {
		writing.Go(func() {
			for i := range lines {
				logging.GetLogger(ctx, "x").Info("line\nfeed", "g", g, "i", i)
			}
		})
	}
	writing.Wait()
	if err := h.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	reading.Wait()

	for i, o := range outlets {
		count := newOrderCount(t, fmt.Sprint("outlet ", i), goroutines)
		switch i {
		case 0:
			for line := range strings.Lines(readFile(t, jsonPath)) {
				var m struct {
					Msg, Outlet string
					G, I, Lines int
				}
				if err := json.Unmarshal([]byte(line), &m); err != nil {
					t.Fatalf("%v: %q", err, line)
				}
				if m.Outlet == "" { // else it is another one's losses
					count.add(m.Msg, m.G, m.I, m.Lines)
				}
			}
		case 1:
			for _, path := range append(glob(t, logfmtPath+".*"), logfmtPath) {
				for line := range strings.Lines(readFile(t, path)) {
					count.addPairs(strings.TrimSuffix(line, "\n"))
				}
			}
		case 2:
			for _, text := range sent {
				message, pairs, _ := strings.Cut(strings.TrimSuffix(text, "\n"), " subsystem=")
				count.addPairs("msg=" + strconv.Quote(strings.ReplaceAll(message, `\n`, "\n")) + " subsystem=" + pairs)
			}
		}
		if count.lines+count.lost != goroutines*lines || uint64(count.lost) != o.Dropped() {
			t.Errorf("outlet %d has %d lines, tells of %d losses, and has counted %d, of %d", i, count.lines, count.lost, o.Dropped(), goroutines*lines)
		}
	}
	if got := h.Counts(); got[0] != (logging.Count{Subsystem: "x", Level: slog.LevelInfo, Lines: uint64(goroutines * lines)}) {
		t.Errorf("counted %v", got)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// An orderCount counts lines, and wants those of each goroutine to be in order.
type orderCount struct {
	t           *testing.T
	what        string
	next        []int
	lines, lost int
}

func newOrderCount(t *testing.T, what string, goroutines int) *orderCount {
	return &orderCount{t: t, what: what, next: make([]int, goroutines)}
}

func (c *orderCount) add(message string, g, i, lost int) {
	c.t.Helper()
	switch {
	case message == "log lines were lost":
		c.lost += lost
	case message != "line\nfeed" || g >= len(c.next) || i < c.next[g]:
		c.t.Fatalf("%s has the line %q %d %d after %v", c.what, message, g, i, c.next)
	default:
		c.lines++
		c.next[g] = i + 1
	}
}

func (c *orderCount) addPairs(line string) {
	c.t.Helper()
	pairs, err := parseLogfmt(line)
	if err != nil {
		c.t.Fatalf("%s: %v: %q", c.what, err, line)
	}
	var message string
	var g, i, lost int
	for _, p := range pairs {
		n, _ := strconv.Atoi(p.value)
		switch p.key {
		case "msg":
			message = p.value
		case "g":
			g = n
		case "i":
			i = n
		case "lines":
			lost = n
		}
	}
	if strings.Contains(line, "outlet=") {
		return // another one's losses
	}
	c.add(message, g, i, lost)
}
