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
	"github.com/spanstack/spanstack/tracefmt/internal/spill"
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
	columns     [numColumns]*spill.Text // of all threads, one behind the other
	cell        []byte
	buf         []byte
}

// survey is what has to be known of the trace before its events are put into rows.
type survey struct {
	ends   map[int]*tracefmt.Event // of async slices, by the numbers of their begins
	clock  int                     // the number of the one that isn't a marker
	tracks []*tracefmt.Event       // as they are declared
	used   []tracefmt.TrackID      // as they come in events
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

// SetMemory bounds what the events of the trace, and the text of their markers, take in memory: beyond it they are in
// temporary files. It has to be called before Write. In memory stay all names and keys of arrows, once each, and the
// ends of async slices.
func (w *Writer) SetMemory(bytes int64) { w.trace.Memory = bytes }

// Losses returns what has no place in the format, or had to be repaired.
func (w *Writer) Losses() []tracefmt.Loss { return slices.Concat(w.trace.Losses(), w.losses.List()) }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.closed {
		return fmt.Errorf("write firefox profile: it is closed")
	}
	w.trace.Add(e)
	if err := w.trace.Err(); err != nil {
		w.err = fmt.Errorf("write firefox profile: %w", err)
	}
	return w.err
}

// Flush does nothing: the format has columns, so that all of it is known at the end only.
func (w *Writer) Flush() error { return w.err }

// Close writes the profile.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	defer w.trace.Close()
	err := w.err
	if err == nil {
		err = w.markers()
	}
	if err == nil {
		w.file()
		w.flush()
		err = w.err
	}
	for _, c := range w.columns {
		c.Close()
	}
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("write firefox profile: %w", err)
	}
	return w.err
}

// flush writes what is in the buffer.
func (w *Writer) flush() {
	if w.err == nil {
		if _, err := w.out.Write(w.buf); err != nil {
			w.err = fmt.Errorf("write firefox profile: %w", err)
		}
	}
	w.buf = w.buf[:0]
}

// markers makes the markers of all threads.
func (w *Writer) markers() (err error) {
	parts := w.rows(w.survey())
	var c spill.Config
	if w.trace.OnDisk() {
		c = spill.Config{Memory: w.trace.Memory, Dir: w.trace.Dir}
	}
	for i := range w.columns {
		if w.columns[i], err = spill.NewText(c); err != nil {
			return err
		}
	}
	for i, r := range w.layout.order {
		for j, c := range w.columns {
			r.columns[j].from = c.Len()
		}
		for e := range parts[i].Events() {
			var end *tracefmt.Event
			if e.Kind == tracefmt.AsyncBegin {
				end, r.ends = r.ends[0], r.ends[1:]
			}
			if err := w.marker(r, e, end); err != nil {
				return err
			}
		}
		for j, c := range w.columns {
			r.columns[j].to = c.Len()
		}
	}
	return w.trace.Err()
}

// survey finds the tracks, the range of times, and the ends of async slices.
func (w *Writer) survey() *survey {
	w.layout = layout{rows: make(map[tracefmt.TrackID]*row), pids: make(map[string]bool)}
	w.first, w.last = math.MaxInt64, math.MinInt64
	s := &survey{ends: make(map[int]*tracefmt.Event), clock: -1}
	begun := make(map[string][]begin)
	used := make(map[tracefmt.TrackID]bool)
	number := -1
	for e := range w.trace.Events() {
		w.layout.highest = max(w.layout.highest, e.Track)
		if e.Kind.Timed() {
			number++
		}
		switch e.Kind {
		case tracefmt.Process:
			w.layout.addProcess(e)
			continue
		case tracefmt.Track:
			s.tracks = append(s.tracks, e)
			continue
		case tracefmt.Clock:
			if w.clock == nil && len(s.used) == 0 {
				w.clock, s.clock = e.Clone(), number
				continue
			}
		}
		w.first, w.last = min(w.first, e.Time), max(w.last, e.Time)
		if e.Kind == tracefmt.Complete {
			w.last = max(w.last, e.Until())
		}
		key := e.Category + "\x00" + e.AsyncKey()
		switch e.Kind {
		case tracefmt.AsyncBegin:
			begun[key] = append(begun[key], begin{e.Name, number})
		case tracefmt.AsyncEnd:
			list := begun[key]
			i := len(list) - 1
			for i >= 0 && e.Name != "" && list[i].name != e.Name {
				i--
			}
			if i < 0 {
				w.losses.Add("async end without a begin")
				continue
			}
			s.ends[list[i].number] = e.Clone()
			begun[key] = slices.Delete(list, i, i+1)
			continue
		}
		if !used[e.Track] {
			used[e.Track] = true
			s.used = append(s.used, e.Track)
		}
	}
	return s
}

// begin is an async slice that is open.
type begin struct {
	name   string
	number int
}

// rows makes the rows, and returns their events.
func (w *Writer) rows(s *survey) []*timeline.Part {
	for _, e := range s.tracks {
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
	for _, id := range s.used {
		w.layout.rowOf(id)
	}
	w.layout.sort()
	return w.trace.Divide(len(w.layout.order), func(number int, e *tracefmt.Event, add func(int)) {
		if e.Kind == tracefmt.AsyncEnd || number == s.clock {
			return
		}
		r := w.layout.rowOf(e.Track)
		if e.Kind == tracefmt.AsyncBegin {
			r.ends = append(r.ends, s.ends[number])
		}
		add(r.place)
	})
}

// marker adds an event to the columns of its thread, with its end if it is an async slice that has one.
func (w *Writer) marker(r *row, e, last *tracefmt.Event) error {
	f := fields{w: w}
	phase, end := phaseInstant, int64(0)
	switch e.Kind {
	case tracefmt.Begin, tracefmt.Complete:
		f.begin(typeSlice)
		_, ok := e.Duration()
		if phase, end = phaseInterval, e.Until(); !ok {
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
		if last != nil {
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
	if last != nil {
		for _, a := range last.Attrs {
			f.attr(prefixEnd, a)
		}
	}
	return w.add(r, w.strings.number(e.Name), e.Time-w.base, end-w.base, phase, category, f.close())
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
func (w *Writer) add(r *row, name int, start, end int64, phase, category int, fields []byte) error {
	comma := []byte(",")
	if r.markers == 0 {
		comma = nil
	}
	r.markers++
	for i, c := range w.columns {
		w.cell = append(w.cell[:0], comma...)
		switch i {
		case columnName:
			w.cell = strconv.AppendInt(w.cell, int64(name), 10)
		case columnStart:
			w.cell = decimal.Append(w.cell, start, 6)
		case columnEnd:
			if phase == phaseInterval {
				w.cell = decimal.Append(w.cell, end, 6)
			} else {
				w.cell = append(w.cell, "null"...)
			}
		case columnPhase:
			w.cell = strconv.AppendInt(w.cell, int64(phase), 10)
		case columnCategory:
			w.cell = strconv.AppendInt(w.cell, int64(category), 10)
		case columnFields:
			w.cell = append(append(w.cell, '\n'), fields...)
		}
		if err := c.Add(w.cell); err != nil {
			return err
		}
	}
	return nil
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
