package zfsmodel

import (
	"maps"
	"slices"
	"strings"
)

func (c *command) set(args []string) error {
	_, rest, err := c.options(args, "")
	if err != nil {
		return err
	}
	props := make(map[string]string)
	for len(rest) > 0 && strings.Contains(rest[0], "=") {
		name, value, _ := strings.Cut(rest[0], "=")
		props[name] = value
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return c.usage("missing dataset name")
	}
	return c.update(func(st *state) error {
		for _, name := range rest {
			if !st.exists(name) {
				return c.missing(name)
			}
			if len(props) == 0 {
				return c.usage("missing property=value argument(s)")
			}
			if err := c.assign(st, name, props); err != nil {
				return err
			}
		}
		return nil
	})
}

// assign sets properties.
func (c *command) assign(st *state, name string, props map[string]string) error {
	d, _, version := st.lookup(name)
	for property, value := range props {
		if err := checkProperty(property, value, settable); err != nil {
			return c.fail("cannot set property for '%s': %v", name, err)
		}
		if version != "" && !isUser(property) {
			return c.fail("cannot set property for '%s': this property can not be modified for snapshots", name)
		}
	}
	target := &d.Local
	if version != "" {
		target = &d.snapshot(version[1:]).Local
	}
	if *target == nil {
		*target = make(map[string]string)
	}
	maps.Copy(*target, stored(props))
	return nil
}

func (c *command) inherit(args []string) error {
	options, rest, err := c.options(args, "rS")
	if err != nil {
		return err
	}
	if len(rest) < 2 {
		return c.usage("missing property or dataset argument")
	}
	name := rest[0]
	switch p := native(name); {
	case p == nil && !isUser(name):
		return c.usage("invalid property '%s'", name)
	case p != nil && p.set == never:
		return c.fail("%s property is read-only", name)
	case p != nil && p.set == settableOnce || p != nil && !p.inherited && !has(options, 'S'):
		return c.fail("'%s' property cannot be inherited", name)
	}
	return c.each(rest[1:], func(st *state, dataset string, _ *dataset) error {
		names := []string{dataset}
		if has(options, 'r') {
			names = st.below(dataset)
		}
		for _, below := range names {
			d := st.Datasets[below]
			delete(d.Local, name)
			delete(d.Masked, name)
			if !has(options, 'S') && d.Received[name] != "" {
				if d.Masked == nil {
					d.Masked = make(map[string]bool)
				}
				d.Masked[name] = true
			}
		}
		return nil
	})
}

// permissions are those that the model knows.
var permissions = []string{"allow", "bookmark", "canmount", "change-key", "clone", "compression", "create", "destroy", "diff", "hold",
	"load-key", "mount", "mountpoint", "promote", "readonly", "receive", "release", "rename", "rollback", "send", "snapshot",
	"userprop"}

// who parses the options and names of allow and unallow.
func who(options []option, name string) string {
	switch {
	case has(options, 'e') || name == "everyone":
		return "everyone"
	case has(options, 'g'):
		return "group " + name
	}
	return "user " + name
}

func (c *command) allow(args []string) error {
	options, rest, err := c.options(args, "ldugec")
	if err != nil {
		return err
	}
	if len(rest) == 1 {
		return c.allowed(rest[0])
	}
	if has(options, 'e') {
		rest = append([]string{"everyone"}, rest...)
	}
	if len(rest) != 3 {
		return c.usage("missing argument")
	}
	return c.grant(options, rest, func(old, list []string) []string {
		old = append(old, list...)
		slices.Sort(old)
		return slices.Compact(old)
	})
}

func (c *command) unallow(args []string) error {
	options, rest, err := c.options(args, "rldugec")
	if err != nil {
		return err
	}
	if len(rest) == 2 {
		rest = []string{rest[0], strings.Join(permissions, ","), rest[1]}
	}
	if len(rest) != 3 {
		return c.usage("missing argument")
	}
	return c.grant(options, rest, func(old, list []string) []string {
		return slices.DeleteFunc(old, func(p string) bool { return slices.Contains(list, p) })
	})
}

// grant changes what somebody may do.
func (c *command) grant(options []option, args []string, change func(old, list []string) []string) error {
	list := strings.Split(args[1], ",")
	return c.each(args[2:], func(_ *state, name string, d *dataset) error {
		for _, p := range list {
			if !slices.Contains(permissions, p) && native(p) == nil {
				return c.fail("cannot set permissions on '%s': operation not applicable to datasets of this type", name)
			}
		}
		if d.Allowed == nil {
			d.Allowed = make(map[string][]string)
		}
		for person := range strings.SplitSeq(args[0], ",") {
			key := who(options, person)
			if d.Allowed[key] = change(d.Allowed[key], list); len(d.Allowed[key]) == 0 {
				delete(d.Allowed, key)
			}
		}
		return nil
	})
}

// allowed prints who may do what with a dataset.
func (c *command) allowed(name string) error {
	return c.view(func(st *state) error {
		if st.Datasets[name] == nil {
			c.missing(name)
			c.say("Failed to open dataset: %s\n", name)
			return raw
		}
		for ; name != ""; name = parent(name) {
			list := st.Datasets[name].Allowed
			if len(list) == 0 {
				continue
			}
			head := "---- Permissions on " + name + " "
			c.print("%s%s\nLocal+Descendent permissions:\n", head, strings.Repeat("-", max(72-len(head)-1, 0)))
			for _, key := range slices.Sorted(maps.Keys(list)) {
				c.print("\t%s %s\n", key, strings.Join(list[key], ","))
			}
		}
		return nil
	})
}
