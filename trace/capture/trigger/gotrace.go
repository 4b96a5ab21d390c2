package trigger

import (
	"context"
	"fmt"
	"io"
	rtrace "runtime/trace"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

// goTraceEnding is the ending of the names of Go's execution traces.
const goTraceEnding = ".gotrace"

// goTrace is Go's own flight recorder. Without it, dumps are still of use: its problems are reported on their own.
type goTrace struct {
	*rtrace.FlightRecorder
	problems problems
}

// startGoTrace starts Go's flight recorder, or returns nil and reports why it can't.
func startGoTrace(onError func(error)) *goTrace {
	fr := rtrace.NewFlightRecorder(rtrace.FlightRecorderConfig{MinAge: 10 * time.Second, MaxBytes: 16 << 20})
	if err := fr.Start(); err != nil {
		onError(fmt.Errorf("start Go's flight recorder, without which dumps have no .gotrace: %w", err))
		return nil
	}
	return &goTrace{fr, problems{on: onError}}
}

func (g *goTrace) close() {
	if g != nil {
		g.Stop()
	}
}

// ClockCategory is the category of the log line in Go's execution trace, and of the instant in the dump beside it, that
// stand for the same moment. Both have the same text, with that moment on the recorder's clock and on the wall clock,
// in ns: the difference of their times is that of the clocks of the two files.
const ClockCategory = "spanstack.clock"

// mark makes a mark of this moment in both traces.
func (g *goTrace) mark(rec *trace.Recorder, stem string) mark {
	mono, wall := rec.Now(), time.Now()
	text := fmt.Sprintf("%s recorder=%d unix=%d", stem, mono, wall.UnixNano())
	rtrace.Log(context.Background(), ClockCategory, text)
	return mark{event: tracefmt.Event{Kind: tracefmt.Instant, Time: mono, Name: text, Category: ClockCategory,
		Attrs: []tracefmt.Attr{{Key: "recorder", Value: tracefmt.Int64(mono)},
			{Key: "unix", Value: tracefmt.Int64(wall.UnixNano())}}}}
}

func (g *goTrace) writeTo(out io.Writer) error {
	if _, err := g.WriteTo(out); err != nil {
		return fmt.Errorf("write what Go's flight recorder holds: %w", err)
	}
	return nil
}
