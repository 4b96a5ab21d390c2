package speedscope

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/lanes"
)

// layout is what becomes a file: lanes of slices that nest.
type layout struct {
	name        string // of the file
	first, last int64  // ns
	lanes       []*lane
}

// lane becomes a profile.
type lane struct {
	name   string
	slices []placed // in the order of their begins, those around others first
	open   []open   // of async slices: at the begin of the last one
}

// placed is a slice.
type placed struct {
	start, end int64 // ns
	frame      int32 // its index, in the file at last
}

type open struct {
	end int64
	key string // of an async slice: only those of one key nest
}

// row is a process's or a thread's slices, or its async slices.
type row struct {
	process, track *tracefmt.Event // either may be unknown
	nesting        lanes.Track[*lane, struct{}]
	lanes, async   []*lane
}

// layOut puts the slices on lanes.
func (w *Writer) layOut() *layout {
	l := &layout{first: math.MaxInt64, last: math.MinInt64}
	rows := make(map[tracefmt.TrackID]*row)
	var order []*row
	processes := make(map[tracefmt.TrackID]*tracefmt.Event)
	rowOf := func(id tracefmt.TrackID) *row {
		r := rows[id]
		if r == nil {
			r = new(row)
			rows[id] = r
			order = append(order, r)
		}
		return r
	}
	for e := range w.trace.Events() {
		switch e.Kind {
		case tracefmt.Process: // these stay as they are
			processes[e.Track] = e
			rowOf(e.Track).process = e
		case tracefmt.Track:
			r := rowOf(e.Track)
			r.track, r.process = e, processes[e.Process]
		default:
			l.first, l.last = min(l.first, e.Time), max(l.last, e.Time)
			if e.Kind == tracefmt.Complete {
				l.last = max(l.last, e.Until())
			}
		}
	}
	ends := w.asyncEnds(l.last)
	for e := range w.trace.Events() {
		s := placed{start: e.Time}
		switch e.Kind {
		case tracefmt.Begin, tracefmt.Complete:
			s.end, s.frame = e.Until(), w.frameOf(e)
			if _, ok := e.Duration(); !ok {
				w.losses.Add("slice without an end, ended with the trace")
				s.end = l.last
			}
			rowOf(e.Track).place(s, e.ID, e.Parent)
		case tracefmt.AsyncBegin:
			s.end, s.frame, ends = ends[0], w.frameOf(e), ends[1:]
			r := rowOf(e.Track)
			r.async = place(r.async, s, e.Category+"\x00"+e.Key)
		}
	}
	l.collect(order)
	return l
}

func (w *Writer) frameOf(e *tracefmt.Event) int32 {
	w.cell = appendFrame(w.cell[:0], e)
	return w.frames.number(w.cell)
}

// asyncEnds returns the ends of async slices, in the order of their begins; those that have none end with the trace.
func (w *Writer) asyncEnds(last int64) (ends []int64) {
	type begin struct {
		name string
		at   int // in ends
	}
	begun := make(map[string][]begin) // that are open
	for e := range w.trace.Events() {
		if e.Kind != tracefmt.AsyncBegin && e.Kind != tracefmt.AsyncEnd {
			continue
		}
		key := e.Category + "\x00" + e.Key
		switch e.Kind {
		case tracefmt.AsyncBegin:
			begun[key] = append(begun[key], begin{e.Name, len(ends)})
			ends = append(ends, 0)
		case tracefmt.AsyncEnd:
			stack := begun[key]
			i := len(stack) - 1
			for i >= 0 && e.Name != "" && stack[i].name != e.Name {
				i--
			}
			if i < 0 {
				w.losses.Add("async end without a begin")
				continue
			}
			ends[stack[i].at] = e.Time
			begun[key] = slices.Delete(stack, i, i+1)
		}
	}
	for _, stack := range begun {
		for _, b := range stack {
			w.losses.Add("slice without an end, ended with the trace")
			ends[b.at] = last
		}
	}
	return ends
}

// place adds a slice to its parent's lane or to a free one; where there are no IDs, to the first one where it nests.
func (r *row) place(s placed, id, parent string) {
	l, _, _ := r.nesting.Complete(lanes.Slice{Start: s.start, End: s.end, ID: id, Parent: parent})
	if l.Out == nil {
		l.Out = new(lane)
		r.lanes = append(r.lanes, l.Out)
	}
	l.Out.slices = append(l.Out.slices, s)
}

// place adds an async slice to the first lane where it is alone or nests with others of its key, or to a new one. Slices
// come in the order of their begins, the longest first.
func place(list []*lane, s placed, key string) []*lane {
	for _, l := range list {
		n := len(l.open)
		for n > 0 && l.open[n-1].end <= s.start {
			n--
		}
		l.open = l.open[:n]
		if n == 0 || l.open[n-1].end >= s.end && l.open[n-1].key == key {
			l.add(s, key)
			return list
		}
	}
	l := new(lane)
	l.add(s, key)
	return append(list, l)
}

func (l *lane) add(s placed, key string) {
	l.slices = append(l.slices, s)
	l.open = append(l.open, open{s.end, key})
}

// collect names the lanes and puts them in order. If there is none, an empty one stands for them, since speedscope wants
// a profile.
func (l *layout) collect(rows []*row) {
	slices.SortStableFunc(rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(orderOf(a.process), orderOf(b.process)),
			cmp.Compare(orderOf(a.track), orderOf(b.track)))
	})
	processes := make(map[*tracefmt.Event]bool)
	for _, r := range rows {
		if len(r.lanes)+len(r.async) > 0 {
			processes[r.process] = true
		}
	}
	for _, r := range rows {
		title := r.title(len(processes) > 1)
		l.add(title, r.lanes)
		l.add(title+" async", r.async)
		if r.process != nil && len(r.lanes)+len(r.async) > 0 {
			l.name = cmp.Or(l.name, r.process.Name)
		}
	}
	l.name = cmp.Or(l.name, "trace")
	if len(l.lanes) == 0 {
		l.lanes, l.first, l.last = []*lane{{name: "empty"}}, 0, 0
	}
}

func (l *layout) add(title string, list []*lane) {
	for i, lane := range list {
		if lane.name = title; i > 0 {
			lane.name = fmt.Sprintf("%s (%d)", title, i+1)
		}
		l.lanes = append(l.lanes, lane)
	}
}

func orderOf(e *tracefmt.Event) int64 {
	if e == nil {
		return 0
	}
	return e.Order
}

// title returns the name of a row's track, with that of its process in front if there are several.
func (r *row) title(several bool) string {
	name := func(e *tracefmt.Event, sort string) string {
		if e == nil {
			return sort
		}
		return cmp.Or(e.Name, sort+" "+e.SourceID.String())
	}
	switch {
	case r.track == nil:
		return name(r.process, "trace")
	case several:
		return name(r.process, "process") + ": " + name(r.track, "track")
	}
	return name(r.track, "track")
}
