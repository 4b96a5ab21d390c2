package zfssend

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Property is the value of a property.
type Property struct {
	Value    string // as "zfs get -p" writes it: sizes in bytes, times in Unix seconds
	Source   Source
	From     string // the dataset that it is inherited from, if Source is SourceInherited
	Received string // the value that zfs receive brought, which may have been overridden since; "" if none
}

// Source says where the value of a property comes from, in the words of zfs-get(8).
type Source string

// Sources.
const (
	SourceNone      Source = "-" // it isn't set but is the state of things, such as "used"
	SourceLocal     Source = "local"
	SourceDefault   Source = "default"
	SourceInherited Source = "inherited"
	SourceReceived  Source = "received"
	SourceTemporary Source = "temporary" // a mount option
)

const opGet, opSet, opInherit = "get", "set", "inherit"

// Properties returns properties of a dataset, snapshot or bookmark by their names; all if none are named. The names are those
// that zfs itself writes: "available", and not "avail", which zfs takes, too, but which is an error here. Those without a value
// are left out: user properties that aren't set, and native ones that don't apply.
//
// User properties can hold anything. Their values come back intact, tabs and line breaks included, with one exception:
// in one that was made to look like rows of zfs get, other user properties may be seen, but never a native one; usually
// it is an error. The error Is [NotFound] if there is no such dataset.
func (c *Client) Properties(ctx context.Context, name string, properties ...string) (map[string]Property, error) {
	if err := checkNames([]string{name}, 0, '@', '#'); err != nil {
		return nil, err
	}
	for _, p := range properties {
		if err := checkProperty(p); err != nil {
			return nil, err
		}
	}
	properties = unique(properties)
	which := "all"
	if len(properties) > 0 {
		which = strings.Join(properties, ",")
	}
	out, err := c.run(ctx, opGet, name, "-Hp", "-o", propertyColumns, which, name)
	if err != nil {
		return nil, err
	}
	values, err := parseProperties(string(out), name, properties)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", name, err)
	}
	return values, nil
}

// SetProperties sets properties of a dataset, or user properties of a snapshot, with one zfs process. zfs checks all
// values before it sets the first one. Permissions it checks one by one: if one is denied, others may have been set.
func (c *Client) SetProperties(ctx context.Context, name string, values map[string]string) error {
	if _, err := parse(name, 0, '@'); err != nil {
		return err
	}
	if len(values) == 0 {
		return nil
	}
	properties := slices.Sorted(maps.Keys(values))
	var args []string
	for _, p := range properties {
		if err := checkProperty(p); err != nil {
			return err
		}
		args = append(args, p+"="+values[p])
	}
	_, err := c.answer(ctx, command{op: opSet, object: name, args: append(args, name), on: name, needs: permissionsToSet(properties)})
	return err
}

// Inherit clears a property of datasets or snapshots, so that it is inherited again, or at its default. That it wasn't
// set is no error. Datasets below are left alone. It takes one zfs process as long as all names fit into 256 KiB. The
// error is a *[BatchError], or, before anything was done, a *[NameError].
func (c *Client) Inherit(ctx context.Context, property string, names ...string) error {
	return c.inherit(ctx, nil, property, names)
}

// InheritReceived is Inherit, but back to the value that zfs receive brought, if there is one (zfs inherit -S).
func (c *Client) InheritReceived(ctx context.Context, property string, names ...string) error {
	return c.inherit(ctx, []string{"-S"}, property, names)
}

func (c *Client) inherit(ctx context.Context, flags []string, property string, names []string) error {
	if err := checkProperty(property); err != nil {
		return err
	}
	if err := checkNames(names, 0, '@'); err != nil {
		return err
	}
	b := newBatch(opInherit, len(names))
	b.needs = permissionsToSet([]string{property})
	for _, part := range chunks(unique(names)) {
		if b.stop(ctx, part) {
			continue
		}
		args := append(append(slices.Clone(flags), property), part...)
		r, err := c.answer(ctx, command{op: opInherit, object: objectOf(part), args: args})
		if err == nil {
			continue
		}
		e := asError(err)
		// Not by dataset: a complaint about a dataset says nothing of its snapshots.
		about := make(map[string]complaint)
		rest := 0
		known := among(part)
		for _, c := range complaints(r.stderr, known) {
			if known(c.name) {
				about[c.name] = c
			} else {
				rest++
			}
		}
		switch {
		case e.ExitCode == 1 && r.cut:
			b.failCut(part, e)
		case e.ExitCode != 1 || len(about) == 0 || rest > 0:
			b.failAll(part, e)
		default:
			b.failAbout(part, about, e)
		}
	}
	return c.finish(ctx, b)
}

// checkProperty checks that a text can be the name of a property where zfs expects one: libzfs knows the native ones,
// and zfs_prop_user of zcommon allows these characters in user properties. Native ones like userquota@joe have more.
func checkProperty(name string) error {
	fail := func(reason string) error { return &NameError{Name: name, Reason: "as a property: " + reason} }
	switch {
	case name == "":
		return fail("it is empty")
	case len(name) > maxName:
		return fail(fmt.Sprintf("%d bytes are more than the %d that zfs allows", len(name), maxName))
	case name[0] == '-':
		return fail("it can't begin with -")
	case name == "all":
		return fail("it stands for all of them")
	}
	native, _, at := strings.Cut(name, "@")
	for _, r := range native {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', strings.ContainsRune("-_.:", r):
		default:
			return fail(fmt.Sprintf("%q is not allowed", r))
		}
	}
	if at && strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == ',' || r == '=' || r == 0x7f }) {
		return fail("spaces, commas and equals signs are not allowed")
	}
	return nil
}

// propertyColumns are in such an order that a value, which can hold anything, is between the name of its property and
// that of the dataset, and the received one is before the source, of which there are few forms.
const propertyColumns = "property,value,name,received,source"

// parseProperties parses the output of zfs get with propertyColumns. If wanted isn't nil, it has those properties, in
// that order.
func parseProperties(out, object string, wanted []string) (map[string]Property, error) {
	values := make(map[string]Property)
	rows, userRows := 0, false
	for line := 1; out != ""; rows++ {
		name, p, rest, err := parseProperty(out, object)
		switch {
		case err != nil:
		case len(wanted) > 0 && (rows >= len(wanted) || wanted[rows] != name):
			err = fmt.Errorf("%q is not the property that was asked for next", name)
		case len(wanted) == 0 && userRows && !isUserProperty(name):
			// zfs lists native properties first, so that none that stands in the value of a user property is believed.
			err = fmt.Errorf("%q after user properties", name)
		default:
			userRows = isUserProperty(name)
			if _, twice := values[name]; twice {
				err = fmt.Errorf("%q for a second time", name)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d of its output: %w", line, err)
		}
		values[name] = p
		line += strings.Count(out[:len(out)-len(rest)], "\n")
		out = rest
	}
	if rows < len(wanted) {
		return nil, fmt.Errorf("its output lacks %s", wanted[rows])
	}
	maps.DeleteFunc(values, func(_ string, p Property) bool { return p.Value == "-" && p.Source == SourceNone })
	return values, nil
}

// beginsRow reports whether a row could begin here, or nothing follows.
func beginsRow(out string) bool {
	name, _, ok := strings.Cut(out, "\t")
	return out == "" || ok && checkProperty(name) == nil
}

func isUserProperty(name string) bool { return strings.Contains(name, ":") }

// parseProperty parses one row and returns what follows.
func parseProperty(out, object string) (name string, p Property, rest string, err error) {
	name, rest, ok := strings.Cut(out, "\t")
	if !ok || name == "" || strings.Contains(name, "\n") {
		return "", p, "", fmt.Errorf("no row of %s: %.200q", propertyColumns, out)
	}
	if p.Value, rest, ok = strings.Cut(rest, "\t"+object+"\t"); !ok {
		return "", p, "", fmt.Errorf("the value of %q has no end", name)
	}
	for from := 0; ; {
		i := strings.IndexByte(rest[from:], '\n')
		if i < 0 {
			return "", p, "", fmt.Errorf("the row of %q has no end", name)
		}
		end := from + i
		if tab := strings.LastIndexByte(rest[:end], '\t'); tab >= 0 && beginsRow(rest[end+1:]) && p.setSource(rest[tab+1:end]) {
			if p.Received = rest[:tab]; p.Received == "-" {
				p.Received = ""
			}
			return name, p, rest[end+1:], nil
		}
		from = end + 1 // a line break in the received value
	}
}

// setSource sets Source and From, and reports whether the text is a source.
func (p *Property) setSource(text string) bool {
	if from, ok := strings.CutPrefix(text, "inherited from "); ok {
		if _, err := ParseName(from); err != nil {
			return false
		}
		p.Source, p.From = SourceInherited, from
		return true
	}
	switch s := Source(text); s {
	case SourceNone, SourceLocal, SourceDefault, SourceReceived, SourceTemporary:
		p.Source = s
		return true
	}
	return false
}
