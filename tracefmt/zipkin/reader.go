package zipkin

import (
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"github.com/spanstack/spanstack/tracefmt/internal/spantags"
)

const (
	// MaxSpan is the length of the longest span that a Reader accepts, in bytes.
	MaxSpan = 16 << 20
	// DefaultMaxHeld is how many bytes of spans a Reader looks at together.
	DefaultMaxHeld = 16 << 20

	maxHeldSpans = 1 << 16
	maxNested    = 8       // arrays in arrays
	maxProcesses = 1 << 12 // that are found quickly
)

// Reader reads Zipkin's JSON. Spans of a list are looked at together before they are handed out, since the two halves
// of a call may have one ID, and come in any order. Of lists of more than MaxHeld bytes, or 65,536 spans, as many are
// at a time. Other than that the memory is bounded by the longest span, the number of distinct processes and threads,
// and a cache of strings.
type Reader struct {
	// MaxHeld bounds how many bytes of spans are looked at together. 0 means DefaultMaxHeld. Set it before the first
	// Next.
	MaxHeld int

	in      jsontext.Input
	err     error
	open    int // arrays that are open
	started bool
	found   bool // a list or a span
	events  int64

	parser    parser
	raw       rawSpan
	span      spans.Span
	tags      spantags.Taker
	out       spans.Emitter
	processes map[processKey]tracefmt.TrackID

	held    heldSpans
	halves  map[spanKey]halves // of the spans that are held
	earlier map[spanKey]halves // of those before
}

// heldSpans are the texts of spans that are looked at together.
type heldSpans struct {
	text    []byte
	spans   []heldSpan
	next    int
	release bool
}

type heldSpan struct {
	end    int   // in text
	offset int64 // in the input
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{
		in:     jsontext.Input{In: in, Format: formatName, MaxValue: MaxSpan},
		halves: make(map[spanKey]halves),
	}
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
			r.held.release = true // what came before an error, or the end, is delivered
		}
	}
}

// step reads on by one bracket or span.
func (r *Reader) step() error {
	if !r.started {
		r.started = true
		if _, err := r.in.SkipByteOrderMark(); err != nil {
			return err
		}
	}
	c, err := r.in.Peek()
	switch {
	case err == io.EOF && r.open == 0 && r.found:
		return io.EOF
	case err != nil:
		return r.in.Cut(err)
	case c == ',' && r.open > 0:
		r.in.Pos++
		return nil
	case c == ']' && r.open > 0:
		r.in.Pos++
		r.open--
		r.held.release = true
		return nil
	case c == '[' && r.open < maxNested:
		r.in.Pos++
		r.open++
		r.found = true
		return nil
	case c == '{':
		return r.hold()
	case r.open == 0:
		return r.in.Syntax(r.in.Pos, "unexpected %q: neither an array nor an object", c)
	case c == '[':
		return r.in.Syntax(r.in.Pos, "nested deeper than %d", maxNested)
	}
	r.out.Losses.AddAt("element that is no object", r.in.Offset())
	return r.in.Skip()
}

// hold reads a span and keeps its text.
func (r *Reader) hold() error {
	r.events++
	r.in.Event = r.events
	at := r.in.Offset()
	var n outline
	var text []byte
	err := r.in.Try(func(b []byte, i int) (int, error) {
		end, err := r.parser.outline(&n, b, i)
		if err == nil {
			text = b[i:end]
		}
		return end, err
	})
	switch {
	case err != nil:
		return err
	case n.id == "" || n.trace == "":
		if r.open == 0 {
			return &tracefmt.SyntaxError{Format: formatName, Event: r.events, Offset: at, Err: errNoSpan}
		}
		r.out.Losses.AddAt("object that is no span: without \"id\" or \"traceId\"", at)
		return nil
	}
	r.found = true
	r.note(&n)
	h := &r.held
	h.text = append(h.text, text...)
	h.spans = append(h.spans, heldSpan{len(h.text), at})
	limit := r.MaxHeld
	if limit <= 0 {
		limit = DefaultMaxHeld
	}
	h.release = len(h.text) > limit || len(h.spans) >= maxHeldSpans
	return nil
}

// takeHeld turns the next span that is held into events.
func (r *Reader) takeHeld() {
	h := &r.held
	if h.next == len(h.spans) {
		if len(h.spans) > 0 {
			r.earlier, r.halves = r.halves, r.earlier
			if r.halves == nil {
				r.halves = make(map[spanKey]halves)
			}
			clear(r.halves)
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
