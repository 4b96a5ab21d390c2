package otlp_test

import (
	"bytes"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/otlp"
)

// Write a span as OTLP's protobuf, and read it back. The ID is no span ID of OpenTelemetry's, but comes back.
func Example() {
	var file bytes.Buffer
	w := otlp.NewWriter(&file)
	for _, e := range []tracefmt.Event{
		{Kind: tracefmt.Clock, Unix: 1_769_850_300_000_000_000}, // the wall clock at time 0
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(754), Name: "zferry"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "replicate"},
		{Kind: tracefmt.Begin, Track: 2, Time: 1000, Name: "zfs send", Category: tracefmt.CategorySpan, ID: "send-1"},
		{Kind: tracefmt.Instant, Track: 2, Time: 2000, Name: "resumed", Category: "event", Parent: "send-1"},
		{Kind: tracefmt.End, Track: 2, Time: 3500, Attrs: []tracefmt.Attr{{Key: tracefmt.AttrError, Value: tracefmt.String("exited 1")}}},
	} {
		if err := w.Write(&e); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	r := otlp.NewReader(&file)
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		if e.Kind == tracefmt.Complete || e.Kind == tracefmt.Instant {
			fmt.Println(e.Kind, e.Name, e.Time, e.Dur, e.ID, e.Parent, e.Attrs)
		}
	}
	// Output:
	// complete zfs send 1769850300000001000 2500 send-1  [{error exited 1}]
	// instant resumed 1769850300000002000 0  send-1 []
}
