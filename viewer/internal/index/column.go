package index

// perChunk is how many values are in a chunk of a column.
const perChunk = 1 << chunkShift

const chunkShift = 10

// column is a list of values in chunks, of which copies may be read while it grows: a copy sees the values that there
// were, since those that are shared are never written again. Chunks have their final length, except for the first of a
// short column.
type column[T any] struct {
	chunks [][]T
	n      int
	shared int // values that copies may read
}

func (c *column[T]) len() int { return c.n }

func (c *column[T]) at(i int) *T { return &c.chunks[i>>chunkShift][i&(perChunk-1)] }

// share returns a copy that stays as it is.
func (c *column[T]) share() column[T] {
	c.shared = c.n
	return column[T]{chunks: c.chunks[:len(c.chunks):len(c.chunks)], n: c.n}
}

// append adds a value.
func (c *column[T]) append(v T) {
	if c.n == len(c.chunks)<<chunkShift || len(c.chunks) == 1 && c.n == len(c.chunks[0]) {
		c.grow()
	}
	*c.at(c.n) = v
	c.n++
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
		whole := n >> chunkShift
		chunks := append(make([][]T, 0, whole+1), c.chunks[:whole]...)
		if rest := n & (perChunk - 1); rest > 0 {
			chunk := make([]T, len(c.chunks[whole]))
			copy(chunk, c.chunks[whole][:rest])
			chunks = append(chunks, chunk)
		}
		c.chunks, c.shared = chunks, n
	}
	c.n = n
}

// appendTo adds the values from number i on to a list.
func (c *column[T]) appendTo(dst []T, i int) []T {
	for i < c.n {
		chunk := c.chunks[i>>chunkShift]
		part := chunk[i&(perChunk-1) : min(len(chunk), c.n-i+i&(perChunk-1))]
		dst = append(dst, part...)
		i += len(part)
	}
	return dst
}

// extend adds all values of a list.
func (c *column[T]) extend(list []T) {
	for _, v := range list {
		c.append(v)
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
