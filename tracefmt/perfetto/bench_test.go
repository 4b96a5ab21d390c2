package perfetto_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/perfetto"
)

// benchEvents returns 100,000 events as package trace would record them: tasks, spans with attributes, log lines.
func benchEvents() (events []tracefmt.Event) {
	str := func(k, v string) tracefmt.Attr { return tracefmt.Attr{Key: k, Value: tracefmt.String(v)} }
	events = append(events, tracefmt.Event{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(4242), Name: "zferry"})
	for i := range 16 {
		events = append(events, tracefmt.Event{Kind: tracefmt.Track, Track: tracefmt.TrackID(2 + i), Process: 1,
			SourceID: tracefmt.Int64(int64(i + 1)), Name: "step"})
	}
	for i := range 25_000 {
		track, when := tracefmt.TrackID(2+i%16), int64(i)*12_345_678
		id, parent := fmt.Sprintf("aaaaaaaa%05x", i), fmt.Sprintf("bbbbbbbb%05x", i)
		events = append(events,
			tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: when + 1000, Dur: 5000, Name: "zfs list", Category: tracefmt.CategorySpan,
				ID: id, Parent: parent, Attrs: []tracefmt.Attr{str("dataset", fmt.Sprint("tank/db", i%100)), {Key: "bytes", Value: tracefmt.Int64(int64(i) * 4096)}}},
			tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: when + 7000, Dur: 1234, Name: "hold", Category: tracefmt.CategorySpan, ID: id + "x", Parent: parent},
			tracefmt.Event{Kind: tracefmt.Log, Track: track, Time: when + 8000, Name: "sent a step", Severity: tracefmt.SeverityInfo, Parent: parent,
				Attrs: []tracefmt.Attr{str(tracefmt.AttrSubsystem, "zfssend")}},
			tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: when, Dur: 10_000_000, Name: "step", Category: tracefmt.CategoryTask, ID: parent})
	}
	return events
}

func BenchmarkWrite(b *testing.B) {
	events := benchEvents()
	for _, f := range []*tracefmt.Format{perfetto.Format, chrome.Format} {
		b.Run(f.Name, func(b *testing.B) {
			b.ReportAllocs()
			var size counter
			for b.Loop() {
				size = 0
				w := f.NewWriter(&size)
				for i := range events {
					if err := w.Write(&events[i]); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(size))
			perEvent(b, len(events))
			b.ReportMetric(float64(size)/float64(len(events)), "B/event")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	events := benchEvents()
	for _, f := range []*tracefmt.Format{perfetto.Format, chrome.Format} {
		b.Run(f.Name, func(b *testing.B) {
			var out bytes.Buffer
			w := f.NewWriter(&out)
			for i := range events {
				if err := w.Write(&events[i]); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(out.Len()))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n = 0
				r := f.NewReader(bytes.NewReader(out.Bytes()))
				for {
					if _, err := r.Next(); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
					n++
				}
			}
			perEvent(b, n)
		})
	}
}

func perEvent(b *testing.B, events int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
