package timeline

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/offsets"
)

// messages compares the clocks of the inputs by what went from one to another: a slice whose parent is in another input
// was asked for by that, so that it began and ended while its parent ran; and an arrow ends after it began. shift is
// what is added to the times of each input beforehand.
func (t *Timeline) messages(shift []int64) (edges []offsets.Edge) {
	m := &messages{t: t, shift: shift, intervals: make(map[pair][]offsets.Interval)}
	if !m.learn() {
		return nil
	}
	if m.slices() {
		m.exchanges()
	}
	m.arrows()
	for p, intervals := range m.intervals {
		if e, ok := offsets.Meet(intervals); ok {
			edges = append(edges, offsets.Edge{From: p.a, To: p.b, Estimate: e})
		}
	}
	slices.SortFunc(edges, func(x, y offsets.Edge) int {
		return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To))
	})
	return edges
}

// messages is what went from one input to another.
type messages struct {
	t         *Timeline
	shift     []int64
	intervals map[pair][]offsets.Interval
	asked     []exchange
	asking    map[string]*asker // parents of these, by their IDs
}

// asker is a slice that has children in other inputs.
type asker struct {
	owner int // the input that has it
	known bool
	side
}

// pair is two inputs, the first of which comes first.
type pair struct{ a, b int }

// period is when a slice ran, with its input's shift.
type period struct {
	start, end int64
	ended      bool
}

// side is one of the two slices of an exchange.
type side struct {
	period
	trace  string // the ID of the trace, where the source has one
	queued bool   // it only leaves a message for others, or takes one up
}

// Attributes of OpenTelemetry's, of which all formats that have them keep the names.
const (
	attrTrace = "trace_id"
	attrKind  = "span.kind"
)

func sideOf(e *tracefmt.Event, p period) side {
	kind := e.Attr(attrKind).String()
	return side{p, e.Attr(attrTrace).String(), kind == "producer" || kind == "consumer"}
}

// exchange is a slice whose parent is in another input.
type exchange struct {
	side
	input  int
	parent string
}

// several is the input of an ID that several have.
const several = -1

// learn learns which slices have children in another input. It returns false if there are none.
func (m *messages) learn() bool {
	n := 0
	for _, in := range m.t.inputs {
		if in.hasIDs && in.hasSlices {
			n++
		}
	}
	if n < 2 {
		return false
	}
	m.asking = make(map[string]*asker)
	var part tracefmt.Event
	m.t.inParts(m.t.all(), func(_ int, e *tracefmt.Event, add func(key string, e *tracefmt.Event)) {
		if !isSlice(e.Kind) {
			return
		}
		if e.ID != "" {
			part = tracefmt.Event{Kind: tracefmt.Complete, ID: e.ID}
			add(e.ID, &part)
		}
		if e.Parent != "" && !isCounted(e.Parent) {
			part = tracefmt.Event{Kind: tracefmt.Complete, Parent: e.Parent}
			add(e.Parent, &part)
		}
	}, m.learnPart)
	return true
}

// learnPart learns it of some IDs: each visits the slices that have these, or a parent that has one.
func (m *messages) learnPart(each visitor) {
	owners := make(map[string]int)
	each(func(input int, e *tracefmt.Event) {
		if e.ID == "" {
			return
		}
		if owner, known := owners[e.ID]; known && owner != input {
			owners[e.ID] = several
		} else {
			owners[e.ID] = input
		}
	})
	each(func(input int, e *tracefmt.Event) {
		if e.Parent == "" {
			return
		}
		if owner, known := owners[e.Parent]; known && owner != input && owner != several {
			m.asking[e.Parent] = &asker{owner: owner}
		}
	})
}

// remote reports whether a slice of an input has its parent in another one.
func (m *messages) remote(input int, e *tracefmt.Event) bool {
	a := m.asking[e.Parent]
	return a != nil && a.owner != input
}

// isCounted reports whether an ID looks like a number that a program counted up, as that of a task of Go's execution
// traces: another program has the same for something else.
func isCounted(id string) bool {
	return len(id) < 10 && strings.Trim(id, "0123456789") == ""
}

// slices finds when the slices ran that have their parents in other inputs, and these. It returns false if there are
// none.
func (m *messages) slices() bool {
	if len(m.asking) == 0 {
		return false
	}
	for i := range m.t.inputs {
		m.t.periods(i, func(e *tracefmt.Event, p period) {
			p.start, p.end = offsets.Add(p.start, m.shift[i]), offsets.Add(p.end, m.shift[i])
			if m.remote(i, e) {
				m.asked = append(m.asked, exchange{sideOf(e, p), i, e.Parent})
			}
			if a := m.asking[e.ID]; a != nil && !a.known {
				a.known, a.side = true, sideOf(e, p)
			}
		})
	}
	return true
}

// exchanges compares clocks by slices and their parents.
func (m *messages) exchanges() {
	for _, server := range m.asked {
		client := m.asking[server.parent]
		if !client.known || client.trace != server.trace && client.trace != "" && server.trace != "" {
			continue
		}
		if client.ended && server.ended && !client.queued && !server.queued {
			m.add(client.owner, server.input, offsets.Exchange(client.start, client.end, server.start, server.end))
		} else {
			m.add(client.owner, server.input, offsets.Message(client.start, server.start))
		}
	}
}

// add adds where the offset is that is to be added to the times of an input, so that they correspond with those of
// another.
func (m *messages) add(from, to int, where offsets.Interval) {
	p := pair{from, to}
	if from > to {
		p, where = pair{to, from}, where.Negated()
	}
	m.intervals[p] = append(m.intervals[p], where)
}

// arrows compares clocks by arrows from one input to another. Only those of inputs with IDs are: others' keys are their
// own.
func (m *messages) arrows() {
	var inputs []int
	for i, in := range m.t.inputs {
		if in.hasIDs {
			inputs = append(inputs, i)
		}
	}
	var point tracefmt.Event
	m.t.inParts(inputs, func(_ int, e *tracefmt.Event, add func(key string, e *tracefmt.Event)) {
		switch e.Kind {
		case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
			if !isCounted(e.Key) {
				point = tracefmt.Event{Kind: e.Kind, Time: e.Time, Category: e.Category, Name: e.Name, Key: e.Key}
				add(e.Key, &point)
			}
		}
	}, m.arrowsOf)
}

// arrowsOf does so with some arrows: each visits their points.
func (m *messages) arrowsOf(each visitor) {
	type arrow struct{ category, name, key string }
	type start struct {
		input int
		time  int64
	}
	starts := make(map[arrow]start)
	each(func(i int, e *tracefmt.Event) {
		if e.Kind != tracefmt.FlowStart {
			return
		}
		key, s := arrow{e.Category, e.Name, e.Key}, start{i, e.Time}
		if _, known := starts[key]; known {
			s.input = several
		}
		starts[key] = s
	})
	each(func(i int, e *tracefmt.Event) {
		s, known := starts[arrow{e.Category, e.Name, e.Key}]
		if e.Kind != tracefmt.FlowStart && known && s.input != several && s.input != i {
			m.add(s.input, i, offsets.Message(offsets.Add(s.time, m.shift[s.input]), offsets.Add(e.Time, m.shift[i])))
		}
	})
}

// periods visits the slices of an input with the times at which they ran, which aren't moved yet. As in pair, an end
// closes the innermost open slice of its name.
func (t *Timeline) periods(input int, visit func(*tracefmt.Event, period)) {
	s := t.sorter(nil)
	t.each(input, func(i int, e *tracefmt.Event) {
		switch e.Kind {
		case tracefmt.Begin, tracefmt.End, tracefmt.Complete, tracefmt.AsyncBegin, tracefmt.AsyncEnd:
			if t.store.tape != nil { // no more than visit needs
				e.Attrs = slices.DeleteFunc(e.Attrs, func(a tracefmt.Attr) bool {
					return a.Key != attrTrace && a.Key != attrKind
				})
			}
			t.sort(s, e, int64(i))
		}
	})
	open := make(places[opening])
	t.sorted(s, func(e *tracefmt.Event, number int64, keep keeper) {
		switch e.Kind {
		case tracefmt.Complete:
			_, ended := e.Duration()
			visit(e, period{e.Time, e.Until(), ended})
		case tracefmt.Begin, tracefmt.AsyncBegin:
			open.at(openingOf(e)).push(begun{keep(e), number})
		case tracefmt.End, tracefmt.AsyncEnd:
			o := open[openingOf(e)]
			if o == nil {
				return
			}
			at := o.names.Find(e.Name)
			if at < 0 {
				return
			}
			for _, begin := range o.list[at:] {
				visit(begin.Event, period{begin.Time, e.Time, true})
			}
			if o.cut(at); at == 0 && e.Kind == tracefmt.AsyncEnd {
				delete(open, openingOf(e))
			}
		}
	})
	var left []begun
	for _, o := range open {
		left = append(left, o.list...)
	}
	slices.SortFunc(left, func(a, b begun) int { return cmp.Compare(a.number, b.number) })
	for _, begin := range left {
		visit(begin.Event, period{begin.Time, math.MaxInt64, false})
	}
}

// opening is what the begins and ends of slices have in common that may be of one slice.
type opening struct {
	track tracefmt.TrackID
	async asyncKey
}

func openingOf(e *tracefmt.Event) opening {
	if e.Kind == tracefmt.AsyncBegin || e.Kind == tracefmt.AsyncEnd {
		return opening{async: asyncKey{e.Category, e.AsyncKey()}}
	}
	return opening{track: e.Track}
}
