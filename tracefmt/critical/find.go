package critical

import (
	"iter"
	"slices"
)

// Longest returns the longest slice that isn't below another, or nil if there are no slices.
func (t *Trace) Longest() *Slice {
	t.link()
	return t.longest(func(s *Slice) bool { return s.parent == nil })
}

// Slices yields all slices, in the order of their starts.
func (t *Trace) Slices() iter.Seq[*Slice] {
	t.link()
	return slices.Values(t.slices)
}

// Find returns the slice with an ID, or else the longest whose name matches a pattern, in which "*" stands for any text
// and "?" for any character. It returns nil if there is none.
func (t *Trace) Find(pattern string) *Slice {
	t.link()
	if s := t.ids[pattern]; s != nil {
		return s
	}
	return t.longest(func(s *Slice) bool { return match([]rune(pattern), []rune(s.Name)) })
}

func (t *Trace) longest(is func(*Slice) bool) (longest *Slice) {
	for _, s := range t.slices {
		if (longest == nil || s.Duration() > longest.Duration()) && is(s) {
			longest = s
		}
	}
	return longest
}

// match reports whether a text matches a pattern. It goes back to the last "*" only: an earlier one needs no more text
// than it had when what follows it matched first.
func match(pattern, text []rune) bool {
	p, star, again := 0, -1, 0
	for i := 0; i < len(text); {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, again = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[i]):
			p, i = p+1, i+1
		case star >= 0:
			again++
			p, i = star+1, again
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
