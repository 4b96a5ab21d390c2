package otlp

import (
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
)

// maxLogs is how many bytes of log records a JSONWriter keeps for the end of the object. Further ones are lost; there
// is no such limit in JSON lines.
const maxLogs = 64 << 20

// JSONWriter writes spans and log records in OTLP's JSON form, as one object or as lines. Slices are written when they
// have ended, see spans.Collector for how many are held. Times before 1970 are lost.
type JSONWriter struct {
	format  string
	out     io.Writer
	lines   bool // objects on lines of their own
	err     error
	closed  bool
	begun   bool // the object is begun
	several bool // there is a resource in it
	collect spans.Collector
	spans   groups
	logs    groups
	buf     []byte
	kept    []byte // log records for the end
}

// NewJSONWriter returns a writer of one object. Its log records, up to 64 MiB, are held until Close.
func NewJSONWriter(out io.Writer) *JSONWriter { return newJSONWriter(out, nameJSON, false) }

// NewJSONLinesWriter returns a writer of lines, of which each is an object with spans or with log records.
func NewJSONLinesWriter(out io.Writer) *JSONWriter {
	return newJSONWriter(out, nameJSONLines, true)
}

func newJSONWriter(out io.Writer, format string, lines bool) *JSONWriter {
	w := &JSONWriter{format: format, out: out, lines: lines}
	w.collect.Span, w.collect.Log = w.span, w.logRecord
	return w
}

// Losses returns what could not be written so far.
func (w *JSONWriter) Losses() []tracefmt.Loss { return w.collect.Losses.List() }

// Write adds an event.
func (w *JSONWriter) Write(e *tracefmt.Event) error {
	if w.err == nil && w.closed {
		return fmt.Errorf("write %s trace: it is closed", w.format)
	}
	if w.err == nil {
		w.collect.Add(e)
	}
	return w.err
}

// Flush writes the spans that have ended. Lines can be read from then on; the one object when it is closed.
func (w *JSONWriter) Flush() error {
	if w.err == nil && !w.closed {
		w.collect.Flush()
		w.flush()
	}
	return w.err
}

// Close writes what is left.
func (w *JSONWriter) Close() error {
	if w.err != nil || w.closed {
		return w.err
	}
	w.closed = true
	w.collect.Close()
	w.flush()
	if w.lines {
		if !w.begun {
			w.write([]byte(`{"resourceSpans":[]}` + "\n"))
		}
		return w.err
	}
	b := w.begin(w.buf[:0])
	b = append(b, "\n]"...)
	if len(w.kept) > 0 {
		b = append(append(b, `,"resourceLogs":[`...), w.kept...)
		b = append(b, "\n]"...)
	}
	w.write(append(b, "}\n"...))
	return w.err
}

// begin begins the object, if it isn't yet.
func (w *JSONWriter) begin(b []byte) []byte {
	if !w.begun {
		w.begun = true
		b = append(b, `{"resourceSpans":[`...)
	}
	return b
}

func (w *JSONWriter) write(b []byte) {
	if w.err != nil || len(b) == 0 {
		return
	}
	if _, err := w.out.Write(b); err != nil {
		w.err = fmt.Errorf("write %s trace: %w", w.format, err)
	}
}

// flush writes what is encoded.
func (w *JSONWriter) flush() {
	b := w.buf[:0]
	if w.lines {
		b = w.appendLine(b, &w.spans, "resourceSpans", "scopeSpans", "spans")
		b = w.appendLine(b, &w.logs, "resourceLogs", "scopeLogs", "logRecords")
		w.begun = w.begun || len(b) > 0
	} else {
		if len(w.spans.list) > 0 {
			b = w.begin(b)
			b = w.appendGroups(b, &w.spans, w.several, "scopeSpans", "spans")
			w.several = true
		}
		w.keepLogs()
	}
	w.buf = b
	w.write(b)
}

func (w *JSONWriter) appendLine(b []byte, g *groups, resources, scopes, records string) []byte {
	if len(g.list) == 0 {
		return b
	}
	b = append(append(append(b, `{"`...), resources...), `":[`...)
	b = w.appendGroups(b, g, false, scopes, records)
	return append(b, "]}\n"...)
}

// keepLogs keeps the log records for the end.
func (w *JSONWriter) keepLogs() {
	if len(w.kept)+w.logs.size > maxLogs {
		w.collect.Losses.Add("log records beyond 64 MiB, for which there is room in JSON lines only")
		w.logs.reset()
		return
	}
	w.kept = w.appendGroups(w.kept, &w.logs, len(w.kept) > 0, "scopeLogs", "logRecords")
}

// appendGroups appends groups, those of a resource together.
func (w *JSONWriter) appendGroups(b []byte, g *groups, several bool, scopes, records string) []byte {
	for i, first := range g.list {
		if first.written {
			continue // written with one before it
		}
		if several {
			b = append(b, ',')
		}
		several = true
		if !w.lines {
			b = append(b, '\n')
		}
		b = w.appendResource(b, first.resource)
		b = append(append(append(b, `,"`...), scopes...), `":[`...)
		for j, other := range g.list[i:] {
			if other.resource != first.resource || other.written {
				continue
			}
			if j > 0 {
				b = append(b, ',')
			}
			b = w.appendScope(b, other.scope)
			b = append(append(append(b, '"'), records...), `":[`...)
			b = append(append(b, other.records...), "]}"...)
			other.written = true
		}
		b = append(b, "]}"...)
	}
	g.reset()
	return b
}

// appendResource begins the object of a resource.
func (w *JSONWriter) appendResource(b []byte, r *spans.Resource) []byte {
	b = append(b, `{"resource":{"attributes":[`...)
	start := len(b)
	if r.Service != "" {
		b = w.appendAttr(b, start, spans.KeyService, tracefmt.String(r.Service))
	}
	if !r.PID.IsZero() {
		b = w.appendAttr(b, start, spans.KeyPID, r.PID)
	}
	for _, a := range r.Attrs {
		b = w.appendAttr(b, start, a.Key, a.Value)
	}
	return appendMember(append(b, "]}"...), `,"schemaUrl":`, r.Schema)
}

// appendScope begins the object of a scope. The schema comes before the spans, so that it is known when they are read.
func (w *JSONWriter) appendScope(b []byte, s *spans.Scope) []byte {
	b = append(b, `{"scope":{`...)
	if s == nil {
		return append(b, "},"...)
	}
	b = jsontext.AppendString(append(b, `"name":`...), s.Name)
	b = appendMember(b, `,"version":`, s.Version)
	if text, ok := compact(s.Attrs); ok && text[0] == '{' {
		b = append(b, `,"attributes":`...)
		b, _ = appendRawMembersJSON(b, text, 0)
	} else if s.Attrs != "" {
		w.collect.Losses.Add("attributes of a scope that aren't a JSON object")
	}
	b = appendMember(append(b, '}'), `,"schemaUrl":`, s.Schema)
	return append(b, ',')
}

// appendMember appends a member, unless it is empty.
func appendMember(b []byte, head, text string) []byte {
	if text == "" {
		return b
	}
	return jsontext.AppendString(append(b, head...), text)
}

func appendCountMember(b []byte, head string, n uint32) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendUint(append(b, head...), uint64(n), 10)
}

// appendNumber appends a number of 64 bits, which is a string in protobuf's JSON.
func appendNumber(b []byte, head string, n uint64) []byte {
	b = append(append(b, head...), '"')
	return append(strconv.AppendUint(b, n, 10), '"')
}

func appendIDMember(b []byte, head string, id spans.ID) []byte {
	b = append(append(b, head...), '"')
	return append(id.Append(b), '"')
}

func appendTraceMember(b []byte, head string, id *spans.TraceID) []byte {
	b = append(append(b, head...), '"')
	return append(id.Append(b), '"')
}

func (w *JSONWriter) appendAttrs(b []byte, head string, attrs []tracefmt.Attr) []byte {
	if len(attrs) == 0 {
		return b
	}
	b = append(append(b, head...), '[')
	start := len(b)
	for i := range attrs {
		b = w.appendAttr(b, start, attrs[i].Key, attrs[i].Value)
	}
	return append(b, ']')
}

// appendAttr appends an element of the list whose first element begins at b[start].
func (w *JSONWriter) appendAttr(b []byte, start int, key string, v tracefmt.Value) []byte {
	if len(b) > start {
		b = append(b, ',')
	}
	b = jsontext.AppendString(append(b, `{"key":`...), key)
	b, lost := appendValueJSON(append(b, `,"value":`...), v)
	if lost != "" {
		w.collect.Losses.Add(lost)
	}
	return append(b, '}')
}

// span adds a span to its group.
func (w *JSONWriter) span(s *spans.Span) {
	g := w.spans.of(s.Resource, s.Scope)
	b, before := g.next(w.lines)
	b = appendTraceMember(b, `{"traceId":`, &s.Trace)
	b = appendIDMember(b, `,"spanId":`, s.ID)
	b = appendMember(b, `,"traceState":`, s.State)
	if s.Parent != 0 {
		b = appendIDMember(b, `,"parentSpanId":`, s.Parent)
	}
	b = appendCountMember(b, `,"flags":`, s.Flags)
	b = jsontext.AppendString(append(b, `,"name":`...), s.Name)
	b = appendCountMember(b, `,"kind":`, uint32(max(s.Kind, spans.KindInternal)))
	b = appendNumber(b, `,"startTimeUnixNano":`, uint64(s.Start))
	if s.Dur >= 0 {
		b = appendNumber(b, `,"endTimeUnixNano":`, uint64(s.Start)+uint64(s.Dur))
	}
	b = w.appendAttrs(b, `,"attributes":`, s.Attrs)
	b = appendCountMember(b, `,"droppedAttributesCount":`, s.DroppedAttrs)
	b = w.appendEvents(b, s.Events)
	b = appendCountMember(b, `,"droppedEventsCount":`, s.DroppedEvents)
	b = w.appendLinks(b, s.Links)
	b = appendCountMember(b, `,"droppedLinksCount":`, s.DroppedLinks)
	if s.Status != spans.StatusUnset {
		b = strconv.AppendUint(append(b, `,"status":{"code":`...), uint64(s.Status), 10)
		b = append(appendMember(b, `,"message":`, s.Message), '}')
	}
	g.records = append(b, '}')
	w.spans.size += len(g.records) - before
	if w.spans.full() {
		w.flush()
	}
}

// next returns a group's records with what goes before one more.
func (g *group) next(lines bool) (b []byte, before int) {
	b, before = g.records, len(g.records)
	if before > 0 {
		b = append(b, ',')
	}
	if !lines {
		b = append(b, '\n')
	}
	return b, before
}

func (w *JSONWriter) appendEvents(b []byte, events []spans.Event) []byte {
	if len(events) == 0 {
		return b
	}
	b = append(b, `,"events":[`...)
	for i := range events {
		e := &events[i]
		if i > 0 {
			b = append(b, ',')
		}
		e.MarkLog()
		b = appendNumber(b, `{"timeUnixNano":`, uint64(e.Time))
		b = jsontext.AppendString(append(b, `,"name":`...), e.Name)
		b = w.appendAttrs(b, `,"attributes":`, e.Attrs)
		b = append(appendCountMember(b, `,"droppedAttributesCount":`, e.Dropped), '}')
	}
	return append(b, ']')
}

func (w *JSONWriter) appendLinks(b []byte, links []spans.Link) []byte {
	if len(links) == 0 {
		return b
	}
	b = append(b, `,"links":[`...)
	for i := range links {
		l := &links[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendTraceMember(b, `{"traceId":`, &l.Trace)
		b = appendIDMember(b, `,"spanId":`, l.ID)
		b = appendMember(b, `,"traceState":`, l.State)
		b = w.appendAttrs(b, `,"attributes":`, l.Attrs)
		b = appendCountMember(b, `,"droppedAttributesCount":`, l.Dropped)
		b = append(appendCountMember(b, `,"flags":`, l.Flags), '}')
	}
	return append(b, ']')
}

// logRecord adds a log record to its group.
func (w *JSONWriter) logRecord(l *spans.Log) {
	g := w.logs.of(l.Resource, l.Scope)
	b, before := g.next(w.lines)
	b = appendNumber(b, `{"timeUnixNano":`, uint64(l.Time))
	b = appendNumber(b, `,"observedTimeUnixNano":`, uint64(l.Time))
	b = appendCountMember(b, `,"severityNumber":`, uint32(l.Severity))
	if l.SeverityText == "" {
		l.SeverityText = l.Severity.String()
	}
	b = appendMember(b, `,"severityText":`, l.SeverityText)
	body := l.Body
	if body.IsZero() {
		body = tracefmt.String(l.Text)
	}
	b, _ = appendValueJSON(append(b, `,"body":`...), body)
	b = w.appendAttrs(b, `,"attributes":`, l.Attrs)
	b = appendCountMember(b, `,"droppedAttributesCount":`, l.Dropped)
	b = appendCountMember(b, `,"flags":`, l.Flags)
	if !l.Trace.IsZero() {
		b = appendTraceMember(b, `,"traceId":`, &l.Trace)
	}
	if l.Span != 0 {
		b = appendIDMember(b, `,"spanId":`, l.Span)
	}
	b = appendMember(b, `,"eventName":`, l.EventName)
	g.records = append(b, '}')
	w.logs.size += len(g.records) - before
	if w.logs.full() {
		w.flush()
	}
}

// appendValueJSON adds a value as an AnyValue. What OTLP has no form for becomes a string; lost says what.
func appendValueJSON(b []byte, v tracefmt.Value) (out []byte, lost string) {
	switch v.Kind() {
	case tracefmt.BoolValue:
		return append(append(append(b, `{"boolValue":`...), v.String()...), '}'), ""
	case tracefmt.Int64Value:
		n, _ := v.Int64()
		return appendIntJSON(b, n), ""
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		return appendDoubleJSON(b, f), ""
	case tracefmt.RawValue:
		text, ok := compact(v.String())
		if !ok {
			return appendStringJSON(b, v.String()), lostJSON
		}
		b, _ = appendRawJSON(b, text, 0)
		return b, ""
	case tracefmt.NoValue:
		return append(b, "{}"...), ""
	case tracefmt.Uint64Value:
		lost = lostUint
	}
	return appendStringJSON(b, v.String()), lost
}

func appendStringJSON(b []byte, s string) []byte {
	return append(jsontext.AppendString(append(b, `{"stringValue":`...), s), '}')
}

func appendIntJSON(b []byte, n int64) []byte {
	return append(strconv.AppendInt(append(b, `{"intValue":"`...), n, 10), `"}`...)
}

// appendDoubleJSON writes what JSON has no number for as protobuf's JSON does.
func appendDoubleJSON(b []byte, f float64) []byte {
	b = append(b, `{"doubleValue":`...)
	switch {
	case math.IsNaN(f):
		b = append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		b = append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		b = append(b, `"-Infinity"`...)
	default:
		b = jsontext.AppendFloat(b, f)
	}
	return append(b, '}')
}

// appendRawJSON adds an AnyValue for the compact JSON value that begins at text[i], and returns where that ends.
func appendRawJSON(b, text []byte, i int) (out []byte, end int) {
	switch c := text[i]; {
	case c == '"':
		end, _, _ = jsontext.ScanString(text, i)
		return append(append(append(b, `{"stringValue":`...), text[i:end]...), '}'), end
	case c == '[':
		b = append(b, `{"arrayValue":{"values":[`...)
		for i++; text[i] != ']'; {
			if b, i = appendRawJSON(b, text, i); text[i] == ',' {
				b = append(b, ',')
				i++
			}
		}
		return append(b, "]}}"...), i + 1
	case c == '{':
		if f, end, ok := specialFloat(text, i); ok {
			return appendDoubleJSON(b, f), end
		}
		if content, end, ok := specialBytes(text, i); ok {
			b = base64.StdEncoding.AppendEncode(append(b, `{"bytesValue":"`...), content)
			return append(b, `"}`...), end
		}
		b = append(b, `{"kvlistValue":{"values":`...)
		b, end = appendRawMembersJSON(b, text, i)
		return append(b, "}}"...), end
	case c == 't':
		return append(b, `{"boolValue":true}`...), i + len("true")
	case c == 'f':
		return append(b, `{"boolValue":false}`...), i + len("false")
	case c == 'n':
		return append(b, "{}"...), i + len("null")
	}
	end, _ = jsontext.ScanNumber(text, i)
	switch v := jsontext.NumberValue(text[i:end]); v.Kind() {
	case tracefmt.Int64Value:
		n, _ := v.Int64()
		return appendIntJSON(b, n), end
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		return appendDoubleJSON(b, f), end
	}
	return appendStringJSON(b, string(text[i:end])), end // too large for any number
}

// appendRawMembersJSON adds the members of the object at text[i] as a list of KeyValues.
func appendRawMembersJSON(b, text []byte, i int) (out []byte, end int) {
	b = append(b, '[')
	for i++; text[i] != '}'; {
		from, to, value, _ := jsontext.ScanKey(text, i)
		b = append(append(b, `{"key":`...), text[from-1:to+1]...)
		b = append(b, `,"value":`...)
		b, i = appendRawJSON(b, text, value)
		b = append(b, '}')
		if text[i] == ',' {
			b = append(b, ',')
			i++
		}
	}
	return append(b, ']'), i + 1
}
