package jsonl_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/jsonl"
)

// benchTrace returns a trace as package trace would record it: tasks, spans with attributes, log lines.
func benchTrace() (events []tracefmt.Event) {
	events = append(events, tracefmt.Event{Kind: tracefmt.Clock, Unix: 1753000000_123456789},
		tracefmt.Event{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(4242), Name: "zferry"})
	for i := range 16 {
		events = append(events, tracefmt.Event{Kind: tracefmt.Track, Track: tracefmt.TrackID(2 + i), Process: 1,
			SourceID: tracefmt.Int64(int64(i)), Name: fmt.Sprint("worker ", i)})
	}
	for i := range 25_000 {
		track, when := tracefmt.TrackID(2+i%16), int64(i)*12_345_678
		id, parent := fmt.Sprintf("aaaaaaaa%05x", i), fmt.Sprintf("bbbbbbbb%05x", i)
		events = append(events,
			tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: when, Dur: 10_000_000, Name: "step", Category: tracefmt.CategoryTask, ID: parent},
			tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: when + 1000, Dur: 5000, Name: "zfs list", Category: tracefmt.CategorySpan,
				ID: id, Parent: parent, Attrs: []tracefmt.Attr{{Key: "dataset", Value: tracefmt.String(fmt.Sprint("tank/db", i%100))}, {Key: "bytes", Value: tracefmt.Int64(int64(i) * 4096)}}},
			tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: when + 7000, Dur: 1234, Name: "hold", Category: tracefmt.CategorySpan, ID: id + "x", Parent: parent},
			tracefmt.Event{Kind: tracefmt.Log, Track: track, Time: when + 8000, Name: "sent a step", Severity: tracefmt.SeverityInfo, Parent: parent,
				Attrs: []tracefmt.Attr{{Key: tracefmt.AttrSubsystem, Value: tracefmt.String("zfssend")}}})
	}
	return events
}

func BenchmarkWrite(b *testing.B) {
	events := benchTrace()
	b.SetBytes(int64(len(write(b, events...))))
	b.ReportAllocs()
	for b.Loop() {
		w := jsonl.NewWriter(io.Discard)
		for i := range events {
			if err := w.Write(&events[i]); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/event")
}

func BenchmarkRead(b *testing.B) {
	data := []byte(write(b, benchTrace()...))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		events, err := 0, error(nil)
		for r := jsonl.NewReader(bytes.NewReader(data)); err == nil; events++ {
			_, err = r.Next()
		}
		if err != io.EOF {
			b.Fatal(err)
		}
		n = events
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
}
