package replicate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// CursorName returns the name of the bookmark that is left on the source for the next increment to start from, given
// Options.Cursor: "#zferry_NAME_GUID", with the snapshot's GUID in hexadecimal digits. It is another one for each snapshot,
// so that the next cursor is there before the last one goes.
func CursorName(name string, guid uint64) string {
	return fmt.Sprintf("%s%016x", cursorPrefix(name), guid)
}

func cursorPrefix(name string) string { return "#zferry_" + name + "_" }

// finish does what is done for all datasets together: it makes sure that what was received is there, leaves cursors and holds, and looks
// for properties that copies lack. What goes wrong with cursors and holds are warnings: the replication is done.
func (x *execution) finish(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	received := x.that(func(d *DatasetResult) bool { return len(d.Steps) > 0 })
	kept := func(d *DatasetResult) bool { return d.Plan.Latest.Name != "" && !d.Plan.Latest.IsBookmark() }
	differs := func(d *DatasetResult) bool { return len(x.missed(d)) > 0 }
	if len(received) == 0 && len(x.that(differs)) == 0 && (!x.keeps() || len(x.that(kept)) == 0) {
		return
	}
	ctx, span := trace.WithSpanOrTask(ctx, "finish", slog.Int("datasets", len(received)))
	defer span.End()
	x.verify(ctx, received)
	list := x.that(kept) // without those that aren't there after all
	if x.Options.Cursor != "" {
		x.warn(x.cursors(ctx, list))
	}
	if x.Options.Hold != "" {
		x.warn(x.holds(ctx, list))
	}
	x.properties(ctx, x.that(differs)) // last, since what lacks one is replicated all the same
}

// that returns the datasets without an error of which something is true.
func (x *execution) that(is func(*DatasetResult) bool) (list []*DatasetResult) {
	for _, d := range x.report.Datasets {
		if d.Err == nil && is(d) {
			list = append(list, d)
		}
	}
	return list
}

func (x *execution) warn(err error) {
	if err != nil {
		x.report.Warnings = append(x.report.Warnings, err)
	}
}

// verify looks whether the newest snapshot of each dataset is there.
func (x *execution) verify(ctx context.Context, done []*DatasetResult) {
	if len(done) == 0 {
		return
	}
	list := make([]string, len(done))
	for i, d := range done {
		list[i] = d.Plan.Destination + d.Plan.Latest.Name
	}
	found, err := lookUp(ctx, x.destination(), list, true)
	for i, d := range done {
		switch got, want := found[list[i]], d.Plan.Latest.GUID; {
		case err != nil && !errors.Is(err, zfssend.NotFound):
			d.Err = err
		case got != want:
			d.Err = &VerifyError{Snapshot: list[i], Got: got, Want: want}
		}
	}
}

// cursors makes the cursors of datasets, and then destroys their former ones.
func (x *execution) cursors(ctx context.Context, list []*DatasetResult) error {
	var fresh []zfssend.Bookmark
	var stale []string
	made := make(map[string]bool)
	for _, a := range x.keeper.kept {
		made[a.cursor] = true
		if a.superseded() {
			stale = append(stale, a.cursor)
		}
	}
	for _, d := range list {
		name := CursorName(x.Options.Cursor, d.Plan.Latest.GUID)
		exists := made[d.Plan.Source+name]
		for _, v := range d.Plan.cursors {
			switch {
			case v.Name == name:
				exists = true
			case strings.HasPrefix(v.Name, cursorPrefix(x.Options.Cursor)):
				stale = append(stale, d.Plan.Source+v.Name)
			}
		}
		if !exists {
			fresh = append(fresh, zfssend.Bookmark{Source: d.Plan.Source + d.Plan.Latest.Name, Name: name})
		}
	}
	if len(fresh) > 0 {
		if err := x.source().Bookmark(ctx, fresh...); err != nil {
			return fmt.Errorf("make cursors: %w", err) // and keep the former ones
		}
	}
	slices.Sort(stale) // of what was planned anew, the plan has some, too
	if err := x.destroyEach(ctx, slices.Compact(stale)); err != nil {
		return fmt.Errorf("destroy former cursors: %w", err)
	}
	return nil
}

// destroyEach destroys bookmarks, several at a time: each takes a process and a transaction group.
func (x *execution) destroyEach(ctx context.Context, bookmarks []string) error {
	if len(bookmarks) == 0 {
		return nil
	}
	g, _ := trace.WithTaskGroup(ctx, "destroy cursors")
	g.SetLimit(x.Options.workers())
	var mu sync.Mutex
	var errs []error
	for _, name := range bookmarks {
		g.Go("destroy", func(ctx context.Context) error {
			err := x.source().DestroyWith(ctx, zfssend.DestroyOptions{}, name)
			if err != nil && !errors.Is(err, zfssend.NotFound) {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
			return nil
		})
	}
	g.Wait()
	return errors.Join(errs...)
}

// holds holds the newest common snapshots on both sides, and then releases the former ones: all that were common, so that
// one that a crash has left is released by the next run.
func (x *execution) holds(ctx context.Context, list []*DatasetResult) error {
	var newest, former [2][]string
	for _, d := range list {
		sides := [2]string{d.Plan.Source, d.Plan.Destination}
		for i, dataset := range sides {
			name := d.Plan.Latest.Name
			if i == 1 && len(d.Plan.Steps) == 0 {
				name = d.Plan.common
			}
			newest[i] = append(newest[i], dataset+name)
		}
		for _, v := range d.Plan.held {
			if v.guid != d.Plan.Latest.GUID {
				former[0] = append(former[0], d.Plan.Source+v.source)
				former[1] = append(former[1], d.Plan.Destination+v.destination)
			}
		}
	}
	for _, a := range x.keeper.kept {
		if a.superseded() {
			former[0], former[1] = append(former[0], a.source), append(former[1], a.destination)
		}
	}
	var errs []error
	for i, host := range []zfssend.Host{x.source(), x.destination()} {
		slices.Sort(former[i])
		former[i] = slices.Compact(former[i])
		if len(newest[i]) == 0 {
			continue
		}
		if err := host.Hold(ctx, x.Options.Hold, newest[i]...); err != nil {
			errs = append(errs, fmt.Errorf("hold: %w", err))
			continue // and keep the former ones
		}
		if len(former[i]) > 0 {
			if err := host.Release(ctx, x.Options.Hold, former[i]...); err != nil && !errors.Is(err, zfssend.NotFound) {
				errs = append(errs, fmt.Errorf("release: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}
