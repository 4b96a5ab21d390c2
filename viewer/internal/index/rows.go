package index

// MaxRows is how many rows of a track are drawn. What is deeper is hidden, and counted.
const MaxRows = 256

// row is the slices of a track that are drawn at one depth: they are disjoint, and in the order of time. Blocks of 64 of
// them are summed up, and again 64 of these, so that a stretch with a million slices is described by looking at few.
type row struct {
	numbers column[uint32] // of slices, see track.base
	blocks  column[block]  // of whole blocks only
	tops    column[block]
	off     int // slices that have left from the first of blocks and tops: blocks stay what they are when slices leave
}

const (
	blockShift = 6
	blockLen   = 1 << blockShift
	topLen     = blockLen * blockLen
)

// block sums up slices that follow each other in a row.
type block struct {
	sum     int64 // ns, of closed ones
	longest int64 // ns
	failed  bool
}

func (b *block) add(o block) {
	b.sum = addTimes(b.sum, o.sum)
	b.longest = max(b.longest, o.longest)
	b.failed = b.failed || o.failed
}

func (s *slice) block() block {
	return block{sum: max(s.dur, 0), longest: s.length(), failed: s.kind&failedBit != 0}
}

func (r *row) len() int { return r.numbers.len() }

// pos returns the position in its track of number i of the row.
func (r *row) pos(t *track, i int) uint32 { return *r.numbers.at(i) - t.base }

// slice returns number i of the row.
func (r *row) slice(t *track, i int) *slice { return t.slices.at(int(r.pos(t, i))) }

// before returns how many slices of the row are before a position in the track.
func (r *row) before(t *track, pos uint32) int {
	return r.numbers.search(func(n *uint32) bool { return *n-t.base >= pos })
}

// startedBefore returns how many slices of the row started before a time.
func (r *row) startedBefore(t *track, absolute int64) int {
	return r.numbers.search(func(n *uint32) bool { return t.slices.at(int(*n-t.base)).start >= absolute })
}

// startedBy returns how many slices of the row started at a time or before.
func (r *row) startedBy(t *track, absolute int64) int {
	return r.numbers.search(func(n *uint32) bool { return t.slices.at(int(*n-t.base)).start > absolute })
}

// append adds a slice of t to the row.
func (r *row) append(t *track, pos uint32) {
	r.numbers.append(t.base + pos)
	n := r.len()
	if (r.off+n)%blockLen != 0 {
		return
	}
	var b block
	for i := max(n-blockLen, 0); i < n; i++ {
		b.add(r.slice(t, i).block())
	}
	r.blocks.append(b)
	if (r.off+n)%topLen != 0 {
		return
	}
	var top block
	for i := r.blocks.len() - blockLen; i < r.blocks.len(); i++ {
		top.add(*r.blocks.at(i))
	}
	r.tops.append(top)
}

// cut takes away the slices of the track from a position on.
func (r *row) cut(t *track, pos uint32) {
	n := r.before(t, pos)
	r.numbers.cut(n)
	r.blocks.cut((r.off + n) / blockLen)
	r.tops.cut((r.off + n) / topLen)
}

// dropBut takes away the first n slices, all but some, which get other numbers.
func (r *row) dropBut(n int, kept []uint32) {
	r.numbers.dropBut(n, kept)
	r.off += n - len(kept)
	r.tops.drop(r.off / topLen)
	r.blocks.drop(r.off / topLen * blockLen)
	r.off %= topLen
}

func (r *row) share() row {
	return row{numbers: r.numbers.share(), blocks: r.blocks.share(), tops: r.tops.share(), off: r.off}
}

// layout puts slices into rows. They come in their order.
type layout struct {
	t    *track
	a    *arena          // of async tracks, to find the slices around by their keys
	open int             // rows from this on are free
	ends [MaxRows]int64  // of the last slice in each row
	last [MaxRows]uint32 // the number of that
}

// lay lays out the slices of t from number from on, in the rows that it has from those before.
func (l *layout) lay(t *track, a *arena, from int) {
	l.t, l.a, l.open = t, a, 0
	for i := range t.rows {
		r := &t.rows[i]
		r.cut(t, uint32(from))
		l.ends[i] = -endless - 1
		if n := r.len(); n > 0 {
			l.last[i] = r.pos(t, n-1)
			l.ends[i] = r.slice(t, n-1).end()
		}
		l.open = i + 1
	}
	t.hidden.cut(t.hiddenBefore(uint32(from)))
	for i := from; i < t.slices.len(); i++ {
		l.add(uint32(i), t.slices.at(i))
	}
	t.trimRows()
}

// trimRows takes away rows at the bottom that are empty.
func (t *track) trimRows() {
	for n := len(t.rows); n > 0 && t.rows[n-1].len() == 0; n-- {
		t.rows = t.rows[:n-1]
	}
}

// hiddenBefore returns how many hidden slices are before a position.
func (t *track) hiddenBefore(pos uint32) int {
	return t.hidden.search(func(n *uint32) bool { return *n-t.base >= pos })
}

// add puts the next slice into a row.
func (l *layout) add(pos uint32, s *slice) {
	for l.open > 0 && l.ends[l.open-1] <= s.start {
		l.open--
	}
	end := s.end()
	var i int
	if l.t.typ == AsyncTrack {
		i = l.below(l.aroundByKey(s), s.start)
	} else if i = l.open; i > 0 && l.ends[i-1] < end { // it outlives the one above: it isn't inside of that
		i = l.below(l.around(s.start, end), s.start)
	}
	if i >= MaxRows {
		l.t.hidden.append(l.t.base + pos)
		return
	}
	if i == len(l.t.rows) {
		l.t.rows = append(l.t.rows, row{})
	}
	l.t.rows[i].append(l.t, pos)
	l.ends[i], l.last[i] = end, pos
	l.open = max(l.open, i+1)
}

// around returns the deepest row with a slice that is around one, or -1.
func (l *layout) around(start, end int64) int {
	i := l.open - 1
	for i >= 0 && (l.ends[i] < end || l.ends[i] <= start) {
		i--
	}
	return i
}

// aroundByKey returns the row with the async slice that one is nested in, or -1.
func (l *layout) aroundByKey(s *slice) int {
	if s.kind&nestedBit == 0 {
		return -1
	}
	key := l.a.asyncKey(s.ref)
	for i := l.open - 1; i >= 0; i-- {
		if l.ends[i] > s.start && l.a.asyncKey(l.t.slices.at(int(l.last[i])).ref) == key {
			return i
		}
	}
	return -1
}

// below returns the first row below row i that is free at a time.
func (l *layout) below(i int, start int64) int {
	for i++; i < l.open && l.ends[i] > start; i++ {
	}
	return i
}
