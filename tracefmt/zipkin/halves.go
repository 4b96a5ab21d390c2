package zipkin

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
)

// In B3, Zipkin's way to pass on IDs, the client and the server of a call may both report a span with the same ID. The
// server's has "shared" then, but not all programs write that, which Zipkin repairs (zipkin2/internal/Trace.java,
// merge). In the model IDs are unique, and so the server's half gets another one if both are there, and is inside of
// the client's. What says that the span is its parent belongs to the half of its own service; SpanNode.java goes by the
// whole endpoint, and so tells several servers with one ID apart, which isn't done here.

var errNoSpan = errors.New("no span of Zipkin: an object without \"id\" or \"traceId\"")

// outline is what must be known of a span before those around it can be placed.
type outline struct {
	trace, id string
	service   string
	isServer  bool
}

// outline scans the object at b[i] and returns the index after it.
func (p *parser) outline(n *outline, b []byte, i int) (end int, err error) {
	p.b = b
	*n = outline{}
	return jsontext.Members(b, i, func(key []byte, i int) (end int, err error) {
		switch string(key) {
		case "traceId":
			n.trace, end, err = p.TextAt(b, i)
		case "id":
			n.id, end, err = p.TextAt(b, i)
		case "kind":
			var kind string
			kind, end, err = p.TextAt(b, i)
			n.isServer = n.isServer || isServer(kind)
		case "shared":
			var shared bool
			shared, end, err = p.truth(i)
			n.isServer = n.isServer || shared
		case "localEndpoint":
			var e endpoint
			e, end, err = p.endpoint(i)
			n.service = e.service
		default:
			end, err = jsontext.ScanValue(b, i, 0)
		}
		return end, err
	})
}

// isServer reports whether a span of this kind is the second half, if there are two.
func isServer(kind string) bool {
	return strings.EqualFold(kind, "server") || strings.EqualFold(kind, "consumer")
}

// spanKey is what the halves have in common. Of the trace's ID it has the half that all programs know.
type spanKey struct {
	trace uint64
	id    spans.ID
}

// halves says which spans there are with one ID.
type halves struct {
	client, server bool
	service        string // the server's
}

func keyOf(trace *spans.TraceID, id spans.ID) spanKey {
	return spanKey{binary.BigEndian.Uint64(trace[8:]), id}
}

// note notes a span that is held.
func (r *Reader) note(n *outline) {
	var s spans.Span
	s.SetID(n.id)
	trace, _ := spans.TraceNumber(n.trace)
	key := keyOf(&trace, s.ID)
	h, ok := r.halves[key]
	if !ok {
		h = r.earlier[key]
	}
	if n.isServer {
		h.server, h.service = true, n.service
	} else {
		h.client = true
	}
	r.halves[key] = h
}

// place sets a span's ID and parent.
func (r *Reader) place(s *spans.Span) {
	raw := &r.raw
	s.SetID(raw.id)
	h := r.halves[keyOf(&s.Trace, s.ID)]
	if h.client && h.server && (raw.shared || isServer(raw.kind)) {
		var told spans.Span
		told.SetParent(raw.parent)
		parent := ""
		if told.Parent != 0 {
			parent = told.Parent.String()
		}
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyID, Value: tracefmt.String(s.ID.String())},
			tracefmt.Attr{Key: keyParent, Value: tracefmt.String(parent)})
		s.Parent = s.ID
		s.ID ^= halfMask
		return
	}
	s.SetParent(raw.parent)
	key := keyOf(&s.Trace, s.Parent)
	p, ok := r.halves[key]
	if !ok {
		p = r.earlier[key]
	}
	if s.Parent != 0 && p.client && p.server && p.service == raw.local.service {
		s.Attrs = append(s.Attrs, tracefmt.Attr{Key: keyParent, Value: tracefmt.String(s.Parent.String())})
		s.Parent ^= halfMask
	}
}

// unplace returns the IDs that a span and its parent have in a file, and takes out the attributes that say so.
func unplace(s *spans.Span) (id, parent spans.ID) {
	id, parent = s.ID, s.Parent
	idAt, parentAt := -1, -1
	for i, a := range s.Attrs {
		switch {
		case a.Key == keyID && idAt < 0:
			idAt = i
		case a.Key == keyParent && parentAt < 0:
			parentAt = i
		}
	}
	if idAt >= 0 {
		told, ok := spans.ParseID(s.Attrs[idAt].Value.String())
		if !ok || told != s.ID^halfMask || told != s.Parent || parentAt < 0 {
			return id, parent
		}
		id = told
		parent, _ = spans.ParseID(s.Attrs[parentAt].Value.String())
	} else if parentAt >= 0 {
		told, ok := spans.ParseID(s.Attrs[parentAt].Value.String())
		if !ok || told != s.Parent^halfMask {
			return id, parent
		}
		parent = told
	}
	rest := s.Attrs[:0]
	for i, a := range s.Attrs {
		if i != idAt && i != parentAt {
			rest = append(rest, a)
		}
	}
	s.Attrs = rest
	return id, parent
}
