package pdata_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/otlp"
)

// traces returns spans of two resources as the collector has them, with something of everything.
func traces(spans int) ptrace.Traces {
	td := ptrace.NewTraces()
	for service := range 2 {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", service))
		rs.Resource().Attributes().PutStr("host.name", "node-7")
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName("go.opentelemetry.io/contrib/net/http")
		ss.Scope().SetVersion("0.72.0")
		for i := range spans / 2 {
			addSpan(ss.Spans().AppendEmpty(), service*spans+i)
		}
	}
	return td
}

func addSpan(s ptrace.Span, i int) {
	at := uint64(1_769_850_300_000_000_000 + i*1_234_567)
	s.SetTraceID(pcommon.TraceID{1, 2, 3, byte(i / 10 >> 16), byte(i / 10 >> 8), byte(i / 10), 15: 1})
	id := func(i int) pcommon.SpanID { return pcommon.SpanID{0xee, byte(i >> 16), byte(i >> 8), byte(i), 7: 1} }
	s.SetSpanID(id(i))
	if i%10 > 0 {
		s.SetParentSpanID(id(i - i%10))
	}
	s.SetName(fmt.Sprint("GET /api/v1/item/", i%20))
	s.SetKind(ptrace.SpanKindServer)
	s.SetStartTimestamp(pcommon.Timestamp(at))
	s.SetEndTimestamp(pcommon.Timestamp(at + 1_000_000))
	s.Attributes().PutStr("http.request.method", "GET")
	s.Attributes().PutStr("url.path", fmt.Sprint("/api/v1/item/", i%500))
	s.Attributes().PutInt("http.response.status_code", 200)
	s.Attributes().PutStr("server.address", "api.example.com")
	s.Attributes().PutInt("server.port", 8443)
	s.Attributes().PutStr("user_agent.original", "Go-http-client/2.0")
	if i%10 == 0 {
		e := s.Events().AppendEmpty()
		e.SetName("cache miss")
		e.SetTimestamp(pcommon.Timestamp(at + 5000))
		e.Attributes().PutStr("key", fmt.Sprint("item-", i%500))
	}
	if i%100 == 0 {
		s.Attributes().PutEmptyBytes("bytes").FromRaw([]byte{0, 1, 255})
		s.Attributes().PutDouble("ratio", math.Inf(1))
		s.Attributes().PutBool("cached", true)
		list := s.Attributes().PutEmptySlice("list")
		list.AppendEmpty().SetStr("é")
		list.AppendEmpty().SetEmptyMap().PutDouble("x", 2)
		l := s.Links().AppendEmpty()
		l.SetTraceID(pcommon.TraceID{9})
		l.SetSpanID(pcommon.SpanID{8})
		s.TraceState().FromRaw("vendor=x")
		s.Status().SetCode(ptrace.StatusCodeError)
		s.Status().SetMessage("it failed")
		s.SetDroppedEventsCount(3)
	}
}

// convert writes what a reader reads in a format.
func convert(t testing.TB, to *tracefmt.Format, r tracefmt.Reader) []byte {
	t.Helper()
	var out bytes.Buffer
	w := to.NewWriter(&out)
	if _, err := tracefmt.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if losses := append(tracefmt.LossesOf(r), tracefmt.LossesOf(w)...); len(losses) > 0 {
		t.Errorf("losses: %v", losses)
	}
	return out.Bytes()
}

// bySpan returns all that pdata knows of each span, in JSON, by its ID.
func bySpan(t testing.TB, all ...ptrace.Traces) map[pcommon.SpanID]string {
	t.Helper()
	out := map[pcommon.SpanID]string{}
	for _, td := range all {
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					one := ptrace.NewTraces()
					to := one.ResourceSpans().AppendEmpty()
					rs.Resource().CopyTo(to.Resource())
					scope := to.ScopeSpans().AppendEmpty()
					ss.Scope().CopyTo(scope.Scope())
					s.CopyTo(scope.Spans().AppendEmpty())
					text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(one)
					if err != nil {
						t.Fatal(err)
					}
					out[s.SpanID()] = string(text)
				}
			}
		}
	}
	return out
}

// TestSpans has pdata read what we write of what it wrote. It has to be the same, span by span.
func TestSpans(t *testing.T) {
	want := traces(5000)
	data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(want)
	if err != nil {
		t.Fatal(err)
	}
	text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(want)
	if err != nil {
		t.Fatal(err)
	}
	if f := tracefmt.Detect(data); f != otlp.Format {
		t.Errorf("its protobuf is taken for %v", f)
	}
	if f := tracefmt.Detect(text); f != otlp.FormatJSONLines {
		t.Errorf("its JSON is taken for %v", f)
	}
	for name, r := range map[string]func() tracefmt.Reader{
		"protobuf": func() tracefmt.Reader { return otlp.NewReader(bytes.NewReader(data)) },
		"JSON":     func() tracefmt.Reader { return otlp.NewJSONReader(bytes.NewReader(text)) },
	} {
		proto, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(convert(t, otlp.Format, r()))
		if err != nil {
			t.Fatal(err)
		}
		same(t, name+" to protobuf", bySpan(t, proto), bySpan(t, want))
		object, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(convert(t, otlp.FormatJSON, r()))
		if err != nil {
			t.Fatal(err)
		}
		same(t, name+" to JSON", bySpan(t, object), bySpan(t, want))
		var lines []ptrace.Traces
		for line := range bytes.Lines(convert(t, otlp.FormatJSONLines, r())) {
			td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, td)
		}
		same(t, name+" to lines", bySpan(t, lines...), bySpan(t, want))
	}
}

func same(t *testing.T, what string, got, want map[pcommon.SpanID]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d spans, want %d", what, len(got), len(want))
	}
	for id, text := range want {
		if got[id] != text {
			t.Fatalf("%s: span %v is\n%s\nwant\n%s", what, id, got[id], text)
		}
	}
}

// TestLogs has pdata read our log records, beside spans in one object and on lines of their own.
func TestLogs(t *testing.T) {
	events := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, Name: "shop"},
		{Kind: tracefmt.Complete, Track: 1, Time: 1000, Dur: 10, Name: "span", ID: "000000000000000a"},
		{Kind: tracefmt.Log, Track: 1, Time: 1005, Name: "line", Severity: tracefmt.SeverityWarn, Parent: "000000000000000a",
			Attrs: []tracefmt.Attr{{Key: "n", Value: tracefmt.Int64(5)}}},
	}
	for _, f := range []*tracefmt.Format{otlp.FormatJSON, otlp.FormatJSONLines} {
		var out bytes.Buffer
		w := f.NewWriter(&out)
		for i := range events {
			if err := w.Write(&events[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		parts := [][]byte{out.Bytes()}
		if f == otlp.FormatJSONLines {
			parts = bytes.SplitAfter(bytes.TrimSpace(out.Bytes()), []byte("\n"))
		}
		spans, records := 0, 0
		for _, part := range parts {
			td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(part)
			if err != nil {
				t.Fatal(err)
			}
			spans += td.SpanCount()
			ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(part)
			if err != nil {
				t.Fatal(err)
			}
			if n := ld.LogRecordCount(); n > 0 {
				records += n
				r := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
				if n, _ := r.Attributes().Get("n"); r.Body().Str() != "line" || r.SeverityNumber() != plog.SeverityNumberWarn || n.Int() != 5 ||
					r.SpanID() != (pcommon.SpanID{7: 0xa}) || r.TraceID().IsEmpty() || r.Timestamp() != 1005 {
					t.Errorf("%s: the record is %s", f.Name, part)
				}
			}
		}
		if spans != 1 || records != 1 {
			t.Errorf("%s: %d spans, %d log records in\n%s", f.Name, spans, records, out.Bytes())
		}
	}
}

const benchSpans = 20_000

// BenchmarkRead reads the same spans with pdata, into its structs, and with tracefmt/otlp, as events.
func BenchmarkRead(b *testing.B) {
	td := traces(benchSpans)
	data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		b.Fatal(err)
	}
	text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(td)
	if err != nil {
		b.Fatal(err)
	}
	run := func(name string, data []byte, read func(data []byte) error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := read(data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSpans, "ns/span")
		})
	}
	run("protobuf/pdata", data, func(data []byte) error {
		_, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
		return err
	})
	run("protobuf/spanstack", data, func(data []byte) error { return drain(otlp.NewReader(bytes.NewReader(data))) })
	run("JSON/pdata", text, func(data []byte) error {
		_, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(data)
		return err
	})
	run("JSON/spanstack", text, func(data []byte) error { return drain(otlp.NewJSONReader(bytes.NewReader(data))) })
}

func drain(r tracefmt.Reader) error {
	for {
		if _, err := r.Next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
