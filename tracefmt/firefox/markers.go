package firefox

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/decimal"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// marker is one row of a thread's markers.
type marker struct {
	name       string
	category   string
	kind       string // data.type
	phase      int64
	start, end int64 // ns; meaningful by phase
	fields     []tracefmt.Attr
}

// interval is an interval that has begun.
type interval struct {
	order int
	marker
}

// marker delivers a row as events.
func (r *Reader) marker(t *thread, row int) {
	m, ok := r.parse(t, row)
	if !ok {
		return
	}
	if strings.HasPrefix(m.kind, typePrefix) && r.own(&m) {
		return
	}
	switch m.phase {
	case phaseInstant:
		e := r.emit(tracefmt.Instant, r.tracks.current)
		e.Time = m.start
		m.describe(e)
	case phaseInterval:
		r.interval(&m)
	case phaseStart:
		if r.open == nil {
			r.open = make(map[string][]interval)
		}
		r.open[m.name] = append(r.open[m.name], interval{row, m})
	case phaseEnd:
		list := r.open[m.name]
		if len(list) == 0 {
			r.losses.Add("marker that ends an interval that hasn't begun")
			return
		}
		begun := list[len(list)-1]
		r.open[m.name] = list[:len(list)-1]
		begun.end = m.end
		for _, f := range m.fields { // the end's count, as in Firefox
			i := slices.IndexFunc(begun.fields, func(a tracefmt.Attr) bool { return a.Key == f.Key })
			if i < 0 {
				begun.fields = append(begun.fields, f)
			} else {
				begun.fields[i] = f
			}
		}
		r.interval(&begun.marker)
	default:
		r.losses.Add("marker of an unknown phase")
	}
}

// interval delivers a slice.
func (r *Reader) interval(m *marker) {
	if m.end < m.start {
		r.losses.Add("interval that ends before it begins")
		return
	}
	e := r.emit(tracefmt.Complete, r.tracks.current)
	e.Time, e.Dur = m.start, m.end-m.start
	m.describe(e)
}

// endMarkers delivers the intervals that have begun and not ended.
func (r *Reader) endMarkers() {
	var left []interval
	for _, list := range r.open {
		left = append(left, list...)
	}
	r.open = nil
	slices.SortFunc(left, func(a, b interval) int { return cmp.Compare(a.order, b.order) })
	for i := range left {
		e := r.emit(tracefmt.Begin, r.tracks.current)
		e.Time = left[i].start
		left[i].describe(e)
	}
}

// describe sets what a marker of others says.
func (m *marker) describe(e *tracefmt.Event) {
	e.Name, e.Category = m.name, m.category
	if m.kind != "" {
		e.Attrs = append(e.Attrs, tracefmt.Attr{Key: "type", Value: tracefmt.String(m.kind)})
	}
	e.Attrs = append(e.Attrs, m.fields...)
}

// parse reads a row.
func (r *Reader) parse(t *thread, row int) (m marker, ok bool) {
	table := t.markers
	list := r.stringsOf(t)
	i, ok := table.integer("name", row)
	if !ok || i < 0 || i >= int64(len(list)) {
		r.losses.Add("marker without a name")
		return m, false
	}
	m.name = list[i]
	categories := t.document.categories
	if categories == nil {
		categories = r.main.categories
	}
	if c, ok := table.integer("category", row); ok && c >= 0 && c < int64(len(categories)) {
		if name := categories[c]; name != otherCategory {
			m.category = name
		}
	}
	d := r.data(&m, t, list, table.raw("data", row))
	if m.phase, ok = table.integer("phase", row); !ok {
		m.phase = d.phase()
	}
	startOK, endOK := false, false
	m.start, startOK = table.nanos("startTime", row)
	m.end, endOK = table.nanos("endTime", row)
	if at, ok := table.nanos("time", row); ok { // older versions have one time, and others in the data
		m.start, startOK = at, true
		if m.end, endOK = at, true; d.startOK && d.endOK {
			m.start, m.end = d.start, d.end
		}
	}
	needStart, needEnd := m.phase != phaseEnd, m.phase == phaseInterval || m.phase == phaseEnd
	if needStart && !startOK || needEnd && !endOK {
		r.losses.Add("marker without a time")
		return m, false
	}
	m.start += r.shift(t)
	m.end += r.shift(t)
	return m, true
}

// shift returns what to add to a thread's times. Those of another process count from its own start.
func (r *Reader) shift(t *thread) int64 {
	if t.document != r.main {
		return t.document.start - r.main.start
	}
	return r.main.extra.base
}

// stringsOf returns the strings that a thread's indexes are of.
func (r *Reader) stringsOf(t *thread) []string {
	switch {
	case t.strings != nil:
		return t.strings
	case t.document.strings != nil:
		return t.document.strings
	}
	return r.main.strings
}

// payload is what the data of older markers says about their times.
type payload struct {
	interval       string
	isTracing      bool
	start, end     int64
	startOK, endOK bool
}

// phase returns what the phase is where there is none.
func (d *payload) phase() int64 {
	switch {
	case d.isTracing && d.interval == "start":
		return phaseStart
	case d.isTracing && d.interval == "end":
		return phaseEnd
	case d.startOK && d.endOK:
		return phaseInterval
	}
	return phaseInstant
}

// data reads a marker's data.
func (r *Reader) data(m *marker, t *thread, list []string, raw []byte) (d payload) {
	if len(raw) == 0 || raw[0] != '{' {
		return d
	}
	var typed []byte
	if !members(raw, func(key string, value []byte) {
		if key == "type" && value[0] == '"' {
			typed = value
		}
	}) {
		r.losses.Add("data of a marker that is nested too deep")
		return d
	}
	if typed != nil {
		m.kind = r.in.ValueOf(typed).String()
	}
	d.isTracing = m.kind == "tracing"
	own := strings.HasPrefix(m.kind, typePrefix)
	members(raw, func(key string, value []byte) {
		switch {
		case key == "type":
			return
		case own:
		case key == "cause" || key == "stack":
			r.losses.Add("stack of a marker")
			return
		case key == "startTime":
			d.start, d.startOK = decimal.Scale(value, 6)
			return
		case key == "endTime":
			d.end, d.endOK = decimal.Scale(value, 6)
			return
		case key == "interval" && d.isTracing:
			d.interval = r.in.ValueOf(value).String()
			return
		}
		v := r.in.ValueOf(value)
		if t.document.formats[m.kind+"\x00"+key] == indexed || r.main.formats[m.kind+"\x00"+key] == indexed {
			if i, ok := v.Int64(); ok && i >= 0 && i < int64(len(list)) {
				v = tracefmt.String(list[i])
			}
		}
		m.fields = append(m.fields, tracefmt.Attr{Key: key, Value: v})
	})
	return d
}

// members calls member for each member of an object, whose text is valid. It is not ok if that is nested too deep.
func members(raw []byte, member func(key string, value []byte)) bool {
	i := jsontext.SkipSpace(raw, 1)
	for raw[i] != '}' {
		from, to, value, err := jsontext.ScanKey(raw, i)
		if err != nil {
			return false
		}
		end, err := jsontext.ScanValue(raw, value, 0)
		if err != nil {
			return false
		}
		member(string(jsontext.AppendDecoded(nil, raw[from:to])), raw[value:end])
		if i = jsontext.SkipSpace(raw, end); raw[i] == ',' {
			i = jsontext.SkipSpace(raw, i+1)
		}
	}
	return true
}

var points = map[string]tracefmt.Kind{
	"start": tracefmt.FlowStart, "step": tracefmt.FlowStep, "end": tracefmt.FlowEnd,
}

// own delivers a marker that our Writer wrote, and reports whether it is one.
func (r *Reader) own(m *marker) bool {
	e := r.emit(tracefmt.Invalid, r.tracks.current)
	e.Time, e.Name, e.Category = m.start, m.name, m.category
	var ends []tracefmt.Attr
	open := m.phase == phaseStart
	point := ""
	for _, f := range m.fields {
		text := f.Value.String()
		is, _ := f.Value.Bool()
		switch f.Key {
		case fieldID:
			e.ID = text
		case fieldParent:
			e.Parent = text
		case fieldKey, fieldFlow, fieldFlowEnd:
			e.Key = text
		case fieldCategory:
			e.Category = text
		case fieldLevel:
			e.Severity, _ = tracefmt.ParseSeverity(text)
		case fieldPoint:
			point = text
		case fieldNext:
			e.BindNext = is
		case fieldName:
			e.Name = text
		case fieldWhole:
			e.Track = 0
		case fieldOpen:
			e.Dur = tracefmt.Open
		case fieldUnix:
			e.Unix, _ = strconv.ParseInt(text, 10, 64)
		default:
			if rest, ok := strings.CutPrefix(f.Key, prefixEnd); ok {
				ends = append(ends, attrOf(rest, f.Value))
			} else {
				e.Attrs = append(e.Attrs, attrOf(f.Key, f.Value))
			}
		}
	}
	switch {
	case m.kind == typeSlice && m.phase == phaseInterval && m.end >= m.start:
		e.Kind, e.Dur = tracefmt.Complete, m.end-m.start
	case m.kind == typeSlice && open && e.Dur == tracefmt.Open:
		e.Kind = tracefmt.Complete
	case m.kind == typeSlice && open:
		e.Kind = tracefmt.Begin
	case m.kind == typeInstant && m.phase == phaseInstant:
		e.Kind = tracefmt.Instant
	case m.kind == typeLog && m.phase == phaseInstant:
		e.Kind = tracefmt.Log
	case m.kind == typeClock && m.phase == phaseInstant:
		e.Kind = tracefmt.Clock
		e.Track, e.Name, e.Category = 0, "", ""
	case m.kind == typeFlow && m.phase == phaseInstant:
		e.Kind = points[point]
	case strings.HasPrefix(m.kind, typeCounter) && m.phase == phaseInstant:
		e.Kind = tracefmt.Counter
	case m.kind == typeAsync && m.phase == phaseInstant:
		e.Kind = tracefmt.AsyncInstant
	case m.kind == typeAsync && (open || m.phase == phaseInterval && m.end >= m.start):
		e.Kind = tracefmt.AsyncBegin
		if !open {
			begin := *e
			e = r.emit(tracefmt.AsyncEnd, begin.Track)
			e.Time, e.Name, e.Category = m.end, begin.Name, begin.Category
			e.ID, e.Key, e.Attrs = begin.ID, begin.Key, ends
		}
	}
	if e.Kind == tracefmt.Invalid {
		r.queue = r.queue[:len(r.queue)-1]
		return false
	}
	return true
}

// attrOf returns the attribute that a field of our markers stands for.
func attrOf(key string, v tracefmt.Value) tracefmt.Attr {
	if rest, ok := strings.CutPrefix(key, prefixJSON); ok && v.Kind() == tracefmt.StringValue {
		if raw, ok := jsontext.AppendCompact(nil, v.String()); ok {
			key, v = rest, tracefmt.RawJSON(string(raw))
		}
	}
	if rest, ok := strings.CutPrefix(key, prefixAttr); ok {
		key = rest
	}
	return tracefmt.Attr{Key: key, Value: v}
}
