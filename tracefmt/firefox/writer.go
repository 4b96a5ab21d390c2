package firefox

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/decimal"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

const otherCategory = "Other" // the loader wants a grey one, which stands for none

// Writer collects a trace and writes its profile when it is closed.
type Writer struct {
	out    io.Writer
	err    error
	closed bool
	trace  timeline.Timeline
	losses tracefmt.Losses

	layout      layout
	first, last int64 // ns
	base        int64 // ns: what is taken off all times
	clock       *tracefmt.Event
	strings     numbered
	categories  numbered
	schemas     schemas
	ends        map[*tracefmt.Event]*tracefmt.Event // of async slices, by their begins
	buf         []byte
}

// numbered numbers strings.
type numbered struct {
	index map[string]int
	list  []string
}

func (t *numbered) number(s string) int {
	i, known := t.index[s]
	if !known {
		if t.index == nil {
			t.index = make(map[string]int)
		}
		i = len(t.list)
		t.index[s] = i
		t.list = append(t.list, s)
	}
	return i
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Losses returns what has no place in the format, or had to be repaired.
func (w *Writer) Losses() []tracefmt.Loss { return slices.Concat(w.trace.Losses(), w.losses.List()) }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.closed {
		return fmt.Errorf("write firefox profile: it is closed")
	}
	w.trace.Add(e)
	return nil
}

// Flush does nothing: the format has columns, so that all of it is known at the end only.
func (w *Writer) Flush() error { return w.err }

// Close writes the profile.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	w.survey()
	for _, r := range w.layout.order {
		for _, e := range r.events {
			w.marker(&r.columns, e)
		}
	}
	w.file()
	if _, err := w.out.Write(w.buf); err != nil {
		w.err = fmt.Errorf("write firefox profile: %w", err)
	}
	return w.err
}

// survey finds the tracks, their events, the range of times, and the ends of async slices.
func (w *Writer) survey() {
	w.layout = layout{rows: make(map[tracefmt.TrackID]*row), pids: make(map[string]bool)}
	w.first, w.last = math.MaxInt64, math.MinInt64
	w.ends = make(map[*tracefmt.Event]*tracefmt.Event)
	begun := make(map[string][]*tracefmt.Event)
	var timed, tracks []*tracefmt.Event
	for e := range w.trace.Events() {
		w.layout.highest = max(w.layout.highest, e.Track)
		switch e.Kind {
		case tracefmt.Process:
			w.layout.addProcess(e)
			continue
		case tracefmt.Track:
			tracks = append(tracks, e)
			continue
		case tracefmt.Clock:
			if w.clock == nil && len(timed) == 0 {
				w.clock = e
				continue
			}
		}
		w.first, w.last = min(w.first, e.Time), max(w.last, e.Time)
		if d, ok := e.Duration(); ok {
			w.last = max(w.last, e.Time+d)
		}
		key := e.Category + "\x00" + e.AsyncKey()
		switch e.Kind {
		case tracefmt.AsyncBegin:
			begun[key] = append(begun[key], e)
		case tracefmt.AsyncEnd:
			list := begun[key]
			i := len(list) - 1
			for i >= 0 && e.Name != "" && list[i].Name != e.Name {
				i--
			}
			if i < 0 {
				w.losses.Add("async end without a begin")
				continue
			}
			w.ends[list[i]] = e
			begun[key] = slices.Delete(list, i, i+1)
			continue
		}
		timed = append(timed, e)
	}
	for _, e := range tracks {
		w.layout.addTrack(e)
	}
	if w.first > w.last {
		w.first, w.last = 0, 0
	}
	if (w.first < -maxExact || w.last > maxExact) && (w.first >= 0 || w.last < math.MaxInt64+w.first) {
		w.base = w.first
	}
	w.categories.number(otherCategory)
	w.layout.process() // there must be a thread
	for _, e := range timed {
		r := w.layout.rowOf(e.Track)
		r.events = append(r.events, e)
	}
	w.layout.sort()
}

// marker adds an event to the columns of its thread.
func (w *Writer) marker(c *columns, e *tracefmt.Event) {
	f := fields{w: w}
	phase, end := phaseInstant, int64(0)
	switch e.Kind {
	case tracefmt.Begin, tracefmt.Complete:
		f.begin(typeSlice)
		d, ok := e.Duration()
		if phase, end = phaseInterval, e.Time+d; !ok {
			phase = phaseStart
		}
		if !ok && e.Kind == tracefmt.Complete {
			f.add(fieldOpen, tracefmt.Bool(true))
		}
	case tracefmt.Log:
		f.begin(typeLog)
		f.text(fieldLevel, e.Severity.String())
	case tracefmt.Clock:
		f.begin(typeClock)
		f.text(fieldUnix, strconv.FormatInt(e.Unix, 10))
	case tracefmt.Counter:
		f.begin(w.schemas.counter(e.Name))
		f.text(fieldName, e.Name)
		f.text(fieldKey, e.Key)
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		f.flow(e)
	case tracefmt.AsyncBegin, tracefmt.AsyncInstant:
		f.begin(typeAsync)
		f.text(fieldKey, e.Key)
		if e.Kind == tracefmt.AsyncBegin {
			phase = phaseStart
		}
		if last := w.ends[e]; last != nil {
			phase, end = phaseInterval, last.Time
		}
	default:
		f.begin(typeInstant)
	}
	if e.Track == 0 && e.Kind != tracefmt.Clock {
		f.add(fieldWhole, tracefmt.Bool(true))
	}
	f.text(fieldID, e.ID)
	f.text(fieldParent, e.Parent)
	category := w.category(e.Category, &f)
	for _, a := range e.Attrs {
		f.attr("", a)
	}
	if last := w.ends[e]; last != nil {
		for _, a := range last.Attrs {
			f.attr(prefixEnd, a)
		}
	}
	c.add(w.strings.number(e.Name), e.Time-w.base, end-w.base, phase, category, f.close())
}

// category returns the number of a category, and keeps its name in a field if there are too many, or if it is the one
// that stands for none.
func (w *Writer) category(name string, f *fields) int {
	if name == "" {
		return 0
	}
	_, known := w.categories.index[name]
	if name == otherCategory || !known && len(w.categories.list) == maxCategories {
		f.text(fieldCategory, name)
		return 0
	}
	return w.categories.number(name)
}

// add adds a marker.
func (c *columns) add(name int, start, end int64, phase, category int, fields []byte) {
	for _, column := range []*[]byte{&c.name, &c.start, &c.end, &c.phase, &c.category, &c.fields} {
		if c.rows > 0 {
			*column = append(*column, ',')
		}
	}
	c.rows++
	c.name = strconv.AppendInt(c.name, int64(name), 10)
	c.start = decimal.Append(c.start, start, 6)
	if phase == phaseInterval {
		c.end = decimal.Append(c.end, end, 6)
	} else {
		c.end = append(c.end, "null"...)
	}
	c.phase = strconv.AppendInt(c.phase, int64(phase), 10)
	c.category = strconv.AppendInt(c.category, int64(category), 10)
	c.fields = append(append(c.fields, '\n'), fields...)
}

// fields writes the data of a marker.
type fields struct {
	w    *Writer
	kind string
	data []byte
}

func (f *fields) begin(kind string) {
	f.kind = kind
	f.data = jsontext.AppendString(append(f.data, `{"type":`...), kind)
}

func (f *fields) close() []byte { return append(f.data, '}') }

// add adds a field, and tells its schema.
func (f *fields) add(key string, v tracefmt.Value) {
	f.data = append(jsontext.AppendString(append(f.data, ','), key), ':')
	var lost string
	if f.data, lost = jsontext.AppendValue(f.data, v); lost != "" {
		f.w.losses.Add(lost)
	}
	f.w.schemas.field(f.kind, key, v.Kind())
}

// text adds a field if there is something in it.
func (f *fields) text(key, text string) {
	if text != "" {
		f.add(key, tracefmt.String(text))
	}
}

// attr adds an attribute.
func (f *fields) attr(prefix string, a tracefmt.Attr) {
	key := a.Key
	if reserved(key) {
		key = prefixAttr + key
	}
	v := a.Value
	if v.Kind() == tracefmt.RawValue || v.IsZero() {
		text, ok := jsontext.AppendCompact(nil, v.String())
		if v.IsZero() {
			text, ok = []byte("null"), true
		}
		if !ok {
			f.w.losses.Add("attribute that isn't valid JSON, written as a string")
			text = []byte(v.String())
		} else {
			key = prefixJSON + key
		}
		v = tracefmt.String(string(text))
	}
	f.add(prefix+key, v)
}

// flow adds the fields of a flow's point. The loader draws arrows between markers with the same flow.
func (f *fields) flow(e *tracefmt.Event) {
	f.begin(typeFlow)
	key, point := fieldFlow, "step"
	switch e.Kind {
	case tracefmt.FlowStart:
		point = "start"
	case tracefmt.FlowEnd:
		key, point = fieldFlowEnd, "end"
	}
	f.text(fieldPoint, point)
	f.data = append(jsontext.AppendString(append(f.data, ','), key), ':')
	f.data = strconv.AppendInt(f.data, int64(f.w.strings.number(e.Key)), 10)
	if e.BindNext {
		f.add(fieldNext, tracefmt.Bool(true))
	}
}
