package logging

import (
	"encoding/binary"
	"encoding/hex"
	"iter"
	"log/slog"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// A Line is what an [Encoder] renders. It is valid until AppendLine returns, and must not be changed.
type Line struct {
	Time      time.Time // zero: none
	Level     slog.Level
	Message   string
	Subsystem string // "": none
	Stack     string // the ID stack, as much of it as is to be shown; "": nothing
	Ended     bool   // the span had ended
	// Ref names the span as OpenTelemetry does, if that is to be shown: else it is zero.
	Ref trace.Ref
	// Attrs have each name once, none that is one of this package's own, and no LogValuer at the top.
	Attrs []slog.Attr
}

// Severity is the level as a number of syslog's: 3 error, 4 warning, 6 informational, 7 debug. See RFC 5424, section
// 6.2.1.
func (l *Line) Severity() int {
	switch {
	case l.Level >= slog.LevelError:
		return 3
	case l.Level >= slog.LevelWarn:
		return 4
	case l.Level >= slog.LevelInfo:
		return 6
	}
	return 7
}

// AppendPlace appends the fields that say where the line was logged, as far as it has them: subsystem, trace,
// span_ended, trace_id and span_id.
func (l *Line) AppendPlace(attrs []slog.Attr) []slog.Attr {
	if l.Subsystem != "" {
		attrs = append(attrs, slog.String(SubsystemKey, l.Subsystem))
	}
	if l.Stack != "" {
		attrs = append(attrs, slog.String(TraceKey, l.Stack))
	}
	if l.Ended {
		attrs = append(attrs, slog.Bool(EndedKey, true))
	}
	return appendRef(attrs, l.Ref)
}

func appendRef(attrs []slog.Attr, ref trace.Ref) []slog.Attr {
	if ref == (trace.Ref{}) {
		return attrs
	}
	return append(attrs, slog.String(TraceIDKey, string(appendTraceID(nil, ref))), slog.String(SpanIDKey, string(appendSpanID(nil, ref))))
}

// appendTraceID appends a trace ID as W3C Trace Context, section 2.2.2, writes it: 32 lower-case hexadecimal digits.
func appendTraceID(b []byte, ref trace.Ref) []byte { return hex.AppendEncode(b, ref.Trace[:]) }

// appendSpanID appends a span ID likewise: 16 digits.
func appendSpanID(b []byte, ref trace.Ref) []byte {
	var id [8]byte
	binary.BigEndian.PutUint64(id[:], uint64(ref.Span))
	return hex.AppendEncode(b, id[:])
}

// An Encoder renders lines in a format that isn't one of this package's own.
type Encoder interface {
	// AppendLine appends l to b, with a line feed at its end and no other one. It is called concurrently.
	AppendLine(b []byte, l *Line) []byte
}

// Pairs returns a line's attributes as keys and values, the members of groups as group.key, as logfmt has them.
// No value is a group or a [slog.LogValuer].
func (l *Line) Pairs() iter.Seq2[string, slog.Value] {
	return func(yield func(string, slog.Value) bool) { yieldPairs("", l.Attrs, yield) }
}

func yieldPairs(prefix string, attrs []slog.Attr, yield func(string, slog.Value) bool) bool {
	for i := range attrs {
		v := attrs[i].Value.Resolve()
		switch {
		case v.Kind() == slog.KindGroup:
			inner := prefix
			if attrs[i].Key != "" {
				inner = cut(prefix + attrs[i].Key + ".")
			}
			if !yieldPairs(inner, unique(v.Group()), yield) {
				return false
			}
		case attrs[i].Key == "" && v.Kind() == slog.KindAny && v.Any() == nil: // slog's rule: the zero Attr is ignored
		case !yield(prefix+attrs[i].Key, v):
			return false
		}
	}
	return true
}

// AppendValue appends a value as text, without quotes and of at most [MaxValue] bytes. Nothing is escaped: that is for
// the encoder to do, by its format's rules.
func AppendValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return append(b, cut(v.String())...)
	case slog.KindAny, slog.KindLogValuer, slog.KindGroup:
		return append(b, cut(text(v.Any()))...)
	}
	return appendValue(b, v)
}

// AppendVisible appends text so that nothing in it acts on a terminal or ends the line: what isn't printable is written
// as in Go's string literals, and a backslash as two.
func AppendVisible(b []byte, s string) []byte { return appendEscaped(b, s, "") }

// AppendKey appends a key as logfmt has it: as AppendVisible does, and with escapes for spaces, quotes and equals
// signs, too.
func AppendKey(b []byte, key string) []byte { return appendKey(b, key) }

// AppendPairs appends attributes as logfmt has them, with a space before each.
func AppendPairs(b []byte, attrs ...slog.Attr) []byte {
	w := pairs{b: b}
	w.attrs("", attrs)
	return w.end()
}
