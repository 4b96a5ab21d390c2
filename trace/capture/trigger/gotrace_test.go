package trigger

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	xtrace "golang.org/x/exp/trace"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

// TestGoTrace finds the same moment in both files, and the same span at the same time.
func TestGoTrace(t *testing.T) {
	w := watch(t, Config{GoTrace: true, Delay: -1, Interval: -1})
	if errs := w.failures(); len(errs) > 0 {
		t.Fatal(errs)
	}
	ctx, task := trace.WithTask(w.ctx, "task")
	_, span := trace.WithSpan(ctx, "work")
	time.Sleep(10 * time.Millisecond)
	span.End()
	path, err := w.Dump(ctx, "now")
	if err != nil {
		t.Fatal(err)
	}
	task.End()
	var clock, work *tracefmt.Event
	for _, e := range load(t, path) {
		switch {
		case e.Category == ClockCategory:
			clock = e
		case e.Name == "work":
			work = e
		}
	}
	if clock == nil || work == nil {
		t.Fatal("no clock or no span in the dump")
	}
	mono, _ := clock.Attr("recorder").Int64()
	clockGo, workGo := inGoTrace(t, strings.TrimSuffix(path, ".json")+".gotrace", clock.Name)
	off := time.Duration((workGo - clockGo) - (work.Time - mono))
	t.Logf("by the clocks' difference, the span begins %v later in Go's trace", off)
	if off.Abs() > 50*time.Millisecond { // a loaded machine may stop us between two readings
		t.Errorf("the clocks are %v apart", off)
	}
	if info, err := os.Stat(strings.TrimSuffix(path, ".json") + ".gotrace"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if all, err := w.folder.dumps(); err != nil || len(all) != 1 || len(all[0].names) != 2 {
		t.Errorf("the two are one dump, not %v (%v)", all, err)
	}

	w.gotrace.Stop() // somebody else does
	if path, err := w.Dump(t.Context(), "now"); err != nil || len(w.failures()) != 1 {
		t.Errorf("a dump must not fail because of Go's trace: %s, %v, %v", path, err, w.failures())
	}
	if err := w.gotrace.Start(); err != nil {
		t.Fatal(err)
	}

	second := watch(t, Config{GoTrace: true, Delay: -1}) // only one of them can have it
	if errs := second.failures(); len(errs) != 1 {
		t.Errorf("errors of a second watcher: %v", errs)
	}
	if path, err := second.Dump(t.Context(), "now"); err != nil || len(names(t, filepath.Dir(path))) != 1 {
		t.Errorf("its dump: %v", err)
	}
}

// inGoTrace returns the times of the log line with that text, and of the region "work".
func inGoTrace(t *testing.T, path, text string) (clock, work int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := xtrace.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for {
		e, err := r.ReadEvent()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e.Kind() {
		case xtrace.EventLog:
			if l := e.Log(); l.Category == ClockCategory && l.Message == text {
				clock = int64(e.Time())
			}
		case xtrace.EventRegionBegin:
			if e.Region().Type == "work" {
				work = int64(e.Time())
			}
		}
	}
	if clock == 0 || work == 0 {
		t.Fatal(fmt.Sprint("Go's trace lacks ", text, " or the region: ", clock, work))
	}
	return clock, work
}
