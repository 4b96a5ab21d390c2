package main

import (
	"context"
	"fmt"
	"slices"
)

// check compares the destination with what the source was, and looks for what is missing and what is left behind.
func (c *campaign) check(ctx context.Context, before map[string]contents) error {
	here := place{Campaign: c.Number}
	problems := c.problems
	var differences []string
	after, err := c.history.readAll(ctx, c.dst, c.scratch)
	if err != nil {
		c.problem(here, err.Error())
	}
	for _, d := range c.history.datasets {
		have, err := zfs.Dataset(ctx, c.dst+"/"+d.name)
		if err != nil {
			return err
		}
		if have.ResumeToken != "" {
			c.Left++
			c.problem(here, "partial state left at "+have.Name)
		}
		for _, s := range d.snapshots {
			name := d.name + s.name
			if v := find(have, s.name); v == nil || v.GUID != s.guid {
				c.GUIDs++
				c.problem(here, fmt.Sprintf("%s: it is %+v at the destination, not %d", name, v, s.guid))
			}
			if c, read := after[name]; read {
				differences = append(differences, difference(name, c, before[name])...)
			} else {
				differences = append(differences, name+": not compared")
			}
			c.Snapshots++
			c.Files += len(before[name])
		}
	}
	c.Differences = len(differences)
	for _, text := range differences {
		c.problem(here, text)
	}
	for _, d := range c.history.datasets { // the last cursors: the others are gone already, or left behind
		if err := zfs.Destroy(ctx, c.src+"/"+d.name+cursor(d.snapshots[len(d.snapshots)-1])); err != nil {
			return err
		}
	}
	user := slices.Concat(c.harness.user, c.user, c.history.belongings())
	left, gone, err := missing(ctx, c.pools, user)
	if err != nil {
		return err
	}
	for _, text := range slices.Concat(left, gone) {
		c.problem(here, text)
	}
	c.Left, c.User, c.Gone = c.Left+len(left), len(user), len(gone)
	c.Equal = c.problems == problems
	return nil
}
