package viewer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/viewer"
)

// pipe returns a viewer of what is written into a pipe.
func pipe(t *testing.T, config viewer.Config) (*io.PipeWriter, *viewer.Viewer, *client) {
	t.Helper()
	r, w := io.Pipe()
	v := viewer.New(config, viewer.Source{Title: "pipe", Open: func(context.Context) (*viewer.Input, error) {
		return &viewer.Input{ReadCloser: r}, nil
	}})
	t.Cleanup(v.Close)
	return w, v, &client{t, v}
}

// line is a slice of a trace as JSON lines.
func line(name string, start, end int) string {
	return fmt.Sprintf(`{"kind":"slice","name":%q,"start_ns":%d,"end_ns":%d,"process":"p","track":"t"}`+"\n", name, start, end)
}

// TestPipe: what comes through a pipe is shown before its end, which may never come, and all of it then.
func TestPipe(t *testing.T) {
	w, v, c := pipe(t, viewer.Config{})
	if s := until(t, c, "waiting", func(s state) bool { return s.State == "loading" }); s.Gen != 0 {
		t.Errorf("before anything has come: %+v", s)
	}
	io.WriteString(w, line("first", 1000, 2000)+`{"kind":"begin","name":"open","start_ns":3000,"process":"p","track":"t"}`+"\n")
	first := until(t, c, "shown", func(s state) bool { return s.Slices == 2 })
	if first.State != "loading" || first.Session != 1 || first.Now != 2000 {
		t.Errorf("%+v, want the time of the last event", first)
	}
	if got := openNames(c); !slices.Equal(got, []string{"open"}) {
		t.Errorf("open are %q", got)
	}
	io.WriteString(w, line("around", 2500, 6000))
	then := until(t, c, "shown", func(s state) bool { return s.Slices == 3 })
	if got := openNames(c); then.State != "loading" || then.Gen <= first.Gen || then.Now != 5000 || len(got) != 1 {
		t.Errorf("%+v after %+v; open are %q", then, first, got)
	}
	w.Close() // now it is sure that what was open has ended with the one around it
	last := until(t, c, "loaded", func(s state) bool { return s.State == "loaded" })
	if got := openNames(c); last.Slices != 3 || last.End != 5000 || len(got) > 0 || shown(c, 0).slices != 3 {
		t.Errorf("%+v; open are %q", last, got)
	}
	if s := v.Statuses()[0]; s.Progress != 1 || s.Events < 4 {
		t.Errorf("%+v", s)
	}
}

// TestPipeBroken: of a pipe that breaks there is what came.
func TestPipeBroken(t *testing.T) {
	w, _, c := pipe(t, viewer.Config{})
	io.WriteString(w, line("one", 1, 2)+line("two", 3, 4))
	w.CloseWithError(errors.New("the writer has died"))
	s := until(t, c, "failed", func(s state) bool { return s.State == "failed" })
	if s.Slices != 2 || !strings.Contains(s.Error, "the writer has died") {
		t.Errorf("%+v", s)
	}
}

// TestPipeKept: all of a pipe is kept, unless there is a limit.
func TestPipeKept(t *testing.T) {
	const n = 100_000
	for _, keep := range []int64{0, 1 << 20} {
		w, _, c := pipe(t, viewer.Config{Keep: keep})
		go func() {
			for i := range n {
				io.WriteString(w, line("work", 10*i, 10*i+5))
			}
			w.Close()
		}()
		s := until(t, c, "loaded", func(s state) bool { return s.State == "loaded" })
		switch {
		case keep == 0 && (s.Slices != n || len(s.Losses) > 0):
			t.Errorf("without a limit: %+v", s)
		case keep > 0 && (s.Slices >= n || len(s.Losses) != 1 || s.Losses[0].Count != n-s.Slices):
			t.Errorf("with one: %+v", s)
		}
	}
}

// TestPipeClosed: a viewer of a pipe from which nothing comes can be closed.
func TestPipeClosed(t *testing.T) {
	w, v, c := pipe(t, viewer.Config{})
	io.WriteString(w, line("one", 1, 2))
	until(t, c, "shown", func(s state) bool { return s.Slices == 1 })
	v.Close()
	if _, err := io.WriteString(w, line("two", 3, 4)); err == nil {
		t.Error("it is still read from")
	}
}
