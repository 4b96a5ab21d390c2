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

// placed is a slice with its end, in ns.
type placed struct {
	event *tracefmt.Event
	end   int64
	frame int // its index in the file
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
	var timed []*tracefmt.Event
	for e := range w.trace.Events() {
		switch e.Kind {
		case tracefmt.Process:
			processes[e.Track] = e
			rowOf(e.Track).process = e
		case tracefmt.Track:
			r := rowOf(e.Track)
			r.track, r.process = e, processes[e.Process]
		default:
			l.first, l.last = min(l.first, e.Time), max(l.last, e.Time)
			if d, ok := e.Duration(); ok {
				l.last = max(l.last, e.Time+d)
			}
			timed = append(timed, e)
		}
	}
	for _, s := range w.pair(timed, l.last) {
		r := rowOf(s.event.Track)
		if s.event.Kind == tracefmt.AsyncBegin {
			r.async = place(r.async, s, s.event.Category+"\x00"+s.event.Key)
		} else {
			r.place(s)
		}
	}
	l.collect(order)
	return l
}

// pair returns all slices with their ends, in the order of their begins; those that have none end with the trace.
func (w *Writer) pair(timed []*tracefmt.Event, last int64) (list []placed) {
	begun := make(map[string][]int) // indexes of async slices that are open
	for _, e := range timed {
		key := e.Category + "\x00" + e.Key
		switch e.Kind {
		case tracefmt.Begin, tracefmt.Complete:
			d, ok := e.Duration()
			if !ok {
				w.losses.Add("slice without an end, ended with the trace")
				d = last - e.Time
			}
			list = append(list, placed{event: e, end: e.Time + d})
		case tracefmt.AsyncBegin:
			begun[key] = append(begun[key], len(list))
			list = append(list, placed{event: e})
		case tracefmt.AsyncEnd:
			stack := begun[key]
			i := len(stack) - 1
			for i >= 0 && e.Name != "" && list[stack[i]].event.Name != e.Name {
				i--
			}
			if i < 0 {
				w.losses.Add("async end without a begin")
				continue
			}
			list[stack[i]].end = e.Time
			begun[key] = slices.Delete(stack, i, i+1)
		}
	}
	for _, stack := range begun {
		for _, i := range stack {
			w.losses.Add("slice without an end, ended with the trace")
			list[i].end = last
		}
	}
	return list
}

// place adds a slice to its parent's lane or to a free one; where there are no IDs, to the first one where it nests.
func (r *row) place(s placed) {
	e := s.event
	l, _, _ := r.nesting.Complete(lanes.Slice{Start: e.Time, End: s.end, ID: e.ID, Parent: e.Parent})
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
		for n > 0 && l.open[n-1].end <= s.event.Time {
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
