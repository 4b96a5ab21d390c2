package viewer

import (
	"net/http"

	"github.com/spanstack/spanstack/viewer/internal/index"
)

// maxWaits is how many open slices are listed, the oldest first.
const maxWaits = 5000

// wait is an open slice with those below it.
type wait struct {
	Slice    sliceRef `json:"slice"`
	Age      int64    `json:"age"`
	Attrs    []attr   `json:"attrs"`
	LastLog  *lastLog `json:"lastLog"`
	Children []*wait  `json:"children"`

	up    *wait
	depth int
}

type lastLog struct {
	Time     int64  `json:"time"`
	Message  string `json:"message"`
	Severity uint8  `json:"severity"`
}

// waits serves api/waits.
func (v *Viewer) waits(w http.ResponseWriter, r *request) error {
	within := func(index.Pos) bool { return true }
	if r.has("slice") {
		p, err := r.byKey("slice")
		if err != nil {
			return err
		}
		within = r.snap.Below(p)
	}
	doc := struct {
		Now  int64   `json:"now"`
		Open []*wait `json:"open"`
		Cut  int     `json:"cut,omitempty"`
	}{r.trace.nowOf(r.snap), []*wait{}, 0}
	listed := make(map[index.Pos]*wait)
	for _, p := range r.snap.Open() {
		switch {
		case !within(p):
			continue
		case len(listed) == maxWaits:
			doc.Cut++
			continue
		case r.Context().Err() != nil:
			return r.Context().Err()
		}
		each := waitOf(r.snap, p, doc.Now)
		// Parents began earlier, and are listed already; in a circle of parents, which broken traces have, the first is outermost.
		if up := nearest(r.snap, p, listed); up != nil {
			each.up, each.depth = up, up.depth+1
			up.Children = append(up.Children, each)
		} else {
			doc.Open = append(doc.Open, each)
		}
		listed[p] = each
	}
	return answer(w, doc)
}

// nearest returns the nearest of the listed slices that a slice is below, or one further out if that is too deep for parsers of JSON.
func nearest(s *index.Snapshot, p index.Pos, listed map[index.Pos]*wait) *wait {
	for up := range s.Ancestors(p) {
		if w := listed[up]; w != nil {
			for w.depth >= maxDepth {
				w = w.up
			}
			return w
		}
	}
	return nil
}

func waitOf(s *index.Snapshot, p index.Pos, now int64) *wait {
	w := &wait{Slice: refOf(s, p), Attrs: []attr{}, Children: []*wait{}}
	w.Slice.End = max(w.Slice.End, now)
	w.Age = max(now-w.Slice.Start, 0)
	details, _ := s.Details(p)
	for _, a := range details.Attrs {
		w.Attrs = append(w.Attrs, attrOf(a, maxBrief))
	}
	if line, ok := s.LastLog(p); ok {
		m, _ := s.Mark(line)
		w.LastLog = &lastLog{m.Time, brief(m.Name), uint8(m.Severity)}
	}
	return w
}
