package viewer

import (
	"context"
	"net/http"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

const (
	maxFlows = 2000
	maxLinks = 100 // of a slice
)

type flowPoint struct {
	Track uint32 `json:"track"`
	Row   uint32 `json:"row"`
	Time  int64  `json:"time"`
}

type flow struct {
	Name     string    `json:"name"`
	Category string    `json:"category"`
	From     flowPoint `json:"from"`
	To       flowPoint `json:"to"`
}

// flows serves api/flows.
func (v *Viewer) flows(w http.ResponseWriter, r *request) error {
	q := index.FlowQuery{Limit: maxFlows}
	q.Window, q.Tracks = r.window()
	if r.err != nil {
		return r.err
	}
	if r.has("slice") {
		p, err := r.byKey("slice")
		if err != nil {
			return err
		}
		q.Slice = &p
	}
	total, list, err := r.snap.Flows(r.Context(), q)
	if err != nil {
		return err
	}
	doc := struct {
		Total int    `json:"total"`
		Flows []flow `json:"flows"`
	}{total, []flow{}}
	for _, f := range list {
		doc.Flows = append(doc.Flows, flow{brief(f.Name), brief(f.Category), pointOf(f.From), pointOf(f.To)})
	}
	return answer(w, doc)
}

func pointOf(p index.FlowPoint) flowPoint { return flowPoint{p.Track, p.Row, p.Time} }

// linksOf returns what leads from a slice to others, and from them to it: arrows, and links by their IDs.
func linksOf(ctx context.Context, s *index.Snapshot, p index.Pos) ([]link, error) {
	at, _ := s.Slice(p)
	links := []link{}
	window := index.Window{From: at.Start, To: index.Everything.To}
	_, list, err := s.Flows(ctx, index.FlowQuery{Window: window, Slice: &p, Limit: maxLinks})
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		other, direction := f.To, "out"
		if !f.From.Slice || f.From.Pos != p {
			other, direction = f.From, "in"
		}
		if other.Slice && other.Pos != p {
			links = append(links, link{refOf(s, other.Pos), "flow", brief(f.Name), direction})
		}
	}
	marks, err := s.Marks(ctx, index.MarkQuery{Window: at.Window(), Tracks: []uint32{p.Track}, Of: tracefmt.CategoryLink,
		Within: func(o index.Pos) bool { return o == p }, Limit: maxLines})
	for _, pos := range marks.Marks {
		m, _ := s.Mark(pos)
		if len(links) >= maxLinks {
			continue
		}
		for _, a := range m.Attrs {
			if to, ok := s.Lookup(a.Value.String()); ok && a.Key == "link.span" {
				links = append(links, link{refOf(s, to), "link", brief(m.Name), "out"})
			}
		}
	}
	return links, err
}
