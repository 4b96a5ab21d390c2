package replicate

import (
	"context"
	"sync"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// datasetsPerStream is how many datasets are in work at most for each stream that may flow. When the stream of a small increment is over, its zfs
// receive still waits for transaction groups. The more of them wait for the same ones, the fewer of these there are.
const datasetsPerStream = 3

// otherStreams is how many streams of a connection are left to others than receives.
const otherStreams = 2

// inWork returns how many datasets are in work at a time: not more than the destination takes, if that says so, as agents do.
func (o *Options) inWork(destination zfssend.Host) int {
	n := datasetsPerStream * o.workers()
	if h, ok := destination.(interface{ MaxStreams() int }); ok {
		n = min(n, h.MaxStreams()-otherStreams)
	}
	return max(n, o.workers())
}

// turns lets so many streams flow at a time as it has room for.
type turns chan struct{}

// wait waits until a stream may flow, as a span unless that is at once. The function that it returns, which may be called several
// times, lets the next one flow.
func (t turns) wait(ctx context.Context) (pass func(), err error) {
	select {
	case t <- struct{}{}:
	default:
		_, span := trace.WithSpan(ctx, "turn")
		defer span.EndErr(&err)
		select {
		case t <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return sync.OnceFunc(func() { <-t }), nil
}
