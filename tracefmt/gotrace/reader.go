package gotrace

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"golang.org/x/exp/trace"
)

// Reader reads an execution trace. Its memory is bounded by the live goroutines, the open tasks, and by what package
// golang.org/x/exp/trace holds of the trace: a generation, or all of it before Go 1.22.
//
// The fields are set before the first Next.
type Reader struct {
	// Process is the name of the process that the trace is of; "go" if it is empty.
	Process string
	// States asks for the states of goroutines: slices "running", "runnable", "waiting" and "syscall" on a second track
	// for each goroutine, since they don't nest with regions.
	States bool
	// Metrics asks for counters of the heap's size, the heap's goal, and GOMAXPROCS.
	Metrics bool

	in     input
	trace  *trace.Reader
	err    error
	events int64 // of the trace
	whole  bool  // there is more than its header

	queue  []tracefmt.Event // what Next returns before it reads on
	queued int              // how many of them are returned already

	started    bool
	start      int64 // the first event's time
	last       tracefmt.TrackID
	goroutines map[trace.GoID]*goroutine
	tasks      map[trace.TaskID]*task
	nowhere    goroutine  // what happened on none, on the process's track
	recent     *goroutine // that of recentID, since most events are on the one of the event before
	recentID   trace.GoID
	recentTask *task
	skipped    [numSorts]int64
}

// sort is something that is counted: what can't be had, not what wasn't asked for. Who asks for states wants to know what
// the runtime did, of which processors and ranges are a part. Samples are only there if the program was profiled.
type sort uint8

const (
	sortProcessor sort = iota
	sortRange
	sortSample
	sortExperimental
	sortOther
	numSorts
)

var sortNames = [numSorts]string{
	sortProcessor: "state of a processor", sortRange: "range, such as a garbage collection",
	sortSample: "CPU sample", sortExperimental: "experimental event", sortOther: "event of unknown kind",
}

const processTrack tracefmt.TrackID = 1

// goroutine is a live goroutine.
type goroutine struct {
	name, label string
	track       tracefmt.TrackID // 0 as long as it has none
	regions     []trace.TaskID   // of the open ones
	states      tracefmt.TrackID // the track of its states, or 0
	state       trace.GoState
	since       int64
	reason      string
}

// task is an open task.
type task struct {
	number   trace.TaskID
	id, name string
	track    tracefmt.TrackID
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{
		in:         input{r: in},
		last:       processTrack,
		goroutines: make(map[trace.GoID]*goroutine),
		tasks:      make(map[trace.TaskID]*task),
		nowhere:    goroutine{track: processTrack},
	}
}

// Losses returns what had to be skipped so far.
func (r *Reader) Losses() []tracefmt.Loss {
	var l []tracefmt.Loss
	for i, n := range r.skipped {
		if n > 0 {
			l = append(l, tracefmt.Loss{What: sortNames[i], Count: n, Offset: -1})
		}
	}
	slices.SortFunc(l, func(a, b tracefmt.Loss) int { return cmp.Compare(a.What, b.What) })
	return l
}

// Next returns the next event.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for {
		if r.queued < len(r.queue) {
			r.queued++
			return &r.queue[r.queued-1], nil
		}
		if r.err != nil {
			return nil, r.err
		}
		r.queue, r.queued = r.queue[:0], 0
		if r.err = r.fill(); r.err != nil {
			r.endStates()
		}
	}
}

// fill reads on until there is an event. The package that does the work panics on some broken traces.
func (r *Reader) fill() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = r.failed(fmt.Errorf("golang.org/x/exp/trace panics: %v", p))
		}
	}()
	if r.trace == nil {
		if r.trace, err = trace.NewReader(&r.in); err != nil {
			return r.failed(err)
		}
	}
	for len(r.queue) == 0 {
		e, err := r.trace.ReadEvent()
		if err == io.EOF && r.whole {
			return io.EOF
		}
		if err != nil {
			return r.failed(err)
		}
		r.events++
		r.whole = r.whole || e.Kind() != trace.EventSync
		r.convert(&e)
	}
	return nil
}

// failed words an error. The package reads ahead, so that its place is known to 4 KiB. Whether a trace stops before its
// end or is broken can't be told where all of it was read: what is missing may be anything.
func (r *Reader) failed(err error) error {
	if r.in.err != nil && r.in.err != io.EOF {
		if !errors.Is(r.in.err, tracefmt.ErrTruncated) {
			return fmt.Errorf("read gotrace trace: at byte %d: %w", r.in.n, r.in.err)
		}
		err = r.in.err
	} else if r.in.err == io.EOF {
		err = fmt.Errorf("%w, or broken: %s", tracefmt.ErrTruncated, firstLine(err))
	} else {
		err = errors.New(firstLine(err))
	}
	return &tracefmt.SyntaxError{Format: Format.Name, Event: r.events, Offset: r.in.n, Err: err}
}

// firstLine returns an error's text without the dump of the reader's state that some have.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// input counts what is read, and remembers how it ended.
type input struct {
	r   io.Reader
	n   int64
	err error
}

func (in *input) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.n += int64(n)
	if err != nil {
		in.err = err
	}
	return n, err
}

// emit adds an event to the queue. It is valid until the next is added.
func (r *Reader) emit(kind tracefmt.Kind, track tracefmt.TrackID, time int64) *tracefmt.Event {
	if len(r.queue) < cap(r.queue) {
		r.queue = r.queue[:len(r.queue)+1]
	} else {
		r.queue = append(r.queue, tracefmt.Event{})
	}
	e := &r.queue[len(r.queue)-1]
	e.Reset()
	e.Kind, e.Track, e.Time = kind, track, time
	return e
}

// begin declares the process, behind the wall clock's first reading.
func (r *Reader) begin(time int64) {
	r.started, r.start = true, time
	e := r.emit(tracefmt.Process, processTrack, 0)
	if e.Name = r.Process; e.Name == "" {
		e.Name = "go"
	}
}

// convert handles an event of the trace.
func (r *Reader) convert(e *trace.Event) {
	time := int64(e.Time())
	switch kind := e.Kind(); kind {
	case trace.EventSync:
		if snapshot := e.Sync().ClockSnapshot; snapshot != nil {
			r.emit(tracefmt.Clock, 0, int64(snapshot.Trace)).Unix = snapshot.Wall.UnixNano()
		}
		if !r.started {
			r.begin(time)
		}
	case trace.EventStateTransition:
		if s := e.StateTransition(); s.Resource.Kind == trace.ResourceGoroutine {
			r.transition(&s, time)
		} else if r.States {
			r.skipped[sortProcessor]++
		}
	case trace.EventTaskBegin:
		r.taskBegin(e, time)
	case trace.EventTaskEnd:
		r.taskEnd(e, time)
	case trace.EventRegionBegin:
		r.regionBegin(e, time)
	case trace.EventRegionEnd:
		r.regionEnd(e, time)
	case trace.EventLog:
		l := e.Log()
		track := r.located(e).track
		parent := r.taskID(l.Task, track)
		out := r.emit(tracefmt.Log, track, time)
		out.Name, out.Category, out.Parent = l.Message, l.Category, parent
	case trace.EventLabel:
		r.label(e.Label())
	case trace.EventMetric:
		if r.Metrics {
			r.metric(e.Metric(), time)
		}
	case trace.EventRangeBegin, trace.EventRangeActive, trace.EventRangeEnd:
		if r.States {
			r.skipped[sortRange]++
		}
	case trace.EventStackSample:
		r.skipped[sortSample]++
	case trace.EventExperimental:
		r.skipped[sortExperimental]++
	default:
		r.skipped[sortOther]++
	}
}

func (r *Reader) metric(m trace.Metric, time int64) {
	if m.Value.Kind() != trace.ValueUint64 { // there is no other yet
		r.skipped[sortOther]++
		return
	}
	e := r.emit(tracefmt.Counter, processTrack, time)
	e.Name = m.Name
	e.Attrs = append(e.Attrs, tracefmt.Attr{Key: AttrValue, Value: tracefmt.Uint64(m.Value.Uint64())})
}

// taskID returns the ID of a task. One that is met for the first time began before the trace.
func (r *Reader) taskID(id trace.TaskID, track tracefmt.TrackID) string {
	if id == trace.BackgroundTask || id == trace.NoTask {
		return ""
	}
	if r.recentTask != nil && r.recentTask.number == id {
		return r.recentTask.id
	}
	t := r.tasks[id]
	if t == nil {
		t = r.newTask(id, "", track)
		e := r.emit(tracefmt.AsyncBegin, track, r.start)
		e.Name, e.Category, e.ID = t.name, tracefmt.CategoryTask, t.id
		e.Attrs = append(e.Attrs, clipped)
	}
	r.recentTask = t
	return t.id
}

var clipped = tracefmt.Attr{Key: AttrClipped, Value: tracefmt.Bool(true)}

func (r *Reader) newTask(id trace.TaskID, name string, track tracefmt.TrackID) *task {
	t := &task{number: id, id: strconv.FormatUint(uint64(id), 10), name: name, track: track}
	if name == "" {
		t.name = "task " + t.id
	}
	r.tasks[id] = t
	return t
}

func (r *Reader) taskBegin(e *trace.Event, time int64) {
	of := e.Task()
	track := r.located(e).track
	parent := ""
	if of.Parent != of.ID {
		parent = r.taskID(of.Parent, track)
	}
	t := r.newTask(of.ID, of.Type, track)
	out := r.emit(tracefmt.AsyncBegin, track, time)
	out.Name, out.Category, out.ID, out.Parent = t.name, tracefmt.CategoryTask, t.id, parent
}

// taskEnd handles the end of a task, on the track where it began.
func (r *Reader) taskEnd(e *trace.Event, time int64) {
	id := e.Task().ID
	if r.taskID(id, r.located(e).track) == "" {
		return
	}
	t := r.tasks[id]
	delete(r.tasks, id)
	r.recentTask = nil
	out := r.emit(tracefmt.AsyncEnd, t.track, time)
	out.Name, out.Category, out.ID = t.name, tracefmt.CategoryTask, t.id
}

// regionBegin handles the begin of a region. In another one of its task, that is its parent, by nesting.
func (r *Reader) regionBegin(e *trace.Event, time int64) {
	region := e.Region()
	g := r.located(e)
	parent := r.taskID(region.Task, g.track)
	if n := len(g.regions); n > 0 && g.regions[n-1] == region.Task {
		parent = ""
	}
	g.regions = append(g.regions, region.Task)
	out := r.emit(tracefmt.Begin, g.track, time)
	out.Name, out.Category, out.Parent = region.Type, CategoryRegion, parent
}

// regionEnd handles the end of a region. Without a begin it is one that began before the trace.
func (r *Reader) regionEnd(e *trace.Event, time int64) {
	g := r.located(e)
	if n := len(g.regions); n > 0 {
		g.regions = g.regions[:n-1]
		r.emit(tracefmt.End, g.track, time)
		return
	}
	region := e.Region()
	parent := r.taskID(region.Task, g.track)
	start := r.start
	if parent != "" && start < time {
		start++ // so that it comes after its task, which may begin there, too
	}
	out := r.emit(tracefmt.Complete, g.track, start)
	out.Dur, out.Name, out.Category, out.Parent = time-start, region.Type, CategoryRegion, parent
	out.Attrs = append(out.Attrs, clipped)
}

// endStates adds the states that goroutines are in at the end.
func (r *Reader) endStates() {
	if !r.States {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(r.goroutines)) {
		if g := r.goroutines[id]; g.states != 0 && stateNames[g.state] != "" {
			r.stateSlice(g, tracefmt.Open)
		}
	}
}
