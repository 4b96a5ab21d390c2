package stats

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
)

// Report is what a Stats has counted. Times are in ns; those of the trace are on its own clock.
type Report struct {
	Events int64  `json:"events"` // of all kinds
	Kinds  []Kind `json:"kinds"`  // that there are, in the order of the model

	Begin     int64      `json:"begin_ns"` // of the first event that has a time
	End       int64      `json:"end_ns"`   // of what ends last
	WallBegin *time.Time `json:"wall_begin,omitempty"`

	PerSecond float64 `json:"events_per_second"` // that have a time, on average
	Busiest   Busiest `json:"busiest"`

	Slices    Durations `json:"slices"` // on tracks, those that ended
	Async     Durations `json:"async_slices"`
	Failed    int64     `json:"failed"` // events with an error
	Open      int64     `json:"open"`   // slices without an end, of all sorts
	Unmatched int64     `json:"unmatched_ends"`
	Untold    int64     `json:"untold,omitempty"` // slices that began when too many were open: their ends are unmatched
	Depth     int       `json:"depth"`            // of slices in each other on a track

	Severities []Severity `json:"severities"` // of log lines
	Processes  []*Process `json:"processes"`  // in the order in which they were met

	Names      []Weight `json:"names"` // that take most room
	OtherNames Weight   `json:"other_names"`
	Attrs      []Weight `json:"attributes"` // by their keys, with the room of their values
	OtherAttrs Weight   `json:"other_attributes"`

	Losses []Loss `json:"losses"` // of the reader
}

// Loss counts what the reader of the trace couldn't express: see tracefmt.Loss.
type Loss struct {
	What   string `json:"what"`
	Count  int64  `json:"count"`
	Offset int64  `json:"offset"` // of the first one, in bytes; -1 if there is no telling
}

// Kind counts the events of a kind.
type Kind struct {
	Kind  string `json:"kind"`
	Count int64  `json:"count"`
}

// Severity counts the log lines of a severity.
type Severity struct {
	Severity string `json:"severity"` // "" if it isn't known
	Count    int64  `json:"count"`
}

// Busiest is the stretch of time with the most events.
type Busiest struct {
	Begin  int64 `json:"begin_ns"`
	Length int64 `json:"length_ns"` // a power of two; longer in longer traces
	Events int64 `json:"events"`
}

// Durations says how long slices lasted, in ns.
type Durations struct {
	Count int64   `json:"count"`
	Total float64 `json:"total_ns"`
	P50   int64   `json:"p50_ns"`
	P90   int64   `json:"p90_ns"`
	P99   int64   `json:"p99_ns"`
	Max   int64   `json:"max_ns"`
}

// Process counts what is in a process. Tracks has those with events, those with the most first.
type Process struct {
	Name   string   `json:"name"`
	ID     string   `json:"id"` // what the source calls it
	Events int64    `json:"events"`
	Slices int64    `json:"slices"`
	Logs   int64    `json:"logs"`
	Open   int64    `json:"open"`
	Tracks []*Track `json:"tracks"`
}

// Track counts what is on a track.
type Track struct {
	Name    string  `json:"name"`
	ID      string  `json:"id"`
	Events  int64   `json:"events"`
	Slices  int64   `json:"slices"`
	Logs    int64   `json:"logs"`
	Open    int64   `json:"open"` // without an end; async ones aren't counted by tracks
	Depth   int     `json:"depth"`
	Total   float64 `json:"total_ns"` // of all slices that ended, on all levels
	Longest int64   `json:"longest_ns"`
}

// Report returns what was counted so far, with the names and attributes that take most room: top of each. losses are
// what the reader of the trace has lost.
func (s *Stats) Report(top int, losses []tracefmt.Loss) *Report {
	r := &Report{Events: s.events, Begin: s.begin, End: s.end, Failed: s.failed, Unmatched: s.unmatched,
		Untold: s.untold, Depth: s.depth, Slices: s.nested.report(), Async: s.async.report(),
		Kinds: []Kind{}, Severities: []Severity{}, Processes: []*Process{}, Losses: []Loss{}}
	for _, l := range losses {
		r.Losses = append(r.Losses, Loss(l))
	}
	for k := tracefmt.Invalid; k <= tracefmt.AsyncEnd; k++ {
		if n := s.kinds[k]; n > 0 {
			r.Kinds = append(r.Kinds, Kind{k.String(), n})
		}
	}
	for v := range tracefmt.Severity(25) {
		if n := s.severities[v]; n > 0 {
			r.Severities = append(r.Severities, Severity{v.String(), n})
		}
	}
	if s.anchor != nil && s.timed > 0 {
		t := time.Unix(0, s.anchor.Unix+(s.begin-s.anchor.Time)).UTC()
		r.WallBegin = &t
	}
	if length := float64(s.end) - float64(s.begin); length > 0 {
		r.PerSecond = float64(s.timed) / (length / 1e9)
	}
	r.Busiest.Begin, r.Busiest.Length, r.Busiest.Events = s.rate.busiest()
	r.Names, r.OtherNames = s.names.top(top)
	r.Attrs, r.OtherAttrs = s.keys.top(top)
	r.Open = s.openAsync
	s.reportTracks(r)
	return r
}

func (d *durations) report() Durations {
	return Durations{Count: d.Count(), Total: d.total, P50: d.At(0.5), P90: d.At(0.9), P99: d.At(0.99), Max: d.Max()}
}

func (s *Stats) reportTracks(r *Report) {
	byID := make(map[tracefmt.TrackID]*Process)
	process := func(id tracefmt.TrackID) *Process {
		p := byID[id]
		if p == nil {
			p = &Process{Tracks: []*Track{}}
			if t := s.tracks[id]; t != nil && t.isProcess {
				p.Name, p.ID = t.name, t.source.String()
			}
			byID[id] = p
			r.Processes = append(r.Processes, p)
		}
		return p
	}
	for _, t := range s.order {
		if t.isProcess {
			process(t.id).add(t, "")
			continue
		}
		process(t.process).add(t, t.title())
	}
	for _, p := range r.Processes {
		r.Open += p.Open
		slices.SortStableFunc(p.Tracks, func(a, b *Track) int { return cmp.Compare(b.Events, a.Events) })
	}
	r.Processes = slices.DeleteFunc(r.Processes, func(p *Process) bool {
		return p.Events == 0 && p.Name == "" && p.ID == ""
	})
}

func (t *track) title() string {
	switch {
	case t.id == 0:
		return "(the whole trace)"
	case t.name != "":
		return t.name
	case !t.source.IsZero():
		return "track " + t.source.String()
	}
	return fmt.Sprintf("undeclared track %d", t.id)
}

// add adds a track, or what is on the process itself if that has no name.
func (p *Process) add(t *track, name string) {
	open := int64(len(t.open)) + t.endless
	p.Events += t.events
	p.Slices += t.slices
	p.Logs += t.logs
	p.Open += open
	if t.events > 0 && name != "" {
		p.Tracks = append(p.Tracks, &Track{Name: name, ID: t.source.String(), Events: t.events, Slices: t.slices,
			Logs: t.logs, Open: open, Depth: t.depth, Total: t.total, Longest: t.longest})
	}
}
