package index

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// TileBuckets is how many buckets a tile has.
const TileBuckets = 1 << tileShift

const tileShift = 9

// MaxLevel is the coarsest level: one tile of it holds the whole trace, whatever its length.
const MaxLevel = 55

// Bits of the count of an item of slices, and of the severity of an item of marks.
const (
	itemFailed = 1 << 31
	itemOpen   = 1 << 30

	itemAnomaly = 1 << 31
	itemLoss    = 1 << 30

	maxCount = 1<<30 - 1
)

// tile is what there is to draw of a track in a stretch of time, in columns, as it is sent.
type tile struct {
	rows   []uint32
	slices struct {
		start, end       []float64
		kind, pos, count []uint32
		cover            []float32
	}
	marks struct {
		time                       []float64
		kind, pos, count, severity []uint32
	}
	counts struct {
		series               []uint32
		time, min, max, last []float64
	}
}

func (t *tile) reset() {
	t.rows = t.rows[:0]
	s := &t.slices
	s.start, s.end, s.kind, s.pos, s.count, s.cover = s.start[:0], s.end[:0], s.kind[:0], s.pos[:0], s.count[:0], s.cover[:0]
	m := &t.marks
	m.time, m.kind, m.pos, m.count, m.severity = m.time[:0], m.kind[:0], m.pos[:0], m.count[:0], m.severity[:0]
	c := &t.counts
	c.series, c.time, c.min, c.max, c.last = c.series[:0], c.time[:0], c.min[:0], c.max[:0], c.last[:0]
}

// tiler fills tiles, by one goroutine.
type tiler struct {
	s     *Snapshot
	level uint
	from  int64 // of the tile, and to: absolute
	to    int64
	tile  tile
	out   []byte
}

// AppendTiles adds the answer to a request for tiles, as docs/viewer-protocol.md has it: those of one level, which are
// of tracks that there are and in the order of the list.
func (s *Snapshot) AppendTiles(dst []byte, level int, list []TileID) ([]byte, error) {
	if level < 0 || level > MaxLevel {
		return dst, fmt.Errorf("tiles of level %d: there are those of level 0 to %d", level, MaxLevel)
	}
	for _, id := range list {
		if s.track(id.Track) == nil {
			return dst, fmt.Errorf("tiles of track %d: there is no such track", id.Track)
		}
	}
	dst = s.appendHeader(dst, len(list))
	parts := make([]*tiler, (len(list)+tilesAtOnce-1)/tilesAtOnce)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(parts)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(parts); i = int(next.Add(1)) - 1 {
				parts[i] = s.tiles(uint(level), list[i*tilesAtOnce:min((i+1)*tilesAtOnce, len(list))])
			}
		})
	}
	wait.Wait()
	for _, t := range parts {
		dst = append(dst, t.out...)
		t.s = nil
		tilers.Put(t)
	}
	return dst, nil
}

// tilesAtOnce is how many tiles a goroutine makes before it looks for others.
const tilesAtOnce = 16

var tilers = sync.Pool{New: func() any { return new(tiler) }}

// tiles makes tiles.
func (s *Snapshot) tiles(level uint, list []TileID) *tiler {
	t := tilers.Get().(*tiler)
	t.s, t.level, t.out = s, level, t.out[:0]
	for _, id := range list {
		t.out = t.append(t.out, id)
	}
	return t
}

// append adds a tile.
func (t *tiler) append(dst []byte, id TileID) []byte {
	t.tile.reset()
	t.from = t.s.absolute(shift(id.Index, t.level+tileShift))
	t.to = math.MaxInt64
	if next := shift(id.Index+1, t.level+tileShift); next < math.MaxInt64 {
		t.to = t.s.absolute(next)
	}
	tr := t.s.track(id.Track)
	last := 0
	for i := range tr.rows {
		before := len(t.tile.slices.start)
		t.row(tr, &tr.rows[i])
		n := len(t.tile.slices.start) - before
		if t.tile.rows = append(t.tile.rows, uint32(n)); n > 0 {
			last = i + 1
		}
	}
	t.tile.rows = t.tile.rows[:last]
	t.marks(tr)
	if tr.counter != nil {
		for i := range tr.counter.series {
			t.series(uint32(i), &tr.counter.series[i])
		}
	}
	return t.s.appendTile(dst, id, t.level, &t.tile)
}

// shift returns n << by, or the nearest that there is.
func shift(n int64, by uint) int64 {
	switch {
	case n == 0:
		return 0
	case by < 63 && n<<by>>by == n:
		return n << by
	case n < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// bucket returns the number of the bucket that an absolute time is in.
func (t *tiler) bucket(absolute int64) int64 { return t.s.relative(absolute) >> t.level }

// row adds what is in a row: from the first item that reaches into the tile.
func (t *tiler) row(tr *track, r *row) {
	n := r.len()
	i := r.startedBefore(tr, t.from)
	if i > 0 {
		if before := r.slice(tr, i-1); before.end() > t.from { // its item begins in another tile
			i--
			if !t.isLong(before) {
				b := t.bucket(before.start)
				i = searchIn(i, func(i int) bool { return t.bucket(r.slice(tr, i).start) >= b })
			}
		}
	}
	for i < n {
		s := r.slice(tr, i)
		if s.start >= t.to && (s.start > t.to || t.to < math.MaxInt64) {
			return
		}
		if t.isLong(s) {
			t.add(tr, int(r.pos(tr, i)), s)
			i++
			continue
		}
		i = t.group(tr, r, i)
	}
}

// isLong reports whether a slice is an item of its own.
func (t *tiler) isLong(s *slice) bool { return uint64(s.dur)>>t.level > 0 } // that of an open one is negative

func (t *tiler) add(tr *track, pos int, s *slice) {
	count := uint32(1)
	if s.kind&failedBit != 0 {
		count |= itemFailed
	}
	end := math.Inf(1)
	if s.open() {
		count |= itemOpen
	} else {
		end = float64(t.s.relative(s.end()))
	}
	t.item(float64(t.s.relative(s.start)), end, s.kind&kindMask, uint32(pos), count, 1)
}

func (t *tiler) item(start, end float64, kind, pos, count uint32, cover float32) {
	s := &t.tile.slices
	s.start, s.end = append(s.start, start), append(s.end, end)
	s.kind, s.pos, s.count = append(s.kind, kind), append(s.pos, pos), append(s.count, count)
	s.cover = append(s.cover, cover)
}

// group adds one item for the short slices that begin in the bucket of number i of a row, and returns what follows
// them. A long one is the last of its bucket. Whole blocks are taken at one look.
func (t *tiler) group(tr *track, r *row, i int) int {
	first, n := i, r.len()
	s := r.slice(tr, i)
	end := t.bucketEnd(s.start)
	sum := s.block()
	best := i // the longest, or where the block that it is in begins
	for i++; i < n; {
		if (r.off+i)%blockLen == 0 {
			if size, b := r.whole(tr, i, end, t); size > 0 {
				if b.longest > sum.longest {
					best = i
				}
				sum.add(*b)
				i += size
				continue
			}
		}
		if s = r.slice(tr, i); s.start >= end || t.isLong(s) {
			break
		}
		if sum.sum += s.dur; s.dur > sum.longest { // they are disjoint, so that this is at most two buckets
			best, sum.longest = i, s.dur
		}
		sum.failed = sum.failed || s.kind&failedBit != 0
		i++
	}
	for r.slice(tr, best).dur != sum.longest {
		best++
	}
	t.addGroup(tr, r, first, i, best, sum)
	return i
}

// whole returns the largest whole block that begins with number i of a row, ends before a time and has only short slices,
// and its length: 0 if there is none.
func (r *row) whole(tr *track, i int, end int64, t *tiler) (size int, b *block) {
	at := r.off + i
	if at%topLen == 0 && i+topLen <= r.len() {
		if last := r.slice(tr, i+topLen-1); last.start < end && !t.isLong(last) {
			return topLen, r.tops.at(at / topLen)
		}
	}
	if i+blockLen <= r.len() {
		if last := r.slice(tr, i+blockLen-1); last.start < end && !t.isLong(last) {
			return blockLen, r.blocks.at(at / blockLen)
		}
	}
	return 0, nil
}

// bucketEnd returns the absolute time at which the bucket of another one ends.
func (t *tiler) bucketEnd(absolute int64) int64 {
	return addTimes(t.s.zero, shift(t.bucket(absolute)+1, t.level))
}

// addGroup adds an item for numbers first to next of a row.
func (t *tiler) addGroup(tr *track, r *row, first, next, best int, sum block) {
	begin, last := r.slice(tr, first), r.slice(tr, next-1)
	count := uint32(min(next-first, maxCount))
	if sum.failed {
		count |= itemFailed
	}
	start, end := float64(t.s.relative(begin.start)), float64(t.s.relative(last.end()))
	width := math.Ldexp(1, int(t.level))
	bucketEnd := float64(t.bucket(begin.start)+1) * width
	covered := float64(sum.sum) - max(end-bucketEnd, 0)
	pos := r.pos(tr, best)
	t.item(start, end, tr.slices.at(int(pos)).kind&kindMask, pos, count, float32(min(max(covered/width, 0), 1)))
}

// marks adds one item for the marks of each bucket.
func (t *tiler) marks(tr *track) {
	n := tr.marks.len()
	i := tr.marks.search(func(m *mark) bool { return m.time >= t.from })
	for i < n {
		m := tr.marks.at(i)
		if m.time >= t.to && (m.time > t.to || t.to < math.MaxInt64) {
			return
		}
		first, b := i, t.bucket(m.time)
		var sum peak
		best := -1
		take := func(p peak, at int) {
			if best < 0 || p.weight > sum.weight {
				best = at
			}
			sum.add(p)
		}
		for i < n {
			if at := tr.peakOff + i; at%blockLen == 0 && i+blockLen <= n && t.bucket(tr.marks.at(i+blockLen-1).time) == b {
				take(*tr.peaks.at(at / blockLen), i)
				i += blockLen
				continue
			}
			if t.bucket(tr.marks.at(i).time) != b {
				break
			}
			take(tr.marks.at(i).peak(), i)
			i++
		}
		for tr.marks.at(best).weight() != sum.weight {
			best++
		}
		t.addMarks(tr, first, best, i-first, sum)
	}
}

func (t *tiler) addMarks(tr *track, first, best, count int, sum peak) {
	severity := uint32(sum.severity)
	if sum.types&(1<<AnomalyMark) != 0 {
		severity |= itemAnomaly
	}
	if sum.types&(1<<LossMark) != 0 {
		severity |= itemLoss
	}
	m := &t.tile.marks
	m.time = append(m.time, float64(t.s.relative(tr.marks.at(first).time)))
	m.kind, m.pos = append(m.kind, tr.marks.at(best).kind), append(m.pos, uint32(best))
	m.count, m.severity = append(m.count, uint32(min(count, maxCount))), append(m.severity, severity)
}

// series adds the values of a series of a counter: of each bucket one item, and the value from before the tile.
func (t *tiler) series(number uint32, c *series) {
	n := c.samples.len()
	i := c.samples.search(func(v *sample) bool { return v.time >= t.from })
	if i > 0 {
		v := c.samples.at(i - 1)
		t.addSample(number, v, v.extent())
	}
	for i < n {
		v := c.samples.at(i)
		if v.time >= t.to && (v.time > t.to || t.to < math.MaxInt64) {
			return
		}
		b, sum := t.bucket(v.time), noExtent
		for i < n {
			if at := c.off + i; at%blockLen == 0 && i+blockLen <= n && t.bucket(c.samples.at(i+blockLen-1).time) == b {
				sum.add(*c.spans.at(at / blockLen))
				i += blockLen
				continue
			}
			if t.bucket(c.samples.at(i).time) != b {
				break
			}
			sum.add(c.samples.at(i).extent())
			i++
		}
		t.addSample(number, c.samples.at(i-1), sum)
	}
}

func (t *tiler) addSample(number uint32, last *sample, sum extent) {
	c := &t.tile.counts
	c.series, c.time = append(c.series, number), append(c.time, float64(t.s.relative(last.time)))
	c.min, c.max, c.last = append(c.min, sum.min), append(c.max, sum.max), append(c.last, last.value)
}
