package chrome

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/lanes"
)

// process is what the Writer knows of a process.
type process struct {
	pid    []byte // as JSON
	name   string
	order  int64
	labels string
	attrs  []tracefmt.Attr

	wantName, wantOrder, wantLabels bool // to be written
}

// track is what the Writer knows of a track: a thread, or a process as a place for events.
type track struct {
	process tracefmt.TrackID // 0 for an undeclared track
	isWhole bool             // it is a process, or the trace as a whole
	tid     []byte           // as JSON
	name    string
	order   int64
	attrs   []tracefmt.Attr
	lanes   lanes.Track[string, openSlice] // the first is the track itself
	waiting []*tracefmt.Event              // flow points that touch no slice yet

	wantName, wantOrder bool
}

// lane is a pid and tid of the output, with the text that says so: `,"pid":1,"tid":2`.
type lane = lanes.Lane[string, openSlice]

// openSlice is a Begin without its End.
type openSlice struct {
	name, category string
	args           []string // the names of its args
}

func (t *track) first() *lane { return t.lanes.First() }

// metadata is a process or track about which something is to be written.
type metadata struct {
	process *process
	track   *track
}

func (w *Writer) setAnchor(e *tracefmt.Event) {
	if w.anchored && w.base == e.Time && w.unix == e.Unix {
		return
	}
	w.base, w.unix, w.anchored = e.Time, e.Unix, true
	for _, id := range sortedKeys(w.processes) {
		p := w.processes[id]
		w.want(metadata{process: p}, &p.wantName)
	}
}

// want puts m on the list of what is to be written, unless it is there.
func (w *Writer) want(m metadata, flag *bool) {
	*flag = true
	if !slices.Contains(w.changed, m) {
		w.changed = append(w.changed, m)
	}
}

func (w *Writer) setProcess(e *tracefmt.Event) {
	p := w.processes[e.Track]
	if p == nil {
		p = &process{pid: identText(e.SourceID, e.Track)}
		w.processes[e.Track] = p
		if w.anchored {
			w.want(metadata{process: p}, &p.wantName)
		}
	} else if pid := identText(e.SourceID, e.Track); !e.SourceID.IsZero() && string(pid) != string(p.pid) {
		w.losses.Add("process whose number changed")
	}
	if e.Name != "" && e.Name != p.name {
		p.name = e.Name
		w.want(metadata{process: p}, &p.wantName)
	}
	if e.Order != 0 && e.Order != p.order {
		p.order = e.Order
		w.want(metadata{process: p}, &p.wantOrder)
	}
	for _, a := range e.Attrs {
		switch {
		case a.Key == "name" || a.Key == argUnix:
			w.losses.Add("attribute with a reserved name: " + a.Key)
		case a.Key == attrLabels && a.Value.Kind() == tracefmt.StringValue:
			if p.labels != a.Value.String() {
				p.labels = a.Value.String()
				w.want(metadata{process: p}, &p.wantLabels)
			}
		case setAttr(&p.attrs, a):
			w.want(metadata{process: p}, &p.wantName)
		}
	}
}

func (w *Writer) setTrack(e *tracefmt.Event) {
	t := w.tracks[e.Track]
	if t == nil {
		t = &track{process: e.Process, tid: identText(e.SourceID, e.Track)}
		w.tracks[e.Track] = t
	} else if tid := identText(e.SourceID, e.Track); !e.SourceID.IsZero() && string(tid) != string(t.tid) {
		w.losses.Add("track whose number changed")
	}
	if e.Name != "" && e.Name != t.name {
		t.name = e.Name
		w.want(metadata{track: t}, &t.wantName)
	}
	if e.Order != 0 && e.Order != t.order {
		t.order = e.Order
		w.want(metadata{track: t}, &t.wantOrder)
	}
	for _, a := range e.Attrs {
		switch {
		case a.Key == "name" || a.Key == argLaneOf:
			w.losses.Add("attribute with a reserved name: " + a.Key)
		case setAttr(&t.attrs, a):
			w.want(metadata{track: t}, &t.wantName)
		}
	}
}

// setAttr sets one of attrs and reports whether that changed anything.
func setAttr(attrs *[]tracefmt.Attr, a tracefmt.Attr) bool {
	for i, known := range *attrs {
		if known.Key == a.Key {
			(*attrs)[i] = a
			return known != a
		}
	}
	*attrs = append(*attrs, a)
	return true
}

// identText returns the JSON text of a pid or tid. Without a SourceID the track's own number serves.
func identText(source tracefmt.Value, id tracefmt.TrackID) []byte {
	switch source.Kind() {
	case tracefmt.NoValue:
		return strconv.AppendUint(nil, uint64(id), 10)
	case tracefmt.Int64Value, tracefmt.Uint64Value:
		return []byte(source.String())
	}
	return jsontext.AppendString(nil, source.String())
}

// pidOf returns the JSON text of a process's pid.
func (w *Writer) pidOf(id tracefmt.TrackID) []byte {
	if p := w.processes[id]; p != nil {
		return p.pid
	}
	return strconv.AppendUint(nil, uint64(id), 10)
}

// track returns what is known of the track of an event, be it declared or not.
func (w *Writer) track(id tracefmt.TrackID) *track {
	t := w.tracks[id]
	if t == nil {
		t = &track{}
		if p := w.processes[id]; p != nil {
			t.process, t.isWhole, t.tid = id, true, p.pid // as for the main thread, whose tid is the pid
		} else {
			t.isWhole, t.tid = id == 0, strconv.AppendUint(nil, uint64(id), 10)
		}
		w.tracks[id] = t
	}
	if l := t.first(); l.Out == "" {
		l.Out = fmt.Sprintf(`,"pid":%s,"tid":%s`, w.pidOf(t.process), t.tid)
	}
	return t
}

// firstOverflow is the tid of the first lane for overlapping slices: above the numbers that systems give to threads.
const firstOverflow = 1 << 30

// nameLane gives a new lane of a track its number, and writes its name.
func (w *Writer) nameLane(t *track, l *lane) {
	w.overflow++
	l.Out = fmt.Sprintf(`,"pid":%s,"tid":%d`, w.pidOf(t.process), firstOverflow+w.overflow-1)
	name := t.name
	if name == "" {
		name = "thread " + string(t.tid)
	}
	w.open(metaThreadName, "", 'M')
	w.buf = append(w.buf, l.Out...)
	w.buf = append(w.buf, `,"args":{"name":`...)
	w.buf = jsontext.AppendString(w.buf, fmt.Sprintf("%s (overlap %d)", name, len(t.lanes.Lanes)-1))
	w.buf = append(w.buf, `,"`+argLaneOf+`":`...)
	w.buf = append(append(w.buf, t.tid...), "}}"...)
	if t.order != 0 {
		w.sortIndex(metaThreadSort, l.Out, t.order)
	}
}

// writeMetadata writes what changed about processes and tracks.
func (w *Writer) writeMetadata() {
	if len(w.changed) == 0 {
		return
	}
	for _, m := range w.changed {
		if m.process != nil {
			w.writeProcess(m.process)
		} else {
			w.writeTrack(m.track)
		}
	}
	clear(w.changed)
	w.changed = w.changed[:0]
}

func (w *Writer) writeProcess(p *process) {
	ident := fmt.Sprintf(`,"pid":%s,"tid":0`, p.pid)
	if p.wantName {
		w.open(metaProcessName, "", 'M')
		w.buf = append(w.buf, ident...)
		w.openArgs()
		w.arg("name", tracefmt.String(p.name))
		if w.anchored {
			w.arg(argUnix, tracefmt.String(strconv.FormatInt(w.unix, 10)))
		}
		for _, a := range p.attrs {
			w.arg(a.Key, a.Value)
		}
		w.closeArgs()
	}
	if p.wantOrder {
		w.sortIndex(metaProcessSort, ident, p.order)
	}
	if p.wantLabels {
		w.open(metaProcessLabels, "", 'M')
		w.buf = append(w.buf, ident...)
		w.openArgs()
		w.arg(attrLabels, tracefmt.String(p.labels))
		w.closeArgs()
	}
	p.wantName, p.wantOrder, p.wantLabels = false, false, false
}

func (w *Writer) writeTrack(t *track) {
	ident := fmt.Sprintf(`,"pid":%s,"tid":%s`, w.pidOf(t.process), t.tid)
	if t.wantName {
		w.open(metaThreadName, "", 'M')
		w.buf = append(w.buf, ident...)
		w.openArgs()
		w.arg("name", tracefmt.String(t.name))
		for _, a := range t.attrs {
			w.arg(a.Key, a.Value)
		}
		w.closeArgs()
	}
	if t.wantOrder {
		w.sortIndex(metaThreadSort, ident, t.order)
	}
	t.wantName, t.wantOrder = false, false
}

func (w *Writer) sortIndex(name, ident string, order int64) {
	w.open(name, "", 'M')
	w.buf = append(w.buf, ident...)
	w.buf = append(w.buf, `,"args":{"sort_index":`...)
	w.buf = strconv.AppendInt(w.buf, order, 10)
	w.buf = append(w.buf, "}}"...)
}

func sortedKeys[V any](m map[tracefmt.TrackID]V) []tracefmt.TrackID {
	return slices.Sorted(maps.Keys(m))
}
