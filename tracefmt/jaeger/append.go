package jaeger

import (
	"math"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"github.com/spanstack/spanstack/tracefmt/internal/spantags"
)

// appendSpan appends a span of a trace, with its members in the order of Jaeger's own.
func (w *Writer) appendSpan(b []byte, s *spans.Span, process int) []byte {
	flags, warnings, refType := takeOwn(s)
	b = appendTraceID(append(b, `{"traceID":"`...), &s.Trace)
	b = s.ID.Append(append(b, `","spanID":"`...))
	if flags != 0 {
		b = strconv.AppendInt(append(b, `","flags":`...), flags, 10)
		b = append(b, `,"operationName":`...)
	} else {
		b = append(b, `","operationName":`...)
	}
	b = append(jsontext.AppendString(b, s.Name), `,"references":[`...)
	b = appendReferences(b, s, refType)
	start, startNS := spantags.Micros(s.Start, 0)
	dur, durNS := spantags.Micros(max(s.Dur, 0), 0)
	b = strconv.AppendInt(append(b, `],"startTime":`...), start, 10)
	b = strconv.AppendInt(append(b, `,"duration":`...), dur, 10)

	w.tags = spantags.AppendTags(w.tags[:0], s, spantags.Jaeger)
	if startNS != 0 || durNS != 0 {
		w.tags = appendText(w.tags, spantags.KeyNS, string(spantags.AppendNS(nil, startNS, durNS)))
	}
	if s.Dur == tracefmt.Open {
		w.tags = append(w.tags, tracefmt.Attr{Key: spantags.KeyOpen, Value: tracefmt.Bool(true)})
	}
	if needLinks(s) {
		w.tags = appendText(w.tags, spantags.KeyLinks, string(spantags.AppendLinks(nil, s.Links, false)))
	}
	b = append(w.appendTags(append(b, `,"tags":`...), w.tags), `,"logs":[`...)
	for i := range s.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = w.appendLog(b, &s.Events[i])
	}
	b = strconv.AppendInt(append(b, `],"processID":"p`...), int64(process), 10)
	b = append(b, `","warnings":`...)
	return append(append(b, warnings...), '}')
}

// takeOwn takes those attributes out of a span's that Jaeger has members for.
func takeOwn(s *spans.Span) (flags int64, warnings string, refType string) {
	flags, warnings = int64(s.Flags&spans.FlagSampled), "null"
	rest := s.Attrs[:0]
	for _, a := range s.Attrs {
		switch n, isInt := a.Value.Int64(); {
		case a.Key == keyFlags && isInt && n > 0 && n <= math.MaxUint32:
			flags = n
			continue
		case a.Key == keyWarnings && warnings == "null" && isTexts(a.Value):
			warnings = a.Value.String()
			continue
		case a.Key == keyRefType && a.Value == tracefmt.String(refFollowsFrom) && s.Parent != 0:
			refType = refFollowsFrom
			continue
		}
		rest = append(rest, a)
	}
	s.Attrs = rest
	return flags, warnings, refType
}

// isTexts reports whether a value is a JSON array of strings, and not empty.
func isTexts(v tracefmt.Value) bool {
	b := spantags.Whole(v.String())
	if v.Kind() != tracefmt.RawValue || b[0] != '[' || len(b) < len(`[""] `) {
		return false
	}
	_, err := jsontext.Elements(b, 0, func(i int) (int, error) {
		if b[i] != '"' {
			return 0, jsontext.Badf(i, "no string")
		}
		return jsontext.ScanValue(b, i, 0)
	})
	return err == nil
}

// appendTraceID appends a trace's ID as Jaeger does: 16 digits if the others are zeros (jaeger-idl, model/v1, ids.go).
func appendTraceID(b []byte, id *spans.TraceID) []byte {
	start := len(b)
	b = id.Append(b)
	if strings.Trim(string(b[start:start+16]), "0") == "" {
		b = append(b[:start], b[start+16:]...)
	}
	return b
}

func appendReferences(b []byte, s *spans.Span, refType string) []byte {
	if s.Parent != 0 {
		kind := childOf
		if refType == refFollowsFrom {
			kind = followsFrom
		}
		b = appendReference(b, kind, &s.Trace, s.Parent)
	}
	for i := range s.Links {
		if i > 0 || s.Parent != 0 {
			b = append(b, ',')
		}
		l, kind := &s.Links[i], followsFrom
		for _, a := range l.Attrs {
			if a.Key == keyRefType && a.Value == tracefmt.String(refChildOf) {
				kind = childOf
			}
		}
		b = appendReference(b, kind, &l.Trace, l.ID)
	}
	return b
}

func appendReference(b []byte, kind string, trace *spans.TraceID, id spans.ID) []byte {
	b = append(append(append(b, `{"refType":"`...), kind...), `","traceID":"`...)
	b = append(appendTraceID(b, trace), `","spanID":"`...)
	return append(id.Append(b), `"}`...)
}

// needLinks reports whether a span's references don't say all of its links, or would be taken for a parent.
func needLinks(s *spans.Span) bool {
	for i := range s.Links {
		l := &s.Links[i]
		if l.Trace.IsZero() || l.ID == 0 || l.Trace == s.Trace && s.Parent == 0 {
			return true
		}
		if l.State != "" || l.Flags != 0 || l.Dropped != 0 {
			return true
		}
		isChild := len(l.Attrs) == 1 && l.Attrs[0] == tracefmt.Attr{Key: keyRefType, Value: tracefmt.String(refChildOf)}
		if len(l.Attrs) > 0 && !isChild {
			return true
		}
	}
	return false
}

// appendLog appends an event of a span.
func (w *Writer) appendLog(b []byte, e *spans.Event) []byte {
	us, ns := spantags.Micros(e.Time, 0)
	b = strconv.AppendInt(append(b, `{"timestamp":`...), us, 10)
	w.tags = w.tags[:0]
	looksLike, hasEvent := false, false
	for _, a := range e.Attrs {
		if a.Value.Kind() == tracefmt.StringValue {
			hasEvent = hasEvent || a.Key == fieldEvent
			looksLike = looksLike || a.Key == fieldLevel
		}
	}
	if e.Name != "" || e.IsLog || hasEvent {
		w.tags = append(w.tags, tracefmt.Attr{Key: fieldEvent, Value: tracefmt.String(e.Name)})
	}
	if e.IsLog {
		w.tags = append(w.tags, tracefmt.Attr{Key: fieldLevel, Value: tracefmt.String(e.Severity.String())})
	} else if looksLike {
		w.tags = append(w.tags, tracefmt.Attr{Key: keyNoLog, Value: tracefmt.Bool(false)})
	}
	w.tags = append(w.tags, e.Attrs...)
	if ns != 0 {
		w.tags = append(w.tags, tracefmt.Attr{Key: spantags.KeyNS, Value: tracefmt.Int64(ns)})
	}
	if e.Dropped != 0 {
		w.tags = append(w.tags, tracefmt.Attr{Key: fieldDropped, Value: tracefmt.Int64(int64(e.Dropped))})
	}
	b = w.appendTags(append(b, `,"fields":`...), w.tags)
	return append(b, '}')
}

// appendTags appends tags or fields, and a tag that says what types they have beyond those of Jaeger.
func (w *Writer) appendTags(b []byte, tags []tracefmt.Attr) []byte {
	w.types.Reset()
	b = append(b, '[')
	for i := range tags {
		if i > 0 {
			b = append(b, ',')
		}
		b = w.appendTag(b, &tags[i])
	}
	if text := w.types.Text(); text != "" {
		if len(tags) > 0 {
			b = append(b, ',')
		}
		b = w.appendTag(b, &tracefmt.Attr{Key: spantags.KeyTypes, Value: tracefmt.String(text)})
	}
	return append(b, ']')
}

func (w *Writer) appendTag(b []byte, a *tracefmt.Attr) []byte {
	b = jsontext.AppendString(append(b, `{"key":`...), a.Key)
	text := a.Value.String()
	switch a.Value.Kind() {
	case tracefmt.BoolValue:
		b = append(append(b, `,"type":"bool","value":`...), text...)
	case tracefmt.Int64Value:
		b = append(b, `,"type":"int64","value":`...)
		if n, _ := a.Value.Int64(); n > jsMaxSafeInteger || n < -jsMaxSafeInteger {
			b = append(append(append(b, '"'), text...), '"')
		} else {
			b = append(b, text...)
		}
	case tracefmt.Float64Value:
		b = append(b, `,"type":"float64","value":`...)
		if f, _ := a.Value.Float64(); math.IsNaN(f) || math.IsInf(f, 0) {
			b = append(append(append(b, '"'), text...), '"')
		} else {
			b = jsontext.AppendFloat(b, f)
		}
	default:
		if bytes, ok := base64Of(a.Value); ok {
			b = jsontext.AppendString(append(b, `,"type":"binary","value":`...), bytes)
			break
		}
		w.types.Add(*a)
		b = jsontext.AppendString(append(b, `,"type":"string","value":`...), text)
	}
	return append(b, '}')
}

// base64Of returns the text of a value that is bytes.
func base64Of(v tracefmt.Value) (text string, ok bool) {
	if v.Kind() != tracefmt.RawValue {
		return "", false
	}
	text, ok = strings.CutPrefix(v.String(), bytesBefore)
	if ok {
		text, ok = strings.CutSuffix(text, bytesAfter)
	}
	return text, ok && isBase64(text)
}

func appendText(attrs []tracefmt.Attr, key, text string) []tracefmt.Attr {
	return append(attrs, tracefmt.Attr{Key: key, Value: tracefmt.String(text)})
}
