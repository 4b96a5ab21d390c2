package index

import "slices"

// perChunk is how many values are in a chunk of a column.
const perChunk = 1 << chunkShift

const chunkShift = 10

// column is a list of values in chunks, of which copies may be read while it grows: a copy sees the values that there
// were, since those that are shared are never written again. Chunks have their final length, except for the first of a
// short column. What leaves at the front leaves by chunks, so that nothing is moved.
type column[T any] struct {
	chunks [][]T
	off    int // of the first value in the first chunk
	n      int
	shared int // values that copies may read
}

func (c *column[T]) len() int { return c.n }

func (c *column[T]) at(i int) *T {
	i += c.off
	return &c.chunks[i>>chunkShift][i&(perChunk-1)]
}

// share returns a copy that stays as it is.
func (c *column[T]) share() column[T] {
	c.shared = c.n
	return column[T]{chunks: c.chunks[:len(c.chunks):len(c.chunks)], off: c.off, n: c.n}
}

// clone returns a list of the same values with memory of its own.
func (c *column[T]) clone() (copied column[T]) {
	for i := 0; i < c.n; {
		part := c.part(i)
		copied.extend(part)
		i += len(part)
	}
	return copied
}

// append adds a value.
func (c *column[T]) append(v T) {
	end := c.off + c.n
	if i := end >> chunkShift; i < len(c.chunks) {
		if chunk, k := c.chunks[i], end&(perChunk-1); k < len(chunk) { // as mostly
			chunk[k] = v
			c.n++
			return
		}
	}
	c.grow()
	*c.at(c.n) = v
	c.n++
}

// full reports whether there is no room for another value.
func (c *column[T]) full() bool {
	end := c.off + c.n
	return end == len(c.chunks)<<chunkShift || len(c.chunks) == 1 && end == len(c.chunks[0])
}

// grow makes room for another value.
func (c *column[T]) grow() {
	const least = 8
	switch {
	case len(c.chunks) == 0:
		c.chunks = [][]T{make([]T, least)}
	case len(c.chunks) == 1 && len(c.chunks[0]) < perChunk:
		larger := make([]T, min(4*len(c.chunks[0]), perChunk))
		copy(larger, c.chunks[0])
		c.chunks = [][]T{larger} // another list: copies go on with the old one
	default:
		c.chunks = append(c.chunks, make([]T, perChunk))
	}
}

// cut takes away all values from number n on.
func (c *column[T]) cut(n int) {
	if n >= c.n {
		return
	}
	if n < c.shared { // what follows is written where copies read
		end := c.off + n
		whole := end >> chunkShift
		chunks := append(make([][]T, 0, whole+1), c.chunks[:whole]...)
		if rest := end & (perChunk - 1); rest > 0 {
			chunk := make([]T, len(c.chunks[whole]))
			copy(chunk, c.chunks[whole][:rest])
			chunks = append(chunks, chunk)
		}
		c.chunks, c.shared = chunks, n
	}
	c.n = n
}

// drop takes away the first n values.
func (c *column[T]) drop(n int) {
	if n >= c.n {
		*c = column[T]{}
		return
	}
	begin := c.off + n
	if whole := begin >> chunkShift; whole > 0 {
		c.chunks = slices.Clone(c.chunks[whole:]) // a part of the old list would keep what leaves
	}
	c.off = begin & (perChunk - 1)
	c.n -= n
	c.shared = max(0, c.shared-n)
}

// dropBut takes away the values before number n, all but some of them, which come to be just before it.
func (c *column[T]) dropBut(n int, kept []T) {
	n -= len(kept)
	c.replace(n, kept)
	c.drop(n)
}

// replace puts other values into the place of those from number i on. Copies have the old ones.
func (c *column[T]) replace(i int, list []T) {
	if len(list) == 0 {
		return
	}
	c.chunks = slices.Clone(c.chunks)
	for i += c.off; len(list) > 0; {
		chunk := slices.Clone(c.chunks[i>>chunkShift])
		c.chunks[i>>chunkShift] = chunk
		n := copy(chunk[i&(perChunk-1):], list)
		i, list = i+n, list[n:]
	}
}

// appendTo adds the values from number i on to a list.
func (c *column[T]) appendTo(dst []T, i int) []T {
	for i < c.n {
		part := c.part(i)
		dst = append(dst, part...)
		i += len(part)
	}
	return dst
}

// part returns the values from number i on that are in one chunk.
func (c *column[T]) part(i int) []T {
	chunk, from := c.chunks[(c.off+i)>>chunkShift], (c.off+i)&(perChunk-1)
	return chunk[from:min(len(chunk), from+c.n-i)]
}

// extend adds all values of a list.
func (c *column[T]) extend(list []T) {
	for len(list) > 0 {
		if c.full() {
			c.grow()
		}
		end := c.off + c.n
		n := copy(c.chunks[end>>chunkShift][end&(perChunk-1):], list)
		c.n += n
		list = list[n:]
	}
}

// search returns the first value for which is reports true, as sort.Search does.
func (c *column[T]) search(is func(*T) bool) int {
	lo, hi := 0, c.n
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if is(c.at(m)) {
			hi = m
		} else {
			lo = m + 1
		}
	}
	return lo
}
