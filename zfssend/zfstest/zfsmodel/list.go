package zfsmodel

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// row is a dataset, snapshot or bookmark that list or get tells about.
type row struct {
	name, kind string
	createTXG  uint64
}

var kinds = []string{"filesystem", "volume", "snapshot", "bookmark"}

// kindNames are what -t takes.
var kindNames = map[string][]string{
	"all": kinds, "filesystem": {"filesystem"}, "fs": {"filesystem"}, "volume": {"volume"}, "vol": {"volume"},
	"snapshot": {"snapshot"}, "snap": {"snapshot"}, "bookmark": {"bookmark"},
}

// types parses -t.
func (c *command) types(options []option) ([]string, error) {
	if !has(options, 't') {
		return nil, nil
	}
	var list []string
	for name := range strings.SplitSeq(value(options, 't'), ",") {
		names, ok := kindNames[name]
		if !ok {
			return nil, c.usage("invalid type '%s'", name)
		}
		list = append(list, names...)
	}
	return list, nil
}

// depth parses -r and -d; -1 is without bound.
func (c *command) depth(options []option) (int, error) {
	if has(options, 'd') {
		depth, err := strconv.Atoi(value(options, 'd'))
		if err != nil || depth < 0 {
			return 0, c.usage("%s is not a valid depth", value(options, 'd'))
		}
		return depth, nil
	}
	if has(options, 'r') {
		return -1, nil
	}
	return 0, nil
}

// rows returns what is named and, down to a depth, what is below that is of one of the types. It fails for names that don't
// exist after it has looked for all.
func (c *command) rows(st *state, names, types []string, depth int) (list []row, err error) {
	seen := make(map[string]bool)
	add := func(name string) {
		d, _, version := st.lookup(name)
		r := row{name: name, kind: d.kind(version), createTXG: d.CreateTXG}
		if s := d.snapshot(strings.TrimPrefix(version, "@")); r.kind == "snapshot" {
			r.createTXG = s.CreateTXG
		}
		if !seen[name] && slices.Contains(types, r.kind) {
			seen[name] = true
			list = append(list, r)
		}
	}
	for _, name := range names {
		if strings.HasPrefix(name, "/") {
			err = c.fail("cannot open '%s': No such file or directory", name)
			continue
		}
		if reason := badName(name); reason != "" {
			err = c.fail("cannot open '%s': %s", name, reason)
			continue
		}
		if !st.exists(name) {
			err = c.missing(name)
			continue
		}
		_, dataset, version := st.lookup(name)
		if version != "" {
			add(name)
			continue
		}
		for _, below := range st.below(dataset) {
			level := strings.Count(below, "/") - strings.Count(dataset, "/")
			if depth >= 0 && level > depth {
				continue
			}
			add(below)
			if depth < 0 || level < depth {
				for _, s := range st.Datasets[below].Snapshots {
					add(below + "@" + s.Name)
				}
				for _, b := range st.Datasets[below].Bookmarks {
					add(below + "#" + b.Name)
				}
			}
		}
	}
	slices.SortStableFunc(list, compareRows)
	return list, err
}

// compareRows orders by dataset, then datasets before snapshots, by age, before bookmarks, by name.
func compareRows(a, b row) int {
	aDataset, aVersion := split(a.name)
	bDataset, bVersion := split(b.name)
	rank := func(r row) int { return max(slices.Index(kinds, r.kind), 1) }
	if n := cmp.Or(strings.Compare(aDataset, bDataset), cmp.Compare(rank(a), rank(b))); n != 0 {
		return n
	}
	if a.kind == "snapshot" {
		return cmp.Compare(a.createTXG, b.createTXG)
	}
	return strings.Compare(aVersion, bVersion)
}

func (c *command) list(args []string) error {
	options, names, err := c.options(args, "HS:d:o:prs:t:")
	if err != nil {
		return err
	}
	types, err := c.types(options)
	if err != nil {
		return err
	}
	depth, err := c.depth(options)
	if err != nil {
		return err
	}
	if types == nil {
		types = []string{"filesystem", "volume"}
		if slices.ContainsFunc(names, func(name string) bool { return strings.ContainsAny(name, "@#") }) {
			types = kinds
		}
	}
	columns := []string{"name", "used", "available", "referenced", "mountpoint"}
	if has(options, 'o') {
		columns = strings.Split(value(options, 'o'), ",")
	}
	for _, column := range columns {
		if column != "name" && native(column) == nil && !isUser(column) {
			return c.usage("bad property list: invalid property '%s'", column)
		}
	}
	if slices.Contains(types, "snapshot") && len(types) == 1 && depth == 0 && !has(options, 'd') {
		depth = 1 // as "zfs list -t snapshot DATASET" does, of late
	}
	return c.view(func(st *state) error {
		if len(names) == 0 {
			depth = -1
			for name := range st.Datasets {
				if parent(name) == "" {
					names = append(names, name)
				}
			}
		}
		rows, err := c.rows(st, names, types, depth)
		st.order(rows, options)
		if !has(options, 'H') && len(rows) > 0 {
			c.print("%s\n", strings.ToUpper(strings.Join(columns, "  ")))
		}
		for _, r := range rows {
			var fields []string
			for _, column := range columns {
				fields = append(fields, st.column(r.name, column, has(options, 'p')))
			}
			c.print("%s\n", strings.Join(fields, map[bool]string{true: "\t", false: "  "}[has(options, 'H')]))
		}
		return err
	})
}

// order sorts by what -s and -S say.
func (st *state) order(rows []row, options []option) {
	for _, o := range slices.Backward(options) {
		if o.flag != 's' && o.flag != 'S' {
			continue
		}
		slices.SortStableFunc(rows, func(a, b row) int {
			if o.flag == 'S' {
				a, b = b, a
			}
			x, y := st.column(a.name, o.value, true), st.column(b.name, o.value, true)
			n, nerr := strconv.ParseUint(x, 10, 64)
			m, merr := strconv.ParseUint(y, 10, 64)
			if nerr == nil && merr == nil {
				return cmp.Compare(n, m)
			}
			return strings.Compare(x, y)
		})
	}
}

func (st *state) column(name, property string, plain bool) string {
	if property == "name" {
		return name
	}
	v, _ := st.property(name, property)
	if !plain {
		v = human(property, v)
	}
	return v
}
