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
	selection
	snap   *index.Snapshot
	byPath bool

	root  node
	nodes int
	total int64 // of the outermost slices

	names, categories []string            // of kinds
	chosen            map[uint32]bool     // the tracks that are added up
	isAsync           bool                // the track that is walked has slices beside each other
	around            []aroundSlice       // what is around the next slice of a track
	chains            map[index.Pos]*node // of slices in other tracks
	own               bool                // own times are wanted
	apart             []apart             // for these
}

// aroundSlice is a slice that others are inside of. Up to some time, that has been taken off its self time: those inside of it may overlap.
type aroundSlice struct {
	pos     index.Pos
	node    *node // nil if it doesn't count
	covered int64
}

// aggregate adds up the slices of a selection, on all processors.
func aggregate(ctx context.Context, s *index.Snapshot, sel selection, byPath bool) (*aggregation, error) {
	return aggregateOwn(ctx, s, sel, byPath, false)
}

// aggregateOwn is aggregate that also notes, by path, what runs below slices on other tracks: for own times.
func aggregateOwn(ctx context.Context, s *index.Snapshot, sel selection, byPath, own bool) (*aggregation, error) {
	chosen := make(map[uint32]bool)
	tracks := sel.tracks
	if tracks == nil {
		tracks = tracksOf(s)
	}
	for _, id := range tracks {
		chosen[id] = true
	}
	workers := make([]*aggregation, max(1, min(runtime.GOMAXPROCS(0), len(tracks))))
	var next atomic.Int64
	var wait sync.WaitGroup
	for i := range workers {
		a := &aggregation{selection: sel, snap: s, byPath: byPath, own: own, chosen: chosen, chains: make(map[index.Pos]*node)}
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
		workers[0].apart = append(workers[0].apart, other.apart...)
	}
	return workers[0], ctx.Err()
}

// walk adds a track, and reports whether to go on.
func (a *aggregation) walk(ctx context.Context, track uint32) bool {
	info, _ := a.snap.Track(track)
	a.isAsync = info.Type == index.AsyncTrack
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
	if a.isAsync {
		a.around = a.around[:0]
	} else {
		a.around = a.around[:min(v.Depth, len(a.around))]
	}
	if !a.counts(v.Pos) {
		a.around = append(a.around, aroundSlice{pos: v.Pos})
		return
	}
	from, to := max(v.Start, a.window.From), min(v.End, a.window.To)
	inside := max(to-from, 0)
	around, up := a.innermost(), a.parent(v)
	outermost := around == nil && !(a.isAsync && v.Depth > 0)
	if up == &a.root && (a.byPath || outermost) {
		a.total += inside
	}
	n := a.child(up, a.kind(v))
	n.add(v, inside)
	switch {
	case a.isAsync && v.Depth > 0:
		a.coverAsync(v.Pos, from, to)
	case around != nil:
		around.cover(from, to)
	}
	a.around = append(a.around, aroundSlice{v.Pos, n, from})
}

// innermost returns what is around the next slice the nearest, nil if that doesn't count.
func (a *aggregation) innermost() *aroundSlice {
	if n := len(a.around); n > 0 && a.around[n-1].node != nil {
		return &a.around[n-1]
	}
	return nil
}

// counts reports whether a slice is one of those that are added up. Most are below the one around them, which is known to.
func (a *aggregation) counts(p index.Pos) bool {
	if a.within == nil {
		return true
	}
	around := a.innermost()
	return around != nil && a.snap.Belongs(p, around.pos) || a.within(p)
}

// cover takes the time of a slice inside of it off the self time of one.
func (s *aroundSlice) cover(from, to int64) {
	if from = max(from, s.covered); to > from {
		s.node.self -= to - from
		s.covered = to
	}
}

// coverAsync takes the time of an async slice off the self time of the one that it is inside of.
func (a *aggregation) coverAsync(p index.Pos, from, to int64) {
	up, ok := a.snap.Above(p)
	if !ok || up.Track != p.Track || a.within != nil && !a.within(up) {
		return
	}
	s, _ := a.snap.Slice(up)
	n := a.chain(up)
	if !a.byPath {
		n = a.child(&a.root, kindKey{s.Name, s.Category})
	}
	n.self -= max(min(to, s.End)-max(from, s.Start), 0)
}

// parent returns the node that a slice's is below.
func (a *aggregation) parent(v *index.Visit) *node {
	if !a.byPath {
		return &a.root
	}
	around := a.innermost()
	if around != nil && a.snap.Belongs(v.Pos, around.pos) { // which is usual
		return around.node
	}
	up, ok := a.snap.Above(v.Pos)
	switch {
	case !ok:
		return &a.root
	case around != nil && around.pos == up:
		return around.node
	}
	if a.own && up.Track != v.Track {
		a.apart = append(a.apart, apart{up, stretch{v.Start, v.End}})
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
		if !a.chosen[p.Track] || s.End <= a.window.From || s.Start >= a.window.To || a.within != nil && !a.within(p) {
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
	byPath := r.choice("by", "name", "path") == "path"
	sel, err := r.selection()
	if err != nil {
		return err
	}
	a, err := aggregate(r.Context(), r.snap, sel, byPath)
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
