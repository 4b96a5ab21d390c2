package critical

import (
	"encoding/json"
	"io"
)

// jsonSlice is a slice in JSON; track has the name of the process, too.
type jsonSlice struct {
	Name  string `json:"name"`
	ID    string `json:"id,omitempty"`
	Track string `json:"track,omitempty"`
}

// jsonSpan is a stretch of time in JSON; times are in ns on the trace's clock.
type jsonSpan struct {
	Start int64 `json:"start_ns"`
	Dur   int64 `json:"duration_ns"`
}

type jsonSegment struct {
	jsonSlice
	jsonSpan
	Share float64 `json:"share"`
	Depth int     `json:"depth"`
}

type jsonSum struct {
	Name  string  `json:"name"`
	Count int64   `json:"segments"`
	Dur   int64   `json:"duration_ns"`
	Share float64 `json:"share"`
}

// WriteJSON writes a path of the trace as one JSON object:
//
//	{"slice": {"name": "replicate", "id": "aaaa", "track": "zferry/main",
//	           "start_ns": 0, "duration_ns": 3500, "open": false},
//	 "clipped": 0,
//	 "segments": [{"name": "replicate", "id": "aaaa", "track": "zferry/main", "start_ns": 0, "duration_ns": 100,
//	               "share": 0.0286, "depth": 0}, ...],
//	 "by_name": [{"name": "replicate", "segments": 2, "duration_ns": 700, "share": 0.2}, ...]}
//
// Times are in ns on the trace's clock, shares parts of 1.
func (t *Trace) WriteJSON(w io.Writer, p *Path) error {
	type whole struct {
		jsonSlice
		jsonSpan
		Open bool `json:"open"`
	}
	out := struct {
		Slice    whole         `json:"slice"`
		Clipped  int           `json:"clipped"`
		Segments []jsonSegment `json:"segments"`
		ByName   []jsonSum     `json:"by_name"`
	}{whole{t.json(p.Slice), jsonSpan{p.Slice.Start, p.Slice.Duration()}, p.Slice.Open}, p.Clipped,
		make([]jsonSegment, 0, len(p.Segments)), make([]jsonSum, 0)}
	for _, s := range p.Segments {
		out.Segments = append(out.Segments, jsonSegment{t.json(s.Slice), jsonSpan{s.Start, s.Dur}, p.Share(s.Dur), s.Depth})
	}
	for _, s := range p.ByName() {
		out.ByName = append(out.ByName, jsonSum{s.Name, s.Count, s.Dur, p.Share(s.Dur)})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(out)
}

func (t *Trace) json(s *Slice) jsonSlice { return jsonSlice{s.Name, s.ID, t.TrackName(s.Track)} }
