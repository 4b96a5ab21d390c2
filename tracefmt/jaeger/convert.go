package jaeger

import (
	"math"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"github.com/spanstack/spanstack/tracefmt/internal/spantags"
)

// convert turns the span in r.raw, which begins at the given byte of the input, into events.
func (r *Reader) convert(offset int64) {
	raw := &r.raw
	switch {
	case raw.id == "":
		r.out.Losses.AddAt("span without an ID", offset)
		return
	case !raw.hasStart:
		r.out.Losses.AddAt("span without a start", offset)
		return
	}
	s := &r.span
	s.Reset()
	s.Process = r.processOf()
	s.Name = raw.name
	s.Attrs = append(s.Attrs, raw.tags...)
	r.tags.Take(s, spantags.Jaeger)
	s.SetID(raw.id)
	r.setTrace(s, offset)
	r.times(s, offset)
	if raw.flags&flagSampled != 0 {
		s.Flags |= spans.FlagSampled
	}
	if raw.flags&^flagSampled != 0 {
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyFlags, Value: tracefmt.Int64(raw.flags)})
	}
	if raw.warnings != "" {
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyWarnings, Value: tracefmt.RawJSON(raw.warnings)})
	}
	r.references(s)
	for i := range raw.logs {
		r.log(s, &raw.logs[i], offset)
	}
	r.out.Span(s)
}

func (r *Reader) setTrace(s *spans.Span, offset int64) {
	id := r.raw.trace
	if id == "" {
		id = r.trace.id
	}
	var exact bool
	if s.Trace, exact = spans.TraceNumber(id); !exact {
		r.out.Losses.AddAt("trace ID that is no hexadecimal number, replaced by one", offset)
	}
}

// times sets a span's start and duration.
func (r *Reader) times(s *spans.Span, offset int64) {
	s.Start, s.Dur = r.raw.start, r.raw.dur
	if !r.raw.hasDur {
		s.Dur = tracefmt.Open
		return
	}
	if s.Dur < 0 {
		r.out.Losses.AddAt("negative duration, taken for 0", offset)
		s.Dur = 0
	}
	s.Start = spantags.Plus(s.Start, r.tags.NS[0])
	s.Dur = max(spantags.Plus(s.Dur, r.tags.NS[1]), 0)
	if r.tags.Open {
		s.Dur = tracefmt.Open
	}
}

// references sets a span's parent and its links. The parent is, as for Jaeger itself (jaeger-idl, model/v1, span.go,
// ParentSpanID), the first reference within the trace that says "child of", or else the first one within the trace.
func (r *Reader) references(s *spans.Span) {
	refs := r.raw.refs
	told := r.tags.Links != "" && r.linksFrom(s, refs)
	if told {
		refs = refs[:len(refs)-len(s.Links)]
	}
	parent := r.parentOf(s, refs)
	switch {
	case parent >= 0:
		s.SetParent(refs[parent].span)
		if refs[parent].kind == followsFrom {
			s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyRefType, Value: tracefmt.String(refFollowsFrom)})
		}
	case !told:
		s.SetParent(r.raw.parent)
	}
	if told {
		return
	}
	for i := range refs {
		if i == parent || refs[i].span == "" {
			continue
		}
		l := s.AddLink()
		l.Trace, _ = spans.TraceNumber(refs[i].trace)
		l.SetID(refs[i].span)
		if refs[i].kind == childOf {
			l.Attrs = append(l.Attrs, tracefmt.Attr{Key: keyRefType, Value: tracefmt.String(refChildOf)})
		}
	}
}

// parentOf returns the index of the reference to a span's parent; -1 if there is none.
func (r *Reader) parentOf(s *spans.Span, refs []rawRef) int {
	follows := -1
	for i := range refs {
		if trace, _ := spans.TraceNumber(refs[i].trace); refs[i].trace != "" && trace != s.Trace || refs[i].span == "" {
			continue
		}
		switch {
		case refs[i].kind == childOf:
			return i
		case refs[i].kind == followsFrom && follows < 0:
			follows = i
		}
	}
	return follows
}

// linksFrom makes the last references links, with what the tag says of them beside.
func (r *Reader) linksFrom(s *spans.Span, refs []rawRef) bool {
	ok := spantags.ParseLinks(&r.parser.Decoder, s, r.tags.Links) && len(s.Links) <= len(refs)
	if !ok {
		s.Links = s.Links[:0]
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: spantags.KeyLinks, Value: tracefmt.String(r.tags.Links)})
		return false
	}
	for i, ref := range refs[len(refs)-len(s.Links):] {
		l := &s.Links[i]
		l.Trace, _ = spans.TraceNumber(ref.trace)
		l.ID, _ = spans.ParseID(ref.span)
	}
	return true
}

// log adds a log of the raw span to s as an event.
func (r *Reader) log(s *spans.Span, raw *rawLog, offset int64) {
	if !raw.hasTime {
		r.out.Losses.AddAt("log without a timestamp", offset)
		return
	}
	e := s.AddEvent()
	e.Time = raw.time
	e.Attrs = r.types.Apply(append(e.Attrs, r.raw.fields[raw.from:raw.to]...))
	mayBeLog := takeFields(e)
	event, message, level := -1, -1, -1
	for i, a := range e.Attrs {
		switch isText := a.Value.Kind() == tracefmt.StringValue; {
		case a.Key == fieldEvent && isText && event < 0:
			event = i
		case a.Key == fieldMessage && isText && message < 0:
			message = i
		case a.Key == fieldLevel && isText && level < 0:
			level = i
		}
	}
	if mayBeLog && level >= 0 && (event >= 0 || message >= 0) {
		e.Severity, e.IsLog = severity(e.Attrs[level].Value.String())
	}
	name := event
	if e.IsLog && event < 0 {
		name = message
	}
	if name >= 0 {
		e.Name = e.Attrs[name].Value.String()
	}
	rest := e.Attrs[:0]
	for i, a := range e.Attrs {
		if i != name && !(e.IsLog && i == level) {
			rest = append(rest, a)
		}
	}
	e.Attrs = rest
}

// takeFields takes those fields out that are of our making, and reports whether the event may be a log line.
func takeFields(e *spans.Event) (mayBeLog bool) {
	mayBeLog = true
	rest := e.Attrs[:0]
	for _, a := range e.Attrs {
		n, isInt := a.Value.Int64()
		switch {
		case a.Key == spantags.KeyNS && isInt:
			e.Time = spantags.Plus(e.Time, n)
		case a.Key == fieldDropped && isInt && n > 0 && n <= math.MaxUint32 && e.Dropped == 0:
			e.Dropped = uint32(n)
		case a.Key == keyNoLog && a.Value == tracefmt.Bool(false):
			mayBeLog = false
		default:
			rest = append(rest, a)
		}
	}
	e.Attrs = rest
	return mayBeLog
}

// severity returns what a log's level is; "" is one that isn't known.
func severity(text string) (s tracefmt.Severity, ok bool) {
	switch text = strings.ToUpper(text); text {
	case "":
		return 0, true
	case "WARNING":
		return tracefmt.SeverityWarn, true
	}
	s, ok = tracefmt.ParseSeverity(text)
	if !ok {
		s = 0
	}
	return s, ok
}
