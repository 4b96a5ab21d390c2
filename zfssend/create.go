package zfssend

import (
	"context"
	"maps"
	"slices"
)

const (
	opCreate   = "create"
	opRollback = "rollback"
)

// CreateOptions say how Create makes a filesystem.
type CreateOptions struct {
	Set     map[string]string // properties (-o)
	Parents bool              // those above, too, if they don't exist, without these properties (-p)
}

// Create makes a filesystem with one zfs process. It is mounted, unless its properties say otherwise (canmount=off). That it exists Is [AlreadyExists], unless Parents is set: then it is
// no error, and its properties are left as they are. That the dataset above doesn't exist Is [NotFound].
func (c *Client) Create(ctx context.Context, name string, o CreateOptions) error {
	if _, err := parse(name, 0); err != nil {
		return err
	}
	var args []string
	if o.Parents {
		args = append(args, "-p")
	}
	properties := slices.Sorted(maps.Keys(o.Set))
	for _, p := range properties {
		if err := checkProperty(p); err != nil {
			return err
		}
		args = append(args, "-o", p+"="+o.Set[p])
	}
	parsed, _ := ParseName(name)
	_, err := c.answer(ctx, command{
		op: opCreate, object: name, args: append(args, name), on: parsed.Parent(),
		needs: append(slices.Clone(permissionsOf[opCreate]), permissionsToSet(properties)...),
	})
	return err
}

// Rollback brings a dataset back to its newest snapshot: what was changed since then is lost. It destroys no snapshots and
// bookmarks: that there are newer ones Is [HasDependents]. It takes one zfs process.
func (c *Client) Rollback(ctx context.Context, snapshot string) error {
	name, err := parse(snapshot, '@')
	if err != nil {
		return err
	}
	_, err = c.answer(ctx, command{op: opRollback, object: snapshot, args: []string{snapshot}, on: name.Dataset})
	return err
}
