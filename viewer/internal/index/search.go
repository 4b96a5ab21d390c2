package index

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
)

// maxWorkers bounds what inParallel's workers are numbered up to.
const maxWorkers = 1 << 10

// SearchQuery says what is searched, and where.
type SearchQuery struct {
	// Text is looked for in names and values. Upper and lower case are one, unless it has upper case. "key=value" is
	// looked for in the attributes of that key.
	Text   string
	Regexp bool // Text is a regular expression, as package regexp has it

	Names, Attrs, IDs, Logs bool // where; an ID is found as a whole, or by the ID stack that it is the last of
	Window
	Limit int
}

// SearchResult is what was found.
type SearchResult struct {
	Total    int // slices and marks, also those beyond the limit
	Complete bool
	Hits     []Hit // the first ones, in the order of time
	Tracks   map[uint32]int
	Density  [256]int // by when they begin, from 0 to the snapshot's End
}

// Hit is a slice or a mark that was found. What says by what: "name", "id", "log", or "attribute KEY".
type Hit struct {
	Pos
	Mark bool
	Time int64
	What string
	Text string // at most 200 bytes around the place
}

// Search looks for a text, track by track on all processors. If ctx is done before the end, the result isn't complete.
// The error is that of a regular expression.
func (s *Snapshot) Search(ctx context.Context, q SearchQuery) (*SearchResult, error) {
	m, err := newMatcher(q.Text, q.Regexp)
	if err != nil {
		return nil, err
	}
	result := &SearchResult{Tracks: make(map[uint32]int)}
	if q.Text == "" {
		result.Complete = true
		return result, nil
	}
	found := make(map[Pos]bool)
	if q.IDs {
		s.searchID(q, result, found)
	}
	var mu sync.Mutex
	finders := make([]*finder, maxWorkers)
	err = s.inParallel(ctx, s.tracks, func(worker int, t *track) {
		if finders[worker] == nil {
			finders[worker] = newFinder(s, m)
		}
		part := &SearchResult{}
		s.searchTrack(ctx, t, &q, finders[worker], part, found)
		mu.Lock()
		defer mu.Unlock()
		result.merge(t.id, part)
	})
	result.Complete = err == nil
	slices.SortFunc(result.Hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Track, b.Track), cmp.Compare(a.Pos.Pos, b.Pos.Pos))
	})
	result.Hits = result.Hits[:min(len(result.Hits), q.Limit)]
	return result, nil
}

func (r *SearchResult) merge(track uint32, part *SearchResult) {
	r.Total += part.Total
	r.Hits = append(r.Hits, part.Hits...)
	if part.Total > 0 {
		r.Tracks[track] += part.Total
	}
	for i, n := range part.Density {
		r.Density[i] += n
	}
}

// searchID looks for the slice whose ID, or ID stack, the text is.
func (s *Snapshot) searchID(q SearchQuery, result *SearchResult, found map[Pos]bool) {
	text := strings.TrimSpace(q.Text)
	if stack := tracefmt.Stack(text); stack.Valid() {
		text = stack.Innermost()
	}
	p, ok := s.Lookup(text)
	if !ok {
		return
	}
	_, sl := s.get(p)
	if !sl.overlaps(s.absolute(q.From), s.absolute(q.To)) {
		return
	}
	found[p] = true
	part := &SearchResult{}
	s.hit(part, &q, Hit{Pos: p, Time: s.relative(sl.start), What: "id", Text: text})
	result.merge(p.Track, part)
}

// hit adds a hit.
func (s *Snapshot) hit(r *SearchResult, q *SearchQuery, h Hit) {
	r.Total++
	at := 0
	if s.end > 0 {
		at = int(float64(h.Time) / float64(s.end) * float64(len(r.Density)))
	}
	r.Density[min(max(at, 0), len(r.Density)-1)]++
	if len(r.Hits) < q.Limit {
		h.Text = excerpt(h.Text)
		r.Hits = append(r.Hits, h)
	}
}

// excerpt returns the beginning of a text.
func excerpt(text string) string {
	const most = 200
	if len(text) <= most {
		return strings.Clone(text)
	}
	n := most
	for n > most-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

func (s *Snapshot) searchTrack(ctx context.Context, t *track, q *SearchQuery, f *finder, part *SearchResult, skip map[Pos]bool) {
	from, to := s.absolute(q.From), s.absolute(q.To)
	for i := 0; (q.Names || q.Attrs) && i < t.slices.len() && beginsBy(t.slices.at(i).start, to); i++ {
		if i%(1<<12) == 0 && ctx.Err() != nil {
			return
		}
		sl := t.slices.at(i)
		if !sl.overlaps(from, to) || len(skip) > 0 && skip[Pos{t.id, uint32(i)}] {
			continue
		}
		if what, text := f.slice(sl, q); what != "" {
			s.hit(part, q, Hit{Pos: Pos{t.id, uint32(i)}, Time: s.relative(sl.start), What: what, Text: text})
		}
	}
	if !q.Logs {
		return
	}
	first := t.marks.search(func(m *mark) bool { return m.time >= from })
	for i := first; i < t.marks.len() && beginsBy(t.marks.at(i).time, to); i++ {
		if i%(1<<12) == 0 && ctx.Err() != nil {
			return
		}
		m := t.marks.at(i)
		h := Hit{Pos: Pos{t.id, uint32(i)}, Mark: true, Time: s.relative(m.time), What: "log"}
		switch {
		case f.kind(m.kind, m.ref):
			h.Text = nameOf(&s.arena, s.names, m.kind, m.ref)
		case f.attr(m.ref):
			h.What, h.Text = "attribute "+f.key, f.text
		default:
			continue
		}
		s.hit(part, q, h)
	}
}

// matcher tells whether texts match.
type matcher struct {
	key   string // of "key=value"; "" is any
	value func(text []byte) bool
	any   func(text []byte) bool
}

func newMatcher(text string, isRegexp bool) (*matcher, error) {
	if isRegexp {
		if !hasUpper(text) {
			text = "(?i)" + text
		}
		re, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		return &matcher{value: re.Match, any: re.Match}, nil
	}
	m := &matcher{any: contains(text)}
	m.value = m.any
	if key, value, ok := strings.Cut(text, "="); ok && key != "" {
		m.key, m.value = key, contains(value)
	}
	return m, nil
}

func hasUpper(text string) bool { return strings.IndexFunc(text, unicode.IsUpper) >= 0 }

// contains returns what tells whether a text contains another one, in upper or lower case unless that has upper case.
func contains(part string) func(text []byte) bool {
	if hasUpper(part) || part == "" {
		exact := []byte(part)
		return func(text []byte) bool { return bytes.Contains(text, exact) }
	}
	for i := range len(part) {
		if part[i] >= utf8.RuneSelf {
			return func(text []byte) bool { return strings.Contains(strings.ToLower(string(text)), part) }
		}
	}
	return func(text []byte) bool {
		for i := 0; i+len(part) <= len(text); i++ {
			k := 0
			for k < len(part) && lower(text[i+k]) == part[k] {
				k++
			}
			if k == len(part) {
				return true
			}
		}
		return false
	}
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// finder looks into a snapshot for what matches. Each name and each numbered text is looked at once. It is for one
// goroutine.
type finder struct {
	s     *Snapshot
	m     *matcher
	kinds []verdict // by kind
	texts []verdict // by number: values
	keys  []verdict
	buf   []byte

	key, text string // of the attribute that was found last
}

type verdict uint8

const (
	unknown verdict = iota
	matches
	differs
)

func newFinder(s *Snapshot, m *matcher) *finder {
	return &finder{s: s, m: m, kinds: make([]verdict, len(s.names)+1), texts: make([]verdict, len(s.texts)+1),
		keys: make([]verdict, len(s.texts)+1)}
}

// ask returns whether something matches, which is found out once.
func ask(v *verdict, find func() bool) bool {
	if *v == unknown {
		*v = differs
		if find() {
			*v = matches
		}
	}
	return *v == matches
}

// slice says by what a slice was found, and the text; "" if it wasn't.
func (f *finder) slice(sl *slice, q *SearchQuery) (what, text string) {
	if q.Names && f.kind(sl.kind&kindMask, sl.ref) {
		return "name", nameOf(&f.s.arena, f.s.names, sl.kind, sl.ref)
	}
	if !q.Attrs || sl.ref == 0 {
		return "", ""
	}
	begin, end := f.s.arena.ends(sl.ref)
	if f.attr(begin) || f.attr(end) {
		return "attribute " + f.key, f.text
	}
	return "", ""
}

// kind reports whether the name of a kind, or that of its record, matches.
func (f *finder) kind(kind, ref uint32) bool {
	if kind == 0 {
		name := nameOf(&f.s.arena, f.s.names, kind, ref)
		return name != "" && f.m.any([]byte(name))
	}
	return ask(&f.kinds[kind], func() bool { return f.m.any([]byte(f.s.names[kind])) })
}

// attr reports whether an attribute of a record matches, and keeps it.
func (f *finder) attr(ref uint32) bool {
	if ref == 0 || !f.s.arena.hasAttrs(ref) {
		return false
	}
	var r record
	for a := f.s.arena.head(ref, &r); a.next(); {
		if f.isKey(&a) && f.isValue(&a) {
			attr := a.attr(f.s.texts)
			f.key, f.text = attr.Key, attr.Value.String()
			return true
		}
	}
	return false
}

func (f *finder) isKey(a *attrs) bool {
	if f.m.key == "" {
		return true
	}
	if a.ownKey != nil {
		return strings.EqualFold(string(a.ownKey), f.m.key)
	}
	return ask(&f.keys[a.key], func() bool { return a.key != 0 && strings.EqualFold(f.s.texts[a.key], f.m.key) })
}

func (f *finder) isValue(a *attrs) bool {
	switch a.sort {
	case attrNumber:
		return ask(&f.texts[a.num], func() bool { return f.m.value([]byte(f.s.texts[a.num])) })
	case attrText, attrRaw:
		return f.m.value(a.text)
	case attrInt:
		f.buf = strconv.AppendInt(f.buf[:0], int64(a.num), 10)
	case attrUint:
		f.buf = strconv.AppendUint(f.buf[:0], a.num, 10)
	case attrNone:
		return false
	default:
		f.buf = append(f.buf[:0], a.attr(f.s.texts).Value.String()...)
	}
	return f.m.value(f.buf)
}
