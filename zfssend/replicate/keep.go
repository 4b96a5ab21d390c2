package replicate

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// keepInterval is how long a snapshot that has arrived is without its cursor and holds at most, while other datasets go on. One process of each
// kind does for all that came meanwhile.
const keepInterval = 10 * time.Second

// keeper leaves cursors and holds while a replication runs, which can take days: what the next increment of its first dataset starts
// from must not be destroyed until the last one is done. What it couldn't leave, finish tries again, and tells about it.
type keeper struct {
	mu    sync.Mutex
	fresh []arrival // that nothing was left of yet
	kept  []arrival // the others; for who has waited until keep ended
}

// arrival is a snapshot that both sides have since the end of a step.
type arrival struct {
	dataset             *DatasetResult
	source, destination string // the snapshot there: "tank/home@mon"
	cursor              string // its bookmark: "tank/home#zferry_…"; "" without cursors
}

func (x *execution) keeps() bool { return x.Options.Cursor != "" || x.Options.Hold != "" }

// came notes that a step is done.
func (x *execution) came(d *DatasetResult, step Step) {
	if !x.keeps() || len(step.GUIDs) == 0 {
		return
	}
	a := arrival{dataset: d, source: d.Plan.Source + step.To(), destination: d.Plan.Destination + step.To()}
	if x.Options.Cursor != "" {
		a.cursor = d.Plan.Source + CursorName(x.Options.Cursor, step.GUIDs[len(step.GUIDs)-1])
	}
	x.keeper.mu.Lock()
	defer x.keeper.mu.Unlock()
	x.keeper.fresh = append(x.keeper.fresh, a)
}

// keep leaves cursors and holds until all datasets have ended.
func (x *execution) keep(ctx context.Context, ended <-chan struct{}) {
	ticker := time.NewTicker(cmp.Or(x.keepInterval, keepInterval))
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
			x.keepFresh(ctx)
		}
	}
}

// keepFresh leaves cursors and holds of what came since the last time.
func (x *execution) keepFresh(ctx context.Context) {
	x.keeper.mu.Lock()
	list := x.keeper.fresh
	x.keeper.fresh = nil
	x.keeper.mu.Unlock()
	if len(list) > 0 && x.leave(ctx, list) == nil {
		x.keeper.kept = append(x.keeper.kept, list...)
	}
}

// leave leaves cursors and holds of all in the list. An error may be about some of them.
func (x *execution) leave(ctx context.Context, list []arrival) error {
	ctx, span := trace.WithSpan(ctx, "keep", slog.Int("datasets", len(list)))
	defer span.End()
	var cursors []zfssend.Bookmark
	var held [2][]string
	for _, a := range list {
		cursors = append(cursors, zfssend.Bookmark{Source: a.source, Name: a.cursor})
		held[0], held[1] = append(held[0], a.source), append(held[1], a.destination)
	}
	var errs []error
	if x.Options.Cursor != "" {
		errs = append(errs, x.source().Bookmark(ctx, cursors...))
	}
	if x.Options.Hold != "" {
		errs = append(errs, x.source().Hold(ctx, x.Options.Hold, held[0]...), x.destination().Hold(ctx, x.Options.Hold, held[1]...))
	}
	return errors.Join(errs...)
}

// superseded reports whether nothing has to be kept of an arrival any more: there is a newer one, or it isn't there after all.
func (a arrival) superseded() bool {
	d := a.dataset
	if _, missing := errors.AsType[*VerifyError](d.Err); missing {
		return true
	}
	return d.Err == nil && a.source != d.Plan.Source+d.Plan.Latest.Name
}
