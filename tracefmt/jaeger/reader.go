package jaeger

import (
	"errors"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"github.com/spanstack/spanstack/tracefmt/internal/spantags"
)

const (
	// MaxSpan is the length of the longest span that a Reader accepts, and of a trace's list of processes, in bytes.
	MaxSpan = 16 << 20
	// DefaultMaxHeld is how many bytes of a trace's spans wait for its processes.
	DefaultMaxHeld = 32 << 20

	maxNested    = 8       // arrays around a trace
	maxProcesses = 1 << 16 // of one trace
)

// Reader reads Jaeger's JSON. Jaeger writes a trace's processes after its spans, so a trace's spans are held until
// their processes are known, or until they are too many: their processes are declared without a name then, and named
// later. Other than that the memory is bounded by the longest span, the number of distinct processes and threads, and
// a cache of strings.
type Reader struct {
	// MaxHeld bounds how many bytes of a trace's spans wait for its processes. 0 means DefaultMaxHeld. Set it before
	// the first Next.
	MaxHeld int

	in      jsontext.Input
	err     error
	open    []level
	started bool
	found   bool // there was something of Jaeger's
	events  int64

	parser parser
	raw    rawSpan
	span   spans.Span
	tags   spantags.Taker
	types  spantags.Types
	out    spans.Emitter

	trace traceState
	held  heldSpans
}

// level is something that is open at the place where the reader is.
type level uint8

const (
	inList    level = iota // of traces or spans
	inAnswer               // the object around the list
	inTrace                // a trace's object
	inSpans                // its spans
	numLevels              // also: a span's object, which is taken whole
)

// traceState is what is known of the trace that is being read.
type traceState struct {
	id        string
	processes map[string]process
	complete  bool // no more processes are to be expected
}

type process struct {
	track tracefmt.TrackID
	known bool // more than its track
}

// heldSpans are the texts of spans that wait.
type heldSpans struct {
	text    []byte
	spans   []heldSpan
	next    int
	release bool
}

type heldSpan struct {
	end    int   // in text
	offset int64 // in the input
	event  int64
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: jsontext.Input{In: in, Format: formatName, MaxValue: MaxSpan}}
}

// Losses returns what had to be skipped so far.
func (r *Reader) Losses() []tracefmt.Loss { return r.out.Losses.List() }

// Next returns the next event.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for {
		if e := r.out.Next(); e != nil {
			return e, nil
		}
		if r.held.release {
			r.takeHeld()
			continue
		}
		if r.err != nil {
			return nil, r.err
		}
		r.in.Event = 0
		if r.err = r.step(); r.err != nil {
			r.endTrace() // what came before an error is delivered
		}
	}
}

// step reads on by one bracket, member or span.
func (r *Reader) step() error {
	if !r.started {
		r.started = true
		if _, err := r.in.SkipByteOrderMark(); err != nil {
			return err
		}
	}
	c, err := r.in.Peek()
	if err != nil {
		if err == io.EOF && len(r.open) == 0 && r.found {
			return io.EOF
		}
		return r.in.Cut(err)
	}
	if len(r.open) == 0 {
		return r.element(c)
	}
	switch c {
	case ',':
		r.in.Pos++
		return nil
	case ']', '}':
		return r.close(c)
	}
	switch r.open[len(r.open)-1] {
	case inAnswer:
		return r.answerMember()
	case inTrace:
		return r.traceMember()
	case inSpans:
		if c == '{' {
			return r.spanOfTrace()
		}
		return r.skip("element of a list of spans that is no object")
	}
	return r.element(c)
}

func (r *Reader) push(l level) { r.open = append(r.open, l) }

// close takes a closing bracket.
func (r *Reader) close(c byte) error {
	top := r.open[len(r.open)-1]
	if isArray := top == inList || top == inSpans; isArray != (c == ']') {
		return r.in.Syntax(r.in.Pos, "unexpected %q", c)
	}
	r.in.Pos++
	r.open = r.open[:len(r.open)-1]
	if top == inTrace {
		r.endTrace()
	}
	return nil
}

// element reads the beginning of a list, a trace or an answer, or a whole span.
func (r *Reader) element(c byte) error {
	switch c {
	case '{':
	case '[':
		if len(r.open) >= maxNested {
			return r.in.Syntax(r.in.Pos, "nested deeper than %d", maxNested)
		}
		r.in.Pos++
		r.push(inList)
		r.found = true
		return nil
	default:
		if len(r.open) == 0 {
			return r.in.Syntax(r.in.Pos, "unexpected %q: neither an array nor an object", c)
		}
		return r.skip("element that is no object")
	}
	sort, err := r.classify()
	switch {
	case err != nil:
		return err
	case sort == numLevels:
		r.found = true
		r.trace = traceState{complete: true}
		return r.takeSpan()
	case sort == inAnswer || sort == inTrace:
		r.found = true
		r.in.Pos++
		r.push(sort)
		r.trace = traceState{processes: r.trace.processes}
		clear(r.trace.processes)
		return nil
	case len(r.open) == 0:
		return r.in.Syntax(r.in.Pos, "no trace of Jaeger: an object without \"data\", \"spans\" and \"spanID\"")
	}
	return r.skip("object that is neither a trace nor a span")
}

var errFound = errors.New("found")

// classify finds out what the object is that comes next, by the first of its keys that says so: inAnswer, inTrace,
// numLevels for a span, or else inList.
func (r *Reader) classify() (sort level, err error) {
	sort = inList
	err = r.in.Try(func(b []byte, i int) (int, error) {
		_, err := jsontext.Members(b, i, func(key []byte, i int) (int, error) {
			switch string(key) {
			case "data":
				sort = inAnswer
			case "spans", "processes":
				sort = inTrace
			case "spanID", "operationName", "startTime", "duration":
				sort = numLevels
			default:
				return jsontext.ScanValue(b, i, 0)
			}
			return 0, errFound
		})
		if err == errFound {
			err = nil
		}
		return i, err // the object is still to be read
	})
	return sort, err
}

// skip skips a value, and counts that.
func (r *Reader) skip(why string) error {
	r.out.Losses.AddAt(why, r.in.Offset())
	return r.in.Skip()
}

// answerMember reads a member of the object that has the list of traces.
func (r *Reader) answerMember() error {
	key, c, err := r.key()
	switch {
	case err != nil:
		return err
	case key == "data" && c == '[':
		r.in.Pos++
		r.push(inList)
		return nil
	case key == "errors" && c == '[':
		return r.texts("error that Jaeger's answer tells of")
	}
	return r.in.Skip()
}

// key takes a member's key, and returns the first byte of its value.
func (r *Reader) key() (key string, c byte, err error) {
	err = r.in.Try(func(b []byte, i int) (int, error) {
		from, to, value, err := jsontext.ScanKey(b, i)
		if err == nil {
			key = r.parser.Text(b[from:to])
		}
		return value, err
	})
	if err != nil {
		return "", 0, err
	}
	if c, err = r.in.Peek(); err != nil {
		return "", 0, r.in.Cut(err)
	}
	return key, c, nil
}

// value takes a value. Its text is valid until more is read.
func (r *Reader) value() (text []byte, err error) {
	err = r.in.Try(func(b []byte, i int) (int, error) {
		end, err := jsontext.ScanValue(b, i, 0)
		if err == nil {
			text = b[i:end]
		}
		return end, err
	})
	return text, err
}

// texts counts the elements of a list that the model has no place for.
func (r *Reader) texts(what string) error {
	at := r.in.Offset()
	text, err := r.value()
	if err != nil {
		return err
	}
	_, err = jsontext.Elements(text, 0, func(i int) (int, error) {
		r.out.Losses.AddAt(what, at)
		return jsontext.ScanValue(text, i, 0)
	})
	return err
}

// traceMember reads a member of a trace.
func (r *Reader) traceMember() error {
	key, c, err := r.key()
	switch {
	case err != nil:
		return err
	case key == "spans" && c == '[':
		r.in.Pos++
		r.push(inSpans)
		return nil
	case key == "processes" && c == '{':
		return r.processes()
	case key == "warnings" && c == '[':
		return r.texts("warning about a trace")
	case key == "traceID" && c == '"':
		text, err := r.value()
		if err == nil {
			r.trace.id = r.parser.Text(text[1 : len(text)-1])
		}
		return err
	}
	return r.in.Skip()
}

// spanOfTrace reads a span of a trace. It waits if the processes are still to come.
func (r *Reader) spanOfTrace() error {
	if r.trace.complete {
		return r.takeSpan()
	}
	r.events++
	r.in.Event = r.events
	at := r.in.Offset()
	text, err := r.value()
	if err != nil {
		return err
	}
	h := &r.held
	h.text = append(h.text, text...)
	h.spans = append(h.spans, heldSpan{len(h.text), at, r.events})
	limit := r.MaxHeld
	if limit <= 0 {
		limit = DefaultMaxHeld
	}
	if len(h.text) > limit {
		r.trace.complete, h.release = true, true
	}
	return nil
}

// takeSpan reads a span.
func (r *Reader) takeSpan() error {
	r.events++
	r.in.Event = r.events
	at := r.in.Offset()
	err := r.in.Try(func(b []byte, i int) (int, error) { return r.parser.span(&r.raw, b, i) })
	if err == nil {
		r.convert(at)
	}
	return err
}

// takeHeld takes the next span that has waited.
func (r *Reader) takeHeld() {
	h := &r.held
	if h.next == len(h.spans) {
		const modest = 1 << 20
		if cap(h.text) > modest {
			h.text, h.spans = nil, nil
		}
		*h = heldSpans{text: h.text[:0], spans: h.spans[:0]}
		return
	}
	start := 0
	if h.next > 0 {
		start = h.spans[h.next-1].end
	}
	s := h.spans[h.next]
	h.next++
	if _, err := r.parser.span(&r.raw, h.text[:s.end], start); err != nil {
		r.out.Losses.AddAt("span that is "+err.Error(), s.offset) // it was scanned already, so it is well-formed
		return
	}
	r.convert(s.offset)
}

// endTrace lets the spans go that wait for processes.
func (r *Reader) endTrace() {
	r.trace.complete = true
	r.held.release = true
}

// processes reads a trace's processes.
func (r *Reader) processes() error {
	text, err := r.value()
	if err != nil {
		return err
	}
	p := &r.parser
	p.b = text
	_, err = jsontext.Members(text, 0, func(key []byte, i int) (int, error) {
		var raw rawProcess
		end, err := p.process(&raw, i)
		if err == nil {
			r.declare(p.Text(key), &raw)
		}
		return end, err
	})
	r.endTrace()
	return err
}

// declare makes a process of the trace known.
func (r *Reader) declare(id string, raw *rawProcess) {
	known, ok := r.trace.processes[id]
	if known.known {
		return
	}
	res := r.resource(raw)
	if ok {
		r.out.Describe(known.track, res)
	} else {
		known.track = r.out.Process(res)
	}
	known.known = true
	r.remember(id, known)
}

func (r *Reader) remember(id string, p process) {
	if r.trace.processes == nil {
		r.trace.processes = make(map[string]process)
	}
	if _, ok := r.trace.processes[id]; ok || len(r.trace.processes) < maxProcesses {
		r.trace.processes[id] = p
	}
}

func (r *Reader) resource(raw *rawProcess) *spans.Resource {
	res := &spans.Resource{Service: raw.service}
	for _, a := range r.types.Apply(raw.tags) {
		res.Add(a.Key, a.Value)
	}
	return res
}

// processOf returns the process of the span in r.raw, and declares it if it isn't.
func (r *Reader) processOf() tracefmt.TrackID {
	if r.raw.process != nil {
		return r.out.Process(r.resource(r.raw.process))
	}
	if r.raw.processID == "" {
		return r.out.Process(&spans.Resource{})
	}
	known, ok := r.trace.processes[r.raw.processID]
	if !ok {
		known.track = r.out.Anonymous()
		r.remember(r.raw.processID, known)
	}
	return known.track
}
