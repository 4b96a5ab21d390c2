package journald

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"strings"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// While they wait, lines are fields that end with a NUL each, KEY=value, in which NULs, line feeds and backslashes are
// escaped: a queue is made of lines. Native messages, which are made of that at the end, have line feeds in them.

// encoder renders lines as such fields.
type encoder struct{ identifier string }

// otherField is the name of fields that have a key within their value, since it can't be a name.
const otherField = "ATTR"

// AppendLine implements [logging.Encoder].
func (e *encoder) AppendLine(b []byte, l *logging.Line) []byte {
	var room [256]byte
	b = appendField(b, "MESSAGE", logging.AppendValue(room[:0], slog.StringValue(l.Message)))
	b = append(b, "PRIORITY="...)
	b = append(b, byte('0'+l.Severity()), 0)
	b = appendField(b, "SYSLOG_IDENTIFIER", []byte(e.identifier))
	if !l.Time.IsZero() {
		b = append(b, "TIME="...)
		b = append(l.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000000Z"), 0)
	}
	for _, a := range l.AppendPlace(nil) {
		b = appendField(b, strings.ToUpper(a.Key), logging.AppendValue(room[:0], a.Value))
	}
	start, dropped := len(b), 0
	for key, v := range l.Pairs() {
		if len(b)-start >= logging.MaxLine {
			dropped++
			continue
		}
		if name := fieldName(key); name != "" && !isID(l, name) {
			b = appendField(b, name, logging.AppendValue(room[:0], v))
		} else {
			b = appendField(b, otherField, logging.AppendValue(append(logging.AppendKey(room[:0], key), '='), v))
		}
	}
	if dropped > 0 {
		b = appendField(b, "ATTRS_DROPPED", logging.AppendValue(room[:0], slog.IntValue(dropped)))
	}
	return append(b, '\n')
}

// appendField appends a field, escaped.
func appendField(b []byte, name string, value []byte) []byte {
	b = append(append(b, name...), '=')
	for {
		i := bytes.IndexAny(value, "\x00\n\\")
		if i < 0 {
			return append(append(b, value...), 0)
		}
		b = append(append(b, value[:i]...), '\\')
		switch value[i] {
		case 0:
			b = append(b, '0')
		case '\n':
			b = append(b, 'n')
		default:
			b = append(b, '\\')
		}
		value = value[i+1:]
	}
}

// appendNative appends the native message of a line: Journal Native Protocol, "Data Format".
func appendNative(b, line []byte) []byte {
	for field := range bytes.SplitAfterSeq(line, []byte{0}) {
		name, escaped, ok := bytes.Cut(field, []byte{'='})
		if !ok {
			break
		}
		b = append(b, name...)
		escaped = escaped[:len(escaped)-1]
		if !bytes.Contains(escaped, []byte(`\n`)) { // or something that looks like one, which does no harm
			b = append(appendUnescaped(append(b, '='), escaped), '\n')
			continue
		}
		b = append(b, '\n')
		size := len(b)
		b = appendUnescaped(append(b, make([]byte, 8)...), escaped)
		binary.LittleEndian.PutUint64(b[size:], uint64(len(b)-size-8))
		b = append(b, '\n')
	}
	return b
}

func appendUnescaped(b, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return append(b, s...)
		}
		b = append(b, s[:i]...)
		switch s[i+1] {
		case '0':
			b = append(b, 0)
		case 'n':
			b = append(b, '\n')
		default:
			b = append(b, s[i+1])
		}
		s = s[i+2:]
	}
}

// fieldName returns the field's name for a key, or "" if it can't have one of its own. Names are upper case letters,
// digits and underscores, begin with a letter, and have at most 64 bytes: systemd.journal-fields(7), and
// journal_field_valid of systemd.
func fieldName(key string) string {
	if key == "" || len(key) > 64 || !isLetter(key[0]) {
		return ""
	}
	for i := range len(key) {
		if c := key[i]; !isLetter(c) && (c < '0' || c > '9') && c != '_' && c != '.' {
			return ""
		}
	}
	name := strings.ReplaceAll(strings.ToUpper(key), ".", "_")
	if isTaken(name) {
		return ""
	}
	return name
}

// isID reports whether a field is one of OpenTelemetry's IDs, and the line has those.
func isID(l *logging.Line, name string) bool {
	return l.Ref != (trace.Ref{}) && (name == "TRACE_ID" || name == "SPAN_ID")
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// isTaken reports whether a field means something to the journal or to us.
func isTaken(name string) bool {
	switch name {
	case "MESSAGE", "MESSAGE_ID", "PRIORITY", "ERRNO", "INVOCATION_ID", "USER_INVOCATION_ID", "DOCUMENTATION", "TID", "UNIT", "USER_UNIT",
		"TIME", "SUBSYSTEM", "TRACE", "SPAN_ENDED", "ATTRS_DROPPED", otherField:
		return true
	}
	for _, prefix := range []string{"CODE_", "SYSLOG_", "OBJECT_", "COREDUMP_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
