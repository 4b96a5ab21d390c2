package timeline

import (
	"io"

	"github.com/spanstack/spanstack/tracefmt"
)

// Reader reads the normal form of a Timeline as a trace. Its events may not be changed.
type Reader struct {
	t    *Timeline
	next int // in meta, then in events
}

// NewReader returns a Reader of the normal form, from its beginning. Nothing can be added to t afterwards.
func (t *Timeline) NewReader() *Reader {
	t.normalise()
	return &Reader{t: t}
}

// Timeline returns what the Reader reads.
func (r *Reader) Timeline() *Timeline { return r.t }

// Next returns the next event, which stays valid, and io.EOF after the last.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for {
		i := r.next
		list := r.t.meta
		if i >= len(list) {
			i, list = i-len(list), r.t.events
		}
		if i >= len(list) {
			return nil, io.EOF
		}
		r.next++
		if e := &list[i]; e.Kind != tracefmt.Invalid {
			return e, nil
		}
	}
}

// Losses returns what bringing the events into order had to repair.
func (r *Reader) Losses() []tracefmt.Loss { return r.t.Losses() }
