package otlp

import (
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// JSONReader reads spans and log records in OTLP's JSON form: an object, an array of them, or objects in a row. Its
// memory is bounded by the longest span, the number of resources and threads, and a cache of strings.
//
// Spans that are valid JSON but make no sense are skipped and counted, and so are metrics; where the text isn't JSON,
// reading ends.
type JSONReader struct {
	in  jsontext.Input
	err error

	stack    []level
	began    bool
	isOTLP   bool // a key of OTLP was found
	foreign  bool // an object had other keys
	assembly assembly
	badIDs   int   // of the record that is parsed
	schema   int64 // between the next byte and this one there is no "schemaUrl"
}

// level is an array or object that is read piece by piece.
type level struct {
	what  place
	logs  bool // of log records
	after bool // a value was read, so that a comma or the end follows
	comma bool // a comma was read, so that a value follows
}

// place says what the elements or members of a level are.
type place uint8

const (
	inMessages place = iota // an array of objects, at the top
	inMessage
	inResources
	inResource
	inScopes
	inScope
	inRecords
)

func (p place) isList() bool {
	return p == inMessages || p == inResources || p == inScopes || p == inRecords
}

// NewJSONReader returns a JSONReader of in.
func NewJSONReader(in io.Reader) *JSONReader { return newJSONReader(in, nameJSON) }

func newJSONReader(in io.Reader, format string) *JSONReader {
	return &JSONReader{in: jsontext.Input{In: in, Format: format, MaxValue: maxRecord}}
}

// Losses returns what had to be skipped so far.
func (r *JSONReader) Losses() []tracefmt.Loss { return r.assembly.Losses.List() }

// Next returns the next event.
func (r *JSONReader) Next() (*tracefmt.Event, error) {
	for {
		if e := r.assembly.Next(); e != nil {
			return e, nil
		}
		if r.err != nil {
			return nil, r.err
		}
		r.err = r.step()
	}
}

// step reads on by an element or a member.
func (r *JSONReader) step() error {
	c, err := r.in.Peek()
	if err == io.EOF && len(r.stack) == 0 && r.began {
		if r.foreign && !r.isOTLP {
			return r.in.Syntax(r.in.Pos, "no spans in it: there is neither resourceSpans nor resourceLogs")
		}
		return io.EOF
	}
	if err != nil {
		return r.in.Cut(err)
	}
	if len(r.stack) == 0 {
		return r.top(c)
	}
	top := &r.stack[len(r.stack)-1]
	closing := byte('}')
	if top.what.isList() {
		closing = ']'
	}
	switch {
	case c == closing && !top.comma:
		r.in.Pos++
		r.leave()
		return nil
	case c == ',' && top.after:
		r.in.Pos++
		top.after, top.comma = false, true
		return nil
	case top.after || c == closing || c == ',':
		return r.in.Syntax(r.in.Pos, "unexpected %q", c)
	}
	top.after, top.comma = true, false
	if top.what.isList() {
		return r.element(top, c)
	}
	return r.member(top)
}

// top begins what stands at the top.
func (r *JSONReader) top(c byte) error {
	if !r.began {
		r.began = true
		if isMark, err := r.in.SkipByteOrderMark(); isMark || err != nil {
			return err
		}
	}
	switch c {
	case '{':
		r.enter(inMessage, false)
	case '[':
		r.enter(inMessages, false)
	default:
		return r.in.Syntax(r.in.Pos, "unexpected %q: neither an object nor an array", c)
	}
	return nil
}

func (r *JSONReader) enter(what place, logs bool) {
	r.in.Pos++
	r.stack = append(r.stack, level{what: what, logs: logs})
}

func (r *JSONReader) leave() {
	top := r.stack[len(r.stack)-1]
	r.stack = r.stack[:len(r.stack)-1]
	if top.what == inResource {
		r.assembly.leaveResource()
	}
}

// element reads an element of a list.
func (r *JSONReader) element(list *level, c byte) error {
	if c != '{' {
		return r.in.Skip()
	}
	switch list.what {
	case inMessages:
		r.enter(inMessage, false)
	case inResources:
		r.assembly.enterResource()
		r.enter(inResource, list.logs)
	case inScopes:
		r.assembly.enterScope()
		r.peekScope()
		r.enter(inScope, list.logs)
	default:
		r.in.Event++
		return r.record(list.logs)
	}
	return nil
}

// lists are the members that hold lists, by what they are in.
var lists = map[place]map[string]struct {
	what place
	logs bool
}{
	inMessage: {
		"resourceSpans": {inResources, false}, "resource_spans": {inResources, false},
		"resourceLogs": {inResources, true}, "resource_logs": {inResources, true},
	},
	inResource: {
		"scopeSpans": {inScopes, false}, "scope_spans": {inScopes, false}, "instrumentationLibrarySpans": {inScopes, false},
		"scopeLogs": {inScopes, true}, "scope_logs": {inScopes, true}, "instrumentationLibraryLogs": {inScopes, true},
	},
	inScope: {
		"spans":      {inRecords, false},
		"logRecords": {inRecords, true}, "log_records": {inRecords, true}, "logs": {inRecords, true},
	},
}

// member reads a member of an object.
func (r *JSONReader) member(object *level) error {
	var key string
	start := r.in.Offset()
	if err := r.in.Try(func(b []byte, i int) (int, error) {
		from, to, value, err := jsontext.ScanKey(b, i)
		if err == nil {
			key = r.assembly.text.Text(b[from:to])
		}
		return value, err
	}); err != nil {
		return err
	}
	if list, ok := lists[object.what][key]; ok && r.in.Buf[r.in.Pos] == '[' {
		r.isOTLP = true
		r.enter(list.what, list.logs)
		return nil
	}
	a := &r.assembly
	switch {
	case object.what == inResource && key == "resource":
		return r.resource()
	case object.what == inResource && (key == "schemaUrl" || key == "schema_url"):
		url, err := r.string()
		a.setResourceSchema(url)
		return err
	case object.what == inScope && (key == "scope" || key == "instrumentationLibrary"):
		return r.in.Try(func(b []byte, i int) (int, error) { return r.scope(b, i, start) })
	case object.what == inScope && (key == "schemaUrl" || key == "schema_url"):
		url, err := r.string()
		a.setScopeSchema(url, start)
		return err
	case key == "resourceMetrics" || key == "resource_metrics":
		r.isOTLP = true
		a.Losses.AddAt("metrics", start)
	case object.what == inMessage:
		r.foreign = true
	}
	return r.in.Skip()
}

// string reads a string; what is none is skipped.
func (r *JSONReader) string() (text string, err error) {
	err = r.in.Try(func(b []byte, i int) (end int, err error) {
		text, end, err = r.assembly.text.TextAt(b, i)
		return end, err
	})
	return text, err
}
