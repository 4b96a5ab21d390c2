package stats

import (
	"cmp"
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/summary"
)

const (
	maxTracks = 1 << 16
	maxOpen   = 1 << 20 // slices that are open at once, on tracks or async
)

// Stats counts events. The zero value is ready for use.
type Stats struct {
	events      int64
	kinds       map[tracefmt.Kind]int64
	severities  map[tracefmt.Severity]int64
	anchor      *tracefmt.Event
	timed       int64
	begin, end  int64
	rate        rate
	nested      durations
	async       durations
	asyncOpen   map[asyncKey][]begun
	openAsync   int64
	openSlices  int64
	unmatched   int64
	untold      int64 // slices that came when too many were open
	failed      int64
	depth       int
	tracks      map[tracefmt.TrackID]*track
	order       []*track
	names, keys weights
}

type asyncKey struct{ category, key string }

type begun struct {
	name string
	time int64
}

// durations adds up slices that ended.
type durations struct {
	summary.Quantiles
	total float64 // ns
}

func (d *durations) add(ns int64) {
	d.Add(ns)
	d.total += float64(max(ns, 0))
}

// track counts what is on a track, or directly on a process.
type track struct {
	id, process tracefmt.TrackID
	isProcess   bool
	name        string
	source      tracefmt.Value

	events, slices, logs int64
	total                float64 // ns, of slices that ended
	longest              int64
	open                 []int64 // begins
	endless              int64   // complete slices without an end
	nest                 nest
	depth                int
}

// Add counts an event. It keeps nothing of e.
func (s *Stats) Add(e *tracefmt.Event) {
	if s.kinds == nil {
		s.kinds = make(map[tracefmt.Kind]int64)
		s.severities = make(map[tracefmt.Severity]int64)
		s.asyncOpen = make(map[asyncKey][]begun)
		s.tracks = make(map[tracefmt.TrackID]*track)
	}
	s.events++
	s.kinds[e.Kind]++
	s.weigh(e)
	switch e.Kind {
	case tracefmt.Process, tracefmt.Track:
		t := s.track(e.Track)
		t.isProcess = e.Kind == tracefmt.Process
		t.process = cmp.Or(e.Process, t.process)
		t.name = cmp.Or(e.Name, t.name)
		if !e.SourceID.IsZero() {
			t.source = e.SourceID
		}
	case tracefmt.Clock:
		if s.anchor == nil && s.timed == 0 {
			s.anchor = e.Clone()
		}
	default:
		s.count(e)
	}
}

// weigh adds up the room that texts take.
func (s *Stats) weigh(e *tracefmt.Event) {
	if e.Name != "" {
		s.names.add(e.Name, len(e.Name))
	}
	for _, a := range e.Attrs {
		s.keys.add(a.Key, len(a.Key)+len(a.Value.String()))
	}
}

// track returns that with a number, or when there are too many, the one for all others.
func (s *Stats) track(id tracefmt.TrackID) *track {
	t := s.tracks[id]
	if t != nil {
		return t
	}
	if len(s.tracks) >= maxTracks {
		id = math.MaxUint32
		if t = s.tracks[id]; t != nil {
			return t
		}
	}
	t = &track{id: id}
	if id == math.MaxUint32 {
		t.name = "(others)"
	}
	s.tracks[id] = t
	s.order = append(s.order, t)
	return t
}

// count counts an event that has a time.
func (s *Stats) count(e *tracefmt.Event) {
	end := e.Time
	if d, ok := e.Duration(); ok && e.Time <= math.MaxInt64-d {
		end += d
	}
	if s.timed == 0 {
		s.begin, s.end = e.Time, end
	}
	s.timed++
	s.begin, s.end = min(s.begin, e.Time), max(s.end, end)
	s.rate.add(e.Time)
	if e.Failed() {
		s.failed++
	}
	t := s.track(e.Track)
	t.events++
	switch e.Kind {
	case tracefmt.Begin:
		s.open(t, e)
	case tracefmt.End:
		s.close(t, e)
	case tracefmt.Complete:
		s.complete(t, e, end)
	case tracefmt.Log:
		t.logs++
		s.severities[e.Severity]++
	case tracefmt.AsyncBegin:
		t.slices++
		s.openAsyncSlice(e)
	case tracefmt.AsyncEnd:
		s.closeAsyncSlice(e)
	}
}

func (s *Stats) open(t *track, e *tracefmt.Event) {
	t.slices++
	if s.openSlices >= maxOpen {
		s.untold++
		return
	}
	s.openSlices++
	t.open = append(t.open, e.Time)
	s.deep(t, len(t.open))
}

func (s *Stats) deep(t *track, depth int) {
	t.depth = max(t.depth, depth)
	s.depth = max(s.depth, depth)
}

func (s *Stats) close(t *track, e *tracefmt.Event) {
	n := len(t.open)
	if n == 0 {
		s.unmatched++
		return
	}
	s.ended(t, e.Time-t.open[n-1])
	t.open = t.open[:n-1]
	s.openSlices--
}

// ended counts a slice that ended.
func (s *Stats) ended(t *track, ns int64) {
	s.nested.add(ns)
	t.total += float64(max(ns, 0))
	t.longest = max(t.longest, ns)
}

func (s *Stats) complete(t *track, e *tracefmt.Event, end int64) {
	t.slices++
	d, ok := e.Duration()
	if !ok {
		t.endless++
		end = math.MaxInt64
	} else {
		s.ended(t, d)
	}
	s.deep(t, len(t.open)+t.nest.add(e.Time, end))
}

func (s *Stats) openAsyncSlice(e *tracefmt.Event) {
	if s.openAsync >= maxOpen {
		s.untold++
		return
	}
	s.openAsync++
	key := asyncKey{e.Category, e.AsyncKey()}
	s.asyncOpen[key] = append(s.asyncOpen[key], begun{e.Name, e.Time})
}

func (s *Stats) closeAsyncSlice(e *tracefmt.Event) {
	key := asyncKey{e.Category, e.AsyncKey()}
	open := s.asyncOpen[key]
	for i, b := range slices.Backward(open) {
		if e.Name != "" && b.name != e.Name {
			continue
		}
		s.async.add(e.Time - b.time)
		s.openAsync--
		if open = slices.Delete(open, i, i+1); len(open) > 0 {
			s.asyncOpen[key] = open
		} else {
			delete(s.asyncOpen, key)
		}
		return
	}
	s.unmatched++
}
