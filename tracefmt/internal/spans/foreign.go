package spans

import (
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// SetID sets a span's ID by its text in a format where that may be anything. Up to 16 hex digits are a number, as
// leading zeros are left out by some programs; of everything else the text is kept as an attribute.
func (s *Span) SetID(text string) {
	var exact bool
	if s.ID, exact = number(text); !exact {
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyID, Value: tracefmt.String(text)})
	}
}

// SetParent is SetID for the parent's ID. Zeros, too, are none.
func (s *Span) SetParent(text string) {
	if strings.Trim(text, "0") == "" {
		return
	}
	var exact bool
	if s.Parent, exact = number(text); !exact {
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyParent, Value: tracefmt.String(text)})
	}
}

// SetID sets the ID of the span at the other end.
func (l *Link) SetID(text string) {
	var exact bool
	if l.ID, exact = number(text); !exact {
		l.Attrs = append(l.Attrs, tracefmt.Attr{Key: keyID, Value: tracefmt.String(text)})
	}
}

func number(text string) (id ID, exact bool) {
	if n, ok := hexNumber(text, 16); ok && len(text) < 16 && strings.Trim(text, "0") != "" {
		return n, true
	}
	id, exact = Number(text)
	if parsed, ok := ParseID(text); ok && parsed == id {
		return id, true // whatever its case
	}
	return id, exact
}

func hexNumber(text string, digits int) (id ID, ok bool) {
	if text == "" || len(text) > digits {
		return 0, false
	}
	for i := range len(text) {
		d := unhex[text[i]]
		if d > 15 {
			return 0, false
		}
		id = id<<4 | ID(d)
	}
	return id, true
}

// TraceNumber returns the ID of a trace by its text in a format where that may be anything: up to 32 hex digits are a
// number, everything else is hashed. exact says which.
func TraceNumber(text string) (t TraceID, exact bool) {
	if text != "" && len(text) <= 32 {
		const zeros = "00000000000000000000000000000000"
		if t, ok := ParseTraceID(zeros[len(text):] + text); ok && !t.IsZero() {
			return t, true
		}
	}
	if strings.Trim(text, "0") == "" {
		return t, false
	}
	return traceOf(hash(text)), false
}
