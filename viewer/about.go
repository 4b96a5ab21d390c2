package viewer

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// news is what changes of a trace.
type news struct {
	State    State   `json:"state"`
	Progress float64 `json:"progress"`
	Error    string  `json:"error"`
	Gen      uint64  `json:"gen"`
	Session  int     `json:"session"`
	End      int64   `json:"end"`
	Now      int64   `json:"now"`
	Slices   int64   `json:"slices"`
	Tracks   int64   `json:"tracks"`
	Kinds    int64   `json:"kinds"`
	Losses   []loss  `json:"losses"`
	// LossMarks is how many marks say where: see [Viewer.losses].
	LossMarks int64 `json:"lossMarks"`
}

type loss struct {
	What  string `json:"what"`
	Count int64  `json:"count"`
}

// about is all that there is to say of a trace as a whole.
type about struct {
	news
	Title    string   `json:"title"`
	Traces   []string `json:"traces"`
	Source   string   `json:"source"`
	Format   string   `json:"format"`
	Unix     string   `json:"unix"`
	Instants int64    `json:"instants"`
	Logs     int64    `json:"logs"`
	Counters int64    `json:"counters"`
	Flows    int64    `json:"flows"`
	Openers  openers  `json:"openers"`
}

// openers says where else the trace can be opened.
type openers struct {
	Perfetto   bool `json:"perfetto"`
	Speedscope bool `json:"speedscope"`
	Pprof      bool `json:"pprof"`
}

// about serves api/trace.
func (v *Viewer) about(w http.ResponseWriter, r *request) error {
	t := r.trace
	doc := about{news: t.news(), Title: t.source.Title, Source: t.source.Name, Format: t.formatName()}
	for _, each := range v.traces {
		doc.Traces = append(doc.Traces, each.source.Title)
	}
	if s := r.snap; s != nil {
		c := s.Counts()
		doc.Instants, doc.Logs, doc.Counters, doc.Flows = c.Instants, c.Logs, c.Counters, c.Flows
		doc.Unix = unixOf(s, 0)
	}
	doc.Openers = openers{Perfetto: canWrite("perfetto"), Speedscope: v.config.Speedscope != nil && canWrite("speedscope"), Pprof: v.config.Profile != nil}
	return answer(w, doc)
}

// canWrite reports whether the program has a format.
func canWrite(format string) bool {
	f := tracefmt.Lookup(format)
	return f != nil && f.NewWriter != nil
}

// unixOf returns the wall clock's time as text, since JSON's numbers don't hold it; "" if it isn't known.
func unixOf(s *index.Snapshot, at int64) string {
	unix, ok := s.Unix(at)
	if !ok {
		return ""
	}
	return strconv.FormatInt(unix, 10)
}

func (t *trace) formatName() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.format
}

// news returns what api/events tells.
func (t *trace) news() news {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := news{State: t.state, Progress: t.progress(), Error: t.explain(), Session: t.session, Losses: []loss{}}
	if t.snap == nil {
		return n
	}
	c := t.snap.Counts()
	n.Gen, n.End, n.Now, n.Slices, n.Tracks, n.Kinds = t.snap.Gen(), t.snap.End(), t.now(t.snap), c.Slices, c.Tracks, c.Kinds
	n.LossMarks = c.LossMarks
	for _, l := range t.snap.Losses() {
		n.Losses = append(n.Losses, loss{brief(l.What), l.Count})
	}
	return n
}

// now returns where the open slices of a snapshot end. Who calls it has the lock.
func (t *trace) now(s *index.Snapshot) int64 {
	if s != t.snap || !t.clock.known {
		return s.Now()
	}
	return max(s.Now(), t.clock.now()-s.Zero())
}

// nowOf is now for those who don't have the lock.
func (t *trace) nowOf(s *index.Snapshot) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now(s)
}

// changing returns what api/events tells, as JSON.
func (t *trace) changing() string {
	text, err := json.Marshal(t.news())
	if err != nil {
		panic(err) // it is made of texts and numbers
	}
	return string(text)
}
