package index

import (
	"cmp"
	"context"
	"io"
	"sync"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
)

const (
	batchLen = 1 << 8 // events that go at a time from the goroutine that reads to the one that takes in
	batches  = 16     // that are under way
)

// Load reads a whole trace, and finishes the index of it. progress, if it isn't nil, is called every now and then with
// the number of events so far, by another goroutine. If the reader fails or ctx is done, the index has what was read
// until then, and the error is the reader's or ctx's.
//
// Most of the memory that is taken meanwhile has no pointers, so that the garbage collector has little to do. It may be
// told to collect at less growth than usual: debug.SetGCPercent(50) keeps the peak near to what is there at the end, and
// costs next to nothing; with 25 there are many collections at the beginning, while there is little.
func Load(ctx context.Context, r tracefmt.Reader, progress func(events int64)) (*Index, error) {
	x := New(Config{})
	x.loading = true
	full, empty := make(chan []tracefmt.Event, batches), make(chan []tracefmt.Event, batches)
	for range batches {
		empty <- make([]tracefmt.Event, 0, batchLen)
	}
	var err error
	go func() {
		err = read(ctx, r, full, empty, progress)
		close(full)
	}()
	for events, ok := x.next(full); ok; events, ok = x.next(full) {
		for i := range events {
			x.Add(&events[i])
		}
		empty <- events
	}
	x.Reading(tracefmt.LossesOf(r))
	x.Finish()
	x.findKin()
	return x, err
}

// read reads events into batches.
func read(ctx context.Context, r tracefmt.Reader, full chan<- []tracefmt.Event, empty <-chan []tracefmt.Event, progress func(int64)) error {
	count, told := 0, 0
	for {
		events, err := tracefmt.ReadEvents(r, <-empty)
		full <- events
		if err == io.EOF {
			return nil
		}
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		if count += len(events); progress != nil && count-told >= 64*batchLen {
			told = count
			progress(int64(count))
		}
	}
}

// next returns the next batch, unless there are no more. While it isn't there, tracks are put in order.
func (x *Index) next(full <-chan []tracefmt.Event) (events []tracefmt.Event, ok bool) {
	for {
		select {
		case events, ok = <-full:
			return events, ok
		default:
		}
		if !x.tidy() {
			events, ok = <-full
			return events, ok
		}
	}
}

// untidyLen is how many slices or points have come on a track when it is worth to put them in order.
const untidyLen = 1 << 11

// came notes that a number of slices or points have come on a track.
func (x *Index) came(b *building, n int) {
	if x.loading && n%untidyLen == 0 {
		x.untidy = append(x.untidy, b)
	}
}

// tidy puts a track on which much has come in order, and reports whether there was one. That is part of what Finish has
// to do, at a time that costs nothing. Where what is new begins long before the last ones, as what is around many others
// does if it comes at its end, it is left to Finish: otherwise most would be put in order again and again.
func (x *Index) tidy() bool {
	if len(x.untidy) == 0 {
		return false
	}
	b := x.untidy[len(x.untidy)-1]
	x.untidy = x.untidy[:len(x.untidy)-1]
	if b.jumbled {
		return true
	}
	b.pair(x)
	b.closeInPlace()
	from := b.earliest()
	again := b.slices.len() - b.slices.search(func(s *slice) bool { return s.start >= from })
	if again > b.fresh.len()+len(b.begins) {
		return true
	}
	if x.workers == nil {
		x.workers = []*worker{{}}
	}
	memory := b.fresh.chunks
	if b.slices.len() == 0 {
		memory = nil // it goes on as that of slices
	}
	b.take(x.workers[0], false)
	b.fresh.chunks = memory
	return true
}

// findKin has what finds slices by their IDs made later: a moment after the trace is there, when its first picture is, which
// needs the processors more; or when somebody looks for one, who waits for it.
func (x *Index) findKin() {
	arena, list := x.arena.share(), x.kinList
	x.kinList = column[relative]{}
	k := x.kin
	k.later = sync.OnceFunc(func() { k.link(&arena, &list) })
	time.AfterFunc(kinAfter, k.later)
}

const kinAfter = 500 * time.Millisecond
