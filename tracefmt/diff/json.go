package diff

import (
	"encoding/json"
	"io"
)

// WriteJSON writes the difference as one JSON object:
//
//	{"a": {"slices": 7, "total_ns": 3500}, "b": {...}, "same": 4, "small": 0,
//	 "paths": [{"path": ["replicate", "plan"], "status": "changed", "self_change_ns": 100,
//	            "a": {"count": 1, "total_ns": 900, "self_ns": 900, "p50_ns": 900, "p95_ns": 900}, "b": {...}}]}
//
// A path's status is "changed", "new", or "gone"; a new one has no "a", one that is gone no "b". "same" and "small"
// count the paths that are not listed: without any change, and with less than the threshold.
func (d *Diff) WriteJSON(w io.Writer) error {
	out := struct {
		A     Totals     `json:"a"`
		B     Totals     `json:"b"`
		Same  int        `json:"same"`
		Small int        `json:"small"`
		Paths []jsonPath `json:"paths"`
	}{d.A, d.B, d.Same, d.Small, make([]jsonPath, 0, len(d.Changes))}
	for i := range d.Changes {
		c := &d.Changes[i]
		out.Paths = append(out.Paths, jsonPath{c.Path, c.status(), c.Self(), c.A, c.B})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(out)
}

type jsonPath struct {
	Path   []string `json:"path"`
	Status string   `json:"status"`
	Self   int64    `json:"self_change_ns"`
	A      *Numbers `json:"a,omitempty"`
	B      *Numbers `json:"b,omitempty"`
}

func (c *Change) status() string {
	switch {
	case c.A == nil:
		return "new"
	case c.B == nil:
		return "gone"
	}
	return "changed"
}
