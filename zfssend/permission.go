package zfssend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const opAllow = "allow"

// permissionsOf has what each subcommand needs, as "zfs allow" names it. Mount is needed for some even on Linux, where
// it permits nothing by itself: seen on OpenZFS 2.1. What set and inherit need depends on the property, nothing that
// only looks needs any, and channel programs are for root alone.
var permissionsOf = map[string][]string{
	opSend:     {"send"},
	opReceive:  {"receive", "create", "mount"},
	"snapshot": {"snapshot"},
	opHold:     {"hold"},
	opRelease:  {"release"},
	opBookmark: {"bookmark"},
	opDestroy:  {"destroy", "mount"}, // of a bookmark, destroy alone
	opCreate:   {"create", "mount"},
	opRollback: {"rollback", "mount"},
}

// permissionsToSet returns what it needs to set or inherit these properties.
func permissionsToSet(properties []string) []string {
	var needs []string
	for _, p := range properties {
		if isUserProperty(p) {
			p = "userprop"
		}
		p, _, _ = strings.Cut(p, "@")
		if !slices.Contains(needs, p) {
			needs = append(needs, p)
		}
	}
	return needs
}

// Scope says for which datasets a grant is good.
type Scope uint8

// Scopes.
const (
	ScopeBoth       Scope = iota // for the dataset that it was made on, and those below
	ScopeLocal                   // for that dataset alone
	ScopeDescendent              // for those below alone
	ScopeCreate                  // for whoever creates a dataset below, on that one
)

// Grant is one line of "zfs allow": permissions that were given to somebody.
type Grant struct {
	Dataset     string   // on which it was made
	Scope       Scope    //
	Who         string   // "user", "group" or "everyone"; "" with ScopeCreate
	Name        string   // of the user or group
	Permissions []string // names of operations, properties, and sets, which begin with @
}

// Permissions are those that were delegated on a dataset and those above it. Root needs none.
type Permissions struct {
	Dataset string
	// Snapshot says that they are to be those on a snapshot of the dataset, where grants count as on a dataset below: those
	// with ScopeLocal don't, those with ScopeDescendent do.
	//
	// They are what it takes to destroy or send a snapshot, and to set properties of it. To take, hold and release one, those on
	// the dataset are needed.
	Snapshot bool
	Grants   []Grant
	sets     []permissionSet
}

type permissionSet struct {
	dataset, name string // the name has its @
	permissions   []string
}

// Permissions returns the permissions that were delegated on a dataset or snapshot, with one zfs process (zfs allow).
func (c *Client) Permissions(ctx context.Context, name string) (*Permissions, error) {
	n, err := parse(name, 0, '@')
	if err != nil {
		return nil, err
	}
	dataset := n.Dataset
	out, err := c.run(ctx, opAllow, dataset, dataset)
	if err != nil {
		return nil, err
	}
	p, err := parseAllow(string(out), dataset)
	if err != nil {
		return nil, fmt.Errorf("allow %s: %w", dataset, err)
	}
	p.Snapshot = n.Sigil == '@'
	return p, nil
}

// MissingPermissions returns those of the needed permissions that this program's user hasn't got on a dataset or snapshot
// (see [Permissions.Snapshot]); none for root. It takes one zfs process. If zfs is run by a wrapper other than sudo or doas,
// or by these as another user, it isn't known as whom, and the error Is [errors.ErrUnsupported]: see [Permissions.Of].
func (c *Client) MissingPermissions(ctx context.Context, name string, need ...string) ([]string, error) {
	who, err := c.identity()
	if err != nil {
		return nil, fmt.Errorf("permissions on %s: %w", name, err)
	}
	if who.root || len(need) == 0 {
		return nil, nil
	}
	p, err := c.Permissions(ctx, name)
	if err != nil {
		return nil, err
	}
	return p.missing(who, need), nil
}

func (p *Permissions) missing(who identity, need []string) []string {
	have := p.Of(who.user, who.groups...)
	var missing []string
	for _, n := range need {
		if !slices.Contains(have, n) {
			missing = append(missing, n)
		}
	}
	return missing
}

// Of returns what a user with these groups is permitted on the dataset, or on its snapshots, sorted. Sets are resolved.
func (p *Permissions) Of(user string, groups ...string) []string {
	have := make(map[string]bool)
	for _, g := range p.Grants {
		local := g.Dataset == p.Dataset && !p.Snapshot // dsl_deleg_access_impl of OpenZFS takes snapshots for descendents
		switch {
		case g.Scope == ScopeCreate,
			g.Scope == ScopeLocal && !local,
			g.Scope == ScopeDescendent && local,
			g.Who == "user" && g.Name != user,
			g.Who == "group" && !slices.Contains(groups, g.Name):
			continue
		}
		p.resolve(g.Dataset, g.Permissions, have)
	}
	var list []string
	for name := range have {
		if name[0] != '@' {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// resolve adds permissions that were given on a dataset, with those of sets that are defined there or above.
func (p *Permissions) resolve(dataset string, permissions []string, have map[string]bool) {
	for _, name := range permissions {
		key := name
		if name[0] == '@' {
			key += " " + dataset // a set may mean more where more datasets are above; sets may contain each other
		}
		if have[key] {
			continue
		}
		have[key] = true
		if name[0] != '@' {
			continue
		}
		for _, s := range p.sets {
			if s.name == name && (s.dataset == dataset || strings.HasPrefix(dataset, s.dataset+"/")) {
				p.resolve(dataset, s.permissions, have)
			}
		}
	}
}

// identity is a user as zfs allow knows one.
type identity struct {
	root   bool
	user   string
	groups []string
}

// identity returns as whom zfs runs.
func (c *Client) identity() (who identity, err error) {
	if last := len(c.Command) - 1; last > 0 {
		wrapper := filepath.Base(c.Command[0])
		if (wrapper == "sudo" || wrapper == "doas") && !slices.ContainsFunc(c.Command[1:last], mayChangeUser) {
			return identity{root: true}, nil
		}
		return who, fmt.Errorf("it isn't known as whom %q runs zfs (%w)", c.Command[0], errors.ErrUnsupported)
	}
	uid := os.Geteuid()
	who = identity{root: uid == 0, user: strconv.Itoa(uid)}
	if u, err := user.LookupId(who.user); err == nil {
		who.user = u.Username
	}
	gids, err := os.Getgroups()
	if err != nil {
		return who, err
	}
	for _, gid := range append(gids, os.Getegid()) {
		name := strconv.Itoa(gid)
		if g, err := user.LookupGroupId(name); err == nil {
			name = g.Name
		}
		who.groups = append(who.groups, name)
	}
	return who, nil
}

// mayChangeUser reports whether sudo or doas may run zfs as somebody else than root because of an argument: -u and -g, which
// may stand among other options in one argument, their long forms, which may be shortened, or anything that isn't an option,
// since it may wrap zfs once more.
func mayChangeUser(arg string) bool {
	long, ok := strings.CutPrefix(arg, "--")
	if ok {
		return strings.HasPrefix(long, "u") || strings.HasPrefix(long, "g")
	}
	return !strings.HasPrefix(arg, "-") || strings.ContainsAny(arg, "ug")
}

// explainTime bounds how long it takes to find out which permissions are missing.
const explainTime = 5 * time.Second

// explainDenied adds to an error what it would have needed, and what of that is missing, as far as it can be found out.
func (c *Client) explainDenied(ctx context.Context, cmd command, e *Error) {
	if cmd.needs != nil {
		e.Needs = cmd.needs
	}
	if len(e.Needs) == 0 || cmd.on == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, explainTime)
	defer cancel()
	e.Missing, _ = c.MissingPermissions(ctx, cmd.on, e.Needs...)
}

// denial is the failure of a process of a batch for want of permissions, on one of these names.
type denial struct {
	e     *Error
	names []string
}

// explainMost bounds for how many datasets of a batch is found out which permissions are missing, each with a zfs process.
const explainMost = 20

// explainBatch is explainDenied for all of a batch. It takes one zfs process for each dataset.
func (c *Client) explainBatch(ctx context.Context, b *batch) {
	if len(b.denied) == 0 {
		return
	}
	for _, d := range b.denied {
		if d.e.Needs = b.needs; d.e.Needs == nil {
			d.e.Needs = permissionsFor(b.err.Op, d.names[0])
		}
	}
	if who, err := c.identity(); err == nil && !who.root {
		c.findMissing(ctx, b, who)
	}
}

// findMissing finds out what is missing of what the processes of a batch were denied.
func (c *Client) findMissing(ctx context.Context, b *batch, who identity) {
	ctx, cancel := context.WithTimeout(ctx, explainTime)
	defer cancel()
	asked := make(map[string]*Permissions) // by dataset; nil if they couldn't be found out
	missing := func(name string, needs []string) []string {
		if len(needs) == 0 {
			return nil
		}
		dataset := datasetOf(name)
		p, ok := asked[dataset]
		if !ok && len(asked) < explainMost && ctx.Err() == nil {
			p, _ = c.Permissions(ctx, dataset)
			asked[dataset] = p
		}
		if p == nil {
			return nil
		}
		p.Snapshot = askedOfSnapshot(b.err.Op, name)
		return p.missing(who, needs)
	}
	for _, d := range b.denied {
		for _, name := range d.names {
			if d.e.Missing = missing(name, d.e.Needs); d.e.Missing != nil {
				break
			}
		}
	}
}

// permissionsFor returns what a subcommand needs on a name.
func permissionsFor(op, name string) []string {
	if op == opDestroy && strings.Contains(name, "#") {
		return []string{"destroy"}
	}
	return permissionsOf[op]
}

// askedOfSnapshot reports whether the kernel looks for the permissions on a snapshot itself, and not on its dataset: see the
// zfs_secpolicy functions of OpenZFS's zfs_ioctl.c.
func askedOfSnapshot(op, name string) bool {
	return strings.Contains(name, "@") && (op == opDestroy || op == opInherit)
}

// allowSections are the headings that zfs allow writes.
var allowSections = map[string]Scope{
	"Local permissions:":            ScopeLocal,
	"Descendent permissions:":       ScopeDescendent,
	"Local+Descendent permissions:": ScopeBoth,
	"Create time permissions:":      ScopeCreate,
}

const setsHeading = "Permission sets:"

// parseAllow parses the output of zfs allow. It begins with the dataset itself, if there is something on it, and goes
// on with those above:
//
//	---- Permissions on tank/a ----------------------
//	Permission sets:
//		@set create,destroy
//	Create time permissions:
//		destroy,mount
//	Local permissions:
//		user joe hold
//	Local+Descendent permissions:
//		group staff @set,send
//		everyone snapshot
func parseAllow(out, dataset string) (*Permissions, error) {
	p := &Permissions{Dataset: dataset}
	on, section, line := "", "", 0
	for text := range strings.Lines(out) {
		line++
		text = strings.TrimSuffix(text, "\n")
		entry, indented := strings.CutPrefix(text, "\t")
		_, heading := allowSections[text]
		var err error
		switch {
		case indented && section == "":
			err = errors.New("no heading above it")
		case indented:
			err = p.add(on, section, entry)
		case strings.HasPrefix(text, "---- Permissions on "):
			section = ""
			on, err = allowDataset(text, dataset)
		case on != "" && (heading || text == setsHeading):
			section = text
		default:
			err = errors.New("not known")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d of its output, %.200q: %w", line, text, err)
		}
	}
	return p, nil
}

// allowDataset returns the dataset of a heading, which must be the one that was asked for or above it.
func allowDataset(text, dataset string) (string, error) {
	// Which dashes belong to the name can't be told. No two of the datasets in question differ in them alone.
	undashed := func(name string) string { return strings.TrimRight(name, "-") }
	on := undashed(strings.TrimPrefix(text, "---- Permissions on "))
	on = undashed(strings.TrimSuffix(on, " "))
	for above := dataset; above != ""; above = above[:max(strings.LastIndexByte(above, '/'), 0)] {
		if undashed(above) == on {
			return above, nil
		}
	}
	return "", fmt.Errorf("it is not about %s", dataset)
}

// add adds one entry.
func (p *Permissions) add(on, section, entry string) error {
	split := func(list string) ([]string, error) {
		permissions := strings.Split(list, ",")
		if slices.Contains(permissions, "") || strings.ContainsAny(list, " \t") {
			return nil, errors.New("no list of permissions")
		}
		return permissions, nil
	}
	g := Grant{Dataset: on, Scope: allowSections[section]}
	who, list := "", entry
	if section != setsHeading && g.Scope == ScopeCreate {
		var err error
		g.Permissions, err = split(list)
		p.Grants = append(p.Grants, g)
		return err
	}
	i := strings.LastIndexByte(entry, ' ')
	if i < 0 {
		return errors.New("nobody is named")
	}
	who, list = entry[:i], entry[i+1:]
	permissions, err := split(list)
	if err != nil {
		return err
	}
	if section == setsHeading {
		if !strings.HasPrefix(who, "@") {
			return errors.New("the name of a set begins with @")
		}
		p.sets = append(p.sets, permissionSet{dataset: on, name: who, permissions: permissions})
		return nil
	}
	g.Permissions = permissions
	g.Who, g.Name, _ = strings.Cut(who, " ")
	g.Name = cmp.Or(unknownID(g.Name), g.Name)
	switch {
	case g.Who == "everyone" && g.Name == "", (g.Who == "user" || g.Who == "group") && g.Name != "":
	default:
		return errors.New("neither user, group nor everyone")
	}
	p.Grants = append(p.Grants, g)
	return nil
}

// unknownID returns the number in "(unknown: 1001)", which stands for a user or group that isn't known by name.
func unknownID(name string) string {
	number, ok := strings.CutPrefix(name, "(unknown: ")
	if !ok {
		return ""
	}
	return strings.TrimSuffix(number, ")")
}
