package tracefmt

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// AttrStack is the key of a log line's attribute that holds its [Stack], where the source has one.
const AttrStack = "trace"

// Stack is the text of an ID stack: the path of IDs from a root task to the innermost span, ancestors first, such as
//
//	/aaaaaaaaaaaaa.bbbbbbbbbbbbb/ccccccccccccc.ddddddddddddd/
//
// Each ID has a mark before it: '/' for a task, '.' for a span, '~' for an async span; and a '/' ends the stack. Of a
// deep one the middle may be left out, as in "/+17/", and of a shortened one the beginning, which "…" stands for.
// The grammar is that of package trace, see Span.Stack there; logs outside of any task have "none" instead.
type Stack string

const stackMarks = "/.~"

// Valid reports whether s is an ID stack with at least one ID. The IDs may be anything but marks, spaces and controls.
func (s Stack) Valid() bool {
	t := strings.TrimPrefix(string(s), "…")
	if len(t) < 3 || strings.IndexByte(stackMarks, t[0]) < 0 || t[len(t)-1] != '/' {
		return false
	}
	for i := 1; i < len(t); i++ {
		switch c := t[i]; {
		case c <= ' ' || c >= utf8.RuneSelf || c == 0x7f:
			return false
		case isMark(c) && isMark(t[i-1]):
			return false // a member without text
		}
	}
	return s.Innermost() != ""
}

func isMark(c byte) bool { return c == '/' || c == '.' || c == '~' }

// Outwards yields the IDs of the stack, the innermost first.
func (s Stack) Outwards() iter.Seq[string] {
	return func(yield func(string) bool) {
		end := len(s)
		for i := len(s) - 1; i >= 0; i-- {
			if !isMark(s[i]) {
				continue
			}
			if id := string(s[i+1 : max(end, i+1)]); id != "" && id[0] != '+' && !yield(id) {
				return
			}
			end = i
		}
	}
}

// Innermost returns the last ID, which is where the line was logged; "" if there is none.
func (s Stack) Innermost() string {
	for id := range s.Outwards() {
		return id
	}
	return ""
}

// Root returns the first ID, or "" if the beginning was left out.
func (s Stack) Root() string {
	if s == "" || !isMark(s[0]) {
		return ""
	}
	rest := string(s[1:])
	if i := strings.IndexAny(rest, stackMarks); i > 0 && rest[0] != '+' {
		return rest[:i]
	}
	return ""
}

// Contains reports whether id is one of the IDs.
func (s Stack) Contains(id string) bool {
	for member := range s.Outwards() {
		if member == id {
			return true
		}
	}
	return false
}
