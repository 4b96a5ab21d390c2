package timeline

import (
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/spill"
)

// Reader reads the normal form of a Timeline as a trace. Its events may not be changed.
type Reader struct {
	t    *Timeline
	next int // in meta, then in order
	tape *spill.Cursor
}

// NewReader returns a Reader of the normal form, from its beginning. Nothing can be added to t afterwards.
func (t *Timeline) NewReader() *Reader {
	t.normalise()
	r := &Reader{t: t}
	if t.final != nil {
		r.tape = t.final.Read(0, t.final.Len())
	}
	return r
}

// Timeline returns what the Reader reads.
func (r *Reader) Timeline() *Timeline { return r.t }

// Next returns the next event, and io.EOF after the last. In memory events stay valid; if the Timeline's Memory is set,
// each is valid until the following call, and there may be an error that Is a *SpillError.
func (r *Reader) Next() (*tracefmt.Event, error) {
	i := r.next
	r.next++
	if i < len(r.t.meta) {
		return &r.t.meta[i], nil
	}
	if i -= len(r.t.meta); i < len(r.t.order) {
		return r.t.order[i], nil
	}
	if r.t.err != nil {
		return nil, r.t.err
	}
	if r.tape == nil {
		return nil, io.EOF
	}
	e, _, err := r.tape.Next()
	if err != nil && err != io.EOF {
		r.t.fail(err)
	}
	return e, err
}

// Losses returns what bringing the events into order had to repair.
func (r *Reader) Losses() []tracefmt.Loss { return r.t.Losses() }
