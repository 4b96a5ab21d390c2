package zfssend

import (
	"cmp"
	"context"
	"errors"
	"maps"
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
// snapshots and children. Its bookmarks go with it, and what an interrupted receive has left of it. What doesn't exist is an
// error, [NotFound]. What can't be destroyed is left, such as a snapshot that is [Held] ([Busy] before OpenZFS 2.3.3) or has
// clones ([HasDependents]), and the rest is destroyed. The error is a *[BatchError], or, before anything was done, a
// *[NameError].
//
// Snapshots come first, then bookmarks, then datasets, children before their parents. It takes one zfs process for a
// snapshot. For several of a dataset, as long as their names fit into 64 KiB, it takes two, of which the first one looks which
// of them exist, plus one when some of them can't be destroyed, or one for each that has clones. It takes one process for each
// bookmark and each dataset.
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
	return c.finish(ctx, b)
}

// destroyRank orders bookmarks before datasets, and those by depth, the deepest first.
func destroyRank(name string) int {
	if strings.Contains(name, "#") {
		return -maxName - 1
	}
	return -strings.Count(name, "/")
}

func (c *Client) destroyOne(ctx context.Context, b *batch, o DestroyOptions, name string) {
	cmd := command{op: opDestroy, object: name, args: []string{name}}
	if o.Recursive && !strings.Contains(name, "#") {
		cmd.args = []string{"-r", name}
	}
	if _, err := c.answer(ctx, cmd); err != nil {
		b.failAll([]string{name}, asError(err))
	}
}

// destroySnapshots destroys snapshots of one dataset. zfs destroys either all that an argument names or none of them,
// and says which ones are in the way: those are taken out, and the rest is tried again.
//
// If one that is named alone doesn't exist, zfs says so. It doesn't mind if some of several don't, so it is looked for them
// first. With -r there is more to look for than the names tell: then zfs is asked to list what it found (-vp), and also if the
// look fails. That is slow, since zfs reads for it all snapshots of the dataset, however few are named. What vanishes after the
// look counts as destroyed.
func (c *Client) destroySnapshots(ctx context.Context, b *batch, o DestroyOptions, names []string) {
	if b.stop(ctx, names) {
		return
	}
	verbose := o.Recursive
	if len(names) > 1 && !verbose {
		exist, err := c.exist(ctx, names)
		if verbose = err != nil; !verbose {
			for _, name := range names {
				if !exist(name) {
					b.fail(name, NotFound, notFoundSnapshot)
				}
			}
			names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !exist(name) })
		}
	}
	for len(names) > 0 && !b.stop(ctx, names) {
		list := verbose && len(names) > 1
		r, err := c.answer(ctx, command{op: opDestroy, object: objectOf(names), args: o.snapshotArgs(names, list)})
		found := among(names)
		if list {
			found = foundSnapshots(string(r.out), names)
		}
		missing := slices.DeleteFunc(slices.Clone(names), found)
		if err == nil {
			for _, name := range missing {
				b.fail(name, NotFound, notFoundSnapshot)
			}
			return
		}
		e := asError(err)
		about, rest := blame(mapRecursive(complaints(r.stderr, knownBelow(names)), names), names)
		// What zfs doesn't complain of is tried again, so it does no harm if it complained of more than is kept.
		if len(about) == 0 || len(rest) > 0 || e.ExitCode != 1 {
			b.failAll(names, e)
			return
		}
		if len(missing) < len(names) {
			for _, name := range missing {
				if _, ok := about[name]; !ok {
					about[name] = complaint{message: notFoundSnapshot, cause: NotFound}
				}
			}
		}
		b.failAbout(names, about, e)
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { _, ok := about[name]; return ok })
	}
}

const notFoundSnapshot = "could not find the snapshot to destroy"

// exist looks which snapshots exist.
func (c *Client) exist(ctx context.Context, names []string) (exist func(name string) bool, err error) {
	var found []string
	for _, part := range chunks(names) {
		guids, err := c.guids(ctx, part)
		if err != nil && !errors.Is(err, NotFound) {
			return nil, err
		}
		found = slices.AppendSeq(found, maps.Keys(guids))
	}
	return among(found), nil
}

// snapshotArgs are the arguments that destroy snapshots of one dataset, and list those that were found if asked for.
func (o DestroyOptions) snapshotArgs(names []string, list bool) []string {
	var args []string
	if list {
		args = append(args, "-vp")
	}
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
func foundSnapshots(out string, names []string) (found func(name string) bool) {
	dataset := datasetOf(names[0])
	var list []string
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "destroy\t"); ok {
			if _, snapshot, ok := strings.Cut(name, "@"); ok {
				list = append(list, dataset+"@"+snapshot)
			}
		}
	}
	return among(list)
}

// knownBelow reports whether a name is one of these, which are snapshots of one dataset, or that snapshot of one below.
func knownBelow(names []string) (known func(name string) bool) {
	dataset, named := datasetOf(names[0]), among(names)
	return func(name string) bool {
		below, snapshot, _ := strings.Cut(name, "@")
		return named(dataset+"@"+snapshot) && (below == dataset || strings.HasPrefix(below, dataset+"/"))
	}
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
