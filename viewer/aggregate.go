package viewer

import (
	"cmp"
	"container/heap"
	"context"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// Limits of trees by path.
const (
	maxAnswerNodes = 20_000  // that are sent
	maxNodes       = 1 << 20 // that are told apart
	maxDepth       = 400     // parsers of JSON have limits, too
)

// othersName is that of the node for slices that came when there were too many nodes for one of their own.
const othersName = "(others)"

// kindKey is what slices are one row by.
type kindKey struct{ name, category string }

// A node stands for slices that have their name and category, and in a tree their path, in common.
type node struct {
	kindKey
	count, failed, open int64
	total, self         int64 // ns within the window
	whole               summary.Quantiles
	longest             index.Pos
	length              int64 // of the longest
	children            map[kindKey]*node
	depth               int
	kept                bool // it is in the answer
}

// add adds a slice, of which some ns are within the window.
func (n *node) add(v *index.Visit, inside int64) {
	n.count++
	n.total += inside
	n.self += inside
	if v.Failed {
		n.failed++
	}
	if v.Open {
		n.open++
	} else {
		n.whole.Add(v.End - v.Start)
	}
	if length := v.End - v.Start; n.count == 1 || length > n.length || length == n.length && before(v.Pos, n.longest) {
		n.longest, n.length = v.Pos, length
	}
}

// aggregation adds up slices.
type aggregation struct {
	snap   *index.Snapshot
	window index.Window
	byPath bool

	root  node
	nodes int
	total int64 // of the outermost slices

	names, categories []string            // of kinds
	tracks            map[uint32]bool     // that are added up
	around            []aroundSlice       // what is around the next slice of a track
	chains            map[index.Pos]*node // of slices in other tracks
}

type aroundSlice struct {
	pos    index.Pos
	node   *node
	inside int64
}

// aggregate adds up the slices that overlap a window, on all processors. No tracks are all.
func aggregate(ctx context.Context, s *index.Snapshot, w index.Window, tracks []uint32, byPath bool) (*aggregation, error) {
	chosen := make(map[uint32]bool)
	if tracks == nil {
		for _, t := range s.Tracks() {
			tracks = append(tracks, t.ID)
		}
	}
	for _, id := range tracks {
		chosen[id] = true
	}
	workers := make([]*aggregation, max(1, min(runtime.GOMAXPROCS(0), len(tracks))))
	var next atomic.Int64
	var wait sync.WaitGroup
	for i := range workers {
		a := &aggregation{snap: s, window: w, byPath: byPath, tracks: chosen, chains: make(map[index.Pos]*node)}
		a.names, a.categories = s.Kinds()
		workers[i] = a
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(tracks) && a.walk(ctx, tracks[i]); i = int(next.Add(1)) - 1 {
			}
		})
	}
	wait.Wait()
	for _, other := range workers[1:] {
		workers[0].total += other.total
		workers[0].merge(&workers[0].root, &other.root)
	}
	return workers[0], ctx.Err()
}

// walk adds a track, and reports whether to go on.
func (a *aggregation) walk(ctx context.Context, track uint32) bool {
	a.around = a.around[:0]
	return a.snap.Walk(ctx, a.window, []uint32{track}, func(v *index.Visit) bool {
		a.add(v)
		return true
	}) == nil
}

// merge adds what is below one node of another aggregation to a node.
func (a *aggregation) merge(n, other *node) {
	for k, o := range other.children {
		c := a.child(n, k)
		if o.count > 0 && (c.count == 0 || o.length > c.length || o.length == c.length && before(o.longest, c.longest)) {
			c.longest, c.length = o.longest, o.length
		}
		c.count, c.failed, c.open = c.count+o.count, c.failed+o.failed, c.open+o.open
		c.total, c.self = c.total+o.total, c.self+o.self
		c.whole.Merge(&o.whole)
		a.merge(c, o)
	}
}

// before puts slices into some order that is always the same.
func before(a, b index.Pos) bool {
	return a.Track < b.Track || a.Track == b.Track && a.Pos < b.Pos
}

// add adds a slice. Those around it on its track were added before.
func (a *aggregation) add(v *index.Visit) {
	a.around = a.around[:min(v.Depth, len(a.around))]
	inside := max(min(v.End, a.window.To)-max(v.Start, a.window.From), 0)
	up := a.parent(v)
	if up == &a.root && (a.byPath || v.Depth == 0) {
		a.total += inside
	}
	n := a.child(up, a.kind(v))
	n.add(v, inside)
	if len(a.around) > 0 {
		a.around[len(a.around)-1].node.self -= inside
	}
	a.around = append(a.around, aroundSlice{v.Pos, n, inside})
}

// parent returns the node that a slice's is below.
func (a *aggregation) parent(v *index.Visit) *node {
	if !a.byPath {
		return &a.root
	}
	n := len(a.around)
	if n > 0 && a.snap.Names(v.Pos, a.around[n-1].pos) { // which is usual
		return a.around[n-1].node
	}
	up, ok := a.snap.Above(v.Pos)
	switch {
	case !ok:
		return &a.root
	case n > 0 && a.around[n-1].pos == up:
		return a.around[n-1].node
	}
	return a.chain(up)
}

// chain returns the node of a slice that is elsewhere: the root, if that isn't among those that are added up.
func (a *aggregation) chain(p index.Pos) *node {
	if n := a.chains[p]; n != nil {
		return n
	}
	path := []index.Pos{p}
	for up := range a.snap.Ancestors(p) {
		path = append(path, up)
	}
	n := &a.root
	for _, p := range slices.Backward(path) {
		s, _ := a.snap.Slice(p)
		if !a.tracks[p.Track] || s.End <= a.window.From || s.Start >= a.window.To {
			continue
		}
		n = a.child(n, kindKey{s.Name, s.Category})
	}
	a.chains[p] = n
	return n
}

// kind returns the name and category of a slice.
func (a *aggregation) kind(v *index.Visit) kindKey {
	if int(v.Kind) < len(a.names) && a.names[v.Kind] != "" {
		return kindKey{a.names[v.Kind], a.categories[v.Kind]}
	}
	s, _ := a.snap.Slice(v.Pos) // some have names of their own
	return kindKey{s.Name, s.Category}
}

// child returns the node below another one.
func (a *aggregation) child(n *node, k kindKey) *node {
	if c := n.children[k]; c != nil {
		return c
	}
	if a.nodes >= maxNodes {
		if n.name == othersName {
			return n
		}
		if k = (kindKey{name: othersName}); n.children[k] != nil {
			return n.children[k]
		}
	}
	a.nodes++
	c := &node{kindKey: k, depth: n.depth + 1}
	if n.children == nil {
		n.children = make(map[kindKey]*node)
	}
	n.children[k] = c
	return c
}

// sorted returns the children by self time, the greatest first.
func (n *node) sorted() []*node {
	list := make([]*node, 0, len(n.children))
	for _, c := range n.children {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *node) int {
		return cmp.Or(cmp.Compare(b.self, a.self), cmp.Compare(b.total, a.total), cmp.Compare(a.name, b.name), cmp.Compare(a.category, b.category))
	})
	return list
}

// visit visits all nodes down to maxDepth, as the paths that lead to them from the outermost one. A path is valid until the next.
func (a *aggregation) visit(do func(path []*node)) {
	var path []*node
	var below func(n *node)
	below = func(n *node) {
		if n.depth == maxDepth {
			return
		}
		for _, c := range n.children {
			path = append(path, c)
			do(path)
			below(c)
			path = path[:len(path)-1]
		}
	}
	below(&a.root)
}

// byTotal has the node of the greatest total first.
type byTotal []*node

func (h byTotal) Len() int           { return len(h) }
func (h byTotal) Less(i, j int) bool { return h[i].total > h[j].total }
func (h byTotal) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byTotal) Push(x any)        { *h = append(*h, x.(*node)) }
func (h *byTotal) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// keep chooses the nodes that are sent, the largest first, and returns how many are left out.
func (a *aggregation) keep() (left int) {
	var h byTotal
	push := func(n *node) {
		for _, c := range n.children {
			if c.depth <= maxDepth {
				heap.Push(&h, c)
			}
		}
	}
	kept := 0
	for push(&a.root); len(h) > 0 && kept < maxAnswerNodes; kept++ {
		n := heap.Pop(&h).(*node)
		n.kept = true
		push(n)
	}
	return a.nodes - kept
}

// aggregateRow is a node as it is sent.
type aggregateRow struct {
	Name     string         `json:"name"`
	Category string         `json:"category"`
	Count    int64          `json:"count"`
	Total    int64          `json:"total"`
	Self     int64          `json:"self"`
	P50      int64          `json:"p50"`
	P95      int64          `json:"p95"`
	Max      int64          `json:"max"`
	Failed   int64          `json:"failed"`
	Open     int64          `json:"open"`
	Longest  string         `json:"longest"`
	Children []aggregateRow `json:"children,omitempty"`
}

func (a *aggregation) rows(n *node) []aggregateRow {
	rows := []aggregateRow{}
	for _, c := range n.sorted() {
		if !c.kept {
			continue
		}
		row := aggregateRow{brief(c.name), brief(c.category), c.count, c.total, c.self, c.whole.At(0.5), c.whole.At(0.95), c.length, c.failed, c.open, "", nil}
		if c.count > 0 {
			row.Longest = a.snap.Key(c.longest)
		}
		if len(c.children) > 0 {
			row.Children = a.rows(c)
		}
		rows = append(rows, row)
	}
	return rows
}

// aggregate serves api/aggregate.
func (v *Viewer) aggregate(w http.ResponseWriter, r *request) error {
	window, tracks := r.window()
	byPath := r.choice("by", "name", "path") == "path"
	if r.err != nil {
		return r.err
	}
	a, err := aggregate(r.Context(), r.snap, window, tracks, byPath)
	if err != nil {
		return err
	}
	doc := struct {
		Total int64          `json:"total"`
		Rows  []aggregateRow `json:"rows"`
		Cut   int            `json:"cut,omitempty"`
	}{Total: a.total, Cut: a.keep()}
	doc.Rows = a.rows(&a.root)
	return answer(w, doc)
}
