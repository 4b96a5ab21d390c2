package viewer

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/spanstack/spanstack/viewer/internal/index"
)

const (
	searchTime = 1800 * time.Millisecond // after which an answer has what was found
	usualHits  = 200
	maxHits    = 10_000
)

// hit is a slice or a mark that was found. The key of a mark is that of its slice.
type hit struct {
	sliceRef
	What string `json:"what"`
	Text string `json:"text"`
	Mark bool   `json:"mark,omitempty"`
}

// search serves api/search.
func (v *Viewer) search(w http.ResponseWriter, r *request) error {
	q := index.SearchQuery{Text: r.text("q"), Regexp: r.flag("regexp", false), Limit: int(r.number("limit", usualHits, 1, maxHits)), Window: r.params.window()}
	r.searchIn(&q)
	if q.Text == "" {
		r.fail("q=: want a text to search for")
	}
	if r.err != nil {
		return r.err
	}
	ctx, cancel := context.WithTimeout(r.Context(), searchTime)
	defer cancel()
	found, err := r.snap.Search(ctx, q)
	if err := failed(r, err); err != nil {
		return err
	}
	doc := struct {
		Total    int            `json:"total"`
		Complete bool           `json:"complete"`
		Hits     []hit          `json:"hits"`
		Tracks   map[uint32]int `json:"tracks"`
		Density  [256]int       `json:"density"`
	}{found.Total, found.Complete, []hit{}, found.Tracks, found.Density}
	for _, h := range found.Hits {
		doc.Hits = append(doc.Hits, hitOf(r.snap, h))
	}
	return answer(w, doc)
}

// searchIn reads where is to be searched: everywhere, unless it is said.
func (r *request) searchIn(q *index.SearchQuery) {
	places := map[string]*bool{"names": &q.Names, "attrs": &q.Attrs, "ids": &q.IDs, "logs": &q.Logs}
	if !r.has("in") {
		q.Names, q.Attrs, q.IDs, q.Logs = true, true, true, true
		return
	}
	for name := range strings.SplitSeq(r.text("in"), ",") {
		place := places[name]
		if place == nil {
			r.fail("in=%.100q: want some of names, attrs, ids and logs, with commas between them", r.values.Get("in"))
			return
		}
		*place = true
	}
}

func hitOf(s *index.Snapshot, h index.Hit) hit {
	if !h.Mark {
		return hit{refOf(s, h.Pos), brief(h.What), h.Text, false}
	}
	m, _ := s.Mark(h.Pos)
	of := hit{sliceRef{Track: h.Track, Pos: h.Pos.Pos, Name: brief(m.Name), Start: m.Time, End: m.Time}, brief(h.What), h.Text, true}
	if owner, ok := s.MarkSlice(h.Pos); ok {
		of.Key = s.Key(owner)
		at, _ := s.Slice(owner)
		of.Row = at.Row
	}
	return of
}
