package viewer

import (
	"io"
	"sync"

	"github.com/spanstack/spanstack/tracefmt"
)

// batchEvents is how many events go from one goroutine to another at a time.
const batchEvents = 1024

// A feed decodes a live trace in a goroutine of its own, beside the one that takes it in.
type feed struct {
	full chan *tracefmt.Batch // closed at the end
	free chan *tracefmt.Batch
	err  error // how it ended, once full is closed

	mu      sync.Mutex
	current *tracefmt.Batch
	lost    []tracefmt.Loss
}

// newFeed begins to decode. Whoever has it takes all that there is from full, and gives back what it took.
func newFeed(r tracefmt.Reader) *feed {
	const batches = 8
	f := &feed{full: make(chan *tracefmt.Batch, batches), free: make(chan *tracefmt.Batch, batches), current: new(tracefmt.Batch)}
	for range batches - 1 {
		f.free <- new(tracefmt.Batch)
	}
	go func() {
		defer close(f.full)
		f.err = f.decode(r)
		f.mu.Lock()
		f.lost = tracefmt.LossesOf(r)
		last := f.current
		f.current = new(tracefmt.Batch)
		f.mu.Unlock()
		if len(last.Events) > 0 {
			f.full <- last
		}
	}()
	return f
}

func (f *feed) decode(r tracefmt.Reader) error {
	for n := 1; ; n++ {
		e, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		lost := isLoss(e)
		f.mu.Lock()
		f.current.Add(e)
		if len(f.current.Events) == batchEvents {
			f.full <- f.current
			f.current = <-f.free
		}
		if n%batchEvents == 0 || lost {
			f.lost = tracefmt.LossesOf(r)
		}
		f.mu.Unlock()
	}
}

// partial returns what there is in a batch that isn't full yet, or nil. All of full has to be taken first.
func (f *feed) partial() *tracefmt.Batch {
	if !f.mu.TryLock() {
		return nil // it comes soon
	}
	defer f.mu.Unlock()
	if len(f.current.Events) == 0 || len(f.full) > 0 {
		return nil
	}
	select {
	case next := <-f.free:
		b := f.current
		f.current = next
		return b
	default:
		return nil
	}
}

// losses returns what the reader lost so far, unless it waits just now for the one who asks.
func (f *feed) losses() (lost []tracefmt.Loss, ok bool) {
	if !f.mu.TryLock() {
		return nil, false
	}
	defer f.mu.Unlock()
	return f.lost, true
}

// giveBack lets the memory of a batch be used again.
func (f *feed) giveBack(b *tracefmt.Batch) {
	b.Reset()
	f.free <- b
}
