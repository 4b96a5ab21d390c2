package timeline

import (
	"hash/maphash"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/spill"
)

// A picker hands on what is wanted of event i of an input, as an event that is valid for the call, with a key.
type picker func(i int, e *tracefmt.Event, add func(key string, e *tracefmt.Event))

// A visitor visits what a picker has handed on, input by input.
type visitor func(visit func(input int, e *tracefmt.Event))

const (
	noteSize = 100 // what look notes of an event in inParts, in bytes, about
	maxParts = 64
)

// inParts shows look what pick hands on of inputs, so that it can find what has the same key. In memory it sees
// everything at once. Of what is on a tape it sees one part of the keys after the other, lest its notes become large.
func (t *Timeline) inParts(inputs []int, pick picker, look func(visitor)) {
	if t.store.tape == nil {
		look(func(visit func(int, *tracefmt.Event)) {
			for _, input := range inputs {
				add := func(_ string, e *tracefmt.Event) { visit(input, e) }
				t.each(input, func(i int, e *tracefmt.Event) { pick(i, e, add) })
			}
		})
		return
	}
	parts := t.divide(inputs, pick)
	for _, tape := range parts {
		look(func(visit func(int, *tracefmt.Event)) {
			if t.err != nil {
				return
			}
			for input, e := range tape.Read(0, tape.Len()).All(t.fail) {
				visit(int(input), e)
			}
		})
	}
	for _, tape := range parts {
		tape.Close()
	}
}

// divide puts what pick hands on onto tapes, by its keys.
func (t *Timeline) divide(inputs []int, pick picker) (parts []*spill.Tape) {
	n := int64(0)
	for _, input := range inputs {
		n += int64(t.inputs[input].part.n)
	}
	for range min(max(n*noteSize/max(t.Memory/8, 1), 1), maxParts) {
		if tape := t.newTape(); tape != nil {
			parts = append(parts, tape)
		}
	}
	if t.err != nil {
		return parts
	}
	seed := maphash.MakeSeed()
	for _, input := range inputs {
		add := func(key string, e *tracefmt.Event) {
			if err := parts[maphash.String(seed, key)%uint64(len(parts))].Add(e, int64(input)); err != nil {
				t.fail(err)
			}
		}
		t.each(input, func(i int, e *tracefmt.Event) { pick(i, e, add) })
	}
	for _, tape := range parts {
		if err := tape.Flush(); err != nil {
			t.fail(err)
		}
	}
	return parts
}

// rewriteSome visits those events of an input whose numbers are listed, in their order. They may be changed.
func (t *Timeline) rewriteSome(input int, numbers []int, change func(e *tracefmt.Event)) {
	if len(numbers) == 0 {
		return
	}
	t.rewrite(input, func(i int, e *tracefmt.Event) {
		if len(numbers) > 0 && numbers[0] == i {
			numbers = numbers[1:]
			change(e)
		}
	})
}

// all returns the numbers of all inputs.
func (t *Timeline) all() (inputs []int) {
	for i := range t.inputs {
		inputs = append(inputs, i)
	}
	return inputs
}
