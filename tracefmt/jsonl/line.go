package jsonl

import (
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// line is a line's members. Zero values are those that it lacks.
type line struct {
	kind, clock, series         string
	name, category, id, parent  string
	key, traceID, severity      string
	process, track              string
	pid, tid                    tracefmt.Value
	start, end, duration        tracefmt.Value
	timeNS, unixNS, order       tracefmt.Value
	value, error, severityValue tracefmt.Value
	bindNext                    bool
	attrs                       []tracefmt.Attr
}

// parse reads the object at text[i], and returns the index after it.
func (l *line) parse(text []byte, i int, d *jsontext.Decoder) (end int, err error) {
	clear(l.attrs)
	*l = line{attrs: l.attrs[:0]}
	if text[i] != '{' {
		return 0, jsontext.Badf(i, "unexpected %q: not an object", text[i])
	}
	return members(text, i, func(key []byte, at int) (end int, err error) {
		if string(key) == "attributes" && at < len(text) && text[at] == '{' {
			return members(text, at, func(key []byte, at int) (int, error) {
				v, end, err := d.Value(text, at)
				if err == nil {
					l.attrs = append(l.attrs, tracefmt.Attr{Key: d.Text(key), Value: v})
				}
				return end, err
			})
		}
		v, end, err := d.Value(text, at)
		if err == nil && v != null {
			l.set(key, v, d)
		}
		return end, err
	})
}

var null = tracefmt.RawJSON("null")

// members calls each with the keys of the object at text[i], without quotes, and with the indices of its values. It
// returns the index after the value.
func members(text []byte, i int, each func(key []byte, at int) (end int, err error)) (end int, err error) {
	i = jsontext.SkipSpace(text, i+1)
	if i < len(text) && text[i] == '}' {
		return i + 1, nil
	}
	for {
		from, to, at, err := jsontext.ScanKey(text, i)
		if err != nil {
			return 0, err
		}
		if i, err = each(text[from:to], at); err != nil {
			return 0, err
		}
		if i = jsontext.SkipSpace(text, i); i >= len(text) {
			return 0, jsontext.ErrShort
		}
		switch text[i] {
		case '}':
			return i + 1, nil
		case ',':
			i = jsontext.SkipSpace(text, i+1)
		default:
			return 0, jsontext.Badf(i, "unexpected %q", text[i])
		}
	}
}

// set sets a member, or adds an attribute if it is none of the schema.
func (l *line) set(key []byte, v tracefmt.Value, d *jsontext.Decoder) {
	switch string(key) {
	case "kind":
		l.kind = v.String()
	case "name":
		l.name = v.String()
	case "category":
		l.category = v.String()
	case "start_ns", "start":
		l.start = v
	case "duration_ns":
		l.duration = v
	case "end_ns", "end":
		l.end = v
	case "process":
		l.process = v.String()
	case "pid":
		l.pid = v
	case "track":
		l.track = v.String()
	case "tid":
		l.tid = v
	case "id":
		l.id = v.String()
	case "parent":
		l.parent = v.String()
	case "key":
		l.key = v.String()
	case attrTraceID:
		l.traceID = v.String()
	case "error":
		l.error = v
	case "severity":
		l.severityValue = v
		l.severity = v.String()
	case "value":
		l.value = v
	case "series":
		l.series = v.String()
	case "bind_next":
		l.bindNext, _ = v.Bool()
	case "order":
		l.order = v
	case "clock":
		l.clock = v.String()
	case "time_ns":
		l.timeNS = v
	case "unix_ns":
		l.unixNS = v
	case "depth":
	default:
		l.attrs = append(l.attrs, tracefmt.Attr{Key: d.Text(key), Value: v})
	}
}

// isLong reports whether the line has a duration, in one way or the other.
func (l *line) isLong() bool { return !l.duration.IsZero() || !l.end.IsZero() }

// instant returns a time in ns, which is a number or text of RFC 3339.
func instant(v tracefmt.Value) (ns int64, ok bool) {
	if v.Kind() != tracefmt.StringValue {
		return integer(v)
	}
	t, err := time.Parse(time.RFC3339Nano, v.String())
	if err != nil || t.Year() < 1678 || t.Year() > 2261 { // what 64 bits hold
		return 0, false
	}
	return t.UnixNano(), true
}

// integer returns a number of ns, which a program may have written with a point or an exponent.
func integer(v tracefmt.Value) (n int64, ok bool) {
	if n, ok = v.Int64(); ok {
		return n, true
	}
	f, ok := v.Float64()
	if !ok || f < -1<<63 || f >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}
