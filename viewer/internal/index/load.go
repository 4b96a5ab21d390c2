package index

import (
	"context"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
)

// batch is events on their way from the goroutine that reads to the one that takes in: a copy, since readers use theirs
// again.
type batch struct {
	events []tracefmt.Event
	attrs  []tracefmt.Attr
	counts []int32 // of attributes, by events
}

const (
	batchLen = 1 << 10
	batches  = 4 // that are under way
)

func (b *batch) reset() {
	b.events, b.counts = b.events[:0], b.counts[:0]
	if cap(b.attrs) > 64*batchLen {
		b.attrs = nil
	}
	clear(b.attrs)
	b.attrs = b.attrs[:0]
}

func (b *batch) add(e *tracefmt.Event) {
	b.events = append(b.events, *e)
	b.attrs = append(b.attrs, e.Attrs...)
	b.counts = append(b.counts, int32(len(e.Attrs)))
}

// each visits the events.
func (b *batch) each(visit func(*tracefmt.Event)) {
	at := 0
	for i := range b.events {
		n := int(b.counts[i])
		b.events[i].Attrs = b.attrs[at : at+n : at+n]
		at += n
		visit(&b.events[i])
	}
}

// Load reads a whole trace, and finishes the index of it. progress, if it isn't nil, is called every now and then with
// the number of events so far, by another goroutine. If the reader fails or ctx is done, the index has what was read
// until then, and the error is the reader's or ctx's.
//
// Most of the memory that is taken meanwhile has no pointers, so that the garbage collector has little to do. It may be
// told to collect at less growth than usual: debug.SetGCPercent(50) keeps the peak near to what is there at the end, and
// costs next to nothing; with 25 there are many collections at the beginning, while there is little.
func Load(ctx context.Context, r tracefmt.Reader, progress func(events int64)) (*Index, error) {
	x := New(Config{})
	x.loading, x.ids.ready = true, make(chan struct{})
	full, empty := make(chan *batch, batches), make(chan *batch, batches)
	for range batches {
		empty <- &batch{}
	}
	var err error
	go func() {
		err = read(ctx, r, full, empty, progress)
		close(full)
	}()
	for b := range full {
		b.each(x.Add)
		empty <- b
	}
	x.Reading(tracefmt.LossesOf(r))
	x.Finish()
	x.makeIDs()
	return x, err
}

// read reads events into batches.
func read(ctx context.Context, r tracefmt.Reader, full chan<- *batch, empty <-chan *batch, progress func(int64)) error {
	n := int64(0)
	for {
		b := <-empty
		b.reset()
		for len(b.events) < batchLen {
			e, err := r.Next()
			if err != nil {
				full <- b
				if err == io.EOF {
					return nil
				}
				return err
			}
			b.add(e)
		}
		n += batchLen
		full <- b
		if err := ctx.Err(); err != nil {
			return err
		}
		if progress != nil && n%(64*batchLen) == 0 {
			progress(n)
		}
	}
}

// makeIDs makes the table of all IDs, in the background. Until it is there, who looks for one waits.
func (x *Index) makeIDs() {
	table, arena, refs := x.ids, x.arena.share(), x.newIDs
	x.newIDs = column[uint32]{}
	if table.ready == nil {
		table.ready = make(chan struct{})
	}
	go func() {
		table.add(&arena, &refs)
		close(table.ready)
	}()
}
