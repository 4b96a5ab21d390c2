package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/perfetto"
)

// operators is Chrome JSON as PyTorch's profiler writes it, about 250 bytes an event and in several lines, which ends after the first
// event that makes it so many bytes long.
type operators struct {
	Bytes   int64
	written int64
	events  int
	text    []byte // what wasn't read yet of it
	ended   bool
}

// Read implements io.Reader. Nothing is formatted by package fmt: a process that reads is to be waited for, not this.
func (o *operators) Read(p []byte) (int, error) {
	for len(o.text) < len(p) && !o.ended {
		o.write()
	}
	n := copy(p, o.text)
	o.text = o.text[:copy(o.text, o.text[n:])]
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (o *operators) write() {
	before := len(o.text)
	if o.events == 0 {
		o.text = append(o.text, "{\"schemaVersion\": 1, \"traceEvents\": [\n"+
			`{"ph":"M","name":"process_name","pid":1,"tid":0,"ts":0,"args":{"name":"python"}}`...)
		o.events++
	}
	o.event(int64(o.events))
	o.events++
	if o.written+int64(len(o.text)-before) >= o.Bytes {
		o.text = append(o.text, "\n]}\n"...)
		o.ended = true
	}
	o.written += int64(len(o.text) - before)
}

func (o *operators) event(i int64) {
	number := func(before string, n int64) { o.text = strconv.AppendInt(append(o.text, before...), n, 10) }
	number(",\n  {\n    \"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": \"aten::op_", i%200)
	number("\", \"pid\": 1, \"tid\": ", 100+i%8)
	number(",\n    \"ts\": ", 1_700_000_000_000_000+i*7)
	number(".", 100+i%900)
	number(", \"dur\": 5.", 100+i%900)
	number(",\n    \"args\": {\n      \"External id\": ", i)
	number(",\"Ev Idx\": ", i)
	o.text = append(o.text, ", \"Input Dims\": \"[[8, 512], [512, 512]]\", \"stream\": 7\n    }\n  }"...)
}

// Inputs of about the same size, in memory.
type inputs struct{ chrome, perfetto, otlp []byte }

// newInputs returns inputs of at least so many bytes each.
func newInputs(size int) (in inputs, err error) {
	var text, packets bytes.Buffer
	text.ReadFrom(&operators{Bytes: int64(size)})
	in.chrome = text.Bytes()
	// Perfetto's is the more compact form: it takes more events.
	for events := int64(size) * 2; packets.Len() < size; events *= 2 {
		packets.Reset()
		if _, err := convert(perfetto.Format, chrome.Format.NewReader(&operators{Bytes: events}), &packets); err != nil {
			return in, fmt.Errorf("make input: %w", err)
		}
	}
	in.perfetto = packets.Bytes()
	in.otlp, err = requests(size)
	return in, err
}

// batch is how many spans there are in a request: what OpenTelemetry's SDKs send at a time.
const batch = 512

// requests returns requests of OTLP, one behind the other, which is what a request with all their spans is, too: HTTP handlers of three
// services, about ten spans in a trace, with six attributes each, and an event for one span in ten.
func requests(size int) (data []byte, err error) {
	for i := 0; len(data) < size; i += batch {
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", i/batch%3))
		rs.Resource().Attributes().PutStr("host.name", "node-7")
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName("go.opentelemetry.io/contrib/net/http")
		for k := range batch {
			handled(ss.Spans().AppendEmpty(), i+k)
		}
		request, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
		if err != nil {
			return nil, fmt.Errorf("make input: %w", err)
		}
		data = append(data, request...)
	}
	return data, nil
}

// handled makes s the span of a request to a server.
func handled(s ptrace.Span, i int) {
	at := pcommon.Timestamp(1_753_000_000_000_000_000 + i*1_234_567)
	s.SetTraceID(pcommon.TraceID(append(spread(i/10), spread(i/10+1<<30)...)))
	s.SetSpanID(pcommon.SpanID(spread(i)))
	if i%10 > 0 {
		s.SetParentSpanID(pcommon.SpanID(spread(i - 1 - i%3%(i%10))))
	}
	s.SetName(fmt.Sprint("GET /api/v1/item/", i%20))
	s.SetKind(ptrace.SpanKindServer)
	s.SetStartTimestamp(at)
	s.SetEndTimestamp(at + pcommon.Timestamp(1_000_000+i%1000*1000))
	s.Attributes().PutStr("http.request.method", "GET")
	s.Attributes().PutStr("url.path", fmt.Sprint("/api/v1/item/", i%500))
	s.Attributes().PutInt("http.response.status_code", 200)
	s.Attributes().PutStr("server.address", "api.example.com")
	s.Attributes().PutInt("server.port", 8443)
	s.Attributes().PutStr("user_agent.original", "Go-http-client/2.0")
	if i%10 == 0 {
		e := s.Events().AppendEmpty()
		e.SetName("cache miss")
		e.SetTimestamp(at + 5000)
		e.Attributes().PutStr("key", fmt.Sprint("item-", i%500))
	}
}

// spread returns eight bytes that look random, others for each i.
func spread(i int) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(i+1)*0x9e3779b97f4a7c15)
}
