package timeline

import (
	"cmp"
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// Placement says what became of the log lines of inputs that are logs: that have lines, and no slices.
type Placement struct {
	OnSpan   int64 // moved to the track of their span, which another input has
	Around   int64 // moved to the track of the nearest slice around their span that an input has
	Nowhere  int64 // of a span of which no input has any slice around; these stay on tracks of their own
	Repeated int64 // left out, since another input has the same line
}

// Placement returns what became of log lines. It is known once Events or WriteTo was called.
func (t *Timeline) Placement() Placement { return t.placement }

// spot is where a slice is.
type spot struct {
	input      int
	track      tracefmt.TrackID
	start, end int64
}

// placeLogs moves log lines to the slices that they were written in, takes out those that are there already, and gives
// what is left of a log to the process that all of its other lines are of. A line's time isn't changed for being outside
// of its slice, but follows the steps of the wall clock that the slice's trace tells of. It comes after align.
func (t *Timeline) placeLogs() {
	var logs []int
	for i, in := range t.inputs {
		if in.hasLogs && !in.hasSlices {
			logs = append(logs, i)
		}
	}
	if len(logs) == 0 || len(t.inputs) < 2 {
		return
	}
	spots := t.spots(logs)
	homes := make([]tracefmt.TrackID, len(logs))
	for i, log := range logs {
		homes[i] = t.placeLog(log, spots)
	}
	linesElsewhere := slices.ContainsFunc(t.inputs, func(in *input) bool { return in.hasLogs && in.hasSlices })
	if t.Aligned() && (linesElsewhere || len(logs) > 1) {
		t.dropRepeated(logs)
	}
	for i, log := range logs {
		t.dropEmpty(log)
		if homes[i] != 0 {
			t.adopt(log, homes[i])
		}
	}
}

// mostStacks is how many stacks are known to have been looked at.
const mostStacks = 1 << 12

// spots finds the slices that lines of logs name.
func (t *Timeline) spots(logs []int) map[string]*spot {
	found := make(map[string]*spot) // nil for those that are only wanted
	seen := make(map[string]bool)
	for _, i := range logs {
		t.each(i, func(_ int, e *tracefmt.Event) {
			if e.Kind != tracefmt.Log || e.Parent == "" {
				return
			}
			found[e.Parent] = nil
			if stack := e.Attr(tracefmt.AttrStack).String(); stack != "" && !seen[stack] {
				if len(seen) == mostStacks {
					clear(seen)
				}
				seen[stack] = true
				for id := range tracefmt.Stack(stack).Outwards() {
					found[id] = nil
				}
			}
		})
	}
	for i := range t.inputs {
		t.each(i, func(_ int, e *tracefmt.Event) {
			if e.ID == "" || !isSlice(e.Kind) {
				return
			}
			if known, wanted := found[e.ID]; wanted && known == nil {
				s := &spot{input: i, track: e.Track, start: e.Time, end: math.MaxInt64}
				if _, ok := e.Duration(); ok {
					s.end = e.Until()
				}
				found[e.ID] = s
			}
		})
	}
	return found
}

// isSlice reports whether an event of this kind with an ID shows where a slice is. An async slice that is still open is
// an instant in our captures.
func isSlice(k tracefmt.Kind) bool {
	switch k {
	case tracefmt.Begin, tracefmt.Complete, tracefmt.AsyncBegin, tracefmt.AsyncInstant:
		return true
	}
	return false
}

// spotOf returns where a line belongs, and whether that is its own span.
func spotOf(e *tracefmt.Event, spots map[string]*spot) (s *spot, own bool) {
	if s := spots[e.Parent]; s != nil {
		return s, true
	}
	for id := range tracefmt.Stack(e.Attr(tracefmt.AttrStack).String()).Outwards() {
		if s := spots[id]; s != nil {
			return s, false
		}
	}
	return nil, false
}

// placeLog moves the lines of one log, and returns the process that all lines which have a place are of.
func (t *Timeline) placeLog(input int, spots map[string]*spot) (home tracefmt.TrackID) {
	process := t.processes()
	var first *spot
	several := false
	var rest []int // lines without a place
	c := logClock{t: t}
	_, c.moved = t.offsets[input]
	t.rewrite(input, func(i int, e *tracefmt.Event) {
		if e.Kind != tracefmt.Log {
			return
		}
		var s *spot
		var own bool
		if e.Parent != "" {
			s, own = spotOf(e, spots)
		}
		if s == nil {
			rest = append(rest, i)
			if e.Parent != "" && t.hasTraces() {
				t.placement.Nowhere++
			}
			return
		}
		if own {
			t.placement.OnSpan++
		} else {
			t.placement.Around++
		}
		c.set(e, s)
		e.Track = s.track
		if first == nil {
			first = s
		}
		several = several || process[s.track] != process[first.track]
	})
	if first == nil || several {
		return 0
	}
	home = process[first.track]
	anywhere := &spot{input: first.input, start: math.MinInt64, end: math.MaxInt64}
	t.rewriteSome(input, rest, func(e *tracefmt.Event) {
		c.set(e, anywhere)
		if home != 0 && t.inputs[input].processes[e.Track] != nil {
			e.Track = home
		}
	})
	return home
}

func (t *Timeline) hasTraces() bool {
	return slices.ContainsFunc(t.inputs, func(in *input) bool { return in.hasSlices })
}

// adopt makes the tracks of a log those of a process in another input, with numbers that are free there.
func (t *Timeline) adopt(log int, process tracefmt.TrackID) {
	highest := int64(0)
	for _, in := range t.inputs {
		for _, tr := range in.tracks {
			if n, ok := tr.SourceID.Int64(); ok && tr.Process == process {
				highest = max(highest, n)
			}
		}
	}
	in := t.inputs[log]
	busy := t.busy(log)
	in.order = slices.DeleteFunc(in.order, func(id tracefmt.TrackID) bool {
		tr := in.tracks[id]
		if tr == nil {
			if busy[id] { // with something else than lines
				return false
			}
			delete(in.processes, id)
			return true
		}
		if highest < math.MaxInt64 {
			highest++
		}
		tr.Process, tr.SourceID = process, tracefmt.Int64(highest)
		return false
	})
}

// busy returns the tracks of an input that have events.
func (t *Timeline) busy(input int) map[tracefmt.TrackID]bool {
	busy := make(map[tracefmt.TrackID]bool)
	t.each(input, func(_ int, e *tracefmt.Event) {
		if e.Kind != tracefmt.Invalid && e.Kind != tracefmt.Clock {
			busy[e.Track] = true
		}
	})
	return busy
}

// dropEmpty takes out the processes and tracks of a log on which nothing is left.
func (t *Timeline) dropEmpty(input int) {
	in := t.inputs[input]
	used := t.busy(input)
	for id, tr := range in.tracks {
		if used[id] {
			used[tr.Process] = true
		}
	}
	in.order = slices.DeleteFunc(in.order, func(id tracefmt.TrackID) bool {
		if used[id] {
			return false
		}
		delete(in.processes, id)
		delete(in.tracks, id)
		return true
	})
}

// snapshot is a reading of the wall clock in a trace: what it was ahead of the timeline from then on.
type snapshot struct{ time, offset int64 }

// maxSnapshots is how many steps of a trace's wall clock are heeded.
const maxSnapshots = 1000

// snapshots returns the steps of an input's wall clock, in the order of time. The first one is its anchor.
func (t *Timeline) snapshots(input int) []snapshot {
	if list := t.steps[input]; list != nil {
		return list
	}
	list := []snapshot{{math.MinInt64, t.base - t.compared().wrong[input]}}
	if t.inputs[input].hasClocks {
		t.each(input, func(_ int, e *tracefmt.Event) {
			if e.Kind == tracefmt.Clock && len(list) < maxSnapshots {
				list = append(list, snapshot{e.Time, e.Unix - e.Time})
			}
		})
	}
	slices.SortStableFunc(list, func(a, b snapshot) int { return cmp.Compare(a.time, b.time) })
	if t.steps == nil {
		t.steps = make(map[int][]snapshot)
	}
	t.steps[input] = list
	return list
}

// A logClock changes the times of a log's lines from those of the wall clock to those of a trace, whose clock doesn't
// step.
type logClock struct {
	t     *Timeline
	moved bool  // the log's offset was set: it doesn't depend on what the trace's wall clock was behind
	last  int64 // the time of the line before
}

// set sets a line's time. Where the wall clock was stepped back, and showed the same time twice, the slice tells which
// one was meant, or else the line before.
func (c *logClock) set(e *tracefmt.Event, s *spot) {
	if !c.t.Aligned() {
		return
	}
	steps := c.t.snapshots(s.input)
	wall := e.Time + c.t.base
	if c.moved {
		wall -= c.t.compared().wrong[s.input]
	}
	var best candidate
	for i, step := range steps {
		at, until := wall-step.offset, int64(math.MaxInt64)
		if i+1 < len(steps) {
			until = steps[i+1].time
		}
		this := candidate{time: at, jump: distance(at, c.last)}
		switch {
		case at < step.time:
			this.off = distance(step.time, at)
		case at >= until:
			this.off = distance(at, until) + 1
		}
		if this.off < noticing {
			this.off = 0
		}
		switch {
		case at < s.start:
			this.off += distance(s.start, at)
		case at > s.end:
			this.off += distance(at, s.end)
		}
		if i == 0 || this.compare(best) < 0 {
			best = this
		}
	}
	e.Time, c.last = best.time, best.time
}

// candidate is a time that a line may be of.
type candidate struct {
	time int64
	off  uint64 // how far it is from when the wall clock showed the line's time, and from its slice
	jump uint64 // from the line before
}

func (c candidate) compare(other candidate) int {
	return cmp.Or(cmp.Compare(c.off, other.off), cmp.Compare(c.jump, other.jump))
}

// noticing is how long a program may take to notice a step of the wall clock, in nanoseconds: lines that it writes until
// then are no further off than others.
const noticing = uint64(1e9)

func distance(a, b int64) uint64 {
	if a < b {
		a, b = b, a
	}
	return uint64(a) - uint64(b)
}

// sameLine is how far the times of one line in a log and in a trace may be apart, in nanoseconds. A trace has it on the
// monotonic clock, which is read some tens of nanoseconds after the wall clock; on a busy machine it can be more, and
// traces tell of steps between the two only from a millisecond on. On a machine that is overloaded, a program may even
// have to wait between the two readings. So those that are nearly equal find each other first, and then what is left over.
var sameLine = [...]int64{1e3, 1e6, 1e8}

// A lineKey is what all forms of a line have in common; attributes are rendered differently in each.
type lineKey struct {
	parent, message string
	severity        tracefmt.Severity
	track           tracefmt.TrackID // of lines outside of any task, which several programs may have
}

// lineKeyOf returns that of a line.
func lineKeyOf(e *tracefmt.Event) lineKey {
	key := lineKey{parent: e.Parent, message: e.Name, severity: e.Severity}
	if e.Parent == "" {
		key.track = e.Track
	}
	return key
}

// line is one of an input's lines: its time, and which event it is.
type line struct {
	time  int64
	event int
}

// repeated are lines of logs that others have as well.
type repeated struct {
	t       *Timeline
	logs    []int
	dropped [][]int // by log: the events
}

// dropRepeated takes out the lines of logs that an input with slices has, or an earlier log. Each line there stands for
// one line here.
func (t *Timeline) dropRepeated(logs []int) {
	r := &repeated{t: t, logs: logs, dropped: make([][]int, len(logs))}
	var inputs []int
	for i, in := range t.inputs {
		if in.hasLogs {
			inputs = append(inputs, i)
		}
	}
	var text tracefmt.Event
	t.inParts(inputs, func(i int, e *tracefmt.Event, add func(key string, e *tracefmt.Event)) {
		if e.Kind == tracefmt.Log {
			text = tracefmt.Event{Kind: e.Kind, Track: e.Track, Time: e.Time, Dur: int64(i), Name: e.Name,
				Parent: e.Parent, Severity: e.Severity}
			add(cmp.Or(e.Parent, e.Name), &text)
		}
	}, r.find)
	for i, log := range logs {
		slices.Sort(r.dropped[i])
		t.placement.Repeated += int64(len(r.dropped[i]))
		t.rewriteSome(log, r.dropped[i], func(e *tracefmt.Event) { *e = tracefmt.Event{} })
	}
}

// find finds the repeated ones among some lines of all inputs: each visits them, with what event they are as Dur.
func (r *repeated) find(each visitor) {
	known := make(map[lineKey][]line) // at first only the keys
	lines := make([]map[lineKey][]line, len(r.logs))
	each(func(input int, e *tracefmt.Event) {
		i := slices.Index(r.logs, input)
		if i < 0 {
			return
		}
		if lines[i] == nil {
			lines[i] = make(map[lineKey][]line)
		}
		key := lineKeyOf(e)
		lines[i][key] = append(lines[i][key], line{e.Time, int(e.Dur)})
		known[key] = nil
	})
	each(func(input int, e *tracefmt.Event) {
		if slices.Contains(r.logs, input) {
			return
		}
		key := lineKeyOf(e)
		if before, wanted := known[key]; wanted {
			known[key] = append(before, line{e.Time, int(e.Dur)})
		}
	})
	for i := range r.logs {
		for key, left := range lines[i] {
			if free := slices.Clone(known[key]); len(free) > 0 {
				for _, apart := range sameLine {
					free, left = r.dropThoseIn(i, free, left, apart)
				}
			}
			known[key] = append(known[key], left...)
		}
		lines[i] = nil
	}
}

// dropThoseIn takes out lines of a log that are among known ones of at most that different a time. It returns what is
// left of both.
func (r *repeated) dropThoseIn(log int, known, lines []line, apart int64) (free, left []line) {
	byTime := func(a, b line) int { return cmp.Compare(a.time, b.time) }
	slices.SortStableFunc(known, byTime)
	slices.SortStableFunc(lines, byTime)
	for _, l := range lines {
		for len(known) > 0 && l.time-known[0].time > apart {
			free, known = append(free, known[0]), known[1:]
		}
		if len(known) == 0 || known[0].time-l.time > apart {
			left = append(left, l)
			continue
		}
		known = known[1:]
		r.dropped[log] = append(r.dropped[log], l.event)
	}
	return append(free, known...), left
}
