package capture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// work makes more spans than go in one batch, with all that records have, one of which outlives its task.
func work(base context.Context) {
	ctx, task := trace.WithTask(base, "outer", slog.String("dataset", "tank"))
	for i := range 2500 {
		_, span := trace.WithSpan(ctx, "step", slog.Int("i", i))
		if i%100 == 0 {
			time.Sleep(30 * time.Millisecond)
		}
		if i%7 == 0 {
			span.EndErr(new(errors.New("busy")))
			continue
		}
		span.End()
	}
	child, inner := trace.WithTask(ctx, "inner")
	_, open := trace.WithSpan(child, "open")
	time.Sleep(time.Second)
	inner.End()
	task.End()
	open.End()
}

// TestOpenEvents: they are those of a stream, one for one.
func TestOpenEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := trace.NewRecorder(trace.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		var text bytes.Buffer
		ended := make(chan error, 1)
		go func() { ended <- capture.Stream(ctx, &text, tracefmt.Lookup("chrome"), rec) }()
		in := capture.OpenEvents(ctx, rec, 0)
		defer in.Close()
		go func() {
			work(trace.WithRecorder(t.Context(), rec))
			cancel()
		}()
		var got []string
		for {
			e, err := in.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, said(e))
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, e := range eventsOf(t, text.Bytes()) {
			want = append(want, said(e))
		}
		slices.Sort(got) // a format may bring some of them into another order
		slices.Sort(want)
		if got, want = slices.Compact(got), slices.Compact(want); !slices.Equal(got, want) {
			t.Errorf("%d events, want %d", len(got), len(want))
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("%s\nwant %s", got[i], want[i])
				}
			}
		}
		if len(got) < 2500 {
			t.Errorf("there are only %d", len(got))
		}
	})
}

// said writes what any format keeps of an event.
func said(e *tracefmt.Event) string {
	if !slices.Contains([]tracefmt.Kind{tracefmt.Begin, tracefmt.End, tracefmt.Complete, tracefmt.FlowStart, tracefmt.FlowEnd}, e.Kind) {
		return ""
	}
	if e.Kind == tracefmt.End { // which has no ID by itself, and needs no category
		return fmt.Sprintln(e.Kind, e.Time, e.Name, e.Failed())
	}
	return fmt.Sprintln(e.Kind, e.Time, e.Dur, e.Name, e.Category, e.ID, e.Parent, e.Attr("i"), e.Attr("dataset"), e.Failed())
}

// TestOpenEventsClose: nothing is left of what nobody reads, or of who waits for what doesn't come.
func TestOpenEventsClose(t *testing.T) {
	base := tracetest.Strict(t)
	_, task := trace.WithTask(base, "open")
	defer task.End()
	for _, reads := range []bool{false, true} {
		in := capture.OpenEvents(t.Context(), trace.RecorderFromContext(base), 0)
		read := make(chan error, 1)
		if reads {
			go func() {
				for {
					if _, err := in.Next(); err != nil {
						read <- err
						return
					}
				}
			}()
		}
		time.Sleep(20 * time.Millisecond) // so that it blocks, most of the time
		for range 2 {
			if err := in.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if !reads {
			_, err := in.Next()
			read <- err
		}
		if err := <-read; err != io.EOF && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("after Close, Next returns %v", err)
		}
	}
}

// TestLostEnds: a span whose end is lost is shown until something else of its task is known, or as long as it was seen. What comes after
// it has its own time.
func TestLostEnds(t *testing.T) {
	for _, bytes := range []int{64 << 10, 5 << 19} { // which is read at once, and bit by bit
		t.Run(fmt.Sprint(bytes), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { lostEnds(t, bytes) }) })
	}
}

func lostEnds(t *testing.T, bytes int) {
	rec := trace.NewRecorder(trace.Config{Bytes: bytes})
	base := trace.WithRecorder(t.Context(), rec)
	ctx, cancel := context.WithCancel(t.Context())
	in := capture.OpenEvents(ctx, rec, 0)
	defer in.Close()
	began := rec.Now()
	at := func() int64 { return (rec.Now() - began) / int64(time.Millisecond) }
	want := make(map[string]string)
	go func() {
		defer cancel()
		task, worker := trace.WithTask(base, "worker")
		for n := range 4 {
			batch, span := trace.WithSpan(task, "batch", slog.Int("n", n))
			start := at()
			_, step := trace.WithSpan(batch, "step")
			time.Sleep(230 * time.Millisecond) // a stream sees it
			step.End()
			span.End()
			want[fmt.Sprint(n)] = fmt.Sprintf("%d to %d", start, at())
			if n%2 == 0 {
				for range bytes / 40 { // in all shards: its record leaves the ring
					_, other := trace.WithTask(base, "other")
					other.End()
				}
			}
			if n < 2 {
				_, short := trace.WithSpan(task, "short")
				time.Sleep(10 * time.Millisecond)
				short.End()
			}
		}
		worker.End()
		time.Sleep(time.Second)
	}()
	var line timeline.Timeline
	if _, err := line.Read(in); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for e := range line.Events() {
		n := e.Attr("n").String()
		if e.Name != "batch" {
			continue
		}
		got := fmt.Sprintf("%d to %d", (e.Time-began)/int64(time.Millisecond), (e.Time+e.Dur-began)/int64(time.Millisecond))
		if e.Attr("end").String() == "unknown" {
			lost++
			t.Logf("batch %s was %s, is shown %s", n, want[n], got)
			if n != "0" && n != "2" {
				t.Errorf("the end of batch %s wasn't lost", n)
			}
		} else if got != want[n] {
			t.Errorf("batch %s was %s, is shown %s", n, want[n], got)
		}
	}
	if lost == 0 {
		t.Error("no end is lost")
	}
}
