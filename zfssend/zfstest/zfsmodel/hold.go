package zfsmodel

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// maxTag is MAX_TAG_LEN of OpenZFS, in bytes.
const maxTag = 255

func (c *command) hold(args []string) error {
	options, rest, err := c.options(args, "rt")
	if err != nil {
		return err
	}
	if len(rest) < 2 {
		return c.usage("")
	}
	tag := rest[0]
	if strings.HasPrefix(tag, ".") {
		return c.usage("tag may not start with '.'")
	}
	return c.update(func(st *state) error {
		return c.held(st, rest[1:], has(options, 'r'), func(name string, s *snapshot) error {
			switch {
			case s == nil:
				return c.fail("cannot hold snapshot '%s': dataset does not exist", name)
			case len(tag) > maxTag:
				return c.fail("cannot hold snapshot '%s': tag too long", name)
			}
			if _, ok := s.Holds[tag]; ok {
				return c.fail("cannot hold snapshot '%s': tag already exists on this dataset", name)
			}
			if s.Holds == nil {
				s.Holds = make(map[string]int64)
			}
			s.Holds[tag] = st.now()
			return nil
		})
	})
}

func (c *command) release(args []string) error {
	options, rest, err := c.options(args, "r")
	if err != nil {
		return err
	}
	if len(rest) < 2 {
		return c.usage("")
	}
	tag := rest[0]
	return c.update(func(st *state) error {
		return c.held(st, rest[1:], has(options, 'r'), func(name string, s *snapshot) error {
			if s == nil {
				return c.fail("cannot release hold from snapshot '%s': dataset does not exist", name)
			}
			if _, ok := s.Holds[tag]; !ok {
				return c.fail("cannot release hold from snapshot '%s': no such tag on this dataset", name)
			}
			delete(s.Holds, tag)
			if len(s.Holds) == 0 && s.Defer {
				d, _, _ := st.lookup(name)
				d.Snapshots = slices.DeleteFunc(d.Snapshots, func(other *snapshot) bool { return other == s })
			}
			return nil
		})
	})
}

// held calls f for each snapshot that is named, and those of the same name below if wanted.
func (c *command) held(st *state, names []string, recursive bool, f func(name string, s *snapshot) error) (err error) {
	for _, name := range names {
		d, dataset, version := st.lookup(name)
		if !strings.HasPrefix(version, "@") {
			err = c.fail("'%s' is not a snapshot", name)
			continue
		}
		if d == nil {
			err = c.missing(dataset)
			continue
		}
		found := false
		if recursive {
			for _, below := range st.below(dataset) {
				if s := st.Datasets[below].snapshot(version[1:]); s != nil {
					found = true
					if ferr := f(below+version, s); ferr != nil {
						err = ferr
					}
				}
			}
		}
		if !found {
			if ferr := f(name, d.snapshot(version[1:])); ferr != nil {
				err = ferr
			}
		}
	}
	return err
}

func (c *command) holds(args []string) error {
	options, rest, err := c.options(args, "rHp")
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return c.usage("")
	}
	return c.view(func(st *state) error {
		if !has(options, 'H') {
			c.print("NAME\tTAG\tTIMESTAMP\n")
		}
		found := false
		err := c.held(st, rest, has(options, 'r'), func(name string, s *snapshot) error {
			if s == nil {
				return c.missing(name)
			}
			found = true
			for _, tag := range slices.Sorted(maps.Keys(s.Holds)) {
				c.print("%s\t%s\t%s\n", name, tag, time.Unix(s.Holds[tag], 0).Format("Mon Jan _2 15:04 2006"))
			}
			return nil
		})
		if err != nil && !found {
			c.say("no datasets available\n")
		}
		return err
	})
}
