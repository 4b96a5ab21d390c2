package lanes

import (
	"cmp"
	"container/heap"
	"math"
)

// few is the number of lanes up to which they are searched one by one. Tests change it.
var few = 8

// An index finds the lanes of tracks that have many, for slices that come in the order of their starts.
type index[L, O any] struct {
	unused queue[L, O] // lanes that were free when they came here, the lowest first
	used   queue[L, O] // the others, those first that are free first
	latest int64       // the latest start so far
	homes  map[string]home[L, O]
	order  []string // the keys of homes, the oldest first
}

// home is where a slice is.
type home[L, O any] struct {
	lane *Lane[L, O]
	Slice
}

// maxHomes bounds the slices whose lane is known by their ID.
const maxHomes = 1 << 16

func newIndex[L, O any](lanes []*Lane[L, O]) *index[L, O] {
	x := &index[L, O]{latest: math.MinInt64, homes: map[string]home[L, O]{}}
	for _, l := range lanes {
		x.add(l)
		for i := range l.open {
			x.note(l, &l.open[i].Slice)
		}
		for c := range l.row.path() {
			x.note(l, c)
		}
	}
	return x
}

func (x *index[L, O]) add(l *Lane[L, O]) { heap.Push(&x.used, queued[L, O]{l.until(), l}) }

// note remembers where a slice is.
func (x *index[L, O]) note(l *Lane[L, O], s *Slice) {
	x.latest = max(x.latest, s.Start)
	if s.ID == "" {
		return
	}
	if _, known := x.homes[s.ID]; !known {
		x.order = append(x.order, s.ID)
	}
	x.homes[s.ID] = home[L, O]{l, *s}
	if len(x.order) > maxHomes {
		delete(x.homes, x.order[0])
		x.order = x.order[1:]
	}
}

func (x *index[L, O]) laneOf(id string, at int64) *Lane[L, O] {
	if h, ok := x.homes[id]; ok && h.around(at) {
		return h.lane
	}
	return nil
}

// free returns the lowest lane on which nothing is from a time on, or nil. It counts as used from now on.
func (x *index[L, O]) free(at int64) *Lane[L, O] {
	for len(x.used) > 0 && x.used[0].key <= at {
		l := x.used[0].lane
		if until := l.until(); until > at { // more was put on it
			x.used[0].key = until
			heap.Fix(&x.used, 0)
			continue
		}
		heap.Pop(&x.used)
		heap.Push(&x.unused, queued[L, O]{int64(l.n), l})
	}
	for len(x.unused) > 0 {
		l := heap.Pop(&x.unused).(queued[L, O]).lane
		until := l.until()
		heap.Push(&x.used, queued[L, O]{max(until, at), l})
		if until <= at {
			return l
		}
	}
	return nil
}

// A queue is a heap of lanes, the lowest key first.
type queue[L, O any] []queued[L, O]

type queued[L, O any] struct {
	key  int64
	lane *Lane[L, O]
}

func (q queue[L, O]) Len() int      { return len(q) }
func (q queue[L, O]) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue[L, O]) Push(x any)   { *q = append(*q, x.(queued[L, O])) }

func (q queue[L, O]) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].key, q[j].key), cmp.Compare(q[i].lane.n, q[j].lane.n)) < 0
}

func (q *queue[L, O]) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = queued[L, O]{}
	*q = (*q)[:last]
	return x
}
