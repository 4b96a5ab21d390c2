package otlp

import (
	"encoding/binary"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"google.golang.org/protobuf/encoding/protowire"
)

// Tags of fields, with their wire types. A field of another type than the schema's is an unknown one.
const (
	tagVarint  = uint64(protowire.VarintType)
	tagFixed64 = uint64(protowire.Fixed64Type)
	tagBytes   = uint64(protowire.BytesType)
	tagFixed32 = uint64(protowire.Fixed32Type)
)

func (c *cursor) tag() uint64 { return uint64(c.num)<<3 | uint64(c.typ) }

const lostRecord = "record that is neither a span nor a log record, such as a metric"

// records says what the records of a ScopeSpans are, which it may be one of in name only.
type records uint8

const (
	unknownRecords records = iota
	spanRecords
	logRecords
	otherRecords
)

// record takes in a span, a log record or a metric.
func (r *Reader) record(content []byte, start int64) {
	if r.records == unknownRecords {
		r.records = r.kindOf(content)
	}
	switch {
	case r.bad:
	case r.records == spanRecords:
		r.span(content, start)
	case r.records == logRecords:
		r.logRecord(content, start)
	default:
		r.assembly.Losses.AddAt(lostRecord, start)
		r.records = unknownRecords
	}
}

// kindOf tells spans, log records and metrics apart by the wire types of their fields, since the messages around them
// are the same.
func (r *Reader) kindOf(content []byte) records {
	isSpan, isLog := 0, 0
	c := r.within(content)
	for c.next() {
		switch c.tag() {
		case spanStart<<3 | tagFixed64, spanEnd<<3 | tagFixed64, spanKind<<3 | tagVarint:
			isSpan++
		case logTime<<3 | tagFixed64, logObserved<<3 | tagFixed64, logSeverity<<3 | tagVarint, logFlags<<3 | tagFixed32:
			isLog++
		case spanID<<3 | tagBytes:
			if len(c.data) == 8 {
				isSpan++
			}
		case logSpan<<3 | tagBytes:
			if len(c.data) == 8 {
				isLog++
			}
		}
	}
	switch {
	case isSpan == 0 && isLog == 0:
		return otherRecords
	case isLog > isSpan:
		return logRecords
	}
	return spanRecords
}

func (r *Reader) span(content []byte, start int64) {
	a := &r.assembly
	s := &a.span
	s.Reset()
	timed := false // a metric's name might have 16 bytes, too
	var from, to uint64
	c := r.within(content)
	for c.next() {
		switch c.tag() {
		case spanTrace<<3 | tagBytes:
			s.Trace = r.traceID(c.data, start)
		case spanID<<3 | tagBytes:
			s.ID = r.spanID(c.data, start)
		case spanState<<3 | tagBytes:
			s.State = a.text.Strings.Intern(c.data)
		case spanParent<<3 | tagBytes:
			s.Parent = r.spanID(c.data, start)
		case spanFlags<<3 | tagFixed32:
			s.Flags = c.uint32()
		case spanName<<3 | tagBytes:
			s.Name = a.text.Strings.Intern(c.data)
		case spanKind<<3 | tagVarint:
			s.Kind = kind(c.v)
		case spanStart<<3 | tagFixed64:
			from, timed = c.v, true
		case spanEnd<<3 | tagFixed64:
			to, timed = c.v, true
		case spanAttrs<<3 | tagBytes:
			s.Attrs = r.attr(s.Attrs, c.data)
		case spanDroppedAttrs<<3 | tagVarint:
			s.DroppedAttrs = c.uint32()
		case spanEvents<<3 | tagBytes:
			r.event(s.AddEvent(), c.data)
		case spanDroppedEvents<<3 | tagVarint:
			s.DroppedEvents = c.uint32()
		case spanLinks<<3 | tagBytes:
			r.link(s.AddLink(), c.data, start)
		case spanDroppedLinks<<3 | tagVarint:
			s.DroppedLinks = c.uint32()
		case spanStatus<<3 | tagBytes:
			r.status(s, c.data)
		}
	}
	switch {
	case r.bad:
	case !timed && s.ID == 0:
		a.Losses.AddAt(lostRecord, start)
	default:
		a.emitSpan(from, to, start)
	}
}

func (r *Reader) event(e *spans.Event, content []byte) {
	c := r.within(content)
	for c.next() {
		switch c.tag() {
		case eventTime<<3 | tagFixed64:
			e.Time = int64(c.v & (1<<63 - 1))
		case eventName<<3 | tagBytes:
			e.Name = r.assembly.text.Strings.Intern(c.data)
		case eventAttrs<<3 | tagBytes:
			e.Attrs = r.attr(e.Attrs, c.data)
		case eventDropped<<3 | tagVarint:
			e.Dropped = c.uint32()
		}
	}
}

func (r *Reader) link(l *spans.Link, content []byte, start int64) {
	c := r.within(content)
	for c.next() {
		switch c.tag() {
		case linkTrace<<3 | tagBytes:
			l.Trace = r.traceID(c.data, start)
		case linkSpan<<3 | tagBytes:
			l.ID = r.spanID(c.data, start)
		case linkState<<3 | tagBytes:
			l.State = r.assembly.text.Strings.Intern(c.data)
		case linkAttrs<<3 | tagBytes:
			l.Attrs = r.attr(l.Attrs, c.data)
		case linkDropped<<3 | tagVarint:
			l.Dropped = c.uint32()
		case linkFlags<<3 | tagFixed32:
			l.Flags = c.uint32()
		}
	}
}

func (r *Reader) status(s *spans.Span, content []byte) {
	c := r.within(content)
	for c.next() {
		switch c.tag() {
		case statusMessage<<3 | tagBytes:
			s.Message = r.assembly.text.Strings.Intern(c.data)
		case statusCode<<3 | tagVarint:
			s.Status = status(c.v)
		}
	}
}

func (r *Reader) logRecord(content []byte, start int64) {
	a := &r.assembly
	l := &a.log
	l.Reset()
	var at, observed uint64
	c := r.within(content)
	for c.next() {
		switch c.tag() {
		case logTime<<3 | tagFixed64:
			at = c.v
		case logSeverity<<3 | tagVarint:
			l.Severity = severity(c.v)
		case logSeverityText<<3 | tagBytes:
			l.SeverityText = a.text.Strings.Intern(c.data)
		case logBody<<3 | tagBytes:
			a.setBody(r.any(c.data))
		case logAttrs<<3 | tagBytes:
			l.Attrs = r.attr(l.Attrs, c.data)
		case logDropped<<3 | tagVarint:
			l.Dropped = c.uint32()
		case logFlags<<3 | tagFixed32:
			l.Flags = c.uint32()
		case logTrace<<3 | tagBytes:
			l.Trace = r.traceID(c.data, start)
		case logSpan<<3 | tagBytes:
			l.Span = r.spanID(c.data, start)
		case logObserved<<3 | tagFixed64:
			observed = c.v
		case logEventName<<3 | tagBytes:
			l.EventName = a.text.Strings.Intern(c.data)
		}
	}
	if !r.bad {
		a.emitLog(at, observed, start)
	}
}

func (r *Reader) spanID(b []byte, start int64) spans.ID {
	if len(b) == 8 {
		return spans.ID(binary.BigEndian.Uint64(b))
	}
	if len(b) > 0 {
		r.assembly.Losses.AddAt("span ID that hasn't 8 bytes", start)
	}
	return 0
}

func (r *Reader) traceID(b []byte, start int64) (id spans.TraceID) {
	if len(b) == len(id) {
		return spans.TraceID(b)
	}
	if len(b) > 0 {
		r.assembly.Losses.AddAt("trace ID that hasn't 16 bytes", start)
	}
	return id
}

// attr adds an attribute. Strings that are those which the list had there before are taken again: spans that follow
// each other tend to have the same attributes.
func (r *Reader) attr(attrs []tracefmt.Attr, content []byte) []tracefmt.Attr {
	n := len(attrs)
	if n < cap(attrs) {
		attrs = attrs[:n+1]
	} else {
		attrs = append(attrs, tracefmt.Attr{})
	}
	to := &attrs[n]
	if key, value, ok := simpleAttr(content); ok {
		r.setKey(to, key)
		r.setValue(to, value)
		return attrs
	}
	c := r.within(content)
	hasKey, hasValue := false, false
	for c.next() {
		switch c.tag() {
		case attrKey<<3 | tagBytes:
			hasKey = true
			r.setKey(to, c.data)
		case attrValue<<3 | tagBytes:
			hasValue = true
			r.setValue(to, c.data)
		}
	}
	if !hasKey {
		to.Key = ""
	}
	if !hasValue {
		to.Value = tracefmt.RawJSON("null")
	}
	return attrs
}

// simpleAttr takes a KeyValue apart as nearly all of them are: a short key, then a short value, and nothing else.
func simpleAttr(b []byte) (key, value []byte, ok bool) {
	if len(b) < 4 || b[0] != attrKey<<3|byte(tagBytes) || b[1] >= 1<<7 {
		return nil, nil, false
	}
	at := 2 + int(b[1])
	if len(b) < at+2 || b[at] != attrValue<<3|byte(tagBytes) || b[at+1] >= 1<<7 || len(b) != at+2+int(b[at+1]) {
		return nil, nil, false
	}
	return b[2:at], b[at+2:], true
}

func (r *Reader) setKey(to *tracefmt.Attr, key []byte) {
	if to.Key != string(key) {
		to.Key = r.assembly.text.Strings.Intern(key)
	}
}

func (r *Reader) setValue(to *tracefmt.Attr, b []byte) {
	if len(b) > 2 && b[0] == anyString<<3|byte(tagBytes) && int(b[1]) == len(b)-2 && b[1] < 1<<7 {
		if text := b[2:]; to.Value.Kind() != tracefmt.StringValue || to.Value.String() != string(text) {
			to.Value = tracefmt.String(r.assembly.text.Strings.Intern(text))
		}
		return
	}
	to.Value = r.any(b)
}
