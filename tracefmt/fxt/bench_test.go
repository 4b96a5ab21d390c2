package fxt_test

import (
	"bytes"
	"io"
	"strconv"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fxt"
)

// benchEvents is a trace of nested slices with attributes, some IDs, and a flow and a log line now and then, as package
// trace records it. ids says whether slices have IDs: each of those is a string of its own to a reader.
func benchEvents(ids bool) []tracefmt.Event {
	events := []tracefmt.Event{{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(1), Name: "p"}}
	const tracks = 8
	for i := range tracks {
		events = append(events, tracefmt.Event{Kind: tracefmt.Track, Track: tracefmt.TrackID(2 + i), Process: 1,
			SourceID: tracefmt.Int64(int64(i + 1)), Name: "t" + strconv.Itoa(i)})
	}
	id := func(n int) string {
		if !ids {
			return ""
		}
		return strconv.FormatInt(1<<60+int64(n), 36)
	}
	for i := range 20_000 {
		track, when := tracefmt.TrackID(2+i%tracks), int64(i)*1000
		attrs := []tracefmt.Attr{{Key: "n", Value: tracefmt.Int64(int64(i))},
			{Key: "dataset", Value: tracefmt.String("tank/db")}}
		events = append(events,
			tracefmt.Event{Kind: tracefmt.Begin, Track: track, Time: when, Name: "outer", Category: tracefmt.CategorySpan,
				ID: id(2 * i), Attrs: attrs},
			tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: when + 10, Dur: 20, Name: "inner",
				Category: tracefmt.CategorySpan, ID: id(2*i + 1), Parent: id(2 * i), Attrs: attrs[:1]},
			tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: when + 40, Dur: 20, Name: "inner 2",
				Category: tracefmt.CategorySpan},
			tracefmt.Event{Kind: tracefmt.Counter, Track: track, Time: when + 60, Name: "bytes", Attrs: attrs[:1]},
			tracefmt.Event{Kind: tracefmt.FlowStart, Track: track, Time: when + 61, Name: "f", Key: strconv.Itoa(i)},
			tracefmt.Event{Kind: tracefmt.FlowEnd, Track: track, Time: when + 62, Name: "f", Key: strconv.Itoa(i)},
			tracefmt.Event{Kind: tracefmt.End, Track: track, Time: when + 70},
		)
	}
	return events
}

var variants = []struct {
	name string
	ids  bool
}{{"plain", false}, {"ids", true}}

func BenchmarkWrite(b *testing.B) {
	for _, v := range variants {
		b.Run(v.name, func(b *testing.B) {
			events := benchEvents(v.ids)
			b.SetBytes(int64(len(write(b, events...))))
			b.ReportAllocs()
			for b.Loop() {
				w := fxt.NewWriter(io.Discard)
				for i := range events {
					if err := w.Write(&events[i]); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
			perEvent(b, len(events))
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, v := range variants {
		b.Run(v.name, func(b *testing.B) {
			data := write(b, benchEvents(v.ids)...)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n = 0
				r := fxt.NewReader(bytes.NewReader(data))
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

// write returns events as a trace.
func write(t testing.TB, events ...tracefmt.Event) []byte {
	t.Helper()
	var out bytes.Buffer
	w := fxt.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
