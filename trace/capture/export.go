package capture

import (
	"cmp"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

// An exporter turns records into events. Each task gets a lane: a track that it shares with other tasks of its name
// which ran before it, so that there are as many tracks as tasks of a name ran at a time.
type exporter struct {
	w         tracefmt.Writer
	err       error
	event     tracefmt.Event
	nextTrack tracefmt.TrackID
	lanes     map[string][]*lane
	open      map[trace.ID]*openSpan
	openAsync map[trace.ID]*openSpan // async spans that were shown as open
	begun     int                    // how many begins there were
	clock     *trace.Record          // the latest snapshot
	tasks     recentTasks
}

const processTrack tracefmt.TrackID = 1

// A lane is one track and the state of what was written to it.
type lane struct {
	track tracefmt.TrackID
	busy  int64      // until when it is taken; math.MaxInt64 while its task is open
	begun int64      // start of the slice that was begun last
	seen  int64      // the latest moment that a record told of
	last  int64      // the latest moment that it shows, also by marks
	dirty bool       // something was written that needs it to show later moments than last
	stack []trace.ID // of what is begun and not ended, innermost last
}

// openSpan is what must be known of a begun span until its end.
type openSpan struct {
	lane  *lane
	begin trace.Record
	order int
}

func newExporter(w tracefmt.Writer, rec *trace.Recorder) *exporter {
	x := &exporter{w: w, nextTrack: processTrack + 1, lanes: map[string][]*lane{},
		open: map[trace.ID]*openSpan{}, openAsync: map[trace.ID]*openSpan{}}
	x.write(tracefmt.Event{Kind: tracefmt.Clock, Unix: rec.Epoch().UnixNano()})
	x.write(tracefmt.Event{Kind: tracefmt.Process, Track: processTrack, Name: filepath.Base(os.Args[0]),
		SourceID: tracefmt.Int64(int64(os.Getpid()))})
	return x
}

// follow returns an exporter for another trace that goes on where that of x ends: it begins with what is open.
func (x *exporter) follow(w tracefmt.Writer, rec *trace.Recorder) *exporter {
	y := newExporter(w, rec)
	open := slices.AppendSeq(slices.Collect(maps.Values(x.open)), maps.Values(x.openAsync))
	slices.SortFunc(open, func(a, b *openSpan) int { return cmp.Compare(a.order, b.order) })
	for _, o := range open {
		y.record(&o.begin)
	}
	if x.clock != nil {
		y.record(x.clock)
	}
	return y
}

// opened notes the begin of what isn't ended yet.
func (x *exporter) opened(in map[trace.ID]*openSpan, l *lane, r *trace.Record) {
	x.begun++
	in[r.ID] = &openSpan{l, *r, x.begun}
}

func (x *exporter) write(e tracefmt.Event) {
	if x.err == nil {
		x.event = e
		x.err = x.w.Write(&x.event)
	}
}

// export writes a batch of records, as a consumer's Poll returns them, and makes every lane that has something open
// show it up to now, if it is time for that.
func (x *exporter) export(records []trace.Record, now int64) error {
	for i := range records {
		x.record(&records[i])
	}
	for _, lanes := range x.lanes {
		for _, l := range lanes {
			x.mark(l, now)
		}
	}
	return x.err
}

// mark writes an instant to a lane with an open task: Catapult draws an open slice only up to the latest event of its
// lane, and finds no slice for a flow that starts after that. The distances of marks grow with the age of the slice
// that was begun last, so that one which hangs for long costs few of them, and is seen with at least half of its age.
func (x *exporter) mark(l *lane, now int64) {
	due := now-l.last >= max(int64(flushInterval), l.last-l.begun)
	if l.busy != math.MaxInt64 || !l.dirty && !due {
		return
	}
	x.write(tracefmt.Event{Kind: tracefmt.Instant, Track: l.track, Time: now, Name: "open", Category: tracefmt.CategoryOpen})
	l.last, l.dirty = now, false
}

func (x *exporter) record(r *trace.Record) {
	switch r.Kind {
	case trace.KindTask, trace.KindSpan:
		x.slice(r)
	case trace.KindAsync:
		x.async(r)
	case trace.KindEvent:
		x.instant(r, tracefmt.Event{Kind: tracefmt.Instant, Category: "event"})
	case trace.KindAnomaly:
		x.instant(r, tracefmt.Event{Kind: tracefmt.Instant, Category: tracefmt.CategoryAnomaly})
	case trace.KindLog:
		x.instant(r, tracefmt.Event{Kind: tracefmt.Log, Severity: tracefmt.SeverityOf(r.Level)})
	case trace.KindCounter:
		x.write(tracefmt.Event{Kind: tracefmt.Counter, Track: processTrack, Time: r.Start, Name: r.Name,
			Attrs: []tracefmt.Attr{{Key: "value", Value: valueOf(r.Value)}}})
	case trace.KindLink:
		x.link(r)
	case trace.KindLoss:
		x.write(tracefmt.Event{Kind: tracefmt.Instant, Time: r.Start, Name: "records lost", Category: tracefmt.CategoryLoss,
			Attrs: []tracefmt.Attr{{Key: "count", Value: tracefmt.Uint64(r.Count)}}})
	case trace.KindClock:
		x.clock = new(*r)
		x.write(tracefmt.Event{Kind: tracefmt.Clock, Time: r.Start, Unix: r.Unix})
	}
}

// slice writes a task or a span that nests.
func (x *exporter) slice(r *trace.Record) {
	if r.Phase == trace.PhaseEnd || r.Phase == trace.PhaseLost {
		x.end(r)
		return
	}
	l := x.laneOf(r)
	x.endLost(l, r)
	e := x.span(r)
	e.Track, e.Category = l.track, tracefmt.CategorySpan
	if r.Kind == trace.KindTask {
		e.Category = tracefmt.CategoryTask
	}
	if r.Phase == trace.PhaseBegin {
		e.Kind = tracefmt.Begin
		x.opened(x.open, l, r)
		l.stack = append(l.stack, r.ID)
		l.begun, l.seen, l.dirty = max(l.begun, r.Start), max(l.seen, r.Start), true
	} else {
		e.Kind, e.Dur = tracefmt.Complete, r.End-r.Start
		l.shows(r.End)
	}
	x.write(e)
	if r.Kind == trace.KindTask && r.ParentTask != 0 {
		x.arrow(r, l)
	}
}

func (x *exporter) end(r *trace.Record) {
	o := x.open[r.ID]
	if o == nil {
		return // its begin was lost with a failed write, or it was ended by endLost
	}
	l, at := o.lane, r.End
	if r.Phase == trace.PhaseLost {
		at = max(at, l.seen) // something in it, or its begin
	}
	if slices.Contains(l.stack, r.ID) {
		x.endAbove(l, r.ID, at)
		l.stack = l.stack[:len(l.stack)-1]
		delete(x.open, r.ID)
	}
	e := x.span(r)
	e.Kind, e.Track, e.Time = tracefmt.End, l.track, at
	e.Attrs = newAttrs(r, o.begin.Attrs)
	x.write(e)
	l.shows(at)
	if r.Kind == trace.KindTask {
		l.busy = at
	}
}

// endLost ends the spans inside of which a record can't be, since its parent is around them: their ends were lost. When
// this consumer finds that out, more may have come. Of those that began when the record did, nobody can tell.
func (x *exporter) endLost(l *lane, r *trace.Record) {
	n := len(l.stack)
	if n == 0 || l.stack[n-1] == r.Parent || !slices.Contains(l.stack, r.Parent) {
		return
	}
	if x.open[l.stack[n-1]].begin.Start < r.Start {
		x.endAbove(l, r.Parent, r.Start)
	}
}

// endAbove ends what is open above a span on its lane's stack: what was lost, or spans that were misused, and that live on as
// async spans, which will be written whole when they end.
func (x *exporter) endAbove(l *lane, id trace.ID, at int64) {
	for len(l.stack) > 0 && l.stack[len(l.stack)-1] != id {
		above := x.open[l.stack[len(l.stack)-1]]
		l.stack = l.stack[:len(l.stack)-1]
		delete(x.open, above.begin.ID)
		x.write(tracefmt.Event{Kind: tracefmt.End, Track: l.track, Time: at, Name: above.begin.Name,
			Attrs: []tracefmt.Attr{{Key: "end", Value: tracefmt.String("unknown")}}})
	}
}

// async writes a span that doesn't nest. One that is open is written as an instant until its end is known, since
// Catapult warns of async slices without end.
func (x *exporter) async(r *trace.Record) {
	if x.open[r.ID] != nil { // it was begun as a span that nests, and the end of the one around it was lost
		x.end(r)
		return
	}
	track := x.trackOf(r.Task)
	e := x.span(r)
	e.Track, e.Category, e.Key = track, tracefmt.CategoryAsync, e.ID
	if r.Phase == trace.PhaseBegin {
		x.opened(x.openAsync, nil, r)
		e.Kind = tracefmt.AsyncInstant
		e.Attrs = append(e.Attrs, tracefmt.Attr{Key: "open", Value: tracefmt.Bool(true)})
		x.write(e)
		return
	}
	delete(x.openAsync, r.ID)
	e.Kind = tracefmt.AsyncBegin
	x.write(e)
	x.write(tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: track, Time: r.End, Name: e.Name, Category: e.Category, Key: e.Key})
}

// link writes that a span has to do with another one: as an instant that names it, and as an arrow from it if it is open
// in this trace.
func (x *exporter) link(r *trace.Record) {
	id := r.Link.Span.String()
	e := tracefmt.Event{Kind: tracefmt.Instant, Category: tracefmt.CategoryLink}
	attrs := attrsOf(r)
	attrs = append(attrs, tracefmt.Attr{Key: "link.span", Value: tracefmt.String(id)},
		tracefmt.Attr{Key: "link.trace", Value: tracefmt.String(r.Link.Trace.String())})
	x.instantWith(r, e, attrs)
	to := x.tasks.lane(r.Task)
	if from := x.open[r.Link.Span]; from != nil && to != nil && from.lane.busy == math.MaxInt64 && r.Start >= from.lane.begun {
		x.flow(from.lane, to, r.Start, "link", tracefmt.CategoryLink, id+"-"+r.Parent.String())
	}
}

func (x *exporter) flow(from, to *lane, at int64, name, category, key string) {
	e := tracefmt.Event{Kind: tracefmt.FlowStart, Track: from.track, Time: at, Name: name, Category: category, Key: key}
	x.write(e)
	e.Kind, e.Track = tracefmt.FlowEnd, to.track
	x.write(e)
	from.dirty, to.dirty = true, true
}

func (x *exporter) instant(r *trace.Record, e tracefmt.Event) {
	x.instantWith(r, e, attrsOf(r))
}

func (x *exporter) instantWith(r *trace.Record, e tracefmt.Event, attrs []tracefmt.Attr) {
	e.Track, e.Time, e.Attrs = x.trackOf(r.Task), r.Start, attrs
	if e.Name = r.Name; e.Name == "" {
		e.Name = r.Kind.String()
	}
	if r.Parent != 0 {
		e.Parent = r.Parent.String()
	}
	x.write(e)
}

// span fills in what events of all kinds of spans have in common.
func (x *exporter) span(r *trace.Record) tracefmt.Event {
	e := tracefmt.Event{Time: r.Start, Name: r.Name, ID: r.ID.String(), Attrs: attrsOf(r)}
	if e.Name == "" {
		e.Name = "unnamed" // Catapult fails on slices without a name
	}
	if r.Parent != 0 {
		e.Parent = r.Parent.String()
	}
	return e
}

// arrow draws a flow from the lane of the spawning span to a task.
func (x *exporter) arrow(r *trace.Record, to *lane) {
	from := x.tasks.lane(r.ParentTask)
	if from == nil {
		return
	}
	x.flow(from, to, r.Start, "child task", tracefmt.CategoryTask, r.ID.String())
}

// laneOf returns the lane of a record's task. That of a new task is the first one of its name that is free.
func (x *exporter) laneOf(r *trace.Record) *lane {
	if l := x.tasks.lane(r.Task); l != nil {
		return l
	}
	name := r.Name
	if r.Kind != trace.KindTask {
		name = "lost task" // its record left the ring before this consumer came
	}
	l := x.freeLane(name, r.Start)
	l.begun, l.seen, l.last = r.Start, r.Start, r.Start
	if l.busy = r.End; r.Phase == trace.PhaseBegin {
		l.busy = math.MaxInt64
	}
	x.tasks.add(r.Task, l)
	return l
}

func (x *exporter) freeLane(name string, from int64) *lane {
	if x.lanes[name] == nil && len(x.lanes) >= maxNames {
		name = "other tasks"
	}
	lanes := x.lanes[name]
	for _, l := range lanes {
		if l.busy < from {
			return l
		}
	}
	l := &lane{track: x.nextTrack}
	x.nextTrack++
	x.lanes[name] = append(lanes, l)
	title := name
	if len(lanes) > 0 {
		title += " #" + strconv.Itoa(len(lanes)+1)
	}
	tid := int64(l.track - processTrack)
	x.write(tracefmt.Event{Kind: tracefmt.Track, Track: l.track, Process: processTrack, Name: title,
		SourceID: tracefmt.Int64(tid), Order: tid})
	return l
}

// maxNames bounds the names of tasks that get lanes of their own. Names should be constants, but they aren't always.
const maxNames = 1000

func (x *exporter) trackOf(task trace.ID) tracefmt.TrackID {
	if l := x.tasks.lane(task); l != nil {
		return l.track
	}
	return processTrack
}

func (l *lane) shows(t int64) { l.seen, l.last = max(l.seen, t), max(l.last, t) }

// recentTasks remembers the lanes of the last tasks, open and ended ones. An open task is forgotten only if more than
// maxRecentTasks began after it, and then its children lose their arrows, and its later spans their lane.
type recentTasks struct {
	lanes map[trace.ID]*lane
	order []trace.ID
}

const maxRecentTasks = 1 << 16

func (t *recentTasks) lane(id trace.ID) *lane { return t.lanes[id] }

func (t *recentTasks) add(id trace.ID, l *lane) {
	if t.lanes == nil {
		t.lanes = map[trace.ID]*lane{}
	}
	t.lanes[id] = l
	t.order = append(t.order, id)
	if len(t.order) > maxRecentTasks {
		delete(t.lanes, t.order[0])
		t.order = t.order[1:]
	}
}

// attrsOf returns a record's attributes, with its error as the last one.
func attrsOf(r *trace.Record) []tracefmt.Attr {
	return newAttrs(r, nil)
}

// newAttrs is attrsOf without those attributes that are known from the span's begin.
func newAttrs(r *trace.Record, known []slog.Attr) []tracefmt.Attr {
	attrs := make([]tracefmt.Attr, 0, len(r.Attrs)+3)
	for _, a := range r.Attrs {
		if slices.ContainsFunc(known, a.Equal) {
			continue
		}
		attrs = append(attrs, tracefmt.Attr{Key: a.Key, Value: valueOf(a.Value)})
	}
	if i := strings.LastIndexByte(r.Site, ':'); i > 0 && r.Phase != trace.PhaseEnd {
		line, _ := strconv.ParseInt(r.Site[i+1:], 10, 64)
		attrs = append(attrs, tracefmt.Attr{Key: "code.file.path", Value: tracefmt.String(r.Site[:i])},
			tracefmt.Attr{Key: "code.line.number", Value: tracefmt.Int64(line)})
	}
	if r.Phase == trace.PhaseGone || r.Phase == trace.PhaseLost {
		attrs = append(attrs, tracefmt.Attr{Key: "end", Value: tracefmt.String("unknown")})
	}
	if !r.Trace.IsZero() && r.ParentTask == 0 && r.Phase != trace.PhaseEnd { // else it is the parent task's
		attrs = append(attrs, tracefmt.Attr{Key: "trace_id", Value: tracefmt.String(r.Trace.String())})
	}
	switch r.Status {
	case trace.StatusError:
		attrs = append(attrs, tracefmt.Attr{Key: tracefmt.AttrError, Value: tracefmt.String(r.Err)})
	case trace.StatusCancelled:
		attrs = append(attrs, tracefmt.Attr{Key: "cancelled", Value: tracefmt.String(r.Err)})
	}
	return attrs
}

func valueOf(v slog.Value) tracefmt.Value {
	switch v.Kind() {
	case slog.KindBool:
		return tracefmt.Bool(v.Bool())
	case slog.KindInt64:
		return tracefmt.Int64(v.Int64())
	case slog.KindUint64:
		return tracefmt.Uint64(v.Uint64())
	case slog.KindFloat64:
		return tracefmt.Float64(v.Float64())
	case slog.KindTime:
		return tracefmt.String(v.Time().Format(time.RFC3339Nano))
	case slog.KindAny:
		if raw, ok := v.Any().(trace.JSON); ok {
			return tracefmt.RawJSON(string(raw))
		}
	}
	return tracefmt.String(v.String())
}
