package otlp_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/otlp"
	"github.com/spanstack/spanstack/tracefmt/perfetto"
)

// benchEvents returns 50,000 spans of three services, as instrumentation of HTTP and SQL makes them: about ten in a
// trace, six attributes each, and an event for one in ten.
func benchEvents() (events []tracefmt.Event) {
	str := func(k, v string) tracefmt.Attr { return tracefmt.Attr{Key: k, Value: tracefmt.String(v)} }
	for p := range 3 {
		events = append(events,
			tracefmt.Event{Kind: tracefmt.Process, Track: tracefmt.TrackID(2*p + 1), SourceID: tracefmt.Int64(int64(100 + p)),
				Name: fmt.Sprint("service-", p), Attrs: []tracefmt.Attr{str("host.name", "node-7"), str("telemetry.sdk.language", "go")}},
			tracefmt.Event{Kind: tracefmt.Track, Track: tracefmt.TrackID(2*p + 2), Process: tracefmt.TrackID(2*p + 1), Name: "spans"})
	}
	for i := range 50_000 {
		trace, at := i/10, 1_753_000_000_000_000_000+int64(i)*1_234_567
		id, parent := fmt.Sprintf("%016x", uint64(i+1)*0x9e3779b97f4a7c15), ""
		if i%10 > 0 {
			parent = fmt.Sprintf("%016x", uint64(i-i%3)*0x9e3779b97f4a7c15)
		}
		track := tracefmt.TrackID(2*(i%3) + 2)
		events = append(events, tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: at, Dur: 1_000_000 + int64(i%1000)*1000,
			Name: fmt.Sprint("GET /api/v1/item/", i%20), Category: tracefmt.CategorySpan, ID: id, Parent: parent,
			Attrs: []tracefmt.Attr{str("http.request.method", "GET"), str("url.path", fmt.Sprint("/api/v1/item/", i%500)),
				{Key: "http.response.status_code", Value: tracefmt.Int64(200)}, str("server.address", "api.example.com"),
				{Key: "server.port", Value: tracefmt.Int64(8443)}, str("user_agent.original", "Go-http-client/2.0"),
				str("trace_id", fmt.Sprintf("%032x", uint64(trace+1)*0x9e3779b97f4a7c15)), str("span.kind", "server"),
				str("otel.scope.name", "go.opentelemetry.io/contrib/net/http")}})
		if i%10 == 0 {
			events = append(events, tracefmt.Event{Kind: tracefmt.Instant, Track: track, Time: at + 5000, Name: "cache miss",
				Category: "event", Parent: id, Attrs: []tracefmt.Attr{str("key", fmt.Sprint("item-", i%500))}})
		}
	}
	return events
}

const benchSpans = 50_000

func perSpan(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSpans, "ns/span")
}

// BenchmarkConvert reads each form of OTLP, and writes nothing, Perfetto's traces and Chrome's.
func BenchmarkConvert(b *testing.B) {
	events := benchEvents()
	for _, f := range formats {
		var data bytes.Buffer
		w := f.NewWriter(&data)
		for i := range events {
			if err := w.Write(&events[i]); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		for _, to := range []*tracefmt.Format{{Name: "nothing", NewWriter: func(io.Writer) tracefmt.Writer { return nothing{} }},
			perfetto.Format, chrome.Format, otlp.Format} {
			b.Run(f.Name+"/"+to.Name, func(b *testing.B) {
				b.SetBytes(int64(data.Len()))
				b.ReportAllocs()
				for b.Loop() {
					w := to.NewWriter(io.Discard)
					if _, err := tracefmt.Copy(w, f.NewReader(bytes.NewReader(data.Bytes()))); err != nil {
						b.Fatal(err)
					}
					if err := w.Close(); err != nil {
						b.Fatal(err)
					}
				}
				perSpan(b)
			})
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	events := benchEvents()
	for _, f := range formats {
		b.Run(f.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := f.NewWriter(io.Discard)
				for i := range events {
					if err := w.Write(&events[i]); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
			perSpan(b)
		})
	}
}

type nothing struct{}

func (nothing) Write(*tracefmt.Event) error { return nil }
func (nothing) Flush() error                { return nil }
func (nothing) Close() error                { return nil }
