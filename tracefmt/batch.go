package tracefmt

// A Batch holds copies of events, for who hands them on: those of a Reader's Next are gone with the following call. The zero
// value is an empty one.
type Batch struct {
	Events []Event // valid until Reset

	attrs []Attr // of all of them, one after the other
}

// Add adds a copy of an event, with its attributes.
func (b *Batch) Add(e *Event) {
	b.Events = append(b.Events, *e)
	if len(e.Attrs) > 0 {
		n := len(b.attrs)
		b.attrs = append(b.attrs, e.Attrs...)
		b.Events[len(b.Events)-1].Attrs = b.attrs[n:len(b.attrs):len(b.attrs)]
	}
}

// Reset empties it. Its memory is used again for what is added next.
func (b *Batch) Reset() {
	clear(b.Events) // so that their texts can go
	clear(b.attrs)
	b.Events, b.attrs = b.Events[:0], b.attrs[:0]
}
