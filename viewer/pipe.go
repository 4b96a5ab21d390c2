package viewer

import (
	"context"

	"github.com/spanstack/spanstack/viewer/internal/index"
)

// pour reads a trace of which nobody knows when it ends, such as what comes through a pipe, and shows what has come of it. Unlike a
// process's stream it has no time but that of its events: what comes may be long past.
func (t *trace) pour(ctx context.Context, in *Input) error {
	input, err := t.read(in)
	if err != nil {
		return err
	}
	f := newFeed(&interruptible{Reader: input, ctx: ctx})
	s := &session{trace: t, feed: f, index: index.New(index.Config{MaxBytes: t.keep}), past: true}
	s.run(ctx)
	return f.err
}
