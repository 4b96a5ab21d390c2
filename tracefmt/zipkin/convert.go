package zipkin

import (
	"math"
	"net/netip"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"github.com/spanstack/spanstack/tracefmt/internal/spantags"
)

// processKey is what says of which process a span is.
type processKey struct {
	service, ipv4, ipv6 string
	attrs               string // the tag's text
}

// convert turns the span in r.raw, which begins at the given byte of the input, into events.
func (r *Reader) convert(offset int64) {
	raw, s := &r.raw, &r.span
	s.Reset()
	s.Name = raw.name
	s.Attrs = append(s.Attrs, raw.tags...)
	r.tags.Take(s, spantags.Zipkin)
	if !r.times(s) {
		r.out.Losses.AddAt("span without a timestamp", offset)
		return
	}
	s.Process = r.process(takeProcess(s))
	if kind, ok := spans.ParseKind(strings.ToLower(raw.kind)); ok && raw.kind != "" {
		s.Kind = kind
	}
	var exact bool
	if s.Trace, exact = spans.TraceNumber(raw.trace); !exact {
		r.out.Losses.AddAt("trace ID that is no hexadecimal number, replaced by one", offset)
	}
	r.endpoints(s, offset)
	r.place(s)
	if raw.shared {
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyShared, Value: tracefmt.Bool(true)})
	}
	if raw.debug {
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyDebug, Value: tracefmt.Bool(true)})
	}
	if r.tags.Links != "" && !spantags.ParseLinks(&r.parser.Decoder, s, r.tags.Links) {
		s.Links = s.Links[:0]
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: spantags.KeyLinks, Value: tracefmt.String(r.tags.Links)})
	}
	for i := range raw.annotations {
		if raw.annotations[i].hasTime {
			r.annotation(s.AddEvent(), &raw.annotations[i])
		} else {
			r.out.Losses.AddAt("annotation without a timestamp", offset)
		}
	}
	r.out.Span(s)
}

// times sets a span's start and duration, and reports whether there is a start.
func (r *Reader) times(s *spans.Span) bool {
	raw, ns := &r.raw, r.tags.NS
	s.Start, s.Dur = raw.start, raw.dur
	if !raw.hasStart && !r.tags.HasNS {
		for _, a := range raw.annotations {
			if a.hasTime && (!raw.hasStart || a.time < s.Start) {
				s.Start, raw.hasStart = a.time, true
			}
		}
		if !raw.hasStart {
			return false
		}
	}
	s.Start = spantags.Plus(s.Start, ns[0])
	s.Dur = max(spantags.Plus(s.Dur, ns[1]), 0)
	if !raw.hasDur || raw.dur < 0 {
		s.Dur = tracefmt.Open
	}
	return true
}

// takeProcess takes out the tag that has a process's attributes.
func takeProcess(s *spans.Span) (object string) {
	for i, a := range s.Attrs {
		if a.Key == keyProcess && a.Value.Kind() == tracefmt.StringValue {
			s.Attrs = append(s.Attrs[:i], s.Attrs[i+1:]...)
			return a.Value.String()
		}
	}
	return ""
}

// process returns the process of the span in r.raw, and declares it if it isn't.
func (r *Reader) process(object string) tracefmt.TrackID {
	local := &r.raw.local
	key := processKey{local.service, local.ipv4, local.ipv6, object}
	if id, ok := r.processes[key]; ok {
		return id
	}
	res := spans.Resource{Service: local.service}
	first, second := local.addresses()
	if first != "" {
		res.Add(keyHostIP, tracefmt.String(first))
	}
	if second != "" {
		res.Add(keyHostIPv6, tracefmt.String(second))
	}
	if object != "" {
		b := spantags.Whole(object)
		attrs, _, err := spantags.ParseObject(&r.parser.Decoder, nil, b, 0)
		if err != nil || b[0] != '{' {
			attrs = []tracefmt.Attr{{Key: keyProcess, Value: tracefmt.String(object)}}
		}
		for _, a := range attrs {
			res.Add(a.Key, a.Value)
		}
	}
	id := r.out.Process(&res)
	if r.processes == nil || len(r.processes) >= maxProcesses {
		r.processes = make(map[processKey]tracefmt.TrackID)
	}
	r.processes[key] = id
	return id
}

// addresses returns an endpoint's address, and its other one.
func (e *endpoint) addresses() (first, second string) {
	if e.ipv4 == "" {
		return e.ipv6, ""
	}
	return e.ipv4, e.ipv6
}

// endpoints adds what else a span's endpoints say.
func (r *Reader) endpoints(s *spans.Span, offset int64) {
	first, second := r.raw.remote.addresses()
	add := func(key string, v tracefmt.Value) {
		for _, a := range s.Attrs {
			if a.Key == key {
				if a.Value != v {
					r.out.Losses.AddAt("member of an endpoint beside a tag that says something else", offset)
				}
				return
			}
		}
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: key, Value: v})
	}
	text := func(key, text string) {
		if text != "" {
			add(key, tracefmt.String(text))
		}
	}
	port := func(key string, port int64) {
		if port != 0 {
			add(key, tracefmt.Int64(port))
		}
	}
	port(keyHostPort, r.raw.local.port)
	text(keyPeer, r.raw.remote.service)
	text(keyPeerIP, first)
	text(keyPeerIPv6, second)
	port(keyPeerPort, r.raw.remote.port)
}

// annotation makes an event of an annotation: its value is the name, or OpenTelemetry's
//
//	"my-event-name": { "key1" : "value1", "key2": "value2" }
func (r *Reader) annotation(e *spans.Event, a *annotation) {
	e.Time, e.Name = a.time, a.value
	if !strings.HasPrefix(a.value, `"`) {
		return
	}
	b := spantags.Whole(a.value)
	from, to, i, err := jsontext.ScanKey(b, 0)
	if err != nil || b[i] != '{' {
		return
	}
	attrs, end, err := spantags.ParseObject(&r.parser.Decoder, e.Attrs, b, i)
	if err != nil || jsontext.SkipSpace(b, end) != len(b) {
		return
	}
	e.Name = r.parser.Text(b[from:to])
	e.Attrs = attrs[:0]
	for _, a := range attrs {
		n, isInt := a.Value.Int64()
		switch {
		case a.Key == spantags.KeyNS && isInt:
			e.Time = spantags.Plus(e.Time, n)
		case a.Key == fieldDropped && isInt && n > 0 && n <= math.MaxUint32:
			e.Dropped = uint32(n)
		default:
			e.Attrs = append(e.Attrs, a)
		}
	}
}

// isIPv4 and isIPv6 report whether an address is one that Zipkin has a member for.
func isIPv4(text string) bool {
	a, err := netip.ParseAddr(text)
	return err == nil && a.Is4()
}

func isIPv6(text string) bool {
	a, err := netip.ParseAddr(text)
	return err == nil && a.Is6()
}
