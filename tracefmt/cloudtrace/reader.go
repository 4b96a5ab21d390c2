package cloudtrace

import (
	"io"
	"strconv"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
)

// Reader reads traces. Its memory is bounded by the longest trace or list of traces, of at most 64 MiB, and by the number
// of projects.
type Reader struct {
	in      jsontext.Input
	err     error
	emitter spans.Emitter
	text    jsontext.Decoder
	began   bool
	list    bool // in an array
	seen    bool // a trace
	traces  []cloudTrace
}

// cloudTrace is a trace as it stands in the text.
type cloudTrace struct {
	project string
	id      spans.TraceID
	spans   []cloudSpan
}

type cloudSpan struct {
	spans.Span
	start, end time.Time
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: jsontext.Input{In: in, Format: name, MaxValue: maxTrace}}
}

// Losses returns what had to be skipped so far.
func (r *Reader) Losses() []tracefmt.Loss { return r.emitter.Losses.List() }

// Next returns the next event.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for {
		if e := r.emitter.Next(); e != nil {
			return e, nil
		}
		if r.err != nil {
			return nil, r.err
		}
		r.err = r.step()
	}
}

// step reads on by an object, or by what is around it.
func (r *Reader) step() error {
	if !r.began {
		r.began = true
		if _, err := r.in.SkipByteOrderMark(); err != nil {
			return err
		}
	}
	c, err := r.in.Peek()
	switch {
	case err == io.EOF && !r.list:
		if !r.seen {
			return r.in.Syntax(r.in.Pos, "no traces in it: no object has a traceId")
		}
		return io.EOF
	case err != nil:
		return r.in.Cut(err)
	case c == '{':
		return r.read()
	case c == '[' && !r.list:
		r.list = true
	case c == ']' && r.list:
		r.list = false
	case c == ',' && r.list:
	default:
		return r.in.Syntax(r.in.Pos, "unexpected %q: neither an object nor an array", c)
	}
	r.in.Pos++
	return nil
}

// read reads a trace, or an object with a list of them.
func (r *Reader) read() error {
	at := r.in.Offset()
	r.in.Event++
	if err := r.in.Try(func(b []byte, i int) (int, error) {
		r.traces = r.traces[:0]
		return r.parse(b, i, true)
	}); err != nil {
		return err
	}
	if len(r.traces) == 0 {
		r.emitter.Losses.AddAt("object that is no trace", at)
	}
	for i := range r.traces {
		r.emit(&r.traces[i], at)
	}
	clear(r.traces)
	return nil
}

// parse parses the trace at b[i], or those in its member "traces".
func (r *Reader) parse(b []byte, i int, outermost bool) (end int, err error) {
	var t cloudTrace
	isTrace := false
	end, err = jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "projectId":
			t.project, end, err = r.text.TextAt(b, i)
		case "traceId":
			var text []byte
			if text, end, err = jsontext.Raw(b, i); err == nil {
				t.id, isTrace = spans.ParseTraceID(text)
			}
		case "spans":
			end, err = jsontext.Elements(b, i, func(i int) (int, error) {
				t.spans = append(t.spans, cloudSpan{})
				return r.span(&t.spans[len(t.spans)-1], b, i)
			})
		case "traces":
			if !outermost {
				return jsontext.ScanValue(b, i, 0)
			}
			end, err = jsontext.Elements(b, i, func(i int) (int, error) { return r.parse(b, i, false) })
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
	if err == nil && isTrace {
		r.traces = append(r.traces, t)
	}
	return end, err
}

// span parses the span at b[i].
func (r *Reader) span(s *cloudSpan, b []byte, i int) (end int, err error) {
	return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "spanId":
			s.ID, end, err = decimal(b, i)
		case "parentSpanId":
			s.Parent, end, err = decimal(b, i)
		case "name":
			s.Name, end, err = r.text.TextAt(b, i)
		case "kind":
			var text []byte
			text, end, err = jsontext.Raw(b, i)
			s.Kind = kinds[string(text)]
		case "startTime":
			s.start, end, err = jsontext.TimeAt(b, i)
		case "endTime":
			s.end, end, err = jsontext.TimeAt(b, i)
		case "labels":
			end, err = jsontext.Members(b, i, func(key []byte, i int) (int, error) {
				v, end, err := r.text.Value(b, i)
				s.Attrs = append(s.Attrs, tracefmt.Attr{Key: r.text.Text(key), Value: v})
				return end, err
			})
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
}

var kinds = map[string]spans.Kind{"RPC_SERVER": spans.KindServer, "RPC_CLIENT": spans.KindClient}

// decimal returns an ID, which is a decimal number of 64 bits, usually in quotes; 0 for what is none.
func decimal(b []byte, i int) (id spans.ID, end int, err error) {
	text, end, err := jsontext.Raw(b, i)
	if err != nil {
		return 0, 0, err
	}
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return 0, end, nil
	}
	return spans.ID(n), end, nil
}

func (r *Reader) emit(t *cloudTrace, at int64) {
	r.seen = true
	process := r.emitter.Process(&spans.Resource{Service: t.project})
	for i := range t.spans {
		s := &t.spans[i]
		switch {
		case s.ID == 0:
			r.emitter.Losses.AddAt("span without an ID", at)
			continue
		case !spans.InRange(s.start) || !s.end.IsZero() && !spans.InRange(s.end):
			r.emitter.Losses.AddAt("span without a time, or with one that is out of range", at)
			continue
		}
		s.Process, s.Trace = process, t.id
		s.Start, s.Dur = s.start.UnixNano(), tracefmt.Open
		if !s.end.IsZero() {
			if s.Dur = s.end.UnixNano() - s.Start; s.Dur < 0 {
				r.emitter.Losses.AddAt("span that ends before it starts, made to end at once", at)
				s.Dur = 0
			}
		}
		r.emitter.Span(&s.Span)
	}
}
