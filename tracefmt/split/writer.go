package split

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
)

// Options says when a part is full. At least one limit has to be given; with several, the first that is reached counts.
type Options struct {
	Every int64 // ns of the trace's clock, from its first event on; stretches in which nothing happens have no part
	Size  int64 // bytes, about: a part goes on for 1/64 of that and its slices' ends
}

// Part is what a part of the trace is written to. Close completes it.
type Part interface {
	tracefmt.Writer
	// Size returns the number of bytes that were written so far. It is asked after Flush.
	Size() int64
}

// Writer writes a trace as several.
type Writer struct {
	o      Options
	open   func(number int) (Part, error)
	err    error
	losses tracefmt.Losses

	part    Part // nil until there is something to write to it
	parts   int
	started bool  // there was an event with a time
	from    int64 // where the part begins
	until   int64 // where it ends, if that is a matter of time
	weight  int64 // about how much was written since its size was looked at

	tracks   map[tracefmt.TrackID]*tracefmt.Event // as they are known
	declared map[tracefmt.TrackID]bool            // in the part
	anchor   *tracefmt.Event
	step     *tracefmt.Event // the last one of the clock
	slices   map[tracefmt.TrackID]*lane
	async    map[asyncKey][]*tracefmt.Event // begins of what is open
	arrows   map[arrowKey]bool              // that started in the part
}

type asyncKey struct{ category, key string }

type arrowKey struct{ category, name, key string }

// lane has what may be open on a track.
type lane struct {
	begun []*tracefmt.Event // begins, the outermost first
	whole []*tracefmt.Event // complete slices, and among them some that are over
	limit int               // of whole, before those are looked for
}

// NewWriter returns a Writer that calls open for each part, with numbers from 1. Every part but the last is closed
// before the next is opened.
func NewWriter(o Options, open func(number int) (Part, error)) *Writer {
	return &Writer{o: o, open: open, tracks: make(map[tracefmt.TrackID]*tracefmt.Event),
		declared: make(map[tracefmt.TrackID]bool), slices: make(map[tracefmt.TrackID]*lane),
		async: make(map[asyncKey][]*tracefmt.Event), arrows: make(map[arrowKey]bool)}
}

// Parts returns how many parts were opened so far.
func (w *Writer) Parts() int { return w.parts }

// Losses returns what no part has. What the parts' own writers lost is theirs to tell.
func (w *Writer) Losses() []tracefmt.Loss { return w.losses.List() }

// Write writes an event to the part that it falls into. Those that come late, by their time, are in the current part.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.err == nil {
		w.err = w.write(e)
	}
	return w.err
}

func (w *Writer) write(e *tracefmt.Event) error {
	switch e.Kind {
	case tracefmt.Process, tracefmt.Track:
		w.learn(e)
		if w.part != nil && w.declared[e.Track] {
			return w.put(e)
		}
		return nil
	case tracefmt.Clock:
		return w.clock(e)
	}
	if err := w.turn(e); err != nil {
		return err
	}
	if err := w.ready(e); err != nil {
		return err
	}
	return w.pass(e)
}

// learn keeps what is known of a track.
func (w *Writer) learn(e *tracefmt.Event) {
	old := w.tracks[e.Track]
	if old == nil {
		w.tracks[e.Track] = e.Clone()
		return
	}
	old.Name = cmp.Or(e.Name, old.Name)
	old.Order = cmp.Or(e.Order, old.Order)
	old.Process = cmp.Or(e.Process, old.Process)
	if !e.SourceID.IsZero() {
		old.SourceID = e.SourceID
	}
	for _, a := range e.Attrs {
		old.Attrs = slices.DeleteFunc(old.Attrs, func(b tracefmt.Attr) bool { return a.Key == b.Key })
		old.Attrs = append(old.Attrs, a)
	}
}

func (w *Writer) clock(e *tracefmt.Event) error {
	if w.anchor == nil && !w.started {
		w.anchor = e.Clone()
		return nil
	}
	w.step = e.Clone()
	if w.part != nil {
		return w.put(e)
	}
	return nil
}

// turn closes the part if the event is for the next.
func (w *Writer) turn(e *tracefmt.Event) error {
	if !w.started {
		w.started = true
		w.until = after(e.Time, w.o.Every)
	}
	full := false
	if w.o.Every > 0 && e.Time >= w.until {
		passed := uint64(e.Time) - uint64(w.until) // which an int64 may not hold
		w.from = after(w.until, int64(passed/uint64(w.o.Every))*w.o.Every)
		w.until = after(w.from, w.o.Every)
		full = true
	}
	if !full && w.o.Size > 0 && w.part != nil && w.weight > w.o.Size/64 {
		if err := w.part.Flush(); err != nil {
			return err
		}
		w.weight = 0
		if full = w.part.Size() >= w.o.Size; full {
			w.from = e.Time
		}
	}
	if !full || w.part == nil {
		return nil
	}
	return w.end()
}

// after returns the time d later, or the last there is.
func after(t, d int64) int64 {
	if sum := t + d; sum >= t {
		return sum
	}
	return 1<<63 - 1
}

// end closes the part.
func (w *Writer) end() error {
	part := w.part
	w.part = nil
	return part.Close()
}

// ready makes sure that there is a part, and that what the event needs is declared in it.
func (w *Writer) ready(e *tracefmt.Event) error {
	if w.part == nil {
		if err := w.begin(); err != nil {
			return err
		}
	}
	return w.declare(e.Track)
}

// begin opens a part, with what was before.
func (w *Writer) begin() (err error) {
	w.parts++
	if w.part, err = w.open(w.parts); err != nil {
		w.part = nil
		return err
	}
	w.weight = 0
	clear(w.declared)
	clear(w.arrows)
	for _, e := range []*tracefmt.Event{w.anchor, w.step} {
		if e != nil {
			if err := w.put(e); err != nil {
				return err
			}
		}
	}
	for _, e := range w.reaching(w.from) {
		if err := w.declare(e.Track); err != nil {
			return err
		}
		if err := w.put(e); err != nil {
			return err
		}
	}
	return nil
}

// reaching returns the slices that have time after now, in the order of their begins.
func (w *Writer) reaching(now int64) []*tracefmt.Event {
	var list []*tracefmt.Event
	for _, l := range w.slices {
		l.prune(now)
		list = append(append(list, l.begun...), l.whole...)
	}
	for _, open := range w.async {
		list = append(list, open...)
	}
	slices.SortFunc(list, func(a, b *tracefmt.Event) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Track, b.Track), cmp.Compare(b.Dur, a.Dur),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.AsyncKey(), b.AsyncKey()))
	})
	return list
}

// declare declares a track, after its process, if the part doesn't have it yet.
func (w *Writer) declare(id tracefmt.TrackID) error {
	e := w.tracks[id]
	if w.declared[id] || e == nil {
		return nil
	}
	w.declared[id] = true
	if e.Kind == tracefmt.Track {
		if err := w.declare(e.Process); err != nil {
			return err
		}
	}
	return w.put(e)
}

// put writes an event to the part.
func (w *Writer) put(e *tracefmt.Event) error {
	w.weight += 64 + int64(len(e.Name)+len(e.ID)+len(e.Parent))
	for _, a := range e.Attrs {
		w.weight += int64(len(a.Key)) + int64(len(a.Value.String()))
	}
	return w.part.Write(e)
}

// pass writes an event, and keeps what the next part has to know of it.
func (w *Writer) pass(e *tracefmt.Event) error {
	switch e.Kind {
	case tracefmt.Begin:
		l := w.lane(e.Track)
		l.begun = append(l.begun, e.Clone())
	case tracefmt.End:
		if l := w.lane(e.Track); len(l.begun) > 0 {
			l.begun = l.begun[:len(l.begun)-1]
		}
	case tracefmt.Complete:
		w.lane(e.Track).complete(e)
	case tracefmt.AsyncBegin:
		key := asyncKey{e.Category, e.AsyncKey()}
		w.async[key] = append(w.async[key], e.Clone())
	case tracefmt.AsyncEnd:
		w.asyncEnd(e)
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		key := arrowKey{e.Category, e.Name, e.Key}
		if e.Kind == tracefmt.FlowStart {
			w.arrows[key] = true
		} else if !w.arrows[key] {
			w.losses.Add("point of an arrow that starts in another part")
			return nil
		}
	}
	return w.put(e)
}

func (w *Writer) lane(id tracefmt.TrackID) *lane {
	l := w.slices[id]
	if l == nil {
		l = &lane{limit: 64}
		w.slices[id] = l
	}
	return l
}

// complete keeps a slice for as long as it lasts.
func (l *lane) complete(e *tracefmt.Event) {
	if e.Dur == 0 {
		return
	}
	if len(l.whole) >= l.limit {
		l.prune(e.Time)
		l.limit = 2*len(l.whole) + 64
	}
	l.whole = append(l.whole, e.Clone())
}

// prune forgets the slices that are over.
func (l *lane) prune(now int64) {
	l.whole = slices.DeleteFunc(l.whole, func(e *tracefmt.Event) bool {
		_, ended := e.Duration()
		return ended && e.Until() <= now
	})
}

// asyncEnd forgets the slice that an event ends.
func (w *Writer) asyncEnd(e *tracefmt.Event) {
	key := asyncKey{e.Category, e.AsyncKey()}
	open := w.async[key]
	for i := len(open) - 1; i >= 0; i-- {
		if e.Name == "" || open[i].Name == e.Name {
			open = slices.Delete(open, i, i+1)
			break
		}
	}
	if len(open) > 0 {
		w.async[key] = open
	} else {
		delete(w.async, key)
	}
}

// Flush flushes the current part.
func (w *Writer) Flush() error {
	if w.err == nil && w.part != nil {
		w.err = w.part.Flush()
	}
	return w.err
}

// Close completes the last part. A trace without timed events has one part, too.
func (w *Writer) Close() error {
	if w.err == errClosed {
		return nil
	}
	if w.err == nil {
		w.err = w.close()
	}
	err := w.err
	if err == nil {
		w.err = errClosed
	}
	return err
}

func (w *Writer) close() error {
	if w.parts == 0 {
		if err := w.begin(); err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(w.tracks)) {
			if err := w.declare(id); err != nil {
				return err
			}
		}
	}
	if w.part == nil {
		return nil
	}
	return w.end()
}

var errClosed = errors.New("split: the writer is closed")
