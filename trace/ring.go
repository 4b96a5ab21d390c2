package trace

import (
	"encoding/binary"
	"sync"
)

const chunkSize = 32 << 10 // bytes; twice the largest record

// A ring keeps the newest records of all shards in at most limit bytes, as a list of chunks of pointer-free bytes:
// the garbage collector never looks into them. A chunk is filled by one shard and is immutable below the length
// that a reader saw under the shard's lock, so that readers copy nothing while they hold it. Readers that still use
// a chunk when it leaves the ring keep it alive until they are done with it.
type ring struct {
	mu      sync.Mutex
	chunks  []*chunk // oldest first
	bytes   int
	limit   int
	nextSeq uint64
}

type chunk struct {
	seq  uint64 // its place among all chunks of the ring
	lane *lane  // whose records it holds
	buf  []byte // guarded by the shard's lock while the chunk is the lane's current one
}

// newChunk adds an empty chunk and drops the oldest ones above the limit.
func (r *ring) newChunk(l *lane) *chunk {
	c := &chunk{lane: l, buf: make([]byte, 0, chunkSize)}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.seq = r.nextSeq
	r.nextSeq++
	r.chunks = append(r.chunks, c)
	r.bytes += chunkSize
	drop := 0
	for r.bytes > r.limit && drop < len(r.chunks)-1 {
		drop++
		r.bytes -= chunkSize
	}
	if drop > 0 {
		clear(r.chunks[:drop])
		r.chunks = r.chunks[drop:]
	}
	return c
}

// list returns the chunks that the ring holds now, oldest first.
func (r *ring) list() []*chunk {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*chunk(nil), r.chunks...)
}

// A lane is one shard's way into a ring. The shard's lock guards it.
type lane struct {
	ring    *ring
	cur     *chunk
	written uint64 // records, ever
}

func (l *lane) write(rec []byte) {
	need := len(rec) + binary.MaxVarintLen32
	if l.cur == nil || len(l.cur.buf)+need > chunkSize {
		l.cur = l.ring.newChunk(l)
	}
	c := l.cur
	c.buf = binary.AppendUvarint(c.buf, uint64(len(rec)))
	c.buf = append(c.buf, rec...)
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

func newRingReader(r *ring) *ringReader { return &ringReader{ring: r, lanes: map[*lane]*position{}} }

// read calls f for all records up to the cuts that it didn't see yet, in the order of their writing within a lane.
// It returns how many had left the ring before.
func (r *ringReader) read(cuts map[*lane]cut, f func([]byte)) (lost uint64) {
	for _, c := range r.ring.list() {
		k, ok := cuts[c.lane]
		if !ok || k.buf == nil || c.seq > k.seq {
			continue // begun after the cut
		}
		p := r.at(c.lane)
		if c.seq < p.seq {
			continue
		}
		if c.seq > p.seq {
			p.seq, p.offset = c.seq, 0
		}
		b := k.buf
		if c.seq < k.seq {
			b = c.buf // was full before the cut: nobody writes to it any more
		}
		p.read += eachRecord(b[p.offset:], f)
		p.offset = len(b)
	}
	for l, k := range cuts {
		if p := r.at(l); p.read < k.written {
			lost += k.written - p.read
			p.read = k.written
		}
	}
	return lost
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
		size, w := binary.Uvarint(b)
		b = b[w:]
		f(b[:size])
		b = b[size:]
		n++
	}
	return n
}
