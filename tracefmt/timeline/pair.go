package timeline

import (
	"cmp"
	"io"
	"slices"

	"github.com/spanstack/spanstack/internal/innermost"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/spill"
)

// byTime puts the events of all inputs in the order of time.
func (t *Timeline) byTime() *spill.Sorter {
	s := t.sorter(nil)
	s.Grow(t.store.n)
	number := int64(0)
	for i := range t.inputs {
		t.each(i, func(_ int, e *tracefmt.Event) {
			if e.Kind != tracefmt.Invalid {
				t.sort(s, e, number)
			}
			number++
		})
		t.inputs[i].part.close()
	}
	t.store.close()
	return s
}

func (t *Timeline) sorter(class func(*tracefmt.Event) (int32, int64)) *spill.Sorter {
	return spill.NewSorter(t.config(), &t.store.texts, class)
}

// sort adds an event to those that are being sorted.
func (t *Timeline) sort(s *spill.Sorter, e *tracefmt.Event, number int64) {
	if t.err != nil {
		return
	}
	if err := s.Add(e, number); err != nil {
		t.fail(err)
	}
}

// A keeper returns an event that stays as it is: the same, if that does.
type keeper func(*tracefmt.Event) *tracefmt.Event

// sorted visits events in order, and gives back the room that sorting them took.
func (t *Timeline) sorted(s *spill.Sorter, visit func(e *tracefmt.Event, number int64, keep keeper)) {
	defer s.Close()
	if t.err != nil {
		return
	}
	sorted, err := s.Sorted()
	if err != nil {
		t.fail(err)
		return
	}
	keep := sorted.Keep
	for {
		e, number, err := sorted.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.fail(err)
			return
		}
		visit(e, number, keep)
	}
}

// begun is a slice that is open, with its number in the order in which events were added.
type begun struct {
	*tracefmt.Event
	number int64
}

// opened is the slices that are open in one place, the innermost last.
type opened struct {
	list  []begun
	names innermost.Names // of the same
}

func (o *opened) push(b begun) {
	o.list = append(o.list, b)
	o.names.Push(b.Name)
}

// cut closes the slice of the given number and all inside of it.
func (o *opened) cut(at int) {
	clear(o.list[at:])
	o.list = o.list[:at]
	o.names.Cut(at)
}

// places has what is open in several places.
type places[K comparable] map[K]*opened

// at returns what is open in a place.
func (p places[K]) at(place K) *opened {
	o := p[place]
	if o == nil {
		o = &opened{}
		p[place] = o
	}
	return o
}

// pairing turns begins and ends into complete slices. Events come in the order of time. As in Perfetto, an end closes
// the innermost open slice of its name, or the innermost if it has no name, and one whose name isn't open closes
// nothing. Unlike there, slices inside of the one that is closed end with it. Only what is open is held.
type pairing struct {
	t    *Timeline
	out  *spill.Sorter
	open places[tracefmt.TrackID]
	next int64 // the number that is free
	marks
}

// pair pairs the events that were sorted by time. It returns them in the order of nesting.
func (t *Timeline) pair(s *spill.Sorter) *spill.Sorter {
	p := &pairing{t: t, out: t.sorter(nesting), open: make(places[tracefmt.TrackID])}
	p.out.Grow(t.store.n)
	p.marks.init(t.processes())
	t.sorted(s, func(e *tracefmt.Event, number int64, keep keeper) {
		p.next = max(p.next, number+1)
		switch e.Kind {
		case tracefmt.Begin:
			p.open.at(e.Track).push(begun{keep(e), number})
		case tracefmt.End:
			p.end(e)
		default:
			if p.marks.note(e) {
				t.sort(p.out, e, number)
			}
		}
	})
	p.leave()
	return p.out
}

// end closes the slice that an end is of.
func (p *pairing) end(e *tracefmt.Event) {
	o := p.open.at(e.Track)
	at := o.names.Find(e.Name)
	if at < 0 {
		p.t.losses.Add("end without a begin")
		return
	}
	for _, inner := range o.list[at+1:] {
		p.t.losses.Add("slice without an end, ended with the one around it")
		complete(inner.Event, e.Time)
		p.done(inner)
	}
	complete(o.list[at].Event, e.Time)
	mergeAttrs(o.list[at].Event, e.Attrs)
	p.done(o.list[at])
	o.cut(at)
}

// done hands on a slice of which all is known.
func (p *pairing) done(b begun) {
	p.marks.note(b.Event)
	p.t.sort(p.out, b.Event, b.number)
}

// leave hands on what never ended, and then the marks of that.
func (p *pairing) leave() {
	var left []begun
	for _, o := range p.open {
		left = append(left, o.list...)
	}
	slices.SortFunc(left, func(a, b begun) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.number, b.number))
	})
	for _, b := range left {
		p.done(b)
	}
	for _, e := range p.marks.list() {
		p.t.sort(p.out, e, p.next)
		p.next++
	}
}

// complete turns a begin into a slice that ends at the given time.
func complete(begin *tracefmt.Event, end int64) {
	begin.Kind, begin.Dur = tracefmt.Complete, end-begin.Time
}

// mergeAttrs adds the attributes of an end to a slice. Where both have one of the same name, the end's counts, and the
// begin's is kept beside it.
func mergeAttrs(e *tracefmt.Event, attrs []tracefmt.Attr) {
	if len(attrs) == 0 {
		return
	}
	merged := slices.Clone(e.Attrs)
	for _, a := range attrs {
		i := slices.IndexFunc(merged, func(b tracefmt.Attr) bool { return a.Key == b.Key })
		switch {
		case i < 0:
			merged = append(merged, a)
		case merged[i].Value != a.Value:
			before := merged[i].Value
			merged[i].Value = a.Value
			merged = append(merged, tracefmt.Attr{Key: a.Key + " (begin)", Value: before})
		}
	}
	e.Attrs = merged
}
