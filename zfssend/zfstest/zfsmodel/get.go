package zfsmodel

import (
	"maps"
	"slices"
	"strings"
)

// sources are what get's -s takes, with how the sources' names begin.
var sources = []string{"local", "default", "inherited", "received", "temporary", "none"}

func (c *command) get(args []string) error {
	options, rest, err := c.options(args, "d:o:s:rt:Hp")
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
		types = kinds
	}
	if len(rest) == 0 {
		return c.usage("missing property argument")
	}
	wanted, names := strings.Split(rest[0], ","), rest[1:]
	for _, property := range wanted {
		if property != "all" && property != "name" && native(property) == nil && !isUser(property) {
			return c.usage("bad property list: invalid property '%s'", property)
		}
	}
	fields := []string{"name", "property", "value", "source"}
	if has(options, 'o') {
		fields = strings.Split(value(options, 'o'), ",")
	}
	from := sources
	if has(options, 's') {
		from = strings.Split(value(options, 's'), ",")
	}
	return c.view(func(st *state) error {
		if len(names) == 0 {
			depth, names = -1, slices.Sorted(maps.Keys(st.Datasets))
		}
		rows, err := c.rows(st, names, types, depth)
		if !has(options, 'H') {
			c.print("%s\n", strings.ToUpper(strings.Join(fields, "  ")))
		}
		for _, r := range rows {
			for _, property := range st.expand(r, wanted) {
				v, source := st.property(r.name, property)
				if property == "name" {
					v = r.name
				}
				word, _, _ := strings.Cut(strings.Replace(source, "-", "none", 1), " ")
				if !slices.Contains(from, word) {
					continue
				}
				if !has(options, 'p') {
					v = human(property, v)
				}
				text := map[string]string{"name": r.name, "property": property, "value": v, "source": source, "received": st.receivedValue(r.name, property)}
				var line []string
				for _, field := range fields {
					line = append(line, text[field])
				}
				c.print("%s\n", strings.Join(line, map[bool]string{true: "\t", false: "  "}[has(options, 'H')]))
			}
		}
		return err
	})
}

// expand replaces "all" by all properties that there are.
func (st *state) expand(r row, wanted []string) []string {
	if !slices.Contains(wanted, "all") {
		return wanted
	}
	var list []string
	for _, p := range properties {
		if v, _ := st.property(r.name, p.name); v != "-" {
			list = append(list, p.name)
		}
	}
	if r.kind == "bookmark" {
		return list
	}
	user := make(map[string]bool)
	d, dataset, version := st.lookup(r.name)
	if s := d.snapshot(strings.TrimPrefix(version, "@")); s != nil && version != "" {
		for name := range s.Local {
			user[name] = true
		}
	}
	for name := dataset; name != ""; name = parent(name) {
		for property := range st.Datasets[name].effective() {
			if isUser(property) {
				user[property] = true
			}
		}
	}
	return append(list, slices.Sorted(maps.Keys(user))...)
}

// receivedValue returns the value that a receive brought, whether or not it is in force.
func (st *state) receivedValue(name, property string) string {
	d, _, version := st.lookup(name)
	if v, ok := d.Received[property]; ok && version == "" {
		return v
	}
	return "-"
}
