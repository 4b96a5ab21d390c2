package otlp

import (
	"bytes"
	"errors"
	"fmt"
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
	format  string
	in      io.Reader
	inErr   error // from in; io.EOF at its end
	buf     []byte
	pos     int   // buf[:pos] is done with
	offset  int64 // of buf[0] in the input
	err     error
	records int64

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
	return &JSONReader{in: in, format: format}
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
	c, err := r.peek()
	if err == io.EOF && len(r.stack) == 0 && r.began {
		if r.foreign && !r.isOTLP {
			return r.syntax(r.pos, "no spans in it: there is neither resourceSpans nor resourceLogs")
		}
		return io.EOF
	}
	if err != nil {
		return r.cut(err)
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
		r.pos++
		r.leave()
		return nil
	case c == ',' && top.after:
		r.pos++
		top.after, top.comma = false, true
		return nil
	case top.after || c == closing || c == ',':
		return r.syntax(r.pos, "unexpected %q", c)
	}
	top.after, top.comma = true, false
	if top.what.isList() {
		return r.element(top, c)
	}
	return r.member(top)
}

// top begins what stands at the top.
func (r *JSONReader) top(c byte) error {
	if bom := []byte("\ufeff"); !r.began && c == bom[0] {
		for len(r.buf)-r.pos < len(bom) {
			if err := r.more(); err != nil {
				return r.cut(err)
			}
		}
		r.began = true
		if bytes.HasPrefix(r.buf[r.pos:], bom) {
			r.pos += len(bom)
			return nil
		}
	}
	r.began = true
	switch c {
	case '{':
		r.enter(inMessage, false)
	case '[':
		r.enter(inMessages, false)
	default:
		return r.syntax(r.pos, "unexpected %q: neither an object nor an array", c)
	}
	return nil
}

func (r *JSONReader) enter(what place, logs bool) {
	r.pos++
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
		return r.skip()
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
		r.records++
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
		"spans": {inRecords, false}, "logRecords": {inRecords, true}, "log_records": {inRecords, true}, "logs": {inRecords, true},
	},
}

// member reads a member of an object.
func (r *JSONReader) member(object *level) error {
	var key string
	start := r.offset + int64(r.pos)
	if err := r.try(func(b []byte, i int) (int, error) {
		from, to, value, err := jsontext.ScanKey(b, i)
		if err == nil {
			key = r.assembly.text.Text(b[from:to])
		}
		return value, err
	}); err != nil {
		return err
	}
	if list, ok := lists[object.what][key]; ok && r.buf[r.pos] == '[' {
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
		return r.try(func(b []byte, i int) (int, error) { return r.scope(b, i, start) })
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
	return r.skip()
}

// string reads a string; what is none is skipped.
func (r *JSONReader) string() (text string, err error) {
	err = r.try(func(b []byte, i int) (end int, err error) {
		text, end, err = r.text(b, i)
		return end, err
	})
	return text, err
}

// skip skips a value.
func (r *JSONReader) skip() error {
	return r.try(func(b []byte, i int) (int, error) { return jsontext.ScanValue(b, i, 0) })
}

// try has the value at the next byte parsed, again with more bytes if it goes on beyond those at hand, and skips it.
func (r *JSONReader) try(parse func(b []byte, i int) (end int, err error)) error {
	for {
		end, err := parse(r.buf, r.pos)
		if err == nil {
			r.pos = end
			return nil
		}
		if err != jsontext.ErrShort {
			if bad, ok := errors.AsType[*jsontext.Bad](err); ok {
				return r.syntax(bad.At, "%s", bad.What)
			}
			return r.syntax(r.pos, "%w", err)
		}
		if len(r.buf)-r.pos > maxRecord {
			return r.syntax(r.pos, "a value of more than %d bytes", maxRecord)
		}
		for had := len(r.buf) - r.pos; len(r.buf)-r.pos < 2*had+1; { // not each time a little more
			if err := r.more(); err != nil {
				if err == io.EOF && len(r.buf)-r.pos > had {
					break
				}
				return r.cut(err)
			}
		}
	}
}

// peek returns the next byte that isn't white space.
func (r *JSONReader) peek() (byte, error) {
	for {
		r.pos = jsontext.SkipSpace(r.buf, r.pos)
		if r.pos < len(r.buf) {
			return r.buf[r.pos], nil
		}
		if err := r.more(); err != nil {
			return 0, err
		}
	}
}

// more reads more bytes behind those that aren't done with. It returns the input's error if there are none.
func (r *JSONReader) more() error {
	if len(r.buf) == cap(r.buf) {
		left := r.buf[r.pos:]
		to := r.buf[:0]
		if len(left) > cap(r.buf)/2 || cap(r.buf) < usualBuffer {
			to = make([]byte, 0, max(firstBuffer, 2*cap(r.buf)))
		}
		r.offset += int64(r.pos)
		r.buf = append(to, left...)
		r.pos = 0
	}
	for range maxIdle {
		if r.inErr != nil {
			return r.inErr
		}
		var n int
		n, r.inErr = r.in.Read(r.buf[len(r.buf):cap(r.buf)])
		if r.buf = r.buf[:len(r.buf)+n]; n > 0 {
			return nil
		}
	}
	r.inErr = io.ErrNoProgress
	return r.inErr
}

func (r *JSONReader) syntax(at int, format string, args ...any) error {
	return syntax(r.format, r.records, r.offset+int64(at), fmt.Errorf(format, args...))
}

// cut words the end or failure of the input inside of something.
func (r *JSONReader) cut(err error) error {
	end := r.offset + int64(len(r.buf))
	if err == io.EOF || errors.Is(err, tracefmt.ErrTruncated) {
		return syntax(r.format, r.records, end, tracefmt.ErrTruncated)
	}
	return failed(r.format, end, err)
}
