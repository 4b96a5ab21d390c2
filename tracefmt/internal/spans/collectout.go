package spans

import (
	"cmp"
	"slices"
)

// setTrace says of which trace a node is, and with it all that waited for that.
func (c *Collector) setTrace(n *node, trace TraceID) {
	todo := []*node{n}
	if len(n.children) == 0 && !n.parked {
		n.trace, n.traced = trace, true
		return
	}
	for len(todo) > 0 {
		n, todo = todo[len(todo)-1], todo[:len(todo)-1]
		if n.traced {
			continue
		}
		n.trace, n.traced = trace, true
		todo = append(todo, n.children...)
		n.children = nil
		if n.parked {
			n.parked = false
			c.handOut(n)
		}
	}
}

// trim hands out what is more than may be held.
func (c *Collector) trim() {
	for c.held.count > maxHeld || c.held.bytes > maxHeldBytes {
		c.release(c.held.pop())
	}
}

// release hands out an item, or lets its span wait for its trace.
func (c *Collector) release(it *item) {
	n := it.node
	if it.log != nil {
		if n != nil && n.traced && it.log.Trace.IsZero() {
			it.log.Trace = n.trace
		}
		c.Log(it.log)
		return
	}
	if n.traced {
		c.handOut(n)
		return
	}
	n.parked = true
	it.gone = false
	c.waits.push(it)
	for c.waits.count > maxWaiting || c.waits.bytes > maxWaitBytes {
		c.forceFirst("trace of a span whose parent isn't there, or comes too late: made up")
	}
}

// forceFirst makes the span go that waits for its trace since the longest time.
func (c *Collector) forceFirst(why string) bool {
	it := c.waits.pop()
	if it == nil {
		return false
	}
	if it.node.parked {
		if why != "" {
			c.Losses.Add(why)
		}
		c.force(it.node)
	}
	return true
}

// force says of which trace a node is, by the outermost of those around it that is known.
func (c *Collector) force(n *node) {
	root := n
	for steps := 0; root.parent != 0 && steps < maxKnown; steps++ {
		p := c.nodes[root.parent]
		if p == nil || p == n {
			break
		}
		if p.traced {
			c.setTrace(root, p.trace)
			return
		}
		root = p
	}
	trace := traceOf(root.id)
	c.setTrace(root, trace)
	c.setTrace(n, trace) // if there is a circle
}

// handOut hands out a span whose trace is known.
func (c *Collector) handOut(n *node) {
	s := n.span
	s.Trace = n.trace
	c.Span(s)
	n.state, n.span = gone, nil
	c.recycle(s)
}

// Flush hands out the spans that have ended, and the log records, as far as their traces are known. It doesn't
// wait for events of them that might come.
func (c *Collector) Flush() {
	for it := c.held.pop(); it != nil; it = c.held.pop() {
		c.release(it)
	}
}

// Close hands out all that is left: slices that are open as spans without an end.
func (c *Collector) Close() {
	var left []*node
	for _, t := range c.tracks {
		for _, l := range t.stack {
			if l.node != nil {
				left = append(left, l.node)
			}
		}
	}
	for _, list := range c.async {
		left = append(left, list...)
	}
	slices.SortFunc(left, func(a, b *node) int { return cmp.Compare(a.serial, b.serial) })
	for _, n := range left {
		c.finish(n)
	}
	for it := c.orphan.pop(); it != nil; it = c.orphan.pop() {
		c.abandon(it)
	}
	c.Flush()
	for c.forceFirst("") {
	}
}
