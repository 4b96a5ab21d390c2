package replicate

import (
	"context"
	"errors"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// QuickPlan plans as Plan does, but doesn't list the destination if it can tell without: it asks whether the newest snapshot of each
// dataset is there, and where it isn't, whether the one before it is. To list a dataset that isn't mounted takes ZFS several times as
// long, and most that are replicated have all, or lack the newest snapshot only. If one of them has neither, all are listed.
//
// What isn't seen so is the state of an interrupted receive, and snapshots and changes of the destination's own. If they are in the
// way of an increment, zfs receive refuses that, and Execute plans the dataset anew, from a list.
//
// A tree takes four zfs processes if nothing has changed, and five if all has, or six if there are many datasets. Options that need to know more make it Plan: Hold, Set
// and DestroyDiverged.
func (r *Replicator) QuickPlan(ctx context.Context, source, destination string) (*Plan, error) {
	if o := &r.Options; !o.Recursive || o.DestroyDiverged || o.Hold != "" || len(o.Set) > 0 {
		return r.Plan(ctx, source, destination)
	}
	glanced := false
	plan, err := r.plan(ctx, source, destination, func(ctx context.Context, source, destination string) (src, dst []zfssend.Dataset, err error) {
		src, dst, glanced, err = r.glance(ctx, source, destination)
		return src, dst, err
	})
	if err != nil {
		return nil, err
	}
	for _, d := range plan.Datasets {
		d.glanced = glanced
	}
	return plan, nil
}

// looker returns what there is of both datasets, and of those below.
type looker func(ctx context.Context, source, destination string) (src, dst []zfssend.Dataset, err error)

// glance lists the source, and finds out what the destination has by asking for single snapshots, or else by a list.
func (r *Replicator) glance(ctx context.Context, source, destination string) (src, dst []zfssend.Dataset, enough bool, err error) {
	src, top, err := r.listTop(ctx, source, destination)
	if err != nil {
		return nil, nil, false, err
	}
	src = r.withoutDestination(src, destination)
	if top != nil && top.ResumeToken == "" {
		g := newGlance(newTree(source, destination, src, &r.Options), src, top)
		if dst, err = g.look(ctx, r.destination()); dst != nil || err != nil {
			return src, dst, err == nil, err
		}
	}
	dst, err = r.listDestination(ctx, source, destination)
	return src, dst, false, err
}

// listTop lists the source and, of the destination, the topmost dataset without its versions: nil if that doesn't exist.
func (r *Replicator) listTop(ctx context.Context, source, destination string) (src []zfssend.Dataset, top *zfssend.Dataset, err error) {
	var topErr error
	g, _ := trace.WithTaskGroup(ctx, "list")
	g.Go("list source", func(ctx context.Context) (err error) {
		if src, err = r.source().List(ctx, source, r.ofSource()); err == nil {
			err = checkNames(source, src)
		}
		return err
	})
	g.Go("look for destination", func(ctx context.Context) error {
		var list []zfssend.Dataset
		list, topErr = r.destination().List(ctx, destination, zfssend.ListOptions{WithoutVersions: true})
		if topErr == nil && len(list) == 1 && list[0].Name == destination {
			top = &list[0]
		}
		return nil // an error would end the other list
	})
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	if errors.Is(topErr, zfssend.NotFound) {
		topErr = nil
	}
	return src, top, topErr
}

// glances is how many of the newest snapshots of a dataset are asked for.
const glances = 2

// glance is what is to be known of the copies of datasets.
type glance struct {
	top    *zfssend.Dataset
	copies []*glanced
}

// glanced is a copy.
type glanced struct {
	name string
	want []zfssend.Version // the source's snapshots, the oldest first; none if the copy is there for those below it
	have *zfssend.Version  // the one of them that it is known to have
}

func newGlance(t *tree, src []zfssend.Dataset, top *zfssend.Dataset) *glance {
	g := &glance{top: top}
	for i := range src {
		d := &src[i]
		c := &glanced{name: t.copyOf(d.Name)}
		if !t.holdsOthers(d) {
			c.want = t.o.wanted(snapshots(*d))
		}
		if t.holdsOthers(d) || t.selected[d.Name] && len(c.want) > 0 { // for what has no snapshots, there is no plan anyway
			g.copies = append(g.copies, c)
		}
	}
	return g
}

// look asks for the newest snapshots, and returns what is known then: nil if that isn't enough.
func (g *glance) look(ctx context.Context, to zfssend.Host) (dst []zfssend.Dataset, err error) {
	for back := 1; back <= glances; back++ {
		if err := g.ask(ctx, to, back); err != nil {
			return nil, err
		}
	}
	there := make(map[string]bool) // since something is below
	for _, c := range g.copies {
		for name := c.name; c.have != nil && name != "" && !there[name]; name = parent(name) {
			there[name] = true
		}
	}
	for _, c := range g.copies {
		if !there[c.name] || len(c.want) > 0 && c.have == nil {
			return nil, nil
		}
		d := zfssend.Dataset{Name: c.name, GUID: 1, Encryption: g.top.Encryption} // its own GUID is of no interest
		if c.have != nil {
			d.Versions = []zfssend.Version{*c.have}
		}
		dst = append(dst, d)
	}
	return dst, nil
}

// ask asks for a snapshot of each copy that isn't known to have one: the newest, or the last but so many.
func (g *glance) ask(ctx context.Context, to zfssend.Host, back int) error {
	var names []string
	asked := func(c *glanced) (v *zfssend.Version, ok bool) {
		if c.have != nil || len(c.want) < back {
			return nil, false
		}
		return &c.want[len(c.want)-back], true
	}
	for _, c := range g.copies {
		if v, ok := asked(c); ok {
			names = append(names, c.name+v.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	found, err := lookUp(ctx, to, names, back > 1) // the first question is all there is to do if nothing has changed
	if err != nil && !errors.Is(err, zfssend.NotFound) {
		return err
	}
	for _, c := range g.copies {
		if v, ok := asked(c); ok && found[c.name+v.Name] == v.GUID {
			c.have = v
		}
	}
	return nil
}
