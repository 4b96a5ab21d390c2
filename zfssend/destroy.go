package zfssend

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

const opDestroy = "destroy"

// DestroyOptions say how Destroy goes about it. The zero value destroys nothing but what is named.
type DestroyOptions struct {
	// Recursive destroys also what is below: of a dataset, all its snapshots and children; of a snapshot, those of the
	// same name in the datasets below.
	Recursive bool
	// Deferred lets zfs destroy a snapshot that is held or cloned when the last hold and clone is gone.
	Deferred bool
}

// Destroy destroys snapshots, bookmarks and datasets, and nothing else: no clones, and a dataset only if it has no
// snapshots and children. What doesn't exist is an error, [NotFound]. What can't be destroyed is left, such as a
// snapshot that is [Held] ([Busy] before OpenZFS 2.3.3) or has clones ([HasDependents]), and the rest is destroyed. The
// error is a *[BatchError], or, before anything was done, a *[NameError].
//
// Snapshots come first, then bookmarks, then datasets, children before their parents. It takes one zfs process for
// the snapshots of a dataset, as long as their names fit into 64 KiB, plus one when some of them can't be destroyed, or
// one for each that has clones; and one process for each bookmark and each dataset.
func (c *Client) Destroy(ctx context.Context, names ...string) error {
	return c.DestroyWith(ctx, DestroyOptions{}, names...)
}

// DestroyWith is Destroy with options.
func (c *Client) DestroyWith(ctx context.Context, o DestroyOptions, names ...string) error {
	if err := checkNames(names, 0, '@', '#'); err != nil {
		return err
	}
	var snapshots, others []string
	for _, name := range unique(names) {
		if strings.Contains(name, "@") {
			snapshots = append(snapshots, name)
		} else {
			others = append(others, name)
		}
	}
	b := newBatch(opDestroy, len(names))
	for _, group := range grouped(snapshots, datasetOf) {
		for _, part := range split(group, maxArgument, 1-len(datasetOf(group[0]))) {
			c.destroySnapshots(ctx, b, o, part)
		}
	}
	slices.SortStableFunc(others, func(x, y string) int { return cmp.Compare(destroyRank(x), destroyRank(y)) })
	for _, name := range others {
		if !b.stop(ctx, []string{name}) {
			c.destroyOne(ctx, b, o, name)
		}
	}
	return b.result()
}

// destroyRank orders bookmarks before datasets, and those by depth, the deepest first.
func destroyRank(name string) int {
	if strings.Contains(name, "#") {
		return -maxName - 1
	}
	return -strings.Count(name, "/")
}

func (c *Client) destroyOne(ctx context.Context, b *batch, o DestroyOptions, name string) {
	cmd := command{op: opDestroy, object: name, args: []string{name}, dataset: datasetOf(name)}
	if strings.Contains(name, "#") {
		cmd.needs = []string{"destroy"}
	} else if o.Recursive {
		cmd.args = []string{"-r", name}
	}
	if _, err := c.answer(ctx, cmd); err != nil {
		b.failAll([]string{name}, asError(err))
	}
}

// destroySnapshots destroys snapshots of one dataset. zfs destroys either all that an argument names or none of them,
// and says which ones are in the way: those are taken out, and the rest is tried again.
func (c *Client) destroySnapshots(ctx context.Context, b *batch, o DestroyOptions, names []string) {
	for len(names) > 0 && !b.stop(ctx, names) {
		out, err := c.answer(ctx, command{
			op: opDestroy, object: objectOf(names), args: o.snapshotArgs(names), dataset: datasetOf(names[0]),
		})
		found := foundSnapshots(string(out), names)
		missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return found[name] })
		if err == nil {
			for _, name := range missing {
				b.fail(name, NotFound, "could not find the snapshot to destroy")
			}
			return
		}
		e := asError(err)
		about, rest := blame(mapRecursive(complaints(e.Stderr), names), names)
		if len(about) == 0 || len(rest) > 0 || e.ExitCode != 1 {
			b.failAll(names, e)
			return
		}
		first := Unknown
		for _, name := range names {
			c, ok := about[name]
			if !ok && !found[name] && len(found) > 0 {
				c, ok = complaint{message: "could not find the snapshot to destroy", cause: NotFound}, true
			}
			if ok {
				b.fail(name, c.cause, c.message)
				first = cmp.Or(first, c.cause)
				about[name] = c
			}
		}
		b.process(e, first)
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { _, ok := about[name]; return ok })
	}
}

// snapshotArgs ask with -vp for a list of what was found, since zfs doesn't mind if some of several names don't exist.
func (o DestroyOptions) snapshotArgs(names []string) []string {
	args := []string{"-vp"}
	if o.Recursive {
		args = append(args, "-r")
	}
	if o.Deferred {
		args = append(args, "-d")
	}
	argument := names[0]
	for _, name := range names[1:] {
		argument += "," + name[strings.IndexByte(name, '@')+1:]
	}
	return append(args, argument)
}

// foundSnapshots returns which of the names, snapshots of one dataset, are in the output of zfs destroy -vp, where each
// has a line "destroy", tab, name. With -r it may be there as the snapshot of a dataset below.
func foundSnapshots(out string, names []string) map[string]bool {
	dataset := datasetOf(names[0])
	found := make(map[string]bool)
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "destroy\t"); ok {
			if _, snapshot, ok := strings.Cut(name, "@"); ok {
				found[dataset+"@"+snapshot] = true
			}
		}
	}
	return found
}

// mapRecursive makes complaints about the snapshot of a dataset below ones about that which was named.
func mapRecursive(list []complaint, names []string) []complaint {
	dataset := datasetOf(names[0])
	for i, c := range list {
		if d, snapshot, ok := strings.Cut(c.name, "@"); ok && strings.HasPrefix(d, dataset+"/") {
			list[i].name = dataset + "@" + snapshot
			list[i].message = c.name + ": " + c.message
		}
	}
	return list
}
