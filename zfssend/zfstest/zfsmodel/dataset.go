package zfsmodel

import (
	"errors"
	"maps"
	"os"
	"strconv"
	"strings"
)

func (c *command) create(args []string) error {
	options, rest, err := c.options(args, "V:b:o:psunvP")
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return c.usage("missing %s argument", map[bool]string{true: "volume", false: "filesystem"}[has(options, 'V')])
	}
	props, err := c.assignments(options)
	if err != nil {
		return err
	}
	volume := has(options, 'V')
	if volume {
		size, err := parseSize(value(options, 'V'))
		if err != nil {
			return c.usage("bad volume size '%s'", value(options, 'V'))
		}
		blocks := int64(defaultVolBlock)
		if props["volblocksize"] != "" {
			blocks, err = parseSize(props["volblocksize"])
		}
		if err != nil {
			return c.usage("bad volume block size")
		}
		props["volsize"] = strconv.FormatInt((size+blocks-1)/blocks*blocks, 10)
	}
	name := rest[0]
	return c.update(func(st *state) error {
		if err := c.checkNew(st, name); err != nil {
			if err == errExists && has(options, 'p') {
				return nil
			}
			return c.fail("cannot create '%s': %v", name, err)
		}
		if has(options, 'p') {
			c.createParents(st, parent(name))
		}
		if err := c.checkParent(st, name); err != nil {
			return c.fail("cannot create '%s': %v", name, err)
		}
		for property, value := range props {
			if err := checkProperty(property, value, settableOnce); err != nil {
				return c.fail("cannot create '%s': %v", name, err)
			}
		}
		crypt, err := newCrypt(st, name, props)
		if err != nil {
			return c.fail("cannot create '%s': %v", name, err)
		}
		d := st.add(name)
		d.Volume, d.Local, d.Crypt = volume, stored(props), crypt
		if volume {
			size, _ := parseSize(d.Local["volsize"])
			block, _ := st.property(name, "volblocksize")
			blockSize, _ := parseSize(block)
			o := &object{Size: size, BlockSize: int(blockSize), Born: st.TXG}
			o.resize(st.TXG)
			d.Objects[volumeObject] = o
		}
		d.Mounted = !has(options, 'u') && st.mountable(name) == nil
		return nil
	})
}

var errExists = errors.New("dataset already exists")

// checkNew says why there can't be a new dataset of that name, but for what its parent has to do with it.
func (c *command) checkNew(st *state, name string) error {
	if i := strings.IndexAny(name, "@#"); i >= 0 {
		return errors.New(map[byte]string{'@': "snapshot", '#': "bookmark"}[name[i]] + " delimiter '" + name[i:i+1] + "' is not expected here")
	}
	if reason := badName(name); reason != "" {
		return errors.New(reason)
	}
	if st.Datasets[name] != nil {
		return errExists
	}
	pool, _, _ := strings.Cut(name, "/")
	if st.Datasets[pool] == nil {
		return errors.New("no such pool '" + pool + "'")
	}
	return nil
}

func (c *command) checkParent(st *state, name string) error {
	p := st.Datasets[parent(name)]
	switch {
	case p == nil:
		return errors.New("parent does not exist")
	case p.Volume:
		return errors.New("parent is not a filesystem")
	}
	return nil
}

func (c *command) createParents(st *state, name string) {
	if name == "" || st.Datasets[name] != nil {
		return
	}
	c.createParents(st, parent(name))
	d := st.add(name)
	d.Crypt, _ = newCrypt(st, name, nil)
	d.Mounted = st.mountable(name) == nil
}

// errNoauto says that a filesystem is mounted only by a command of its own.
var errNoauto = errors.New("'canmount' property is set to 'noauto'")

// mountable says why a filesystem can't be mounted.
func (st *state) mountable(name string) error {
	d := st.Datasets[name]
	mountpoint, _ := st.property(name, "mountpoint")
	canmount, _ := st.property(name, "canmount")
	switch {
	case d.Volume:
		return errors.New("operation not applicable to datasets of this type")
	case mountpoint == "none" || mountpoint == "legacy":
		return errors.New("no mountpoint set")
	case canmount == "noauto" && (d.Crypt == nil || st.key(name) != nil):
		return errNoauto
	case canmount != "on":
		return errors.New("'canmount' property is set to '" + canmount + "'")
	case d.Crypt != nil && st.key(name) == nil:
		return errors.New("encryption key not loaded")
	}
	return nil
}

func (c *command) mount(args []string) error {
	_, rest, err := c.options(args, "flvOo:")
	if err != nil {
		return err
	}
	return c.each(rest, func(st *state, name string, d *dataset) error {
		if d.Mounted {
			return c.fail("cannot mount '%s': filesystem already mounted", name)
		}
		if err := st.mountable(name); err != nil && !errors.Is(err, errNoauto) {
			return c.fail("cannot mount '%s': %v", name, err)
		}
		d.Mounted = true
		return nil
	})
}

func (c *command) unmount(args []string) error {
	_, rest, err := c.options(args, "fu")
	if err != nil {
		return err
	}
	return c.each(rest, func(_ *state, name string, d *dataset) error {
		if !d.Mounted {
			return c.fail("cannot unmount '%s': not currently mounted", name)
		}
		if d.InUse {
			return c.fail("cannot unmount '%s': pool or dataset is busy", name)
		}
		d.Mounted = false
		return nil
	})
}

// each does something with each dataset of a command line.
func (c *command) each(names []string, f func(*state, string, *dataset) error) error {
	if len(names) == 0 {
		return c.usage("missing dataset argument")
	}
	return c.update(func(st *state) (err error) {
		for _, name := range names {
			d := st.Datasets[name]
			if d == nil {
				err = c.missing(name)
				continue
			}
			if ferr := f(st, name, d); ferr != nil {
				err = ferr
			}
		}
		return err
	})
}

func (c *command) rename(args []string) error {
	options, rest, err := c.options(args, "fpru")
	if err != nil {
		return err
	}
	if len(rest) != 2 {
		return c.usage("missing source or target dataset argument")
	}
	from, to := rest[0], rest[1]
	return c.update(func(st *state) error {
		if !st.exists(from) {
			return c.missing(from)
		}
		_, dataset, version := st.lookup(from)
		if version == "" {
			return c.renameDataset(st, from, to)
		}
		if strings.HasPrefix(to, "@") {
			to = dataset + to
		} else if !strings.Contains(to, "@") {
			to = dataset + "@" + to
		}
		if reason := badName(to); reason != "" {
			return c.fail("cannot create '%s': %s", to, reason)
		}
		target, newVersion := split(to)
		if target != dataset {
			return c.fail("cannot create '%s': snapshots must be part of same dataset", to)
		}
		names := []string{dataset}
		if has(options, 'r') {
			names = st.below(dataset)
		}
		for _, name := range names {
			if st.Datasets[name].snapshot(newVersion[1:]) != nil {
				return c.fail("cannot rename '%s': dataset already exists", name+version)
			}
		}
		for _, name := range names {
			if s := st.Datasets[name].snapshot(version[1:]); s != nil {
				s.Name = newVersion[1:]
			}
		}
		return nil
	})
}

func (c *command) renameDataset(st *state, from, to string) error {
	if reason := badName(to); reason != "" {
		return c.fail("cannot create '%s': %s", to, reason)
	}
	if err := c.checkParent(st, to); err != nil {
		return c.fail("cannot create '%s': %v", to, err)
	}
	if st.Datasets[to] != nil {
		return c.fail("cannot rename '%s': dataset already exists", from)
	}
	for _, name := range st.below(from) {
		st.Datasets[to+strings.TrimPrefix(name, from)] = st.Datasets[name]
		delete(st.Datasets, name)
	}
	return nil
}

func (c *command) rollback(args []string) error {
	options, rest, err := c.options(args, "rRf")
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return c.usage("missing dataset argument")
	}
	return c.update(func(st *state) error {
		d, name, version := st.lookup(rest[0])
		if !st.exists(rest[0]) || version == "" {
			return c.missing(rest[0])
		}
		s := d.snapshot(version[1:])
		if s != d.newest() && !has(options, 'r') && !has(options, 'R') {
			return c.fail("cannot rollback to '%s': more recent snapshots or bookmarks exist\nuse '-r' to force deletion of the following snapshots and bookmarks:", rest[0])
		}
		for d.newest() != s {
			if err := c.removable(st, d.newest()); err != nil {
				return c.fail("cannot destroy '%s@%s': %v", name, d.newest().Name, err)
			}
			d.Snapshots = d.Snapshots[:len(d.Snapshots)-1]
		}
		d.revert(s)
		return nil
	})
}

// revert makes the contents those of a snapshot, which is the newest one.
func (d *dataset) revert(s *snapshot) {
	d.Objects, d.Changed = maps.Clone(s.Objects), s.CreateTXG
}

func (c *command) clone(args []string) error {
	options, rest, err := c.options(args, "po:")
	if err != nil {
		return err
	}
	props, err := c.assignments(options)
	if err != nil {
		return err
	}
	if len(rest) != 2 {
		return c.usage("missing source or target dataset argument")
	}
	return c.update(func(st *state) error {
		if !st.exists(rest[0]) {
			return c.missing(rest[0])
		}
		err := c.checkNew(st, rest[1])
		if err == nil {
			err = c.checkParent(st, rest[1])
		}
		if err != nil {
			return c.fail("cannot create '%s': %v", rest[1], err)
		}
		origin, _, version := st.lookup(rest[0])
		s := origin.snapshot(version[1:])
		d := st.add(rest[1])
		d.Volume, d.Local, d.Origin, d.Crypt = origin.Volume, stored(props), s.ObjsetID, origin.Crypt
		d.revert(s)
		d.Mounted = st.mountable(rest[1]) == nil
		return nil
	})
}

// readKey returns the key that a keylocation of the form file:///path leads to.
func readKey(location string) ([]byte, error) {
	name, ok := strings.CutPrefix(location, "file://")
	if !ok {
		return nil, reason("Failed to obtain key: it would be asked for")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, reason("Failed to open key material file: No such file or directory")
	}
	return []byte(strings.TrimSpace(string(text))), nil
}
