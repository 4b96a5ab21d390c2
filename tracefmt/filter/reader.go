package filter

import (
	"io"
	"math"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// Reader reads a part of a trace.
type Reader struct {
	in  tracefmt.Reader
	o   Options
	err error

	next   func() (*tracefmt.Event, error) // nil before the first event
	whole  *timeline.Reader                // what is left is read from; nil if streaming
	late   error                           // of in, after what could be read of it
	counts Counts
	clip   tracefmt.Event // where cut slices are
}

// NewReader returns a Reader of what o leaves of r. If r is a *timeline.Reader at its beginning, its Timeline is used.
// Next returns an error that Is ErrNoClock if there are absolute times in o and no Clock event at the beginning of r.
func NewReader(r tracefmt.Reader, o Options) *Reader { return &Reader{in: r, o: o} }

// Counts returns how much was left so far; if the Reader doesn't stream, how much there is in all.
func (r *Reader) Counts() Counts { return r.counts }

// Losses returns the losses of the reader below. What was meant to be left out is none.
func (r *Reader) Losses() []tracefmt.Loss {
	if _, mine := r.in.(*timeline.Reader); r.whole != nil && !mine {
		return append(tracefmt.LossesOf(r.in), r.whole.Losses()...)
	}
	return tracefmt.LossesOf(r.in)
}

// Next returns the next event that is left.
func (r *Reader) Next() (*tracefmt.Event, error) {
	if r.err == nil && r.next == nil {
		r.err = r.start()
	}
	if r.err != nil {
		return nil, r.err
	}
	e, err := r.next()
	if err != nil {
		r.err = err
		return nil, err
	}
	return e, nil
}

func (r *Reader) start() error {
	tr, inMemory := r.in.(*timeline.Reader)
	if r.o.Streams() && !inMemory {
		r.next = newStream(r).next
		return nil
	}
	if !inMemory {
		var t timeline.Timeline
		_, r.late = t.Read(r.in)
		tr = t.NewReader()
	}
	r.whole = tr
	p := &plan{o: &r.o, t: tr.Timeline()}
	if err := p.make(); err != nil {
		return err
	}
	p.count(&r.counts)
	number := -1
	r.next = func() (*tracefmt.Event, error) {
		for {
			e, err := tr.Next()
			if err == io.EOF && r.late != nil {
				err = r.late
			}
			if err != nil {
				return nil, err
			}
			if number++; p.left[number] {
				return r.clipped(e, p.from, p.to), nil
			}
		}
	}
	return nil
}

// clipped returns e, or a copy of it that doesn't reach beyond a stretch of time.
func (r *Reader) clipped(e *tracefmt.Event, from, to int64) *tracefmt.Event {
	if !r.o.Clip {
		return e
	}
	begin, end := e.Time, e.Time
	switch e.Kind {
	case tracefmt.Complete:
		end = e.Until()
	case tracefmt.Begin, tracefmt.End, tracefmt.AsyncBegin, tracefmt.AsyncEnd:
	default:
		return e
	}
	if begin >= from && end <= to {
		return e
	}
	r.clip = *e
	r.clip.Time = min(max(begin, from), to)
	if e.Kind == tracefmt.Complete && e.Dur >= 0 {
		r.clip.Dur = min(max(end, from), to) - r.clip.Time
	}
	return &r.clip
}

// span is when a slice is.
type span struct{ begin, end int64 }

const endless = math.MaxInt64

// meets reports whether a slice has a part in a stretch of time. One that ends where that begins has none.
func (s span) meets(from, to int64) bool { return s.begin <= to && (from <= s.begin || from < s.end) }
