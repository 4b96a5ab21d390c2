package timeline

import (
	"cmp"
	"io"
	"iter"
	"math"
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/spill"
)

// Timeline collects events. The zero value is ready for use. Once Events or WriteTo was called, nothing can be added.
type Timeline struct {
	// Memory is how many bytes events may take in memory, about. Those of a trace that takes more are in temporary
	// files, see Close. 0 is no limit.
	Memory int64
	// Dir is where temporary files are; "" is [os.TempDir].
	Dir string

	inputs []*input
	store  store
	losses tracefmt.Losses
	normal bool
	meta   []tracefmt.Event
	order  []*tracefmt.Event // the normal form, behind meta: in memory
	final  *spill.Tape       // or on disk
	parts  []*spill.Tape     // see Divide
	err    error             // of temporary files; sticky

	base      int64 // ns from 1970 to the timeline's 0, if the inputs are aligned
	method    AlignBy
	offsets   map[int]int64 // of inputs, as they were set
	clocks    *clocks       // how the inputs' clocks correspond; nil if it isn't known yet
	steps     map[int][]snapshot
	placement Placement
}

// input is what is particular to one of the traces.
type input struct {
	part      part
	base      tracefmt.TrackID // added to its TrackIDs
	last      tracefmt.TrackID // highest TrackID, with base
	processes map[tracefmt.TrackID]*tracefmt.Event
	tracks    map[tracefmt.TrackID]*tracefmt.Event
	order     []tracefmt.TrackID // of processes and tracks, as they were met
	anchor    *tracefmt.Event
	hasIDs    bool
	hasLogs   bool
	hasSlices bool
	hasClocks bool // besides the anchor
}

// Read adds all events of a trace, and returns how many of them are timed. If r fails, what could be read stays, and the
// error is r's. It Is a *SpillError if events could not be put on disk.
func (t *Timeline) Read(r tracefmt.Reader) (n int64, err error) {
	t.start()
	for {
		e, err := r.Next()
		if err == io.EOF {
			return n, t.err
		}
		if err != nil {
			return n, err
		}
		t.Add(e)
		if t.err != nil {
			return n, t.err
		}
		if e.Kind.Timed() && e.Kind != tracefmt.Clock {
			n++
		}
	}
}

// start begins another input.
func (t *Timeline) start() *input {
	in := &input{
		part:      t.store.begin(),
		processes: make(map[tracefmt.TrackID]*tracefmt.Event),
		tracks:    make(map[tracefmt.TrackID]*tracefmt.Event),
	}
	if n := len(t.inputs); n > 0 {
		in.base = t.inputs[n-1].last
	}
	in.last = in.base
	t.inputs = append(t.inputs, in)
	t.clocks = nil
	return in
}

// Add adds an event to the trace that Read was last called for, or to the only one. It keeps nothing of e. If it can't
// be put on disk, Err tells.
func (t *Timeline) Add(e *tracefmt.Event) {
	if t.normal {
		panic("timeline: Add after Events")
	}
	if len(t.inputs) == 0 {
		t.start()
	}
	in := t.inputs[len(t.inputs)-1]
	t.clocks = nil
	c := *e
	if c.Track != 0 {
		c.Track += in.base
	}
	if c.Process != 0 {
		c.Process += in.base
	}
	in.last = max(in.last, c.Track, c.Process)
	switch c.Kind {
	case tracefmt.Process:
		in.declare(in.processes, &c)
		return
	case tracefmt.Track:
		in.declare(in.tracks, &c)
		return
	case tracefmt.Clock:
		if in.anchor == nil && in.part.n == 0 {
			in.anchor = c.Clone()
			return
		}
		in.hasClocks = true
	}
	in.hasIDs = in.hasIDs || c.ID != ""
	in.hasLogs = in.hasLogs || c.Kind == tracefmt.Log
	in.hasSlices = in.hasSlices || isSlice(c.Kind)
	t.add(in, &c)
}

// declare merges a metadata event into what is known of its track.
func (in *input) declare(known map[tracefmt.TrackID]*tracefmt.Event, e *tracefmt.Event) {
	old := known[e.Track]
	if old == nil {
		known[e.Track] = e.Clone()
		in.order = append(in.order, e.Track)
		return
	}
	old.Name = cmp.Or(e.Name, old.Name)
	old.Order = cmp.Or(e.Order, old.Order)
	old.Process = cmp.Or(e.Process, old.Process)
	if !e.SourceID.IsZero() {
		old.SourceID = e.SourceID
	}
	for _, a := range e.Attrs {
		i := slices.IndexFunc(old.Attrs, func(b tracefmt.Attr) bool { return a.Key == b.Key })
		if i >= 0 {
			old.Attrs[i] = a
		} else {
			old.Attrs = append(old.Attrs[:len(old.Attrs):len(old.Attrs)], a)
		}
	}
}

// Losses returns what bringing the events into order had to repair so far.
func (t *Timeline) Losses() []tracefmt.Loss { return t.losses.List() }

// Err returns the error with which a temporary file failed, a *SpillError, or nil. With it, events may be missing.
func (t *Timeline) Err() error { return t.err }

// OnDisk reports whether the events are in temporary files, so that each is valid until the next one only.
func (t *Timeline) OnDisk() bool { return t.store.tape != nil }

// fail notes that a temporary file failed.
func (t *Timeline) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// Close removes the temporary files, if there are any. Nothing can be read afterwards.
func (t *Timeline) Close() {
	for _, in := range t.inputs {
		in.part.close()
	}
	t.store.close()
	t.final.Close()
	for _, tape := range t.parts {
		tape.Close()
	}
}

// Events returns the normal form. An event may not be changed. In memory it stays valid; if Memory is set, it is valid
// until the next one only, and Err tells afterwards whether these were all.
func (t *Timeline) Events() iter.Seq[*tracefmt.Event] {
	t.normalise()
	return func(yield func(*tracefmt.Event) bool) {
		r := t.NewReader()
		for {
			e, err := r.Next()
			if err != nil || !yield(e) {
				return
			}
		}
	}
}

// WriteTo writes the normal form to w, without closing it.
func (t *Timeline) WriteTo(w tracefmt.Writer) (n int64, err error) {
	for e := range t.Events() {
		if err := w.Write(e); err != nil {
			return n, err
		}
		n++
	}
	return n, t.err
}

func (t *Timeline) normalise() {
	if t.normal {
		return
	}
	t.normal = true
	anchor := t.align()
	t.placeLogs()
	if len(t.inputs) > 1 {
		t.separate()
	}
	t.meta = t.metadata(anchor)
	t.closeInside(t.pair(t.byTime()))
}

// nesting puts events in the order of time, and at the same time: what points to the next slice, slices from the
// longest to the shortest, then everything else, flows from start to end.
func nesting(e *tracefmt.Event) (class int32, size int64) {
	r := rank(e)
	if r == rankSlice {
		size = length(e)
	}
	return r, size
}

const (
	rankClock int32 = iota
	rankNext
	rankSlice
	rankOther
	rankFlowStep
	rankFlowEnd
)

func rank(e *tracefmt.Event) int32 {
	switch e.Kind {
	case tracefmt.Clock:
		return rankClock
	case tracefmt.Begin, tracefmt.Complete:
		return rankSlice
	case tracefmt.FlowStep:
		return rankFlowStep
	case tracefmt.FlowEnd:
		if e.BindNext {
			return rankNext
		}
		return rankFlowEnd
	}
	return rankOther
}

// length returns a slice's duration, and the longest of all for one that hasn't ended.
func length(e *tracefmt.Event) int64 {
	if d, ok := e.Duration(); ok {
		return d
	}
	return math.MaxInt64
}
