package firefox

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/decimal"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// colours of categories, of those that the loader knows. The first category is grey: it is the one of markers without.
var colours = []string{"blue", "green", "orange", "purple", "yellow", "lightblue", "red", "magenta", "brown", "lightred",
	"darkgrey"}

// file writes everything.
func (w *Writer) file() {
	w.meta()
	w.text(",\"libs\":[],\"shared\":{\"stringArray\":[")
	for i, s := range w.strings.list {
		w.comma(i)
		w.buf = jsontext.AppendString(append(w.buf, '\n'), s)
		if len(w.buf) > maxBuffer {
			w.flush()
		}
	}
	w.text("]},\"threads\":[")
	for i, r := range w.layout.order {
		w.comma(i)
		w.thread(r)
	}
	w.text("]}\n")
}

// maxBuffer is how much is held before it is written.
const maxBuffer = 64 << 10

func (w *Writer) text(s string)   { w.buf = append(w.buf, s...) }
func (w *Writer) quoted(s string) { w.buf = jsontext.AppendString(w.buf, s) }
func (w *Writer) integer(n int64) { w.buf = strconv.AppendInt(w.buf, n, 10) }
func (w *Writer) millis(ns int64) { w.buf = decimal.Append(w.buf, ns, 6) }
func (w *Writer) comma(i int) {
	if i > 0 {
		w.text(",")
	}
}

// value writes a value of an extra member, which only our Reader looks at.
func (w *Writer) value(v tracefmt.Value) {
	var lost string
	if w.buf, lost = jsontext.AppendValue(w.buf, v); lost != "" {
		w.losses.Add(lost)
	}
}

// meta writes what concerns the whole profile. Its start is where the trace's clock is 0, so that times can be given as
// they are.
func (w *Writer) meta() {
	start := int64(0)
	if w.clock != nil {
		start = w.clock.Unix - w.clock.Time + w.base
	}
	w.text(`{"meta":{"version":`)
	w.integer(geckoVersion)
	w.text(`,"preprocessedProfileVersion":`)
	w.integer(processedVersion)
	w.text(`,"interval":0.001,"startTime":`)
	w.millis(start)
	w.text(`,"processType":0,"stackwalk":0,"debug":false,"symbolicated":true,"importedFrom":"spanstack",` +
		`"usesOnlyOneStackType":true,"sourceCodeIsNotOnSearchfox":true,"product":`)
	w.quoted(cmp.Or(w.layout.order[0].process.Name, "trace"))
	w.text(`,"categories":[`)
	for i, name := range w.categories.list {
		colour := "grey"
		if i > 0 {
			colour = colours[(i-1)%len(colours)]
		}
		w.comma(i)
		w.text("\n{\"name\":")
		w.quoted(name)
		w.text(`,"color":"` + colour + `","subcategories":["Other"]}`)
	}
	w.text(`],"markerSchema":[`)
	w.buf = w.schemas.append(w.buf)
	w.text("],\n\"" + keyExtra + `":{`)
	comma := ""
	add := func(key string, n int64) {
		w.text(comma + `"` + key + `":"`)
		w.integer(n)
		w.text(`"`)
		comma = ","
	}
	if w.base != 0 {
		add("base_ns", w.base)
	}
	if w.clock != nil {
		add("clock_ns", w.clock.Time)
		add("unix_ns", w.clock.Unix)
	}
	w.text("}}")
}

// thread writes a thread. Tables that we have nothing for must be there, and there must be a sample: one at the start and
// one at the end let all threads have the trace's range.
func (w *Writer) thread(r *row) {
	e := r.process
	if r.track != nil {
		e = r.track
	}
	name := cmp.Or(e.Name, e.Kind.String()+" "+e.SourceID.String())
	w.text("\n{\"name\":")
	w.quoted(name)
	w.text(`,"isMainThread":` + strconv.FormatBool(r.track == nil) + `,"processType":"default","processName":`)
	w.quoted(cmp.Or(r.process.Name, "process "+r.pid))
	w.text(`,"pid":`)
	w.quoted(r.pid)
	w.text(`,"tid":`)
	if tid, ok := e.SourceID.Int64(); ok && tid >= 0 && tid < maxExact {
		w.integer(tid)
	} else {
		w.quoted(e.SourceID.String())
	}
	w.text(`,"` + keyExtra + `":{"process":` + strconv.FormatBool(r.track == nil) + `,"id":`)
	w.value(e.SourceID)
	if e.Name == "" {
		w.text(`,"name":""`)
	}
	if e.Order != 0 {
		w.text(`,"order":"` + strconv.FormatInt(e.Order, 10) + `"`)
	}
	for i, a := range e.Attrs {
		w.text([]string{`,"attrs":{`, ","}[min(i, 1)])
		w.quoted(a.Key)
		w.text(":")
		w.value(a.Value)
		if i == len(e.Attrs)-1 {
			w.text("}")
		}
	}
	w.text(`},"processStartupTime":0,"processShutdownTime":null,"registerTime":0,"unregisterTime":null,` +
		`"pausedRanges":[],"showMarkersInTimeline":true,`)
	w.text("\n\"samples\":{\"weightType\":\"samples\",\"weight\":null,\"stack\":[null,null],\"time\":[")
	w.millis(w.first - w.base)
	w.text(",")
	w.millis(w.last - w.base)
	w.text(`],"length":2},` + emptyTables + ",\n\"markers\":{\"length\":")
	w.integer(int64(r.markers))
	for i, name := range columnNames {
		w.text(",\n\"" + name + `":[`)
		w.flush()
		if w.err == nil {
			if err := w.columns[i].CopyTo(w.out, r.columns[i].from, r.columns[i].to); err != nil {
				w.err = fmt.Errorf("write firefox profile: %w", err)
			}
		}
		w.text("]")
	}
	w.text("}}")
}

// emptyTables has the tables that samples with stacks would need.
const emptyTables = `"stackTable":{"frame":[],"prefix":[],"length":0},` +
	`"frameTable":{"address":[],"inlineDepth":[],"category":[],"subcategory":[],"func":[],` +
	`"nativeSymbol":[],"innerWindowID":[],"line":[],"column":[],"length":0},` +
	`"funcTable":{"isJS":[],"relevantForJS":[],"name":[],"resource":[],"fileName":[],` +
	`"lineNumber":[],"columnNumber":[],"length":0},` +
	`"resourceTable":{"lib":[],"name":[],"host":[],"type":[],"length":0},` +
	`"nativeSymbols":{"libIndex":[],"address":[],"name":[],"functionSize":[],"length":0}`
