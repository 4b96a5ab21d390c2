package trigger

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/compress" // another compression that they may
	_ "github.com/spanstack/spanstack/tracefmt/perfetto" // a format that programs may import
)

// A watched is a recorder with a watcher, and what that reported.
type watched struct {
	*Watcher
	ctx context.Context

	mu     sync.Mutex
	dumps  []Dump
	at     []time.Time // of the dumps
	errors []error
}

// watch starts a watcher of a recorder of its own, in a directory of its own unless c has one. It waits for no signals
// unless it is told so: they don't come into synctest's bubbles.
func watch(t *testing.T, c Config, triggers ...Trigger) *watched {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	if c.Recorder == nil {
		c.Recorder = trace.NewRecorder(trace.Config{Logger: slog.New(slog.DiscardHandler)})
	}
	w := &watched{ctx: trace.WithRecorder(t.Context(), c.Recorder)}
	c.OnDump = func(d Dump) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.dumps, w.at = append(w.dumps, d), append(w.at, time.Now())
	}
	c.OnError = func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.errors = append(w.errors, err)
	}
	if len(triggers) == 0 {
		triggers = []Trigger{{}}
	}
	var err error
	if w.Watcher, err = Watch(c, triggers...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// causes returns the causes of all dumps, those of one dump on one line.
func (w *watched) causes() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, d := range w.dumps {
		var line []string
		for _, c := range d.Causes {
			line = append(line, c.String())
		}
		all = append(all, strings.Join(line, "; "))
	}
	return strings.Join(all, "\n")
}

func (w *watched) failures() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.errors)
}

// all returns all dumps and when they were written.
func (w *watched) all() ([]Dump, []time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.dumps), slices.Clone(w.at)
}

func (w *watched) last(t *testing.T) Dump {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.dumps) == 0 {
		t.Fatalf("there is no dump; errors: %v", w.errors)
	}
	return w.dumps[len(w.dumps)-1]
}

// load reads a dump.
func load(t *testing.T, path string) (events []*tracefmt.Event) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tracefmt.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for {
		e, err := r.Next()
		if err == io.EOF {
			return events
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", path, err, b)
		}
		events = append(events, e.Clone())
	}
}

// triggered returns the instants of a dump that tell why it is there.
func triggered(events []*tracefmt.Event) (marks []*tracefmt.Event) {
	for _, e := range events {
		if e.Category == Category {
			marks = append(marks, e)
		}
	}
	return marks
}

// names returns the names in a directory.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// stable replaces what differs between runs in a dump's name.
func stable(f *folder, path string) string {
	m := f.own.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return "not ours: " + path
	}
	parts := strings.Split(strings.TrimPrefix(m[1], f.program+"-"), "-")
	return "PROGRAM-TIME-" + strings.Join(parts[1:len(parts)-1], "-") + "-PID" + strings.TrimPrefix(filepath.Base(path), m[1])
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it didn't happen within 20 s")
		}
	}
}
