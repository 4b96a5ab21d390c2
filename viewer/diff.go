package viewer

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"sync"

	"github.com/spanstack/spanstack/tracefmt"
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

// sumUp adds up a trace, by package diff and, for the slices that are to be shown, by our own index.
func (c *compared) sumUp(ctx context.Context, normalize bool) error {
	r := &interruptible{Reader: c.snap.Reader(index.Everything, nil), ctx: ctx}
	c.sum, _ = diff.Sum(eventsOf(r), normalize)
	if err := ctx.Err(); err != nil {
		return err
	}
	a, err := aggregate(ctx, c.snap, index.Everything, nil, true)
	if err != nil {
		return err
	}
	c.longest = make(map[string]string)
	lengths := make(map[string]int64)
	a.visit(func(path []*node) {
		names := make([]string, len(path))
		for i, n := range path {
			if names[i] = n.name; normalize {
				names[i] = diff.Normalize(n.name)
			}
		}
		n, key := path[len(path)-1], pathKey(names)
		if n.count > 0 && (c.longest[key] == "" || n.length > lengths[key]) {
			c.longest[key], lengths[key] = c.snap.Key(n.longest), n.length
		}
	})
	return nil
}

func pathKey(names []string) string { return strings.Join(names, "\x00") }

// eventsOf returns the events of a reader up to its end or its first error.
func eventsOf(r tracefmt.Reader) iter.Seq[*tracefmt.Event] {
	return func(yield func(*tracefmt.Event) bool) {
		for {
			e, err := r.Next()
			if err != nil || !yield(e) {
				return
			}
		}
	}
}

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
