package spill

import (
	"cmp"
	"io"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/intern"
)

// A Sorter puts events in the order of their times; at the same time in that of their classes, in a class from the
// largest to the smallest, and then in that of their numbers.
type Sorter struct {
	c     Config
	texts *Texts
	// class returns the class and the size of an event; nil if all have the same.
	class func(*tracefmt.Event) (class int32, size int64)

	refs []ref // without a limit: the events are somebody else's

	arena []byte // the events of the next run
	keys  []key
	f     *file
	runs  []run
}

// ref is an event in memory.
type ref struct {
	time, number int64
	event        *tracefmt.Event
}

// key is what an event is sorted by, and where it is in the arena.
type key struct {
	time, size, number int64
	class              int32
	from, to           int
}

// keySize is what a key takes in memory, in bytes.
const keySize = 48

// run is a part of a file in which events are in order.
type run struct{ from, to int64 }

func (k *key) compare(other *key) int {
	switch {
	case k.time != other.time:
		return cmp.Compare(k.time, other.time)
	case k.class != other.class:
		return cmp.Compare(k.class, other.class)
	case k.size != other.size:
		return cmp.Compare(other.size, k.size)
	}
	return cmp.Compare(k.number, other.number)
}

// NewSorter returns a Sorter. If c.Memory is 0, it keeps the events that are added, which must not change, and no
// files.
func NewSorter(c Config, texts *Texts, class func(*tracefmt.Event) (class int32, size int64)) *Sorter {
	return &Sorter{c: c, texts: texts, class: class}
}

// Grow makes room for n events, if they stay in memory.
func (s *Sorter) Grow(n int) {
	if s.c.Memory == 0 {
		s.refs = slices.Grow(s.refs, n)
	}
}

// Add adds an event with a number, which no other has, and which isn't negative.
func (s *Sorter) Add(e *tracefmt.Event, number int64) error {
	if s.c.Memory == 0 {
		s.refs = append(s.refs, ref{e.Time, number, e})
		return nil
	}
	from := len(s.arena)
	s.arena = s.texts.appendEvent(s.arena, e, number)
	k := s.keyOf(e, number)
	k.from, k.to = from, len(s.arena)
	s.keys = append(s.keys, k)
	if len(s.arena)+keySize*len(s.keys) >= s.c.run() {
		return s.spill()
	}
	return nil
}

func (s *Sorter) keyOf(e *tracefmt.Event, number int64) key {
	k := key{time: e.Time, number: number}
	if s.class != nil {
		k.class, k.size = s.class(e)
	}
	return k
}

// spill writes a run.
func (s *Sorter) spill() (err error) {
	if s.f == nil {
		if s.f, err = create(s.c); err != nil {
			return err
		}
	}
	slices.SortFunc(s.keys, func(a, b key) int { return a.compare(&b) })
	r := run{from: s.f.size}
	for i := range s.keys {
		if err := s.f.record(s.arena[s.keys[i].from:s.keys[i].to]); err != nil {
			return err
		}
	}
	r.to = s.f.size
	s.runs = append(s.runs, r)
	s.arena, s.keys = s.arena[:0], s.keys[:0]
	return nil
}

// Sorted returns the events in order. Nothing can be added afterwards.
func (s *Sorter) Sorted() (*Sorted, error) {
	if s.c.Memory == 0 {
		slices.SortFunc(s.refs, s.compareRefs)
		return &Sorted{refs: s.refs, inMemory: true}, nil
	}
	if len(s.runs) == 0 {
		return s.sortedArena(), nil
	}
	if len(s.keys) > 0 {
		if err := s.spill(); err != nil {
			return nil, err
		}
	}
	s.arena, s.keys = nil, nil
	for len(s.runs) > s.c.fanIn() {
		if err := s.mergeSome(); err != nil {
			return nil, err
		}
	}
	if err := s.f.flush(); err != nil {
		return nil, err
	}
	return s.merge(s.runs)
}

func (s *Sorter) compareRefs(a, b ref) int {
	if a.time != b.time {
		return cmp.Compare(a.time, b.time)
	}
	if s.class != nil {
		ka, kb := s.keyOf(a.event, a.number), s.keyOf(b.event, b.number)
		return ka.compare(&kb)
	}
	return cmp.Compare(a.number, b.number)
}

// mergeSome merges as many runs as can be at a time into one, all over the file.
func (s *Sorter) mergeSome() error {
	if err := s.f.flush(); err != nil {
		return err
	}
	to, err := create(s.c)
	if err != nil {
		return err
	}
	var merged []run
	for some := range slices.Chunk(s.runs, s.c.fanIn()) {
		r := run{from: to.size}
		if err := s.copy(to, some); err != nil {
			to.close()
			return err
		}
		r.to = to.size
		merged = append(merged, r)
	}
	s.f.close()
	s.f, s.runs = to, merged
	return nil
}

// copy merges runs into a file.
func (s *Sorter) copy(to *file, runs []run) error {
	sorted, err := s.merge(runs)
	if err != nil {
		return err
	}
	for {
		_, _, err := sorted.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := to.record(sorted.heap[0].from.raw); err != nil {
			return err
		}
	}
}

// Close removes the file, if there is one. What Sorted returned can't be used afterwards.
func (s *Sorter) Close() {
	if s.f != nil {
		s.f.close()
		s.f = nil
	}
	s.refs, s.arena, s.keys = nil, nil, nil
}

// merge reads runs at the same time.
func (s *Sorter) merge(runs []run) (*Sorted, error) {
	m := &Sorted{s: s}
	texts := new(intern.Strings)
	for _, r := range runs {
		h := head{from: newCursor(s.c, s.f, s.texts, texts, r.from, r.to)}
		if err := h.next(s); err != nil {
			if err == io.EOF {
				continue
			}
			return nil, err
		}
		m.heap = append(m.heap, h)
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.sift(i)
	}
	return m, nil
}

// sortedArena sorts what never got to a file.
func (s *Sorter) sortedArena() *Sorted {
	slices.SortFunc(s.keys, func(a, b key) int { return a.compare(&b) })
	return &Sorted{s: s, arena: true, d: decoder{texts: s.texts, strings: new(intern.Strings)}}
}

// Sorted hands out events in order.
type Sorted struct {
	s    *Sorter
	i    int
	heap []head // of runs; the first one is the next, or, if began, the one that was handed out

	began    bool
	inMemory bool
	refs     []ref
	arena    bool
	d        decoder
	event    tracefmt.Event
}

// head is the next event of a run.
type head struct {
	key
	from *Cursor
}

func (h *head) next(s *Sorter) error {
	e, number, err := h.from.Next()
	if err == nil {
		h.key = s.keyOf(e, number)
	}
	return err
}

// Next returns the next event and its number, and io.EOF after the last. In memory it is the one that was added, else
// one that is valid until the following call, and may be changed.
func (m *Sorted) Next() (e *tracefmt.Event, number int64, err error) {
	switch {
	case m.inMemory:
		if m.i == len(m.refs) {
			return nil, 0, io.EOF
		}
		r := &m.refs[m.i]
		m.i++
		return r.event, r.number, nil
	case m.arena:
		if m.i == len(m.s.keys) {
			return nil, 0, io.EOF
		}
		k := &m.s.keys[m.i]
		m.i++
		m.d.b = m.s.arena[k.from:k.to]
		return &m.event, m.d.event(&m.event), nil
	}
	if m.began {
		if err := m.advance(); err != nil {
			return nil, 0, err
		}
	}
	m.began = true
	if len(m.heap) == 0 {
		return nil, 0, io.EOF
	}
	return &m.heap[0].from.event, m.heap[0].number, nil
}

// advance takes the first event off the heap.
func (m *Sorted) advance() error {
	if len(m.heap) == 0 {
		return io.EOF
	}
	switch err := m.heap[0].next(m.s); err {
	case nil:
	case io.EOF:
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
	default:
		return err
	}
	m.sift(0)
	return nil
}

// sift puts a head to its place among those below it.
func (m *Sorted) sift(i int) {
	for {
		least := i
		for _, child := range [...]int{2*i + 1, 2*i + 2} {
			if child < len(m.heap) && m.heap[child].compare(&m.heap[least].key) < 0 {
				least = child
			}
		}
		if least == i {
			return
		}
		m.heap[i], m.heap[least] = m.heap[least], m.heap[i]
		i = least
	}
}

// Keep returns an event that Next returned, to be kept: in memory it is the same, else a copy.
func (m *Sorted) Keep(e *tracefmt.Event) *tracefmt.Event {
	if m.inMemory {
		return e
	}
	return e.Clone()
}
