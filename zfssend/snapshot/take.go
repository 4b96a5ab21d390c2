package snapshot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// Options say what to take snapshots of.
type Options struct {
	Datasets  []string // filesystems and volumes; at least one
	Recursive bool     // those below them, too
	Name      string   // of the snapshots, without an at sign: see Template

	// Exclude, if not nil, says of which datasets no snapshot is taken. Those below are asked for one by one.
	Exclude func(dataset string) bool

	// IfWritten leaves out datasets to which nothing was written since their newest snapshot.
	IfWritten bool

	// DryRun takes none, and says which would be.
	DryRun bool
}

// Result says what was done.
type Result struct {
	Taken   []string // snapshots, such as "tank/home@mon", in the order of zfs; with DryRun, those that would be
	Skipped []Skipped
}

// Skipped is a dataset of which no snapshot was taken on purpose.
type Skipped struct {
	Dataset string
	Reason  Reason
}

// Reason says why no snapshot was taken.
type Reason uint8

const (
	Excluded   Reason = 1 + iota // by Options.Exclude
	NotWritten                   // nothing was written since the newest snapshot
	Receiving                    // it is one of those below, and has the state of an interrupted or running receive
)

// String returns a few words in lower case.
func (r Reason) String() string {
	switch r {
	case Excluded:
		return "excluded"
	case NotWritten:
		return "nothing was written since its newest snapshot"
	case Receiving:
		return "a receive is under way, or was interrupted"
	}
	return "invalid reason"
}

// MarshalText returns what String does.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Take takes snapshots, those of each pool all at the same moment. It is one zfs process for each dataset of Options that is to be
// listed, which is so for what is recursive and for IfWritten, and one for each pool.
//
// The error is a *[zfssend.BatchError] if some could not be taken: in that case Result.Taken has the others, those of other
// pools. It Is [zfssend.AlreadyExists] if the name was taken already, and [zfssend.NotFound] if there is no such dataset. With
// any other error, which is one of listing, or a *[zfssend.NameError], or of the connection to the host, Taken is empty; in the last
// case they may have been taken nevertheless.
//
// A dataset below a named one to which a receive is under way is left out: zfs refuses some of these, and with them all others;
// and a snapshot would be in the way of the next increment.
func Take(ctx context.Context, host zfssend.Host, o Options) (result Result, err error) {
	ctx, span := trace.WithSpanOrTask(ctx, "snapshot", slog.String("snapshot", o.Name), slog.Bool("dry_run", o.DryRun))
	defer span.EndErr(&err)

	if err := o.check(); err != nil {
		return Result{}, err
	}
	datasets, err := o.list(ctx, host)
	if err != nil {
		return Result{}, err
	}
	var names []string
	for _, d := range datasets {
		reason, err := o.skip(ctx, host, d)
		switch {
		case err != nil:
			return Result{}, err
		case reason != 0:
			result.Skipped = append(result.Skipped, Skipped{Dataset: d.Name, Reason: reason})
		default:
			names = append(names, d.Name+"@"+o.Name)
		}
	}
	span.SetAttrs(slog.Int("snapshots", len(names)), slog.Int("skipped", len(result.Skipped)))
	if !o.DryRun && len(names) > 0 {
		err = host.Snapshot(ctx, names...)
	}
	result.Taken = taken(names, err)
	return result, err
}

// taken returns the names that an error of Snapshot doesn't list.
func taken(names []string, err error) []string {
	if err == nil {
		return names
	}
	batch, ok := errors.AsType[*zfssend.BatchError](err)
	if !ok {
		return nil
	}
	failed := make(map[string]bool, len(batch.Failed))
	for _, f := range batch.Failed {
		failed[f.Name] = true
	}
	return slices.DeleteFunc(names, func(name string) bool { return failed[name] })
}

// check checks names before anything is done.
func (o Options) check() error {
	if len(o.Datasets) == 0 {
		return errors.New("snapshot: no datasets are named")
	}
	for _, d := range o.Datasets {
		if strings.ContainsAny(d, "@#") {
			return &zfssend.NameError{Name: d, Reason: "it is no dataset"}
		}
		if _, err := zfssend.ParseName(d + "@" + o.Name); err != nil {
			return err
		}
	}
	return nil
}

// dataset is one of which a snapshot may be taken.
type dataset struct {
	zfssend.Dataset
	named bool // in Options
}

// list returns the datasets, each once. Nothing is asked of the host unless there is something to find out.
func (o Options) list(ctx context.Context, host zfssend.Host) (all []dataset, err error) {
	seen := make(map[string]bool)
	add := func(d zfssend.Dataset) {
		if !seen[d.Name] {
			seen[d.Name] = true
			all = append(all, dataset{Dataset: d, named: slices.Contains(o.Datasets, d.Name)})
		}
	}
	for _, name := range o.Datasets {
		if !o.Recursive && !o.IfWritten {
			add(zfssend.Dataset{Name: name})
			continue
		}
		options := zfssend.ListOptions{Recursive: o.Recursive, WithoutVersions: true}
		if o.IfWritten {
			options.Properties = []string{"written", "origin"}
		}
		list, err := host.List(ctx, name, options)
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			add(d)
		}
	}
	return all, nil
}

// skip says why a dataset is left out; 0 if it isn't.
func (o Options) skip(ctx context.Context, host zfssend.Host, d dataset) (Reason, error) {
	switch {
	case o.Exclude != nil && o.Exclude(d.Name):
		return Excluded, nil
	case d.ResumeToken != "" && !d.named:
		return Receiving, nil
	case !o.IfWritten || d.Properties["written"] != "0":
		return 0, nil
	case d.Properties["origin"] == "-":
		return NotWritten, nil // without any snapshot, it would count from nothing
	}
	// A clone counts from its origin, and may have no snapshot of its own. ZFS 2.1 writes something to it when it is made, so that
	// it doesn't come here, but doesn't promise that.
	list, err := host.List(ctx, d.Name, zfssend.ListOptions{})
	if err != nil {
		return 0, fmt.Errorf("snapshot: %w", err)
	}
	if slices.ContainsFunc(list[0].Versions, func(v zfssend.Version) bool { return !v.IsBookmark() }) {
		return NotWritten, nil
	}
	return 0, nil
}
