package zfsmodel

import (
	"errors"
	"slices"
	"strings"
)

func (c *command) destroy(args []string) error {
	options, rest, err := c.options(args, "dfnpRrv")
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return c.usage("missing dataset argument")
	}
	if len(rest) > 1 {
		return c.usage("too many arguments")
	}
	name := rest[0]
	return c.update(func(st *state) error {
		switch dataset, version := split(name); {
		case strings.HasPrefix(version, "@"):
			return c.destroySnapshots(st, dataset, version[1:], options)
		case strings.HasPrefix(version, "#"):
			if !st.exists(name) {
				return c.fail("bookmark '%s' does not exist.", name)
			}
			d := st.Datasets[dataset]
			d.Bookmarks = slices.DeleteFunc(d.Bookmarks, func(b *bookmark) bool { return b.Name == version[1:] })
			return nil
		case st.Datasets[name] == nil:
			return c.missing(name)
		}
		return c.destroyDataset(st, name, options)
	})
}

var errBusy = errors.New("dataset is busy")

// removable says why a snapshot can't be destroyed.
func (c *command) removable(st *state, s *snapshot) error {
	if len(s.Holds) > 0 || st.busy(s) {
		return errBusy
	}
	return nil
}

func (c *command) destroySnapshots(st *state, dataset, list string, options []option) error {
	d := st.Datasets[dataset]
	if d == nil {
		return c.missing(dataset)
	}
	type victim struct {
		dataset string
		s       *snapshot
	}
	var victims []victim
	datasets := []string{dataset}
	if has(options, 'r') || has(options, 'R') {
		datasets = st.below(dataset)
	}
	for _, name := range datasets {
		for _, s := range st.Datasets[name].selected(list) {
			victims = append(victims, victim{name, s})
		}
	}
	if len(victims) == 0 {
		return c.fail("could not find any snapshots to destroy; check snapshot names.")
	}
	if has(options, 'v') || has(options, 'n') {
		for _, v := range victims {
			format := "would destroy %s@%s\n"
			if has(options, 'p') {
				format = "destroy\t%s@%s\n"
			}
			c.print(format, v.dataset, v.s.Name)
		}
		c.print("%s\n", map[bool]string{true: "reclaim\t0", false: "would reclaim 0B"}[has(options, 'p')])
	}
	if has(options, 'n') {
		return nil
	}
	// It is all or none, and every obstacle is told.
	var err error
	for _, v := range victims {
		if clones := st.clones(v.s); len(clones) > 0 && !has(options, 'd') {
			return c.fail("cannot destroy '%s@%s': snapshot has dependent clones\nuse '-R' to destroy the following datasets:\n%s",
				v.dataset, v.s.Name, strings.Join(clones, "\n"))
		}
		if reason := c.removable(st, v.s); reason != nil && !has(options, 'd') {
			err = c.fail("cannot destroy snapshot %s@%s: %v", v.dataset, v.s.Name, reason)
		}
	}
	if err != nil {
		return err
	}
	for _, v := range victims {
		if len(v.s.Holds) > 0 {
			v.s.Defer = true
			continue
		}
		d := st.Datasets[v.dataset]
		d.Snapshots = slices.DeleteFunc(d.Snapshots, func(s *snapshot) bool { return s == v.s })
	}
	return nil
}

// selected returns the snapshots of a list such as "a,c%e", where "c%e" is all from c to e.
func (d *dataset) selected(list string) []*snapshot {
	var result []*snapshot
	for item := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(item, "%")
		if !isRange {
			if s := d.snapshot(item); s != nil {
				result = append(result, s)
			}
			continue
		}
		inside := first == ""
		for _, s := range d.Snapshots {
			inside = inside || s.Name == first
			if inside {
				result = append(result, s)
			}
			if s.Name == last {
				break
			}
		}
	}
	return result
}

func (c *command) destroyDataset(st *state, name string, options []option) error {
	d := st.Datasets[name]
	all := st.below(name)
	slices.Reverse(all)
	recursive := has(options, 'r') || has(options, 'R')
	if (len(all) > 1 || len(d.Snapshots) > 0) && !recursive {
		c.say("cannot destroy '%s': filesystem has children\nuse '-r' to destroy the following datasets:\n", name)
		for _, below := range all {
			for _, s := range st.Datasets[below].Snapshots {
				c.say("%s@%s\n", below, s.Name)
			}
			if below != name {
				c.say("%s\n", below)
			}
		}
		return failed
	}
	for _, below := range all {
		if err := c.destroyable(st, name, below, has(options, 'R')); err != nil {
			return err // those below are gone
		}
		delete(st.Datasets, below)
	}
	return nil
}

// destroyable says why a dataset, which is to go with one above it, can't.
func (c *command) destroyable(st *state, top, name string, clones bool) error {
	d := st.Datasets[name]
	for _, s := range d.Snapshots {
		if c.removable(st, s) != nil {
			return c.fail("cannot destroy snapshot %s@%s: %v", name, s.Name, errBusy)
		}
		for _, clone := range st.clones(s) {
			if !clones && !strings.HasPrefix(clone, top+"/") {
				return c.fail("cannot destroy '%s': filesystem has dependent clones\nuse '-R' to destroy the following datasets:\n%s", top, clone)
			}
		}
	}
	if _, running := st.receiver(d); running != nil {
		return c.fail("cannot destroy '%s': %v", name, errBusy)
	}
	if d.Mounted && d.InUse {
		return c.fail("cannot unmount '%s': pool or dataset is busy", name)
	}
	return nil
}
