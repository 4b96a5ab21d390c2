package prune

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// Result says what became of what plans wanted to be destroyed.
type Result struct {
	Destroyed []string
	Gone      []string // somebody else has destroyed it
	Failed    []zfssend.Failure
}

// IncompleteError says that some of what was to be destroyed is still there. It unwraps to the causes.
type IncompleteError struct {
	Total  int
	Done   int // destroyed
	Failed []zfssend.Failure
	Err    error // what ended it, if it was ended: the context's cause, or an error of the host or its connection
}

// Error names the first failure.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%d of %d could not be destroyed; the first: %v", len(e.Failed), e.Total, e.Failed[0])
}

// Unwrap implements errors.Is and errors.As.
func (e *IncompleteError) Unwrap() []error {
	var errs []error
	for _, f := range e.Failed {
		if f.Cause != zfssend.Unknown && !slices.Contains(errs, error(f.Cause)) {
			errs = append(errs, f.Cause)
		}
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// Partly reports whether some of it was done.
func (e *IncompleteError) Partly() bool { return e.Done > 0 }

// portionSize bounds the names of which the GUIDs are looked at before they are destroyed, in bytes: so many that there are few
// processes, and so few that little time passes between look and deed.
const portionSize = 128 << 10

// victim is what is to be destroyed.
type victim struct {
	name string
	guid uint64
}

// Execute destroys what the plans list. It takes a zfs process to compare GUIDs for each 128 KiB of names, and the processes of
// [zfssend.Client.DestroyWith]: some for a dataset. The error is an *[IncompleteError] if something is left that was to be
// destroyed. What is gone already is no error.
func (p *Pruner) Execute(ctx context.Context, plans []*Plan) (result Result, err error) {
	ctx, span := trace.WithSpanOrTask(ctx, "destroy")
	defer span.EndErr(&err)
	victims := victims(plans)
	e := &execution{host: p.Host, result: &result}
	for rest := victims; len(rest) > 0; {
		n := portion(rest)
		e.destroy(ctx, rest[:n])
		rest = rest[n:]
	}
	span.SetAttrs(slog.Int("destroyed", len(result.Destroyed)), slog.Int("failed", len(result.Failed)))
	if len(result.Failed) > 0 {
		if ctx.Err() != nil {
			e.err = context.Cause(ctx) // which is why, also if some failed before
		}
		return result, &IncompleteError{Total: len(victims), Done: len(result.Destroyed), Failed: result.Failed, Err: e.err}
	}
	return result, nil
}

// victims returns what the plans list.
func victims(plans []*Plan) (list []victim) {
	for _, plan := range plans {
		for _, d := range plan.Decisions {
			if d.Fate == Destroy {
				list = append(list, victim{plan.Dataset + d.Snapshot.Name, d.Snapshot.GUID})
			}
		}
		if plan.destroyCursors {
			for _, v := range plan.StaleCursors {
				list = append(list, victim{plan.Dataset + v.Name, v.GUID})
			}
		}
	}
	return list
}

// portion returns how many are destroyed together.
func portion(list []victim) int {
	size := 0
	for i, v := range list {
		if size += len(v.name) + 1; size > portionSize && i > 0 {
			return i
		}
	}
	return len(list)
}

// execution is a run of Execute.
type execution struct {
	host   zfssend.Host
	result *Result
	err    error // the first one that isn't about single snapshots
}

func (e *execution) fail(cause zfssend.Cause, message string, names ...string) {
	for _, name := range names {
		e.result.Failed = append(e.result.Failed, zfssend.Failure{Name: name, Cause: cause, Message: message})
	}
}

// destroy destroys a portion, but for what isn't any more what was planned for.
func (e *execution) destroy(ctx context.Context, list []victim) {
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = v.name
	}
	if e.err != nil {
		e.fail(zfssend.NotTried, "not tried, since the host failed before", names...)
		return
	}
	guids, err := e.host.GUIDs(ctx, names...)
	if err != nil && !errors.Is(err, zfssend.NotFound) {
		e.failAll(err, names)
		return
	}
	names = names[:0]
	for _, v := range list {
		switch guid, ok := guids[v.name]; {
		case !ok:
			e.result.Gone = append(e.result.Gone, v.name)
		case guid != v.guid:
			e.fail(zfssend.Unknown, "left alone: another one has this name since it was planned", v.name)
		default:
			names = append(names, v.name)
		}
	}
	if len(names) > 0 {
		e.sort(names, e.host.DestroyWith(ctx, zfssend.DestroyOptions{}, names...))
	}
}

// sort notes what became of names.
func (e *execution) sort(names []string, err error) {
	batch, ok := errors.AsType[*zfssend.BatchError](err)
	if err != nil && !ok {
		e.failAll(err, names)
		for i := range names {
			e.result.Failed[len(e.result.Failed)-1-i].Uncertain = true
		}
		return
	}
	failed := make(map[string]zfssend.Failure)
	if ok {
		for _, f := range batch.Failed {
			failed[f.Name] = f
		}
	}
	for _, name := range names {
		switch f, ok := failed[name]; {
		case !ok:
			e.result.Destroyed = append(e.result.Destroyed, name)
		case f.Cause == zfssend.NotFound:
			e.result.Gone = append(e.result.Gone, name)
		default:
			e.result.Failed = append(e.result.Failed, f)
		}
	}
}

// failAll notes that a host failed to tell what became of names.
func (e *execution) failAll(err error, names []string) {
	e.err = err
	cause := zfssend.Unknown
	if z, ok := errors.AsType[*zfssend.Error](err); ok {
		cause = z.Cause
	}
	e.fail(cause, err.Error(), names...)
}
