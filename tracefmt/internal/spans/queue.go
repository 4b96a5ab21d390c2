package spans

// item is an element of a queue: a span that a node has, a log record, or an event.
type item struct {
	node  *node // the span's, or that of the parent
	log   *Log
	point point
	bytes int
	gone  bool
}

// queue is a list of items with their size. Items that are gone stay in it until they are at its head.
type queue struct {
	items []*item
	head  int
	count int
	bytes int
}

func (q *queue) push(it *item) {
	q.items = append(q.items, it)
	q.count++
	q.bytes += it.bytes
}

// remove takes an item out that is in the middle.
func (q *queue) remove(it *item) {
	it.gone = true
	q.count--
	q.bytes -= it.bytes
}

// pop takes the first item; nil if there is none.
func (q *queue) pop() *item {
	for q.head < len(q.items) {
		it := q.items[q.head]
		q.items[q.head] = nil
		q.head++
		if q.head >= 1024 && q.head*2 > len(q.items) {
			n := copy(q.items, q.items[q.head:])
			clear(q.items[n:])
			q.items, q.head = q.items[:n], 0
		}
		if !it.gone {
			q.remove(it)
			return it
		}
	}
	return nil
}
