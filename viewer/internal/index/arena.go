package index

// arena holds records: bytes without pointers, which never change once they are written. A record is found by its
// ref, the number of the word of 4 bytes at which it begins; 0 is none.
type arena struct {
	chunks [][]byte // of arenaChunk bytes; a longer record has one of its own, and nothing in the places behind that
	used   int      // bytes of the last one
}

const arenaChunk = 1 << 20

const maxRecords = 1 << 34 // bytes: what words of 4 bytes with numbers of 32 bits hold

// size returns the bytes that the arena takes.
func (a *arena) size() int64 { return int64(len(a.chunks)) * arenaChunk }

// share returns a copy that sees what is there now.
func (a *arena) share() arena {
	return arena{chunks: a.chunks[:len(a.chunks):len(a.chunks)], used: a.used}
}

// add adds a record and returns its ref; 0 if there is no room for it.
func (a *arena) add(record []byte) uint32 {
	n := (len(record) + 3) &^ 3
	last := len(a.chunks) - 1
	if last < 0 || a.used+n > arenaChunk {
		if a.size()+int64(n) > maxRecords {
			return 0
		}
		last = len(a.chunks)
		a.used = 0
		if last == 0 {
			a.used = 4 // since ref 0 is none
		}
		a.chunks = append(a.chunks, make([]byte, max(arenaChunk, n+a.used)))
		for more := n + a.used; more > arenaChunk; more -= arenaChunk {
			a.chunks = append(a.chunks, nil)
		}
	}
	at := a.used
	copy(a.chunks[last][at:], record)
	if a.used += n; len(a.chunks)-1 > last {
		a.used = arenaChunk // the next one begins another chunk
	}
	return uint32((int64(last)*arenaChunk + int64(at)) / 4)
}

// at returns the bytes from the begin of a record to the end of its chunk.
func (a *arena) at(ref uint32) []byte {
	offset := int64(ref) * 4
	return a.chunks[offset/arenaChunk][offset%arenaChunk:]
}

// has reports whether a record was there when the arena was shared.
func (a *arena) has(ref uint32) bool {
	offset := int64(ref) * 4
	chunk := int(offset / arenaChunk)
	return chunk < len(a.chunks)-1 || chunk == len(a.chunks)-1 && int(offset%arenaChunk) < a.used
}
