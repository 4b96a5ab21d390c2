package validate

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/laminar"
)

// Validator looks at the events of a trace. The zero value is ready for use.
type Validator struct {
	// Unordered says that the format's events come in no order, as spans do (tracefmt.Format.Spans): nothing is told about it.
	Unordered bool

	number   int64 // of the event
	findings map[string]*Finding
	seed     maphash.Seed

	tracks map[tracefmt.TrackID]*track
	open   int
	limit  int // see maxRemembered
	async  map[asyncKey][]slice
	arrows map[arrowKey]*arrow
	family family

	anchored bool
	timed    bool
	clock    int64 // ns from the trace's to the wall clock, at the last Clock
}

type (
	asyncKey struct{ category, key string }
	arrowKey struct{ category, name, key string }
)

type arrow struct {
	event int64
	what  string
	ended bool
}

// track is what has to be known of one.
type track struct {
	declared, told bool
	name           string
	open           []slice
	lane           laminar.Lane
	latest         int64
	any            bool
}

// slice is one that is open.
type slice struct {
	event  int64
	name   string
	begin  int64
	id     uint64 // 0: none
	parent uint64
	free   bool // see isFree
}

// Add looks at an event. It keeps nothing of e.
func (v *Validator) Add(e *tracefmt.Event) {
	if v.tracks == nil {
		v.limit = cmp.Or(v.limit, maxRemembered)
		v.seed = maphash.MakeSeed()
		v.tracks = map[tracefmt.TrackID]*track{0: {declared: true}}
		v.async = make(map[asyncKey][]slice)
		v.arrows = make(map[arrowKey]*arrow)
		v.family.init()
	}
	v.number++
	v.texts(e)
	switch e.Kind {
	case tracefmt.Process, tracefmt.Track:
		v.declare(e)
		return
	case tracefmt.Clock:
		v.clockStep(e)
		return
	}
	v.timed = true
	t := v.track(e)
	v.order(t, e)
	switch e.Kind {
	case tracefmt.Begin:
		v.begin(t, e)
	case tracefmt.End:
		v.end(t, e)
	case tracefmt.Complete:
		v.complete(t, e)
	case tracefmt.AsyncBegin:
		v.asyncBegin(e)
	case tracefmt.AsyncEnd:
		v.asyncEnd(e)
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		v.flow(e)
	case tracefmt.Log, tracefmt.Instant:
		v.member(e)
	case tracefmt.Counter, tracefmt.AsyncInstant:
	default:
		v.find(UnknownKind, fmt.Sprintf("kind %d", e.Kind))
	}
}

// find notes a finding at the current event.
func (v *Validator) find(rule Rule, example string) *Finding {
	return v.findAt(rule, v.number, example)
}

func (v *Validator) findAt(rule Rule, event int64, example string) *Finding {
	f := v.findings[string(rule)]
	if f == nil {
		f = v.note(string(rule), Finding{Rule: rule, Event: event, Offset: -1, Example: example})
	}
	f.Count++
	return f
}

// note keeps a finding under a key of its own.
func (v *Validator) note(key string, f Finding) *Finding {
	if v.findings == nil {
		v.findings = make(map[string]*Finding)
	}
	a := about[f.Rule]
	f.Severity = a.Severity
	f.Text = cmp.Or(f.Text, a.text)
	v.findings[key] = &f
	return &f
}

// describe says which event it is.
func (v *Validator) describe(e *tracefmt.Event) string {
	name := ""
	if e.Name != "" {
		name = fmt.Sprintf(" %q", short(e.Name))
	}
	return fmt.Sprintf("%v%s at %d ns%s", e.Kind, name, e.Time, v.tracks[e.Track].place())
}

// place says which track it is, if there is anything to call it by.
func (t *track) place() string {
	if t == nil || t.name == "" {
		return ""
	}
	return fmt.Sprintf(" on track %q", short(t.name))
}

// short returns the beginning of a long text.
func short(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	n := most
	for n > most-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// texts looks for text that isn't UTF-8.
func (v *Validator) texts(e *tracefmt.Event) {
	for _, s := range [...]string{e.Name, e.Category, e.ID, e.Parent, e.Key, e.SourceID.String()} {
		if !utf8.ValidString(s) {
			v.find(InvalidUTF8, fmt.Sprintf("%q", short(s)))
			return
		}
	}
	for _, a := range e.Attrs {
		value := ""
		if k := a.Value.Kind(); k == tracefmt.StringValue || k == tracefmt.RawValue {
			value = a.Value.String()
		}
		if !utf8.ValidString(a.Key) || !utf8.ValidString(value) {
			v.find(InvalidUTF8, fmt.Sprintf("attribute %q of %q", short(a.Key), short(e.Name)))
			return
		}
	}
}

func (v *Validator) declare(e *tracefmt.Event) {
	t := v.tracks[e.Track]
	if t == nil {
		t = &track{}
		v.tracks[e.Track] = t
	}
	t.declared = true
	t.name = cmp.Or(e.Name, t.name, e.SourceID.String())
	if e.Kind == tracefmt.Track {
		if p := v.tracks[e.Process]; p == nil || !p.declared || e.Process == 0 {
			v.find(Undeclared, fmt.Sprintf("process %d of track %q", e.Process, short(e.Name)))
		}
	}
}

// track returns the track of an event, which has to be declared.
func (v *Validator) track(e *tracefmt.Event) *track {
	t := v.tracks[e.Track]
	if t == nil {
		t = &track{}
		v.tracks[e.Track] = t
	}
	if !t.declared && !t.told {
		t.told = true
		v.find(Undeclared, v.describe(e))
	}
	return t
}

// clockStep looks whether a Clock agrees with the one before.
func (v *Validator) clockStep(e *tracefmt.Event) {
	clock := e.Unix - e.Time
	if step := clock - v.clock; v.anchored && (step > clockTolerance || step < -clockTolerance) {
		f := v.find(ClockStep, fmt.Sprintf("by %d ns at %d ns", step, e.Time))
		f.Most = max(f.Most, max(step, -step))
	}
	v.anchored, v.clock = true, clock
}

// order looks whether the time of a track goes backwards. A complete slice may come when it begins or when it ends.
func (v *Validator) order(t *track, e *tracefmt.Event) {
	latest := e.Time
	if e.Kind == tracefmt.Complete {
		if d, ok := e.Duration(); ok {
			latest = end(e.Time, d)
		} else {
			latest = math.MaxInt64
		}
	}
	if t.any && latest < t.latest && !v.Unordered {
		f := v.find(Backwards, v.describe(e))
		f.Most = max(f.Most, t.latest-latest)
	}
	t.any = true
	t.latest = max(t.latest, e.Time)
}

// end returns the time d after t, or the last that there is.
func end(t, d int64) int64 {
	if sum := t + d; sum >= t {
		return sum
	}
	return math.MaxInt64
}

func (v *Validator) hash(id string) uint64 {
	if id == "" {
		return 0
	}
	return max(maphash.String(v.seed, id), 1)
}

func (v *Validator) slice(e *tracefmt.Event) slice {
	return slice{event: v.number, name: e.Name, begin: e.Time, id: v.hash(e.ID), parent: v.hash(e.Parent),
		free: isFree(e)}
}

func (v *Validator) begin(t *track, e *tracefmt.Event) {
	s := v.slice(e)
	v.born(e, s, math.MaxInt64)
	if v.open >= v.limit {
		v.find(Unchecked, "slices that are open at once")
		return
	}
	v.open++
	t.open = append(t.open, s)
}

func (v *Validator) end(t *track, e *tracefmt.Event) {
	n := len(t.open)
	if n == 0 {
		v.find(EndOnly, v.describe(e))
		return
	}
	s := t.open[n-1]
	t.open = t.open[:n-1]
	v.open--
	v.ended(t, e, s)
}

// ended looks at a slice that has ended at an event.
func (v *Validator) ended(t *track, e *tracefmt.Event, s slice) {
	if e.Time < s.begin {
		f := v.find(Negative, fmt.Sprintf("%q from %d ns to %d ns", short(s.name), s.begin, e.Time))
		f.Most = max(f.Most, s.begin-e.Time)
		return
	}
	v.family.ends(s.id, e.Time)
	if t != nil && s.plain() && !t.lane.Place(s.begin, e.Time) {
		v.find(Overlap, fmt.Sprintf("%q from %d ns to %d ns%s", short(s.name), s.begin, e.Time, t.place()))
	}
	v.checkEnd(e, s)
}

func (v *Validator) complete(t *track, e *tracefmt.Event) {
	s := v.slice(e)
	d, ok := e.Duration()
	if !ok {
		if e.Dur != tracefmt.Open {
			v.find(Negative, v.describe(e))
		} else {
			v.find(Unclosed, v.describe(e))
		}
		v.born(e, s, math.MaxInt64)
		return
	}
	until := end(e.Time, d)
	v.born(e, s, until)
	if s.plain() && t.overlaps(e.Time, until) {
		v.find(Overlap, fmt.Sprintf("%q from %d ns to %d ns%s", short(e.Name), e.Time, until, t.place()))
	}
}

// plain reports whether a slice has to nest by time alone. Those with IDs, as of concurrent work, may overlap on a
// track.
func (s *slice) plain() bool { return s.id == 0 && s.parent == 0 }

// overlaps reports whether a slice overlaps others of the track, or those that are open there, which aren't in the
// lane yet.
func (t *track) overlaps(begin, until int64) bool {
	overlaps := !t.lane.Place(begin, until)
	for _, o := range t.open {
		overlaps = overlaps || o.plain() && begin < o.begin && o.begin < until
	}
	return overlaps
}

func (v *Validator) asyncBegin(e *tracefmt.Event) {
	s := v.slice(e)
	v.born(e, s, math.MaxInt64)
	if v.open >= v.limit {
		v.find(Unchecked, "slices that are open at once")
		return
	}
	v.open++
	key := asyncKey{e.Category, e.AsyncKey()}
	v.async[key] = append(v.async[key], s)
}

func (v *Validator) asyncEnd(e *tracefmt.Event) {
	key := asyncKey{e.Category, e.AsyncKey()}
	open := v.async[key]
	i := len(open) - 1
	for i >= 0 && e.Name != "" && open[i].name != e.Name {
		i--
	}
	if i < 0 {
		v.find(EndOnly, v.describe(e))
		return
	}
	s := open[i]
	v.open--
	if open = slices.Delete(open, i, i+1); len(open) > 0 {
		v.async[key] = open
	} else {
		delete(v.async, key)
	}
	v.ended(nil, e, s)
}

func (v *Validator) flow(e *tracefmt.Event) {
	key := arrowKey{e.Category, e.Name, e.Key}
	a := v.arrows[key]
	switch {
	case e.Kind == tracefmt.FlowStart:
		if a != nil && !a.ended {
			v.findAt(FlowUnended, a.event, a.what)
		}
		if a == nil && !v.hasRoom() {
			v.find(Unchecked, "arrows")
			return
		}
		v.arrows[key] = &arrow{event: v.number, what: v.describe(e)}
	case a == nil:
		v.find(FlowUnstarted, v.describe(e))
	case e.Kind == tracefmt.FlowEnd:
		a.ended = true
	}
}

// hasRoom forgets the arrows that have ended when there are many, and reports whether there is room for one.
func (v *Validator) hasRoom() bool {
	if len(v.arrows) >= v.limit {
		maps.DeleteFunc(v.arrows, func(_ arrowKey, a *arrow) bool { return a.ended })
	}
	return len(v.arrows) < v.limit
}

// Finish returns what was found, errors first. failed is what ended the reading, nil at the regular end; losses are
// those of the reader. Nothing can be added afterwards.
func (v *Validator) Finish(failed error, losses []tracefmt.Loss) []Finding {
	v.first(Unclosed, func(yield func(int64, string)) {
		for _, t := range v.tracks {
			for _, s := range t.open {
				yield(s.event, fmt.Sprintf("%q from %d ns%s", short(s.name), s.begin, t.place()))
			}
		}
		for _, open := range v.async {
			for _, s := range open {
				yield(s.event, fmt.Sprintf("%q from %d ns", short(s.name), s.begin))
			}
		}
	})
	v.first(FlowUnended, func(yield func(int64, string)) {
		for _, a := range v.arrows {
			if !a.ended {
				yield(a.event, a.what)
			}
		}
	})
	v.orphans()
	v.failure(failed)
	for _, l := range losses {
		v.note(string(Lost)+": "+l.What, Finding{Rule: Lost, Text: l.What, Count: l.Count, Offset: l.Offset})
	}
	var list []Finding
	for _, f := range v.findings {
		list = append(list, *f)
	}
	slices.SortFunc(list, compare)
	return list
}

// first notes findings that come in any order, with the first event as the example.
func (v *Validator) first(rule Rule, findings func(yield func(event int64, example string))) {
	findings(func(event int64, example string) {
		if f := v.findAt(rule, event, example); event < f.Event {
			f.Event, f.Example = event, example
		}
	})
}

// failure notes what ended the reading.
func (v *Validator) failure(err error) {
	if err == nil {
		return
	}
	f := Finding{Rule: Input, Count: 1, Offset: -1, Example: err.Error()}
	if syntax, ok := errors.AsType[*tracefmt.SyntaxError](err); ok {
		f.Rule, f.Offset, f.Example = Syntax, syntax.Offset, syntax.Err.Error()
	}
	if errors.Is(err, tracefmt.ErrTruncated) {
		f.Rule = Truncated
	}
	v.note(string(f.Rule), f)
}

// compare puts errors before warnings.
func compare(a, b Finding) int {
	return cmp.Or(strings.Compare(string(a.Severity), string(b.Severity)),
		strings.Compare(string(a.Rule), string(b.Rule)), strings.Compare(a.Text, b.Text))
}
