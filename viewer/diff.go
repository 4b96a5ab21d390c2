package viewer

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/spanstack/spanstack/tracefmt/diff"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// maxChanges is how many paths that changed are sent, those that changed most first.
const maxChanges = 1000

// side is what there is of a path in one of two traces.
type side struct {
	Count int64 `json:"count"`
	Total int64 `json:"total"`
	Self  int64 `json:"self"`
	P50   int64 `json:"p50"`
	P95   int64 `json:"p95"`
}

// change is a path that isn't the same in both.
type change struct {
	Path     []string `json:"path"`
	Change   string   `json:"change"`
	A        *side    `json:"a"`
	B        *side    `json:"b"`
	LongestA string   `json:"longestA"`
	LongestB string   `json:"longestB"`
}

// compared is one of two traces, as it is compared.
type compared struct {
	Title string `json:"title"`
	Total int64  `json:"total"`

	snap    *index.Snapshot
	sum     *summary.Summary
	longest map[string]string // keys of slices, by paths
	lengths map[string]int64  // and how long these are
}

// diff serves api/diff.
func (v *Viewer) diff(w http.ResponseWriter, r *request) error {
	normalize := r.flag("normalize", true)
	var sides [2]*compared
	for i, param := range []string{"a", "b"} {
		t, err := v.trace(r.params, param)
		if err != nil {
			return err
		}
		if !r.has(param) {
			return badRequest("want the numbers of two traces, a and b")
		}
		sides[i] = &compared{Title: t.source.Title, snap: t.snapshot()}
		if sides[i].snap == nil {
			return errNotYet
		}
	}
	var wait sync.WaitGroup
	var errs [2]error
	for i, s := range sides {
		wait.Go(func() { errs[i] = s.sumUp(r.Context(), normalize) })
	}
	wait.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	d := diff.Compare(sides[0].sum, sides[1].sum, diff.Threshold{})
	sides[0].Total, sides[1].Total = d.A.Total, d.B.Total
	doc := struct {
		A       *compared `json:"a"`
		B       *compared `json:"b"`
		Changes []change  `json:"changes"`
		Cut     int       `json:"cut,omitempty"`
	}{sides[0], sides[1], []change{}, max(len(d.Changes)-maxChanges, 0)}
	for _, c := range d.Changes[:min(len(d.Changes), maxChanges)] {
		doc.Changes = append(doc.Changes, changeOf(&c, sides))
	}
	return answer(w, doc)
}

// sumUp adds up a trace as api/aggregate does, by the paths that package diff compares.
func (c *compared) sumUp(ctx context.Context, normalize bool) error {
	a, err := aggregateOwn(ctx, c.snap, selection{window: index.Everything}, true, true)
	if err != nil {
		return err
	}
	waited, err := a.waited(ctx)
	if err != nil {
		return err
	}
	rename := func(name string) string { return name }
	if normalize {
		rename = diff.Normalize
	}
	c.longest, c.lengths = make(map[string]string), make(map[string]int64)
	root := &summary.Node{}
	c.add(root, &a.root, nil, rename, waited)
	c.sum = &summary.Summary{Processes: []*summary.Process{{Root: root}}}
	return ctx.Err()
}

// add adds the nodes below one to a summary, down to maxDepth: package diff adds up those that have become the same path.
func (c *compared) add(to *summary.Node, n *node, path []string, rename func(string) string, waited map[*node]int64) {
	if n.depth == maxDepth {
		return
	}
	for _, below := range n.sorted() {
		node := &summary.Node{Name: rename(below.name), Count: below.count, Failed: below.failed, Open: below.open, Total: below.total,
			Self: below.self, Own: below.self - waited[below], Ended: below.whole}
		to.Children = append(to.Children, node)
		names := append(path, node.Name)
		key := pathKey(names)
		if below.count > 0 && (c.longest[key] == "" || below.length > c.lengths[key]) {
			c.longest[key], c.lengths[key] = c.snap.Key(below.longest), below.length
		}
		c.add(node, below, names, rename, waited)
	}
}

func pathKey(names []string) string { return strings.Join(names, "\x00") }

func changeOf(c *diff.Change, sides [2]*compared) change {
	key := pathKey(c.Path)
	of := change{Path: make([]string, 0, len(c.Path)), A: sideOf(c.A), B: sideOf(c.B), LongestA: sides[0].longest[key], LongestB: sides[1].longest[key]}
	for _, name := range c.Path[max(0, len(c.Path)-maxDepth):] {
		of.Path = append(of.Path, brief(name))
	}
	switch {
	case c.A == nil:
		of.Change = "new"
	case c.B == nil:
		of.Change = "gone"
	case c.Self() > 0:
		of.Change = "slower"
	case c.Self() < 0:
		of.Change = "faster"
	default:
		of.Change = "other" // of numbers, or of the time of what is inside
	}
	return of
}

func sideOf(n *diff.Numbers) *side {
	if n == nil {
		return nil
	}
	return &side{n.Count, n.Total, n.Self, n.P50, n.P95}
}
