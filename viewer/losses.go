package viewer

import "net/http"

// maxGaps is how many places at which something was lost are told apart.
const maxGaps = 1000

// gap is a place at which records are missing.
type gap struct {
	Time      int64  `json:"time"`
	Until     int64  `json:"until"`
	Track     uint32 `json:"track"`
	Pos       uint32 `json:"pos"`
	What      string `json:"what"`
	Marks     int    `json:"marks"`
	Count     int64  `json:"count"`
	Uncounted int    `json:"uncounted,omitempty"`
}

// losses serves api/losses.
func (v *Viewer) losses(w http.ResponseWriter, r *request) error {
	found, err := r.snap.Gaps(r.Context(), maxGaps)
	if err != nil {
		return err
	}
	doc := struct {
		Losses []gap `json:"losses"`
	}{[]gap{}}
	for _, g := range found {
		doc.Losses = append(doc.Losses, gap{g.From, g.To, g.Mark.Track, g.Mark.Pos, brief(g.Name), g.Marks, g.Count, g.Uncounted})
	}
	return answer(w, doc)
}
