package jsonl

import (
	"slices"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// places is what the Writer knows of processes and tracks.
type places struct {
	byID   map[tracefmt.TrackID]*place
	idents map[string]bool // those that are taken
}

// place is a process or track. Its lines say which one it is by the members of ident, which never change.
type place struct {
	ident   []byte // `,"process":"p","pid":1`
	isTrack bool
	name    string // as it is now
	order   int64
	attrs   []tracefmt.Attr // of the last declaration that had any
}

func newPlaces() places {
	return places{byID: make(map[tracefmt.TrackID]*place), idents: make(map[string]bool)}
}

// place returns the place of an event, be it declared or not, and nil for the trace as a whole.
func (w *Writer) place(id tracefmt.TrackID) *place {
	if id == 0 {
		return nil
	}
	p := w.places.byID[id]
	if p == nil {
		p = &place{ident: w.identify(nil, "process", "pid", &tracefmt.Event{Track: id})}
		w.places.byID[id] = p
	}
	return p
}

// identify returns the members that tell a process or track from all others, behind those of its process.
func (w *Writer) identify(process []byte, nameKey, numberKey string, e *tracefmt.Event) []byte {
	ident := func(number tracefmt.Value) []byte {
		b := slices.Clip(process)
		if e.Name != "" {
			b = jsontext.AppendString(append(append(append(b, `,"`...), nameKey...), `":`...), e.Name)
		}
		if !number.IsZero() {
			b, _ = jsontext.AppendValue(append(append(append(b, `,"`...), numberKey...), `":`...), number)
		}
		return b
	}
	b := ident(e.SourceID)
	switch taken := w.places.idents[string(b)]; {
	case taken && !e.SourceID.IsZero():
		w.losses.Add("process or track with the name and number of another")
		fallthrough
	case taken || len(b) == len(process):
		for n := uint64(e.Track); taken || len(b) == len(process); n++ {
			b = ident(tracefmt.Uint64(n))
			taken = w.places.idents[string(b)]
		}
	}
	w.places.idents[string(b)] = true
	return b
}

// declare writes what a Process or Track event says, unless it is known.
func (w *Writer) declare(e *tracefmt.Event) {
	p := w.places.byID[e.Track]
	isTrack := e.Kind == tracefmt.Track
	switch {
	case p == nil && isTrack:
		var process []byte
		if owner := w.place(e.Process); owner != nil {
			process = owner.ident
		}
		p = &place{isTrack: true, name: e.Name, ident: w.identify(process, "track", "tid", e)}
	case p == nil:
		p = &place{name: e.Name, ident: w.identify(nil, "process", "pid", e)}
	case p.isTrack != isTrack:
		w.losses.Add("process or track that is declared after its events")
		return
	case (e.Name == "" || e.Name == p.name) && (e.Order == 0 || e.Order == p.order) &&
		(len(e.Attrs) == 0 || slices.Equal(e.Attrs, p.attrs)):
		return
	}
	w.places.byID[e.Track] = p
	w.start(e.Kind)
	w.buf = append(w.buf, p.ident...)
	if e.Name != "" && e.Name != p.name {
		p.name = e.Name
		w.text("name", e.Name)
	}
	if e.Order != 0 {
		p.order = e.Order
		w.number("order", e.Order)
	}
	if len(e.Attrs) > 0 {
		p.attrs = slices.Clone(e.Attrs)
		w.attributes(e.Attrs)
	}
	w.finish()
}
