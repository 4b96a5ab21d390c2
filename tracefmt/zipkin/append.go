package zipkin

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"github.com/spanstack/spanstack/tracefmt/internal/spantags"
)

// appendSpan appends a span, with its members in the order of Zipkin's own.
func (w *Writer) appendSpan(b []byte, s *spans.Span) []byte {
	id, parent := unplace(s)
	local, remote, shared, debug := w.takeOwn(s)
	b = appendTraceID(append(b, `{"traceId":"`...), &s.Trace)
	if parent != 0 {
		b = parent.Append(append(b, `","parentId":"`...))
	}
	b = append(id.Append(append(b, `","id":"`...)), '"')
	if kind := s.Kind.String(); kind != "" {
		b = append(append(append(b, `,"kind":"`...), strings.ToUpper(kind)...), '"')
	}
	if s.Name != "" {
		b = jsontext.AppendString(append(b, `,"name":`...), s.Name)
	}
	start, startNS := spantags.Micros(s.Start, 0)
	if start > 0 { // 0 would be none
		b = strconv.AppendInt(append(b, `,"timestamp":`...), start, 10)
	}
	durNS := int64(0)
	if s.Dur >= 0 {
		var dur int64
		dur, durNS = spantags.Micros(s.Dur, 1)
		b = strconv.AppendInt(append(b, `,"duration":`...), dur, 10)
	}
	b = appendEndpoint(b, `,"localEndpoint":`, &local)
	b = appendEndpoint(b, `,"remoteEndpoint":`, &remote)
	b = w.appendAnnotations(b, s.Events)

	w.tags = spantags.AppendTags(w.tags[:0], s, spantags.Zipkin)
	if startNS != 0 || durNS != 0 || start <= 0 {
		w.add(spantags.KeyNS, string(spantags.AppendNS(nil, startNS, durNS)))
	}
	if len(s.Links) > 0 {
		w.add(spantags.KeyLinks, string(spantags.AppendLinks(nil, s.Links, true)))
	}
	if w.process.attrs != "" {
		w.add(keyProcess, w.process.attrs)
	}
	b = w.appendTags(b)
	if debug {
		b = append(b, `,"debug":true`...)
	}
	if shared {
		b = append(b, `,"shared":true`...)
	}
	return append(b, '}')
}

func (w *Writer) add(key, text string) {
	w.tags = append(w.tags, tracefmt.Attr{Key: key, Value: tracefmt.String(text)})
}

// appendTraceID appends a trace's ID, with 16 digits if the others are zeros, as programs with 64 bits do.
func appendTraceID(b []byte, id *spans.TraceID) []byte {
	start := len(b)
	b = id.Append(b)
	if strings.Trim(string(b[start:start+16]), "0") == "" {
		b = append(b[:start], b[start+16:]...)
	}
	return b
}

// processText is what is written of a process.
type processText struct {
	endpoint endpoint
	attrs    string // the value of the tag keyProcess
}

// processOf returns what is written of a resource. It is the same for the spans that follow.
func (w *Writer) processOf(r *spans.Resource) *processText {
	last := &w.resource
	isSame := r.Service == last.Service && r.PID == last.PID && r.Schema == last.Schema
	if isSame && slices.Equal(r.Attrs, last.Attrs) {
		return &w.process
	}
	attrs := append(last.Attrs[:0], r.Attrs...)
	w.resource = spans.Resource{Service: r.Service, PID: r.PID, Schema: r.Schema, Attrs: attrs}
	w.process = processText{endpoint: endpoint{service: r.Service}}
	e := &w.process.endpoint
	var rest []tracefmt.Attr
	for _, a := range r.Attrs {
		text, isText := a.Value.String(), a.Value.Kind() == tracefmt.StringValue
		switch {
		case a.Key == keyHostIP && isText && e.ipv4 == "" && isIPv4(text):
			e.ipv4 = text
		case a.Key == second(e, keyHostIP, keyHostIPv6) && isText && e.ipv6 == "" && isIPv6(text):
			e.ipv6 = text
		default:
			rest = append(rest, a)
		}
	}
	if !r.PID.IsZero() {
		rest = append(rest, tracefmt.Attr{Key: spans.KeyPID, Value: r.PID})
	}
	if r.Schema != "" {
		rest = append(rest, tracefmt.Attr{Key: spans.KeyResourceSchema, Value: tracefmt.String(r.Schema)})
	}
	if len(rest) > 0 {
		w.process.attrs = string(spantags.AppendObject(nil, rest))
	}
	return &w.process
}

// takeOwn takes those attributes out of a span's that Zipkin has members for.
func (w *Writer) takeOwn(s *spans.Span) (local, remote endpoint, shared, debug bool) {
	local = w.processOf(s.Resource).endpoint
	rest := s.Attrs[:0]
	for _, a := range s.Attrs {
		if !takeMember(a, &local, &remote) {
			switch {
			case a.Key == keyShared && a.Value == tracefmt.Bool(true):
				shared = true
				continue
			case a.Key == keyDebug && a.Value == tracefmt.Bool(true):
				debug = true
				continue
			case a.Key == tracefmt.AttrError && a.Value == tracefmt.Bool(false):
				w.spans.Losses.Add("\"error\" that is false, which Zipkin takes for an error")
				continue
			}
			rest = append(rest, a)
		}
	}
	s.Attrs = rest
	return local, remote, shared, debug
}

// takeMember makes an attribute a member of an endpoint, if it can be one.
func takeMember(a tracefmt.Attr, local, remote *endpoint) bool {
	text, isText := a.Value.String(), a.Value.Kind() == tracefmt.StringValue
	port, isPort := a.Value.Int64()
	isPort = isPort && port > 0 && port < 1<<16
	switch {
	case a.Key == keyHostPort && isPort && local.port == 0:
		local.port = port
	case a.Key == keyPeerPort && isPort && remote.port == 0:
		remote.port = port
	case a.Key == keyPeer && isText && text != "" && remote.service == "":
		remote.service = text
	case a.Key == keyPeerIP && isText && remote.ipv4 == "" && remote.ipv6 == "" && isIPv4(text):
		remote.ipv4 = text
	case a.Key == second(remote, keyPeerIP, keyPeerIPv6) && isText && remote.ipv6 == "" && isIPv6(text):
		remote.ipv6 = text
	default:
		return false
	}
	return true
}

// second returns the key of the attribute that is an endpoint's IPv6 address: it is the first one's if there is no other.
func second(e *endpoint, first, other string) string {
	if e.ipv4 == "" {
		return first
	}
	return other
}

func appendEndpoint(b []byte, before string, e *endpoint) []byte {
	if *e == (endpoint{}) {
		return b
	}
	b = append(append(b, before...), '{')
	start := len(b)
	member := func(name, text string) {
		if text != "" {
			if len(b) > start {
				b = append(b, ',')
			}
			b = jsontext.AppendString(append(b, name...), text)
		}
	}
	member(`"serviceName":`, e.service)
	member(`"ipv4":`, e.ipv4)
	member(`"ipv6":`, e.ipv6)
	if e.port != 0 {
		if len(b) > start {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `"port":`...), e.port, 10)
	}
	return append(b, '}')
}

func (w *Writer) appendAnnotations(b []byte, events []spans.Event) []byte {
	for i := range events {
		e := &events[i]
		if i == 0 {
			b = append(b, `,"annotations":[`...)
		} else {
			b = append(b, ',')
		}
		us, ns := spantags.Micros(e.Time, 0)
		b = strconv.AppendInt(append(b, `{"timestamp":`...), us, 10)
		b = append(jsontext.AppendString(append(b, `,"value":`...), w.value(e, ns)), '}')
	}
	if len(events) > 0 {
		b = append(b, ']')
	}
	return b
}

// value returns the value of an annotation.
func (w *Writer) value(e *spans.Event, ns int64) string {
	e.MarkLog()
	w.tags = append(w.tags[:0], e.Attrs...)
	if ns != 0 {
		w.tags = append(w.tags, tracefmt.Attr{Key: spantags.KeyNS, Value: tracefmt.Int64(ns)})
	}
	if e.Dropped != 0 {
		w.tags = append(w.tags, tracefmt.Attr{Key: fieldDropped, Value: tracefmt.Int64(int64(e.Dropped))})
	}
	if len(w.tags) == 0 && !strings.HasPrefix(e.Name, `"`) {
		return e.Name
	}
	text := append(jsontext.AppendString(nil, e.Name), ": "...)
	return string(spantags.AppendObject(text, w.tags))
}

// appendTags appends w.tags as strings, and a tag with their types.
func (w *Writer) appendTags(b []byte) []byte {
	w.onlyLast()
	w.types.Reset()
	for i := range w.tags {
		w.types.Add(w.tags[i])
	}
	if text := w.types.Text(); text != "" {
		w.add(spantags.KeyTypes, text)
	}
	if len(w.tags) == 0 {
		return b
	}
	b = append(b, `,"tags":{`...)
	for i := range w.tags {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsontext.AppendString(b, w.tags[i].Key), ':')
		b = jsontext.AppendString(b, w.tags[i].Value.String())
	}
	return append(b, '}')
}

// onlyLast leaves the last tag of each name: an object has one.
func (w *Writer) onlyLast() {
	const few = 32
	var later map[string]bool
	if len(w.tags) > few {
		later = make(map[string]bool, len(w.tags))
	}
	keep := len(w.tags)
	for i := len(w.tags) - 1; i >= 0; i-- {
		key := w.tags[i].Key
		hasKey := func(a tracefmt.Attr) bool { return a.Key == key }
		if later == nil && slices.ContainsFunc(w.tags[keep:], hasKey) || later[key] {
			w.spans.Losses.Add("attribute with the name of a later one")
			continue
		}
		if later != nil {
			later[key] = true
		}
		keep--
		w.tags[keep] = w.tags[i]
	}
	w.tags = append(w.tags[:0], w.tags[keep:]...)
}
