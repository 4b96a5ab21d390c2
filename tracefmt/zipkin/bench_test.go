package zipkin_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/zipkin"
)

// benchEvents returns 25,000 spans with a log line each, as a service would report them.
func benchEvents() (events []tracefmt.Event) {
	str := func(k, v string) tracefmt.Attr { return tracefmt.Attr{Key: k, Value: tracefmt.String(v)} }
	events = append(events, tracefmt.Event{Kind: tracefmt.Clock, Unix: 1753000000_000000000},
		tracefmt.Event{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(4242), Name: "shop"},
		tracefmt.Event{Kind: tracefmt.Track, Track: 2, Process: 1, Name: "spans"})
	for i := range 25_000 {
		id, parent := fmt.Sprintf("%016x", i+1), fmt.Sprintf("%016x", i/10*10+1)
		if id == parent {
			parent = ""
		}
		at := int64(i) * 1_000_000
		events = append(events,
			tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: at, Dur: 500_000, Name: "GET /cart", Category: tracefmt.CategorySpan, ID: id, Parent: parent,
				Attrs: []tracefmt.Attr{str("trace_id", fmt.Sprintf("%032x", i/10+1)), str("http.method", "GET"), {Key: "http.status_code", Value: tracefmt.Int64(200)},
					str("http.url", fmt.Sprint("http://shop/cart/", i%1000)), str("span.kind", "server")}},
			tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: at + 1000, Name: "cart loaded", Severity: tracefmt.SeverityInfo, Parent: id,
				Attrs: []tracefmt.Attr{{Key: "items", Value: tracefmt.Int64(int64(i % 7))}}})
	}
	return events
}

func BenchmarkWrite(b *testing.B) {
	events := benchEvents()
	b.ReportAllocs()
	var out bytes.Buffer
	for b.Loop() {
		out.Reset()
		w := zipkin.NewWriter(&out)
		for i := range events {
			if err := w.Write(&events[i]); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(out.Len()))
}

func BenchmarkRead(b *testing.B) {
	text := write(b, benchEvents())
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := zipkin.NewReader(bytes.NewReader(text))
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}
