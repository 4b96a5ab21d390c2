package viewer

import (
	"math"
	"net/http"

	"github.com/spanstack/spanstack/viewer/internal/index"
)

// trackInfo is a track.
type trackInfo struct {
	ID     uint32   `json:"id"`
	Parent uint32   `json:"parent"`
	Type   string   `json:"type"`
	Name   string   `json:"name"`
	Source string   `json:"source"`
	Order  int      `json:"order"`
	Depth  int      `json:"depth"`
	Hidden int64    `json:"hidden"`
	Slices int64    `json:"slices"`
	Start  int64    `json:"start"`
	End    int64    `json:"end"`
	Open   int64    `json:"open"`
	Failed int64    `json:"failed"`
	Marks  int64    `json:"marks"`
	Series []string `json:"series,omitempty"`
	Task   string   `json:"task"`
	Attrs  []attr   `json:"attrs,omitempty"`
}

// tracks serves api/tracks.
func (v *Viewer) tracks(w http.ResponseWriter, r *request) error {
	since := uint64(r.number("since", 0, 0, math.MaxInt64))
	if r.err != nil {
		return r.err
	}
	doc := struct {
		Gen    uint64      `json:"gen"`
		Tracks []trackInfo `json:"tracks"`
	}{Gen: r.snap.Gen(), Tracks: []trackInfo{}}
	orders := ordersOf(r.snap)
	for _, t := range r.snap.TracksSince(since) {
		doc.Tracks = append(doc.Tracks, infoOf(&t, orders[t.ID]))
	}
	return answer(w, doc)
}

// ordersOf returns for each track how many are drawn before it below the same parent.
func ordersOf(s *index.Snapshot) map[uint32]int {
	orders, children := make(map[uint32]int), make(map[uint32]int)
	for _, t := range s.Tracks() {
		orders[t.ID] = children[t.Parent]
		children[t.Parent]++
	}
	return orders
}

func infoOf(t *index.TrackInfo, order int) trackInfo {
	info := trackInfo{ID: t.ID, Parent: t.Parent, Type: t.Type.String(), Name: brief(t.Name), Source: brief(t.Source), Order: order, Depth: t.Depth,
		Hidden: t.Hidden, Slices: t.Slices, Start: t.Start, End: t.End, Open: t.Open, Failed: t.Failed, Marks: t.Marks, Task: brief(t.Task),
		Attrs: attrsOf(t.Attrs)}
	for _, name := range t.Series {
		info.Series = append(info.Series, brief(name))
	}
	return info
}

// kinds serves api/kinds.
func (v *Viewer) kinds(w http.ResponseWriter, r *request) error {
	from := int(r.number("from", 0, 0, math.MaxInt32))
	if r.err != nil {
		return r.err
	}
	names, categories := r.snap.Kinds()
	from = min(from, len(names))
	doc := struct {
		From       int      `json:"from"`
		Names      []string `json:"names"`
		Categories []string `json:"categories"`
	}{from, make([]string, 0, len(names)-from), make([]string, 0, len(names)-from)}
	for i := from; i < len(names); i++ {
		doc.Names = append(doc.Names, brief(names[i]))
		doc.Categories = append(doc.Categories, brief(categories[i]))
	}
	return answer(w, doc)
}

// window returns the stretch of time and the tracks that are asked for; no tracks are all.
func (r *request) window() (index.Window, []uint32) {
	w, tracks := r.params.window(), r.tracks()
	for _, id := range tracks {
		r.known(id)
	}
	return w, tracks
}

// known makes sure that there is a track.
func (r *request) known(id uint32) {
	if _, ok := r.snap.Track(id); !ok {
		r.fail("there is no track %d", id)
	}
}
