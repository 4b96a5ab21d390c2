package firefox_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/firefox"
)

// many returns a trace of 16 tracks with slices in slices.
func many(n int) []tracefmt.Event {
	const tracks = 16
	events := []tracefmt.Event{{Kind: tracefmt.Process, Track: 1, Name: "p", SourceID: tracefmt.Int64(1)}}
	for i := range tracks {
		events = append(events, tracefmt.Event{Kind: tracefmt.Track, Track: tracefmt.TrackID(2 + i), Process: 1,
			SourceID: tracefmt.Int64(int64(i)), Name: fmt.Sprint("track ", i)})
	}
	for i := range n / 2 {
		at := int64(i) * 1000
		events = append(events,
			tracefmt.Event{Kind: tracefmt.Complete, Track: tracefmt.TrackID(2 + i%tracks), Time: at, Dur: 900, Name: fmt.Sprint("outer ", i%50)},
			tracefmt.Event{Kind: tracefmt.Complete, Track: tracefmt.TrackID(2 + i%tracks), Time: at + 100, Dur: 300, Name: fmt.Sprint("inner ", i%50)})
	}
	return events
}

func BenchmarkWriter(b *testing.B) {
	events := many(100_000)
	size := 0
	for b.Loop() {
		data, _ := write(b, events)
		size = len(data)
	}
	b.SetBytes(int64(size))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}

func BenchmarkReader(b *testing.B) {
	data, _ := write(b, many(100_000))
	b.SetBytes(int64(len(data)))
	n := 0
	for b.Loop() {
		r := firefox.NewReader(bytes.NewReader(data))
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
}
