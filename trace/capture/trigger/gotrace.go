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

// goTrace is Go's own flight recorder.
type goTrace struct{ *rtrace.FlightRecorder }

func startGoTrace() (*goTrace, error) {
	fr := rtrace.NewFlightRecorder(rtrace.FlightRecorderConfig{MinAge: 10 * time.Second, MaxBytes: 16 << 20})
	if err := fr.Start(); err != nil {
		return nil, fmt.Errorf("start Go's flight recorder, so dumps come without it: %w", err)
	}
	return &goTrace{fr}, nil
}

func (g *goTrace) close() {
	if g != nil {
		g.Stop()
	}
}

// ClockCategory is the category of the log line in Go's execution trace, and of the instant in the dump beside it, that
// stand for the same moment. Both have the same text, with that moment on the recorder's clock and on the wall clock, in
// ns: the difference of their times is that of the clocks of the two files.
const ClockCategory = "spanstack.clock"

// mark makes a mark of this moment in both traces.
func (g *goTrace) mark(rec *trace.Recorder, stem string) mark {
	mono, wall := rec.Now(), time.Now()
	text := fmt.Sprintf("%s recorder=%d unix=%d", stem, mono, wall.UnixNano())
	rtrace.Log(context.Background(), ClockCategory, text)
	return mark{event: tracefmt.Event{Kind: tracefmt.Instant, Time: mono, Name: text, Category: ClockCategory,
		Attrs: []tracefmt.Attr{{Key: "recorder", Value: tracefmt.Int64(mono)}, {Key: "unix", Value: tracefmt.Int64(wall.UnixNano())}}}}
}

func (g *goTrace) writeTo(out io.Writer) error {
	_, err := g.WriteTo(out)
	return err
}
