package summary

// A cover is how much of a slice others cover, which come in the order of their starts. Where several do, it counts once.
type cover struct {
	sum   int64 // ns; if it has no end yet, without the time of that
	until int64 // endless if it has no end yet
	known int64 // the latest of the ends that are known
	open  int   // how many have no end yet
}

func newCover(start int64) cover { return cover{until: start, known: start} }

// add covers a slice from start to end, which may be endless.
func (c *cover) add(start, end int64) {
	if end == endless {
		c.open++
	} else {
		c.known = max(c.known, end)
	}
	start = max(start, c.until)
	switch {
	case end <= start:
		return
	case end == endless:
		c.sum -= start
	default:
		c.sum += end - start
	}
	c.until = end
}

// ended says that one of those without an end ends at a time.
func (c *cover) ended(at int64) {
	if c.open--; c.open == 0 {
		c.sum, c.until = c.to(max(at, c.known)), max(at, c.known)
	}
}

// to returns how much of a slice that ends at a time is covered. What covers it there goes on since before that.
func (c *cover) to(end int64) int64 {
	if c.until == endless {
		return c.sum + end
	}
	return c.sum - max(c.until-end, 0)
}

// named is a slice with an ID, of which others say that they are below it, on whatever track.
type named struct {
	node  *Node
	end   int64 // endless if it isn't known
	below cover
}

// cover covers the slice, which may be nil, from start to end by one below it. It returns the slice if that has to be told the end.
func (n *named) cover(start, end int64) *named {
	if n == nil || start >= n.end {
		return nil
	}
	if end == endless {
		n.below.add(start, endless)
		return n
	}
	n.below.add(start, min(end, n.end))
	return nil
}

// ended tells the slice, which may be nil, the end of one below it.
func (n *named) ended(at int64) {
	if n != nil {
		n.below.ended(at)
	}
}
