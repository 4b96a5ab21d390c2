package index

import "slices"

// arena holds records: bytes without pointers, which never change once they are written. A record is found by its
// ref, the number of the word of 4 bytes at which it begins; 0 is none. Numbers go round: chunks at the front can leave,
// and theirs are used again when all others were.
type arena struct {
	first  uint32   // the number of the first chunk
	chunks [][]byte // of chunkBytes; a longer record has one of its own, and nothing in the places behind that
	used   int      // bytes of the last one
	bytes  int64    // of all

	latest []int64 // by chunks, the latest of the times that its records are of; it isn't shared
}

const (
	chunkBytes = 1 << 20
	chunkWords = chunkBytes / 4
	maxChunks  = 1 << 32 / chunkWords // 16 GiB: what words with numbers of 32 bits hold
)

// size returns the bytes that the arena takes.
func (a *arena) size() int64 { return a.bytes }

// share returns a copy that sees what is there now.
func (a *arena) share() arena {
	return arena{first: a.first, chunks: a.chunks[:len(a.chunks):len(a.chunks)], used: a.used, bytes: a.bytes}
}

// add adds a record of something that happens at a time, and returns its ref; 0 if there is no room for it.
func (a *arena) add(record []byte, time int64) uint32 {
	n := (len(record) + 3) &^ 3
	last := len(a.chunks) - 1
	if last < 0 || a.used+n > chunkBytes {
		if last = a.grow(n); last < 0 {
			return 0
		}
	}
	at := a.used
	copy(a.chunks[last][at:], record)
	a.latest[last] = max(a.latest[last], time)
	if a.used += n; len(a.chunks)-1 > last {
		a.used = chunkBytes // the next one begins another chunk
	}
	return (a.first+uint32(last))%maxChunks*chunkWords + uint32(at/4)
}

// grow adds a chunk with room for n bytes, and returns its place; less than 0 if there is no room for it.
func (a *arena) grow(n int) (place int) {
	place = len(a.chunks)
	begin := 0
	if (a.first+uint32(place))%maxChunks == 0 {
		begin = 4 // since ref 0 is none
	}
	size := max(chunkBytes, begin+n)
	places := (size + chunkBytes - 1) / chunkBytes
	if place+places > maxChunks {
		return -1
	}
	a.chunks = append(append(a.chunks, make([]byte, size)), make([][]byte, places-1)...)
	for range places {
		a.latest = append(a.latest, -endless-1)
	}
	a.used = begin
	a.bytes += int64(size)
	return place
}

// place returns the place in chunks where a record is, which may be behind the last one.
func (a *arena) place(ref uint32) int { return int((ref/chunkWords - a.first) % maxChunks) }

// at returns the bytes from the begin of a record to the end of its chunk.
func (a *arena) at(ref uint32) []byte { return a.chunks[a.place(ref)][ref%chunkWords*4:] }

// has reports whether a record was there when the arena was shared, and hadn't left.
func (a *arena) has(ref uint32) bool {
	i, last := a.place(ref), len(a.chunks)-1
	return i < last && a.chunks[i] != nil || i == last && int(ref%chunkWords*4) < a.used
}

// old returns, for each chunk, whether all that its records are of was before a time. The last chunk, into which records
// go, isn't old.
func (a *arena) old(before int64) []bool {
	list := make([]bool, len(a.chunks))
	for i := range len(a.chunks) - 1 {
		list[i] = a.chunks[i] != nil && a.latest[i] < before
	}
	return list
}

// drop lets go of chunks.
func (a *arena) drop(gone []bool) {
	a.chunks = slices.Clone(a.chunks)
	for i, yes := range gone {
		if yes {
			a.bytes -= int64(len(a.chunks[i]))
			a.chunks[i] = nil
		}
	}
	n := 0
	for n < len(a.chunks)-1 && a.chunks[n] == nil {
		n++
	}
	a.first = (a.first + uint32(n)) % maxChunks
	a.chunks, a.latest = slices.Clone(a.chunks[n:]), slices.Clone(a.latest[n:])
}
