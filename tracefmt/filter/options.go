package filter

import (
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
)

// Options says what is to be left. An event has to meet all that is given; the zero value leaves everything.
type Options struct {
	From, To Bound // a stretch of time, both ends included
	Clip     bool  // cut slices at From and To, instead of keeping all of those that cross them

	// Tasks keeps the subtrees of the tasks with one of these names: what has them among its parents, or, where nothing
	// is known of a parent, is around it on the track. Tasks are slices of the category "task"; in a trace without any
	// these are the outermost slices of the tracks.
	Tasks []Glob
	Spans []Glob // slices with one of these names
	Attrs []Attr // slices that meet all of these

	MinDuration int64 // ns; slices whose end isn't known last to the end of the trace
	MaxDepth    int   // 1: only the outermost slices of a track; 0: no limit
}

// IsZero reports whether everything is to be left.
func (o *Options) IsZero() bool {
	return o.From.IsZero() && o.To.IsZero() && !o.chooses() && o.MinDuration <= 0 && o.MaxDepth <= 0
}

// chooses reports whether slices are chosen for what they are, so that what belongs to none is not meant.
func (o *Options) chooses() bool { return len(o.Tasks)+len(o.Spans)+len(o.Attrs) > 0 }

// Streams reports whether each event can be judged when it comes.
func (o *Options) Streams() bool { return o.StreamsWithin() && o.From.streams() && o.To.streams() }

// StreamsWithin reports whether each event can be judged when it comes if the trace's Extent is known: see Within.
func (o *Options) StreamsWithin() bool { return !o.chooses() && o.MinDuration <= 0 && o.MaxDepth <= 0 }

// Extent is when a trace begins and ends, in ns on its clock.
type Extent struct{ Begin, End int64 }

// Survey reads a trace to find its Extent. If r fails, it is that of what could be read, and the error is r's.
func Survey(r tracefmt.Reader) (Extent, error) {
	var b bounds
	for {
		e, err := r.Next()
		if err == io.EOF {
			err = nil
		} else if err == nil {
			b.add(e)
			continue
		}
		return b.Extent, err
	}
}

// Within returns the Options with the same meaning for a trace of which the Extent is known.
func (o Options) Within(x Extent) Options {
	for _, b := range []*Bound{&o.From, &o.To} {
		if !b.streams() {
			t, _ := b.resolve(bounds{Extent: x}, 0) // only absolute ones can fail
			*b = Bound{sort: onClock, ns: t}
		}
	}
	return o
}

// Bound is one end of a stretch of time. The zero value is the trace's own.
type Bound struct {
	sort boundSort
	ns   int64
	part float64 // of the trace's duration
}

type boundSort uint8

const (
	unbounded boundSort = iota
	absolute            // ns since 1970
	fromBegin
	fromEnd // ns is positive
	partly
	onClock // ns on the trace's own
)

// IsZero reports whether it is the trace's own bound.
func (b Bound) IsZero() bool { return b.sort == unbounded }

func (b Bound) streams() bool { return b.sort == unbounded || b.sort == absolute || b.sort == onClock }

// At returns the Bound at a point of the wall clock, in ns since 1970 UTC.
func At(unix int64) Bound { return Bound{sort: absolute, ns: unix} }

// AfterBegin returns the Bound that is ns after the trace's first event.
func AfterBegin(ns int64) Bound { return Bound{sort: fromBegin, ns: ns} }

// BeforeEnd returns the Bound that is ns before the trace's end.
func BeforeEnd(ns int64) Bound { return Bound{sort: fromEnd, ns: ns} }

// ParseBound reads a Bound: an RFC 3339 time ("2026-01-31T09:05:00.5Z"), Unix seconds ("1769850300.5"), a duration from
// the trace's beginning ("+1.5s"), one from its end ("-2s"), or a part of its duration ("40%").
func ParseBound(text string) (Bound, error) {
	number, isPart := strings.CutSuffix(text, "%")
	switch {
	case isPart:
		part, err := strconv.ParseFloat(number, 64)
		if err != nil || !(part >= 0 && part <= 100) {
			return Bound{}, fmt.Errorf("%q is not a percentage from 0%% to 100%%", text)
		}
		return Bound{sort: partly, part: part / 100}, nil
	case strings.HasPrefix(text, "+"), strings.HasPrefix(text, "-"):
		d, err := time.ParseDuration(text[1:])
		if err != nil || d < 0 {
			return Bound{}, fmt.Errorf("%q is not a duration after its sign, such as +1.5s or -200ms", text)
		}
		if text[0] == '-' {
			return BeforeEnd(int64(d)), nil
		}
		return AfterBegin(int64(d)), nil
	}
	if ns, ok := parseUnix(text); ok {
		return At(ns), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return Bound{}, fmt.Errorf("%q is not a time: give it as 2026-01-31T09:05:00Z, as Unix seconds, "+
			"as +1.5s from the beginning, as -2s from the end, or as 40%%", text)
	}
	if t.Year() < 1678 || t.Year() > 2261 { // those that ns since 1970 reach
		return Bound{}, fmt.Errorf("%q is out of range: the years 1678 to 2261 are possible", text)
	}
	return At(t.UnixNano()), nil
}

// parseUnix reads seconds since 1970 with up to nine decimals.
func parseUnix(text string) (ns int64, ok bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(whole) == 0 || strings.Trim(text, "0123456789.") != "" || len(fraction) > 9 {
		return 0, false
	}
	s, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || s > math.MaxInt64/1_000_000_000-1 {
		return 0, false
	}
	f, err := strconv.ParseInt(fraction+strings.Repeat("0", 9-len(fraction)), 10, 64)
	return s*1e9 + f, err == nil
}

// ErrNoClock says that a trace doesn't tell what the wall clock was, so that absolute times can't be found in it.
var ErrNoClock = errors.New("the trace doesn't say what the wall clock was")

// bounds is what is known of a trace's times.
type bounds struct {
	Extent
	timed  bool            // there was an event with a time
	anchor *tracefmt.Event // nil if there is none
}

func (b *bounds) add(e *tracefmt.Event) {
	switch {
	case !e.Kind.Timed():
		return
	case e.Kind == tracefmt.Clock:
		if !b.timed && b.anchor == nil {
			b.anchor = e.Clone()
		}
		return
	case !b.timed:
		b.timed = true
		b.Extent = Extent{e.Time, e.Time}
	}
	b.Begin = min(b.Begin, e.Time)
	b.End = max(b.End, clamped(e.Time, max(e.Dur, 0)))
}

// resolve returns the time on the trace's clock, or otherwise if b is the trace's own bound.
func (b Bound) resolve(in bounds, otherwise int64) (int64, error) {
	switch b.sort {
	case absolute:
		if in.anchor == nil {
			return 0, ErrNoClock
		}
		return clamped(b.ns, in.anchor.Time-in.anchor.Unix), nil
	case fromBegin:
		return clamped(in.Begin, b.ns), nil
	case fromEnd:
		return clamped(in.End, -b.ns), nil
	case onClock:
		return b.ns, nil
	case partly:
		length := uint64(in.End) - uint64(in.Begin) // which an int64 may not hold
		if b.part == 1 {
			return in.End, nil
		}
		return int64(uint64(in.Begin) + uint64(math.Round(b.part*float64(length)))), nil
	}
	return otherwise, nil
}

// ErrOrder says that a stretch of time ends before it begins.
var ErrOrder = errors.New("the stretch of time ends before it begins")

// stretch returns the stretch of time that is asked for.
func (o *Options) stretch(in bounds) (from, to int64, err error) {
	if from, err = o.From.resolve(in, math.MinInt64); err != nil {
		return 0, 0, err
	}
	if to, err = o.To.resolve(in, math.MaxInt64); err != nil {
		return 0, 0, err
	}
	if from > to {
		return 0, 0, ErrOrder
	}
	return from, to, nil
}

// clamped returns a+b, or the nearest number that there is.
func clamped(a, b int64) int64 {
	switch sum := a + b; {
	case b > 0 && sum < a:
		return math.MaxInt64
	case b < 0 && sum > a:
		return math.MinInt64
	default:
		return sum
	}
}

// Glob is a pattern for names: "*" stands for any text, also with slashes, "?" for one character, and "\" takes the
// meaning off the next character. The whole name has to match.
type Glob struct{ re *regexp.Regexp }

// ParseGlob reads a pattern.
func ParseGlob(pattern string) (Glob, error) {
	var re strings.Builder
	re.WriteString(`(?s)\A`)
	quoted := false
	for _, r := range pattern {
		switch {
		case !quoted && r == '\\':
			quoted = true
			continue
		case !quoted && r == '*':
			re.WriteString(`.*`)
		case !quoted && r == '?':
			re.WriteString(`.`)
		default:
			re.WriteString(regexp.QuoteMeta(string(r)))
		}
		quoted = false
	}
	if quoted {
		return Glob{}, fmt.Errorf("pattern %q ends with a backslash", pattern)
	}
	compiled, err := regexp.Compile(re.String() + `\z`)
	if err != nil {
		return Glob{}, fmt.Errorf("pattern %q is too large: %w", pattern, err)
	}
	return Glob{compiled}, nil
}

// Match reports whether a name matches.
func (g Glob) Match(name string) bool { return g.re.MatchString(name) }

func anyMatches(globs []Glob, name string) bool {
	for _, g := range globs {
		if g.Match(name) {
			return true
		}
	}
	return false
}

// Attr is a condition on one attribute of a slice. The text of a value is that of Value.String.
type Attr struct {
	key   string
	op    string // "" if it only has to be there
	value string
	re    *regexp.Regexp
}

// ParseAttr reads a condition: "key" (there is such an attribute), "key=value", "key!=value" (another value, or none),
// "key~regexp" (a part of the value matches), or "key!~regexp".
func ParseAttr(text string) (Attr, error) {
	a := Attr{key: text}
	if i := strings.IndexAny(text, "=~"); i >= 0 {
		a.op, a.value = text[i:i+1], text[i+1:]
		a.key = text[:i]
		if key, not := strings.CutSuffix(a.key, "!"); not {
			a.key, a.op = key, "!"+a.op
		}
	}
	if a.key == "" {
		return a, fmt.Errorf("condition %q has no name of an attribute", text)
	}
	if strings.HasSuffix(a.op, "~") {
		re, err := regexp.Compile(a.value)
		if err != nil {
			return a, fmt.Errorf("condition %q: %w", text, err)
		}
		a.re = re
	}
	return a, nil
}

// match reports whether an attribute's value, which may be none, meets the condition.
func (a Attr) match(v tracefmt.Value) bool {
	there := !v.IsZero()
	switch a.op {
	case "":
		return there
	case "=":
		return there && v.String() == a.value
	case "!=":
		return !there || v.String() != a.value
	case "~":
		return there && a.re.MatchString(v.String())
	}
	return !there || !a.re.MatchString(v.String())
}
