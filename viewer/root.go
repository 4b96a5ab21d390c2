package viewer

import (
	"context"
	"net/http"

	"github.com/spanstack/spanstack/viewer/internal/index"
)

// maxUnasked is how many slices a critical path is looked for among without anybody asking for it: about a second's work. Tests change it.
var maxUnasked = 500_000

// root serves api/root.
func (v *Viewer) root(w http.ResponseWriter, r *request) error {
	slice, large, err := rootOf(r.Context(), r.snap)
	if err != nil {
		return err
	}
	return answer(w, struct {
		Slice *sliceRef `json:"slice"`
		Large bool      `json:"large"`
	}{slice, large})
}

// rootOf returns the slice that most of a trace is about, or nil, and whether there is more in its time than is looked at unasked.
func rootOf(ctx context.Context, s *index.Snapshot) (slice *sliceRef, large bool, err error) {
	p, ok, err := s.Root(ctx)
	if !ok || err != nil {
		return nil, false, err
	}
	ref := refOf(s, p)
	at, _ := s.Slice(p)
	fits, err := fitsCritical(ctx, s, at.Window(), nil, maxUnasked)
	return &ref, !fits, err
}
