package zfsmodel

import (
	"slices"
	"strings"
)

func (c *command) snapshots(args []string) error {
	options, rest, err := c.options(args, "ro:")
	if err != nil {
		return err
	}
	props, err := c.assignments(options)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return c.usage("missing snapshot argument")
	}
	return c.update(func(st *state) error {
		var names []string
		for _, name := range rest {
			dataset, version := split(name)
			if !strings.HasPrefix(version, "@") {
				return c.usage("")
			}
			if st.Datasets[dataset] == nil {
				c.say("cannot open '%s': dataset does not exist\n", dataset)
				return c.usage("")
			}
			if reason := badName(name); reason != "" {
				return c.fail("cannot create snapshot '%s': %s", name, reason)
			}
			names = append(names, name)
			if has(options, 'r') {
				for _, below := range st.below(dataset)[1:] {
					names = append(names, below+version)
				}
			}
		}
		if err := c.checkSnapshots(st, names); err != nil {
			return err
		}
		for _, name := range names {
			d, _, version := st.lookup(name)
			st.take(d, version[1:]).Local = stored(props)
		}
		return nil
	})
}

// checkSnapshots says why snapshots can't be taken. It is all of them or none.
func (c *command) checkSnapshots(st *state, names []string) (err error) {
	for _, name := range names {
		d, dataset, _ := st.lookup(name)
		_, running := st.receiver(d)
		switch {
		case st.exists(name):
			err = c.fail("cannot create snapshot '%s': dataset already exists", name)
		case d.Incomplete || running != nil && running.Full:
			err = c.fail("cannot create snapshot '%s': dataset is busy", name)
		case slices.ContainsFunc(names, func(other string) bool { return other != name && strings.HasPrefix(other, dataset+"@") }):
			err = c.fail("cannot create snapshots: multiple snapshots of same fs not allowed")
		}
	}
	if err != nil && len(names) > 1 {
		c.say("no snapshots were created\n")
	}
	return err
}

func (c *command) bookmarks(args []string) error {
	_, rest, err := c.options(args, "")
	if err != nil {
		return err
	}
	if len(rest) < 2 {
		return c.usage(map[int]string{0: "missing snapshot argument", 1: "missing bookmark argument"}[len(rest)])
	}
	from, to := rest[0], rest[1]
	if !strings.Contains(to, "#") {
		return c.usage("invalid bookmark name '%s': must contain a '#'", to)
	}
	if !strings.ContainsAny(from, "@#") {
		return c.usage("invalid source name '%s': must contain a '@' or '#'", from)
	}
	// The dataset may be missing on one side.
	if dataset, _ := split(from); strings.HasPrefix(to, "#") {
		to = dataset + to
	}
	if dataset, _ := split(to); strings.IndexAny(from, "@#") == 0 {
		from = dataset + from
	}
	return c.update(func(st *state) error {
		if !st.exists(from) {
			c.missing(from)
			return c.usage("")
		}
		fromDataset, _ := split(from)
		toDataset, toVersion := split(to)
		reason := badName(to)
		switch {
		case reason != "":
		case st.exists(to):
			reason = "bookmark exists"
		case fromDataset != toDataset:
			reason = "source is not an ancestor of the new bookmark's dataset"
		}
		if reason != "" {
			return c.fail("cannot create bookmark '%s': %s", to, reason)
		}
		d, _, version := st.lookup(from)
		b := &bookmark{Name: toVersion[1:]}
		if s := d.snapshot(version[1:]); version[0] == '@' {
			b.GUID, b.CreateTXG, b.Creation = s.GUID, s.CreateTXG, s.Creation
		} else {
			old := d.bookmark(version[1:])
			b.GUID, b.CreateTXG, b.Creation = old.GUID, old.CreateTXG, old.Creation
		}
		d.Bookmarks = append(d.Bookmarks, b)
		slices.SortFunc(d.Bookmarks, func(a, b *bookmark) int { return strings.Compare(a.Name, b.Name) })
		return nil
	})
}
