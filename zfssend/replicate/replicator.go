package replicate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// Replicator plans and executes replications. The zero value does so between datasets of this host. Its fields must
// not change while it works; then it may be used concurrently, but not for one destination twice.
type Replicator struct {
	Source, Destination zfssend.Host // nil is this host
	Options             Options

	// Progress, if not nil, is called a few times a second and at the end, on one goroutine at a time.
	Progress func(Progress)

	// OnStep, if not nil, is called when a step ends, within its span: what is logged with ctx is on that. It is called
	// on as many goroutines as datasets are replicated at a time.
	OnStep func(ctx context.Context, plan *DatasetPlan, r Result, err error)

	keepInterval time.Duration // for tests; 0 means the constant of that name
}

var here = (&zfssend.Client{}).Host()

func (r *Replicator) source() zfssend.Host {
	if r.Source == nil {
		return here
	}
	return r.Source
}

func (r *Replicator) destination() zfssend.Host {
	if r.Destination == nil {
		return here
	}
	return r.Destination
}

// Plan lists both datasets, with those below if that is asked for, and plans the replication of source to destination. What
// can't be replicated has a Conflict in the plan. The error is that of a listing, or a *[Conflict] that concerns all of it.
// It takes four zfs processes, and one more if the destination doesn't exist.
func (r *Replicator) Plan(ctx context.Context, source, destination string) (plan *Plan, err error) {
	return r.plan(ctx, source, destination, r.list)
}

// plan plans from what look finds on both sides.
func (r *Replicator) plan(ctx context.Context, source, destination string, look looker) (plan *Plan, err error) {
	ctx, span := trace.WithSpanOrTask(ctx, "plan", slog.String("source", source), slog.String("destination", destination))
	defer span.EndErr(&err)
	if source == destination && zfssend.SameHost(r.source(), r.destination()) {
		return nil, &Conflict{Kind: SameDataset, Source: source, Destination: destination}
	}
	src, dst, err := look(ctx, source, destination)
	if err != nil {
		return nil, err
	}
	plan = NewPlan(source, destination, r.withoutDestination(src, destination), dst, &r.Options)
	span.SetAttrs(slog.Int("datasets", len(plan.Datasets)), slog.Int("steps", plan.Steps()), slog.Int("conflicts", len(plan.Conflicts())))
	return plan, nil
}

// list lists both sides at the same time. If the source can't be listed, that is the error, whatever the destination has to say.
func (r *Replicator) list(ctx context.Context, source, destination string) (src, dst []zfssend.Dataset, err error) {
	var dstErr error
	g, _ := trace.WithTaskGroup(ctx, "list")
	g.Go("list source", func(ctx context.Context) (err error) {
		if src, err = r.source().List(ctx, source, r.ofSource()); err == nil {
			err = checkNames(source, src)
		}
		return err
	})
	g.Go("list destination", func(ctx context.Context) error {
		dst, dstErr = r.listDestination(ctx, source, destination)
		return nil // an error would end the other list
	})
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	return src, dst, dstErr
}

func (r *Replicator) listDestination(ctx context.Context, source, destination string) ([]zfssend.Dataset, error) {
	dst, err := r.destination().List(ctx, destination, zfssend.ListOptions{
		Recursive: r.Options.Recursive, Properties: r.Options.ofDestination(),
	})
	if errors.Is(err, zfssend.NotFound) {
		return r.checkParent(ctx, source, destination, err)
	}
	if err == nil {
		err = checkNames(destination, dst)
	}
	return dst, err
}

// checkNames makes sure that a host lists what it was asked for. A Client does, and so does package remote, whatever its agent says;
// but names become parts of others here, and a Host can be anything.
func checkNames(asked string, list []zfssend.Dataset) error {
	for i := range list {
		name, err := zfssend.ParseName(list[i].Name)
		if err != nil || name.Sigil != 0 || name.Dataset != asked && !strings.HasPrefix(name.Dataset, asked+"/") {
			return fmt.Errorf("list %s: the host answers with the dataset %.100q, which it was not asked for", asked, list[i].Name)
		}
	}
	return nil
}

// ofSource says what is listed of the source.
func (r *Replicator) ofSource() zfssend.ListOptions {
	return zfssend.ListOptions{
		Recursive:  r.Options.Recursive,
		Properties: slices.Sorted(maps.Keys(r.Options.Filter.ExcludeProperties)),
	}
}

// withoutDestination leaves the destination out, if it is below the source.
func (r *Replicator) withoutDestination(src []zfssend.Dataset, destination string) []zfssend.Dataset {
	if len(src) == 0 || !strings.HasPrefix(destination, src[0].Name+"/") || !zfssend.SameHost(r.source(), r.destination()) {
		return src
	}
	return slices.DeleteFunc(src, func(d zfssend.Dataset) bool {
		return d.Name == destination || strings.HasPrefix(d.Name, destination+"/")
	})
}

// checkParent makes sure that there is a dataset for the destination to be created in, and returns it. zfs receive would find out by
// itself, but only after a walk through all of the pool, which can take minutes.
func (r *Replicator) checkParent(ctx context.Context, source, destination string, notFound error) ([]zfssend.Dataset, error) {
	above := parent(destination)
	if above == "" {
		return nil, notFound // a pool
	}
	list, err := r.destination().List(ctx, above, zfssend.ListOptions{WithoutVersions: true})
	switch {
	case errors.Is(err, zfssend.NotFound):
		return nil, &Conflict{Kind: NoParent, Source: source, Destination: destination}
	case errors.Is(err, zfssend.PermissionDenied):
		return nil, nil // the destination is all that another host's agent lets us see
	}
	return list, err
}

// Datasets lists those that are replicated, whether they have snapshots or not, with one zfs process; none for a single one.
func (r *Replicator) Datasets(ctx context.Context, source, destination string) ([]string, error) {
	if !r.Options.Recursive {
		return []string{source}, nil
	}
	o := r.ofSource()
	o.WithoutVersions = true
	src, err := r.source().List(ctx, source, o)
	if err == nil {
		err = checkNames(source, src)
	}
	if err != nil {
		return nil, err
	}
	t := tree{Plan: Plan{Source: source}, o: &r.Options}
	var list []string
	for _, d := range r.withoutDestination(src, destination) {
		if r.Options.Filter.Dataset(t.below(d.Name), d.Properties) {
			list = append(list, d.Name)
		}
	}
	return list, nil
}
