package zfssend

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Dataset is a filesystem or volume.
type Dataset struct {
	Name        string
	Type        string // "filesystem" or "volume"
	GUID        uint64 // the same for the lifetime of the dataset, and not that of its copies
	CreateTXG   uint64 // transaction group of its creation; orders what is in one pool
	Encryption  string // "off", or the cipher
	ResumeToken string // of a receive that was interrupted, or still runs; else ""
	Versions    []Version

	// Properties are those that ListOptions asks for, as "zfs list -p" writes them: "-" is a property that doesn't
	// apply, or a user property that isn't set.
	Properties map[string]string
}

// Encrypted reports whether the dataset is encrypted, or might be as far as zfs tells.
func (d *Dataset) Encrypted() bool { return d.Encryption != "off" }

// Version is a snapshot or a bookmark.
type Version struct {
	Name      string    // with its sigil: "@mon" or "#mon"
	GUID      uint64    // the same for a snapshot, its bookmarks, and all copies of both
	CreateTXG uint64    // orders the versions of a dataset
	Creation  time.Time // with ListOptions.Creation only
	Holds     int       // how many hold the snapshot; with ListOptions.Holds only
}

// IsBookmark reports whether v is a bookmark, not a snapshot.
func (v Version) IsBookmark() bool { return strings.HasPrefix(v.Name, "#") }

// ListOptions say what List lists. The zero value lists the named dataset with its versions.
//
// OpenZFS 2.2 and later find the names, GUIDs and transaction groups of snapshots in one sweep. For anything else, such as
// Creation and Holds, they read each snapshot, which takes many times as long where they aren't cached, and older versions
// do that in any case.
type ListOptions struct {
	Recursive       bool // all datasets below, too
	WithoutVersions bool // no snapshots and bookmarks, which can be many

	Creation bool // fills Version.Creation
	Holds    bool // fills Version.Holds

	// Properties fills Dataset.Properties: native ones such as "used", and user properties, each by the name that zfs itself
	// writes.
	//
	// User properties can hold anything. One that was made to look like rows of zfs list, for which one has to know the GUID of
	// its dataset, can pretend other values of those that are named after it, and other datasets. Who doesn't trust those that
	// may set user properties lists native ones alone, and asks for the others with [Client.Properties].
	Properties []string
}

// Dataset returns a dataset with its versions. The error Is [NotFound] if it doesn't exist.
func (c *Client) Dataset(ctx context.Context, name string) (*Dataset, error) {
	list, err := c.List(ctx, name, ListOptions{})
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// List returns the dataset of that name, and those below if asked for, in the order of zfs: parents before their
// children. The versions of each are ordered by age, the oldest first. The error Is [NotFound] if there is no such
// dataset.
//
// It takes two zfs processes that run at the same time, one for datasets and one for versions; just the first
// without versions. So the list isn't a view of one moment: a dataset that appears or vanishes meanwhile may be listed
// without versions, or not at all.
func (c *Client) List(ctx context.Context, name string, o ListOptions) ([]Dataset, error) {
	if _, err := parse(name, 0); err != nil {
		return nil, err
	}
	for _, p := range o.Properties {
		if err := checkProperty(p); err != nil {
			return nil, err
		}
	}
	datasets, versions, err := c.list(ctx, name, o)
	if err != nil {
		return nil, err
	}
	l := listing{options: o, root: name}
	if err := l.addDatasets(string(datasets)); err != nil {
		return nil, fmt.Errorf("list %s: datasets: %w", name, err)
	}
	if err := l.addVersions(versions); err != nil {
		return nil, fmt.Errorf("list %s: snapshots and bookmarks: %w", name, err)
	}
	return l.datasets, nil
}

// list runs the processes and returns what they write.
func (c *Client) list(ctx context.Context, name string, o ListOptions) (datasets, versions []byte, err error) {
	if o.WithoutVersions {
		datasets, err = c.run(ctx, opList, name, o.datasetArgs(name)...)
		return datasets, nil, err
	}
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	var versionsErr error
	go func() {
		defer close(done)
		var r reply
		r, versionsErr = c.answer(both, command{op: opList, object: name, args: o.versionArgs(name), task: true})
		versions = r.out
		if versionsErr != nil {
			cancel(versionsErr)
		}
	}()
	if datasets, err = c.run(both, opList, name, o.datasetArgs(name)...); err != nil {
		cancel(err)
	}
	<-done
	// The first failure cancels the other process, and is the cause of its end.
	if ctx.Err() == nil && both.Err() != nil {
		return nil, nil, context.Cause(both)
	}
	if err == nil {
		err = versionsErr
	}
	return datasets, versions, err
}

const datasetColumns = "name,type,guid,createtxg,encryption,receive_resume_token"

// datasetArgs end with the properties that were asked for, each followed by the GUID, whose value is known by then: it
// shows where a value ends, which can have tabs and line breaks in it.
func (o ListOptions) datasetArgs(name string) []string {
	columns := datasetColumns
	for _, p := range o.Properties {
		columns += "," + p + ",guid"
	}
	args := []string{"-Hp", "-t", "filesystem,volume", "-o", columns}
	if o.Recursive {
		return append(args, "-r", name)
	}
	return append(args, "-d", "0", name)
}

func (o ListOptions) versionArgs(name string) []string {
	columns := "name,guid,createtxg"
	if o.Creation {
		columns += ",creation"
	}
	if o.Holds {
		columns += ",userrefs"
	}
	args := []string{"-Hp", "-t", "snapshot,bookmark", "-o", columns}
	if o.Recursive {
		return append(args, "-r", name)
	}
	return append(args, "-d", "1", name) // versions are one level below their dataset
}
