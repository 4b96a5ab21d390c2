package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
)

// Our tracer at its levels, with the flight recorder of the default size.
var (
	spanstackOff       = contender{name: "spanstack, off", rival: "spanstack, off", begin: spanstackAt(trace.LevelOff)}
	spanstackIDs       = contender{name: "spanstack, IDs", rival: "spanstack, IDs", begin: spanstackAt(trace.LevelIDs)}
	spanstackRecording = contender{name: "spanstack, recording", rival: "spanstack, recording", begin: spanstackAt(trace.LevelRecording)}
	spanstackPolled    = contender{name: "spanstack, recording, polled", rival: spanstackRecording.name, stretch: 5, begin: beginPolled}
	spanstackCaptured  = contender{name: "spanstack, recording, captured", rival: spanstackRecording.name, stretch: 5, begin: beginCaptured}
)

func spanstackAt(level trace.Level) func() (*session, error) {
	return func() (*session, error) {
		s, _ := newSpanstack(level)
		return s, nil
	}
}

func newSpanstack(level trace.Level) (*session, *trace.Recorder) {
	trace.SetLevel(trace.LevelOff) // the default recorder has no part in this
	rec := trace.NewRecorder(trace.Config{})
	rec.SetLevel(level)
	return &session{
		ctx: trace.WithRecorder(context.Background(), rec),
		root: func(ctx context.Context) (context.Context, func()) {
			ctx, task := trace.WithTask(ctx, "root")
			return ctx, task.End
		},
		rootSpans: 1,
		stop: func(uint64) (uint64, error) {
			rec.SetLevel(trace.LevelOff)
			return 0, nil // a flight recorder has nowhere to send records to
		},
	}, rec
}

// beginPolled has a consumer that fetches the records and drops them.
func beginPolled() (*session, error) {
	s, rec := newSpanstack(trace.LevelRecording)
	var lost uint64
	consumer := rec.NewConsumer(trace.ConsumerConfig{FromNow: true})
	fetch := func() {
		fetchAll(consumer, func(r *trace.Record) {
			if r.Kind == trace.KindLoss {
				lost += r.Count
			}
		})
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fetch()
			case <-stop:
				return
			}
		}
	}()
	off := s.stop
	s.stop = func(ended uint64) (uint64, error) {
		close(stop)
		<-stopped
		fetch()
		off(ended)
		return lost, nil
	}
	return s, nil
}

// fetchAll calls f for all records that are new to a consumer. Nothing else here polls.
func fetchAll(c *trace.Consumer, f func(*trace.Record)) {
	for more := true; more; {
		var records []trace.Record
		records, more = c.Poll()
		for i := range records {
			f(&records[i])
		}
	}
}

// beginCaptured has a capture that writes Chrome JSON as to a file, and throws the text away: see [discarding].
func beginCaptured() (*session, error) {
	s, rec := newSpanstack(trace.LevelRecording)
	dir, err := os.MkdirTemp("", "spanstack-bench-")
	if err != nil {
		return nil, err
	}
	lostInCaptures.Store(0)
	file, err := capture.Start(filepath.Join(dir, "trace"+discarding.Extensions[0]), rec)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	off := s.stop
	s.stop = func(ended uint64) (uint64, error) {
		defer os.RemoveAll(dir)
		err := file.Stop()
		off(ended)
		return lostInCaptures.Load(), err
	}
	return s, nil
}

// discarding is the format that captures are benchmarked with: Chrome JSON, rendered in full. What the text says about
// losses is added up in lostInCaptures.
var discarding = &tracefmt.Format{
	Name: "discarded-chrome", Extensions: []string{".discard"}, Mode: tracefmt.Streaming,
	NewWriter: func(io.Writer) tracefmt.Writer { return lossCounter{chrome.NewWriter(io.Discard)} },
}

var lostInCaptures atomic.Uint64

func init() { tracefmt.Register(discarding) }

type lossCounter struct{ tracefmt.Writer }

func (w lossCounter) Write(e *tracefmt.Event) error {
	lostInCaptures.Add(statedLoss(e))
	return w.Writer.Write(e)
}

// statedLoss returns how many lost records an event of a capture tells of.
func statedLoss(e *tracefmt.Event) uint64 {
	if e.Category != tracefmt.CategoryLoss {
		return 0
	}
	n, _ := e.Attr("count").Uint64()
	return n
}

// What attributes say. They are variables, lest the compiler prepares them.
var (
	dataset     = "tank/home/alice"
	resumed     = true
	compression = 1.75
)

var spanstackLoops = spanLoops{
	plain: func(ctx context.Context, n int) {
		for range n {
			_, s := trace.WithSpan(ctx, "span")
			s.End()
		}
	},
	attrs: func(ctx context.Context, n int) {
		for i := range n {
			_, s := spanstackWithAttrs(ctx, i)
			s.End()
		}
	},
	nested: func(ctx context.Context, n int) {
		for range n {
			ctx1, s1 := trace.WithSpan(ctx, "span 1")
			ctx2, s2 := trace.WithSpan(ctx1, "span 2")
			ctx3, s3 := trace.WithSpan(ctx2, "span 3")
			ctx4, s4 := trace.WithSpan(ctx3, "span 4")
			_, s5 := trace.WithSpan(ctx4, "span 5")
			s5.End()
			s4.End()
			s3.End()
			s2.End()
			s1.End()
		}
	},
	nestedAttrs: func(ctx context.Context, n int) {
		for i := range n {
			ctx1, s1 := spanstackWithAttrs(ctx, i)
			ctx2, s2 := spanstackWithAttrs(ctx1, i)
			ctx3, s3 := spanstackWithAttrs(ctx2, i)
			ctx4, s4 := spanstackWithAttrs(ctx3, i)
			_, s5 := spanstackWithAttrs(ctx4, i)
			s5.End()
			s4.End()
			s3.End()
			s2.End()
			s1.End()
		}
	},
}

func spanstackWithAttrs(ctx context.Context, i int) (context.Context, *trace.Span) {
	return trace.WithSpan(ctx, "span", slog.String("dataset", dataset), slog.Int("bytes", i), slog.Bool("resumed", resumed),
		slog.Float64("compression", compression))
}

func spanstackTasks(ctx context.Context, n int) {
	for range n {
		_, t := trace.WithTask(ctx, "task")
		t.End()
	}
}

func spanstackSetAttrs(ctx context.Context, n int) {
	for i := range n {
		_, s := trace.WithSpan(ctx, "span")
		s.SetAttrs(slog.String("dataset", dataset), slog.Int("bytes", i), slog.Bool("resumed", resumed), slog.Float64("compression", compression))
		s.End()
	}
}

func spanstackEvents(ctx context.Context, n int) {
	for i := range n {
		_, s := trace.WithSpan(ctx, "span")
		for range 4 {
			s.Event("retry", slog.Int("attempt", i))
		}
		s.End()
	}
}

func spanstackLogs(ctx context.Context, n int) {
	for i := range n {
		_, s := trace.WithSpan(ctx, "span")
		for range 4 {
			s.Log(time.Now(), slog.LevelInfo, "trying again", slog.Int("attempt", i))
		}
		s.End()
	}
}

// withSpanstackSpans opens four spans, so that the next one is at depth 5.
var withSpanstackSpans = spanstackSpans(nestedDepth - 1)

// spanstackSpans returns what opens n spans inside each other.
func spanstackSpans(n int) opener {
	return func(ctx context.Context) (context.Context, func()) {
		var open []*trace.Span
		for range n {
			var s *trace.Span
			ctx, s = trace.WithSpan(ctx, "span")
			open = append(open, s)
		}
		return ctx, func() {
			for i := len(open) - 1; i >= 0; i-- {
				open[i].End()
			}
		}
	}
}

func spanstackStack(ctx context.Context, n int) {
	for range n {
		_, s := trace.WithSpan(ctx, "span")
		keepText(s.Stack())
		s.End()
	}
}

func spanstackStackAgain(ctx context.Context, n int) {
	s := trace.FromContext(ctx)
	for range n {
		keepText(s.Stack())
	}
}

// kept makes texts survive, as they do in a log record.
var kept string

func keepText(s string) {
	if kept = s; kept == "" {
		panic("a span without IDs")
	}
}

func spanstackFromContext(ctx context.Context, n int) {
	for range n {
		if trace.FromContext(ctx) == nil {
			panic("the span isn't found")
		}
	}
}
