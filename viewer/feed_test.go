package viewer

import (
	"io"
	"testing"
	"testing/synctest"

	"github.com/spanstack/spanstack/tracefmt"
)

// A numbered reader delivers events, waits, and goes on.
type numbered struct {
	n    int
	wait chan int // up to which number it may go
	to   int
	e    tracefmt.Event
}

func (r *numbered) Next() (*tracefmt.Event, error) {
	for r.n >= r.to {
		to, ok := <-r.wait
		if !ok {
			return nil, io.EOF
		}
		r.to = to
	}
	r.e.Attrs = append(r.e.Attrs[:0], tracefmt.Attr{Key: "n", Value: tracefmt.Int64(int64(r.n))})
	r.n++
	return &r.e, nil
}

// TestFeed: what comes is handed on in order, in full batches and, when there is no more for now, in parts of one.
func TestFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &numbered{wait: make(chan int)}
		f := newFeed(r)
		seen := 0
		take := func(b *tracefmt.Batch) {
			for i := range b.Events {
				if n, _ := b.Events[i].Attr("n").Int64(); int(n) != seen {
					t.Fatalf("event %d comes instead of %d", n, seen)
				}
				seen++
			}
			f.giveBack(b)
		}
		for _, to := range []int{1, 3, batchEvents - 1, batchEvents, batchEvents + 1, 3*batchEvents + 5, 40 * batchEvents, 40*batchEvents + 1} {
			r.wait <- to
			for seen < to {
				synctest.Wait()
				select {
				case b := <-f.full:
					take(b)
				default:
					if b := f.partial(); b != nil {
						take(b)
					}
				}
			}
			if b := f.partial(); b != nil {
				t.Errorf("after all, %d events come", len(b.Events))
			}
		}
		close(r.wait)
		for b := range f.full {
			take(b)
		}
		if seen != 40*batchEvents+1 || f.err != nil {
			t.Errorf("%d events came, and %v", seen, f.err)
		}
	})
}
