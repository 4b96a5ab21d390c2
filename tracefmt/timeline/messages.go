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
	owners    map[string]int // the inputs that have the slices of IDs
	intervals map[pair][]offsets.Interval
	asked     []exchange
	asking    map[string]*side // parents of these, by their IDs
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

// learn learns which input has which slices. It returns false if there aren't two that have some with IDs.
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
	m.owners = make(map[string]int)
	for i := range m.t.inputs {
		events := m.t.eventsOf(i)
		for j := range events {
			e := &events[j]
			if e.ID == "" || !isSlice(e.Kind) {
				continue
			}
			if owner, known := m.owners[e.ID]; known && owner != i {
				m.owners[e.ID] = several
			} else {
				m.owners[e.ID] = i
			}
		}
	}
	return true
}

// remote reports whether a slice of an input has its parent in another one.
func (m *messages) remote(input int, e *tracefmt.Event) bool {
	if e.Parent == "" || isCounted(e.Parent) {
		return false
	}
	owner, known := m.owners[e.Parent]
	return known && owner != input && owner != several
}

// isCounted reports whether an ID looks like a number that a program counted up, as that of a task of Go's execution
// traces: another program has the same for something else.
func isCounted(id string) bool {
	return len(id) < 10 && strings.Trim(id, "0123456789") == ""
}

// slices finds the slices that have their parents in another input, and these. It returns false if there are none.
func (m *messages) slices() bool {
	m.asking = make(map[string]*side)
	for i := range m.t.inputs {
		events := m.t.eventsOf(i)
		for j := range events {
			if e := &events[j]; isSlice(e.Kind) && m.remote(i, e) {
				m.asking[e.Parent] = nil
			}
		}
	}
	if len(m.asking) == 0 {
		return false
	}
	for i := range m.t.inputs {
		m.t.periods(i, func(e *tracefmt.Event, p period) {
			p.start, p.end = offsets.Add(p.start, m.shift[i]), offsets.Add(p.end, m.shift[i])
			if m.remote(i, e) {
				m.asked = append(m.asked, exchange{sideOf(e, p), i, e.Parent})
			}
			if known, wanted := m.asking[e.ID]; wanted && known == nil {
				s := sideOf(e, p)
				m.asking[e.ID] = &s
			}
		})
	}
	return true
}

// exchanges compares clocks by slices and their parents.
func (m *messages) exchanges() {
	for _, server := range m.asked {
		client := m.asking[server.parent]
		if client == nil || client.trace != server.trace && client.trace != "" && server.trace != "" {
			continue
		}
		if client.ended && server.ended && !client.queued && !server.queued {
			m.add(m.owners[server.parent], server.input, offsets.Exchange(client.start, client.end, server.start, server.end))
		} else {
			m.add(m.owners[server.parent], server.input, offsets.Message(client.start, server.start))
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
	type arrow struct{ category, name, key string }
	type start struct {
		input int
		time  int64
	}
	starts := make(map[arrow]start)
	each := func(visit func(input int, e *tracefmt.Event, key arrow)) {
		for i, in := range m.t.inputs {
			if !in.hasIDs {
				continue
			}
			events := m.t.eventsOf(i)
			for j := range events {
				switch e := &events[j]; e.Kind {
				case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
					if isCounted(e.Key) {
						continue
					}
					visit(i, e, arrow{e.Category, e.Name, e.Key})
				}
			}
		}
	}
	each(func(i int, e *tracefmt.Event, key arrow) {
		if e.Kind != tracefmt.FlowStart {
			return
		}
		s := start{i, e.Time}
		if _, known := starts[key]; known {
			s.input = several
		}
		starts[key] = s
	})
	each(func(i int, e *tracefmt.Event, key arrow) {
		s, known := starts[key]
		if e.Kind != tracefmt.FlowStart && known && s.input != several && s.input != i {
			m.add(s.input, i, offsets.Message(offsets.Add(s.time, m.shift[s.input]), offsets.Add(e.Time, m.shift[i])))
		}
	})
}

// periods visits the slices of an input with the times at which they ran, which aren't moved yet. As in pair, an end
// closes the innermost open slice of its name.
func (t *Timeline) periods(input int, visit func(*tracefmt.Event, period)) {
	events := t.eventsOf(input)
	order := make([]int, 0, len(events))
	for i := range events {
		switch events[i].Kind {
		case tracefmt.Begin, tracefmt.End, tracefmt.Complete, tracefmt.AsyncBegin, tracefmt.AsyncEnd:
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(events[a].Time, events[b].Time) })
	open := make(map[opening][]int)
	for _, i := range order {
		e := &events[i]
		switch e.Kind {
		case tracefmt.Complete:
			d, ended := e.Duration()
			visit(e, period{e.Time, e.Time + d, ended})
		case tracefmt.Begin, tracefmt.AsyncBegin:
			open[openingOf(e)] = append(open[openingOf(e)], i)
		case tracefmt.End, tracefmt.AsyncEnd:
			stack := open[openingOf(e)]
			at := len(stack) - 1
			for at >= 0 && e.Name != "" && events[stack[at]].Name != e.Name {
				at--
			}
			if at < 0 {
				continue
			}
			for _, begin := range stack[at:] {
				visit(&events[begin], period{events[begin].Time, e.Time, true})
			}
			open[openingOf(e)] = stack[:at]
		}
	}
	var left []int
	for _, stack := range open {
		left = append(left, stack...)
	}
	slices.Sort(left)
	for _, begin := range left {
		visit(&events[begin], period{events[begin].Time, math.MaxInt64, false})
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
