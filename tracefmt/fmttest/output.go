package fmttest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

var errFull = errors.New("no space left")

// limited fails after some bytes.
type limited struct{ left int }

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		n := l.left
		l.left = 0
		return n, errFull
	}
	l.left -= len(p)
	return len(p), nil
}

func (s suite) writeErrors(t *testing.T) {
	data, _ := s.write(t, Sample())
	for _, room := range []int{0, 1, len(data) / 2, len(data) - 1} {
		w := s.NewWriter(&limited{room})
		var first error
		for _, e := range Sample() {
			for _, err := range []error{w.Write(&e), w.Flush()} {
				if first == nil {
					first = err
				} else if err == nil {
					t.Fatalf("room for %d bytes: success after %v", room, first)
				}
			}
		}
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Errorf("room for %d of %d bytes: Close returns %v", room, len(data), err)
		}
		if first != nil && !errors.Is(first, errFull) {
			t.Errorf("room for %d bytes: %v, want the writer's own error", room, first)
		}
	}
}

// countingWriter counts calls of Write.
type countingWriter struct {
	bytes.Buffer
	calls int
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.calls++
	return w.Buffer.Write(p)
}

// flush checks that a streaming format is readable at every flush, and writes once for each.
func (s suite) flush(t *testing.T) {
	if s.Mode != tracefmt.Streaming {
		t.Skipf("the format is %v, not streaming: its Flush does nothing", s.Mode)
	}
	var out countingWriter
	w := s.NewWriter(&out)
	for i, e := range Sample() {
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
		before := out.calls
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if out.calls > before+1 {
			t.Fatalf("a Flush of one event makes %d calls of Write", out.calls-before)
		}
		if !e.Kind.Timed() || e.Kind == tracefmt.Clock {
			continue
		}
		events := s.read(t, out.Bytes())
		want := ContentOf(Sample()[:i+1], s.Keeps).Timed
		if got := ContentOf(events, s.Keeps).Timed; len(got) != len(want) {
			t.Fatalf("after the flush of event %d, %d timed events are readable, want %d", i, len(got), len(want))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
