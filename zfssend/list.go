package zfssend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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
}

// Encrypted reports whether the dataset is encrypted, or might be as far as zfs tells.
func (d *Dataset) Encrypted() bool { return d.Encryption != "off" }

// Version is a snapshot or a bookmark.
type Version struct {
	Name      string // with its sigil: "@mon" or "#mon"
	GUID      uint64 // the same for a snapshot, its bookmarks, and all copies of both
	CreateTXG uint64 // orders the versions of a dataset
	Creation  time.Time
}

// IsBookmark reports whether v is a bookmark, not a snapshot.
func (v Version) IsBookmark() bool { return strings.HasPrefix(v.Name, "#") }

// ListOptions say what List lists. The zero value lists the named dataset with its versions.
type ListOptions struct {
	Recursive       bool // all datasets below, too
	WithoutVersions bool // no snapshots and bookmarks, which can be many
}

// Dataset returns a dataset with its versions. The error Is [NotFound] if it doesn't exist.
func (c *Client) Dataset(ctx context.Context, name string) (*Dataset, error) {
	list, err := c.List(ctx, name, ListOptions{})
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// List returns the dataset of that name, and those below if asked for, parents first. The versions of each are
// ordered by age, the oldest first. It takes one zfs process. The error Is [NotFound] if there is no such dataset.
func (c *Client) List(ctx context.Context, name string, o ListOptions) ([]Dataset, error) {
	if _, err := parse(name, 0); err != nil {
		return nil, err
	}
	out, err := c.run(ctx, opList, name, o.args(name)...)
	if err != nil {
		return nil, err
	}
	list, err := parseList(string(out), func(dataset string) bool { return o.Recursive || dataset == name })
	if err == nil && (len(list) == 0 || list[0].Name != name) {
		err = errors.New("its output lacks the dataset itself")
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", name, err)
	}
	return list, nil
}

// listColumns are the properties that parseList expects. Names hold no tabs, so that "zfs list -Hp" is unambiguous.
const listColumns = "name,type,guid,createtxg,creation,encryption,receive_resume_token"

func (o ListOptions) args(name string) []string {
	types, depth := "filesystem,volume,snapshot,bookmark", "1" // snapshots are one level below their dataset
	if o.WithoutVersions {
		types, depth = "filesystem,volume", "0"
	}
	args := []string{"-Hp", "-t", types, "-o", listColumns}
	if o.Recursive {
		return append(args, "-r", name)
	}
	return append(args, "-d", depth, name)
}

// parseList parses the output of zfs list for the datasets that are wanted.
func parseList(out string, wanted func(dataset string) bool) ([]Dataset, error) {
	var list []Dataset
	index := make(map[string]int) // by name, into list
	line := 0
	for text := range strings.Lines(out) {
		line++
		r, err := parseRow(strings.TrimSuffix(text, "\n"))
		if err != nil {
			return nil, fmt.Errorf("line %d of its output: %w", line, err)
		}
		if !wanted(r.name.Dataset) {
			continue
		}
		if r.name.Sigil == 0 {
			index[r.name.Dataset] = len(list)
			list = append(list, r.dataset())
			continue
		}
		// The dataset of a version stands before it, unless it was created just while zfs looked.
		if i, ok := index[r.name.Dataset]; ok {
			list[i].Versions = append(list[i].Versions, r.version())
		}
	}
	for _, d := range list {
		slices.SortStableFunc(d.Versions, func(a, b Version) int { return cmp.Compare(a.CreateTXG, b.CreateTXG) })
	}
	return list, nil
}

// row is one line of zfs list.
type row struct {
	name                          Name
	guid, createTXG               uint64
	creation                      int64 // Unix seconds
	kind, encryption, resumeToken string
}

func parseRow(text string) (r row, err error) {
	fields := strings.Split(text, "\t")
	if want := strings.Count(listColumns, ",") + 1; len(fields) != want {
		return r, fmt.Errorf("%d columns, want %d", len(fields), want)
	}
	if r.name, err = ParseName(fields[0]); err != nil {
		return r, err
	}
	for i, number := range []*uint64{&r.guid, &r.createTXG} {
		if *number, err = strconv.ParseUint(fields[2+i], 10, 64); err != nil {
			return r, fmt.Errorf("guid or createtxg: %w", err)
		}
	}
	if r.creation, err = strconv.ParseInt(fields[4], 10, 64); err != nil {
		return r, fmt.Errorf("creation: %w", err)
	}
	r.kind, r.encryption, r.resumeToken = fields[1], fields[5], fields[6]
	if r.resumeToken == "-" {
		r.resumeToken = ""
	}
	return r, nil
}

func (r row) dataset() Dataset {
	return Dataset{Name: r.name.Dataset, Type: r.kind, GUID: r.guid, CreateTXG: r.createTXG, Encryption: r.encryption, ResumeToken: r.resumeToken}
}

func (r row) version() Version {
	return Version{Name: string(r.name.Sigil) + r.name.Version, GUID: r.guid, CreateTXG: r.createTXG, Creation: time.Unix(r.creation, 0)}
}
