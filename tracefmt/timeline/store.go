package timeline

import (
	"unsafe"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/spill"
	"github.com/spanstack/spanstack/tracefmt/internal/window"
)

// SpillError says that a temporary file could not be made, written or read: of a Timeline whose Memory is set.
type SpillError = spill.Error

// store holds the events of all inputs: in memory, until they take more than is allowed, then on a tape.
type store struct {
	chunks [][]tracefmt.Event // full ones, but for the last
	n      int                // events in them
	attrs  []tracefmt.Attr    // the free rest of a slab that events' attributes are cut from
	bytes  int64              // what they take, if that is of interest
	texts  spill.Texts
	tape   *spill.Tape // nil in memory
}

// part is the events of one input.
type part struct {
	n     int // how many there are
	first int // in memory: where they begin
	// On a tape: where they are, and what is still to be done to each when it is read.
	tape     *spill.Tape
	own      bool // the tape is of this input alone
	from, to int64
	shift    int64  // to be added to the time
	prefix   string // of the keys of flows and async slices, see ownKey
}

const chunkLen = 512 // events, of 184 bytes

func (s *store) at(i int) *tracefmt.Event { return &s.chunks[i/chunkLen][i%chunkLen] }

// begin returns the part of the next input.
func (s *store) begin() part {
	p := part{first: s.n}
	if s.tape != nil {
		p.tape, p.from, p.to = s.tape, s.tape.Len(), s.tape.Len()
	}
	return p
}

func (s *store) close() { s.tape.Close() }

func (p *part) close() {
	if p.own {
		p.tape.Close()
	}
}

// keep copies an event into memory.
func (s *store) keep(e *tracefmt.Event) {
	switch {
	case s.n == 0:
		s.chunks = append(s.chunks, nil) // which grows: most traces of tests are small
	case s.n%chunkLen == 0:
		s.chunks = append(s.chunks, make([]tracefmt.Event, 0, chunkLen))
	}
	last := &s.chunks[len(s.chunks)-1]
	*last = append(*last, *e)
	(*last)[len(*last)-1].Attrs = s.cut(e.Attrs)
	s.n++
}

// cut copies attributes into the slab.
func (s *store) cut(attrs []tracefmt.Attr) []tracefmt.Attr {
	n := len(attrs)
	if n == 0 {
		return nil
	}
	if n > len(s.attrs) {
		s.attrs = make([]tracefmt.Attr, max(n, min(s.n+8, 1024)))
	}
	piece := s.attrs[:n:n]
	s.attrs = s.attrs[n:]
	copy(piece, attrs)
	return piece
}

// sizeOf returns what an event takes in memory. Names, categories and keys are shared, mostly.
func sizeOf(e *tracefmt.Event) int64 {
	n := int(unsafe.Sizeof(*e)) + len(e.ID) + len(e.Parent) + len(e.Attrs)*int(unsafe.Sizeof(tracefmt.Attr{}))
	return int64(n + window.TextSize(e))
}

// config says what sorters may take in memory: without a limit while all events are there.
func (t *Timeline) config() spill.Config {
	if t.store.tape == nil {
		return spill.Config{}
	}
	return spill.Config{Memory: t.Memory, Dir: t.Dir}
}

// add adds an event to the last input.
func (t *Timeline) add(in *input, e *tracefmt.Event) {
	s := &t.store
	if t.err != nil {
		return
	}
	if s.tape == nil {
		s.keep(e)
		in.part.n++
		if t.Memory > 0 {
			if s.bytes += sizeOf(e); s.bytes > t.Memory {
				t.spill()
			}
		}
		return
	}
	if err := s.tape.Add(e, 0); err != nil {
		t.fail(err)
		return
	}
	in.part.n++
	in.part.to = s.tape.Len()
}

// newTape returns an empty tape, or nil if there can't be one.
func (t *Timeline) newTape() *spill.Tape {
	tape, err := spill.NewTape(spill.Config{Memory: t.Memory, Dir: t.Dir}, &t.store.texts)
	if err != nil {
		t.fail(err)
		return nil
	}
	return tape
}

// spill moves all events from memory to a tape, where those that follow go, too.
func (t *Timeline) spill() {
	s := &t.store
	tape := t.newTape()
	if tape == nil {
		return
	}
	for _, in := range t.inputs {
		p := &in.part
		p.tape, p.from = tape, tape.Len()
		for i := range p.n {
			if err := tape.Add(s.at(p.first+i), 0); err != nil {
				t.fail(err)
				break
			}
		}
		p.to = tape.Len()
	}
	s.tape, s.chunks, s.attrs = tape, nil, nil
}

// each visits the events of an input with their numbers, from 0. In memory they may be kept, and changed; else they are
// valid until visit returns.
func (t *Timeline) each(input int, visit func(i int, e *tracefmt.Event)) {
	p := &t.inputs[input].part
	if t.store.tape == nil {
		for i := range p.n {
			visit(i, t.store.at(p.first+i))
		}
		return
	}
	if t.err != nil {
		return
	}
	if err := p.tape.Flush(); err != nil {
		t.fail(err)
		return
	}
	i := 0
	for _, e := range p.tape.Read(p.from, p.to).All(t.fail) {
		p.apply(e)
		visit(i, e)
		i++
	}
}

// rewrite visits the events of an input, which may be changed: also on a tape, of which there is another one then.
func (t *Timeline) rewrite(input int, change func(i int, e *tracefmt.Event)) {
	if t.store.tape == nil {
		t.each(input, change)
		return
	}
	tape := t.newTape()
	if tape == nil {
		return
	}
	p := &t.inputs[input].part
	t.each(input, func(i int, e *tracefmt.Event) {
		change(i, e)
		if err := tape.Add(e, 0); err != nil {
			t.fail(err)
		}
	})
	p.close()
	*p = part{n: p.n, tape: tape, own: true, to: tape.Len()}
}

// adapt moves the times of an input's events, and puts a prefix before their keys.
func (t *Timeline) adapt(input int, shift int64, prefix string) {
	if shift == 0 && prefix == "" {
		return
	}
	p := &t.inputs[input].part
	if t.store.tape != nil { // when they are read
		p.shift += shift
		if prefix != "" {
			p.prefix = prefix
		}
		return
	}
	now := part{shift: shift, prefix: prefix}
	t.each(input, func(_ int, e *tracefmt.Event) { now.apply(e) })
}

// apply does what is to be done to an event.
func (p *part) apply(e *tracefmt.Event) {
	e.Time += p.shift
	if p.prefix != "" {
		switch e.Kind {
		case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd,
			tracefmt.AsyncBegin, tracefmt.AsyncInstant, tracefmt.AsyncEnd:
			e.Key = ownKey(p.prefix, e.Key)
		}
	}
}
