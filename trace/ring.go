package trace

import (
	"encoding/binary"
	"math"
	"sync"
)

// A chunk has at most maxChunk bytes, so that the garbage collector has few objects to look after, and at least minChunk,
// so that every lane of a small ring can have several. That is too small for the largest records, which get chunks of
// their own.
const (
	maxChunk = 256 << 10
	minChunk = 4 << 10
)

// A ring keeps the newest records of all shards in at most limit bytes, as a list of chunks of pointer-free bytes:
// the garbage collector never looks into them. A chunk is filled by one shard and is immutable below the length
// that a reader saw under the shard's lock, so that readers copy nothing while they hold it. Chunks that leave the ring
// while somebody reads are left to the garbage collector; otherwise the next chunk gets their memory. A chunk that is
// being filled never leaves the ring, or the newest records of a quiet shard would.
type ring struct {
	mu      sync.Mutex
	chunks  []*chunk // oldest first
	bytes   int
	limit   int
	chunk   int   // bytes of a new chunk
	maxAge  int64 // ns; 0: no limit
	nextSeq uint64
	readers int // that may look into chunks
	spare   []byte
}

type chunk struct {
	seq    uint64 // its place among all chunks of the ring
	lane   *lane  // whose records it holds
	first  uint64 // number of its first record in its lane
	buf    []byte // guarded by the shard's lock while the chunk is the lane's current one
	newest int64  // time of its last record, likewise
}

// newChunk adds an empty chunk with space for n bytes to a lane, and drops the oldest full ones above the limits.
func (r *ring) newChunk(l *lane, n int) *chunk {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = max(n, r.chunk)
	full := l.latest
	c := &chunk{seq: r.nextSeq, lane: l, first: l.written}
	r.nextSeq++
	l.latest = c
	for r.bytes+n > r.limit && r.dropOldest(never) {
	}
	if full != nil && r.maxAge > 0 {
		for r.dropOldest(full.newest - r.maxAge) {
		}
	}
	if c.buf, r.spare = r.spare, nil; cap(c.buf) < n {
		c.buf = make([]byte, 0, n)
	}
	r.chunks = append(r.chunks, c)
	r.bytes += cap(c.buf)
	return c
}

const never = math.MaxInt64

// dropOldest drops the oldest chunk that is full, if its newest record is of a time before t.
func (r *ring) dropOldest(t int64) bool {
	for i, c := range r.chunks {
		if c.lane.latest == c {
			continue
		}
		if t != never && c.newest >= t {
			return false
		}
		copy(r.chunks[1:], r.chunks[:i]) // those before it are few: at most one a lane
		r.chunks[0] = nil
		r.chunks = r.chunks[1:]
		r.bytes -= cap(c.buf)
		if r.readers == 0 {
			r.spare = c.buf[:0]
		}
		return true
	}
	return false
}

// pin keeps the memory of chunks from being used again until unpin is called.
func (r *ring) pin() {
	r.mu.Lock()
	r.readers++
	r.mu.Unlock()
}

func (r *ring) unpin() {
	r.mu.Lock()
	r.readers--
	r.mu.Unlock()
}

// list returns the chunks that the ring holds now, oldest first.
func (r *ring) list() []*chunk {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*chunk(nil), r.chunks...)
}

// A lane is one shard's way into a ring. The shard's lock guards it, but for latest.
type lane struct {
	ring    *ring
	cur     *chunk
	written uint64 // records, ever
	latest  *chunk // the same as cur, guarded by the ring's lock
}

// room returns the lane's current chunk's bytes, with space for n more.
func (l *lane) room(n int) []byte {
	if c := l.cur; c != nil && len(c.buf)+n <= cap(c.buf) {
		return c.buf
	}
	return l.nextChunk(n)
}

func (l *lane) nextChunk(n int) []byte {
	l.cur = l.ring.newChunk(l, n)
	return l.cur.buf
}

// commit stores what room returned, with one more record in it: from byte at on, with these parts, and of the time t.
func (l *lane) commit(b []byte, at int, parts byte, t int64) {
	b[at+3] = parts
	binary.LittleEndian.PutUint16(b[at:], uint16(len(b)-at))
	l.cur.buf = b
	l.cur.newest = t
	l.written++
}

// A cut is what a lane held at one moment.
type cut struct {
	seq     uint64 // of its current chunk
	buf     []byte // that chunk's records
	written uint64
}

func (l *lane) cut() cut {
	k := cut{written: l.written}
	if l.cur != nil {
		k.seq, k.buf = l.cur.seq, l.cur.buf
	}
	return k
}

// A ringReader remembers how far one consumer has read a ring.
type ringReader struct {
	ring  *ring
	lanes map[*lane]*position
}

// A position is how far a consumer has read a lane: offset bytes into the chunk seq, all earlier ones, and read
// records, including those it lost.
type position struct {
	seq    uint64
	offset int
	read   uint64
}

// newRingReader returns a reader that begins with the oldest records in the ring.
func newRingReader(r *ring, cuts map[*lane]cut) *ringReader {
	rd := &ringReader{ring: r, lanes: map[*lane]*position{}}
	rd.skip(cuts)
	seen := map[*lane]bool{}
	for _, c := range r.list() {
		if k, ok := cuts[c.lane]; ok && !seen[c.lane] && c.seq <= k.seq && k.buf != nil {
			seen[c.lane] = true
			*rd.at(c.lane) = position{seq: c.seq, read: c.first}
		}
	}
	return rd
}

// read calls f for records up to the cuts that it didn't see yet, in the order of their writing within a lane, and
// stops after the chunk in which it has read budget bytes; then more is true. It returns how many records had left the
// ring before, and tells f of those that had done so just before a record of the same lane.
func (r *ringReader) read(cuts map[*lane]cut, budget int, f func(record []byte, gone uint64)) (lost uint64, more bool) {
	for _, c := range r.ring.list() {
		k, ok := cuts[c.lane]
		if !ok || k.buf == nil || c.seq > k.seq {
			continue // begun after the cut
		}
		p := r.at(c.lane)
		if c.seq < p.seq {
			continue
		}
		b := k.buf
		if c.seq < k.seq {
			b = c.buf // was full before the cut: nobody writes to it any more
		}
		if c.seq == p.seq && len(b) == p.offset {
			continue
		}
		if budget <= 0 {
			return lost, true
		}
		gone := uint64(0)
		if c.seq > p.seq {
			if c.first > p.read {
				gone = c.first - p.read
			}
			*p = position{seq: c.seq, read: c.first}
		}
		lost += gone
		budget -= len(b) - p.offset
		p.read += eachRecord(b[p.offset:], func(record []byte) { f(record, gone); gone = 0 })
		p.offset = len(b)
	}
	for l, k := range cuts {
		if p := r.at(l); p.read < k.written {
			lost += k.written - p.read
			p.read = k.written
		}
	}
	return lost, false
}

// skip marks everything up to the cuts as read.
func (r *ringReader) skip(cuts map[*lane]cut) {
	for l, k := range cuts {
		*r.at(l) = position{seq: k.seq, offset: len(k.buf), read: k.written}
	}
}

func (r *ringReader) at(l *lane) *position {
	p := r.lanes[l]
	if p == nil {
		p = new(position)
		r.lanes[l] = p
	}
	return p
}

func eachRecord(b []byte, f func([]byte)) (n uint64) {
	for len(b) > 0 {
		size := binary.LittleEndian.Uint16(b)
		f(b[:size])
		b = b[size:]
		n++
	}
	return n
}
