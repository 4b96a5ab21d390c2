package daemon

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// This file is all that knows how snapshots are taken and replicated: between datasets of this host, one after the other.

// Real returns steps that are done on ZFS, by the client's zfs program. There is no Pruner among them.
func Real(client zfssend.Client) Steps {
	r := real{client}
	return Steps{Snapshotter: r, Replicator: r, Check: r.check, Permanent: permanent}
}

type real struct{ client zfssend.Client }

// check finds what these steps can't do. An option that would have no effect is worse than an error.
func (real) check(j *config.Job) error {
	if j.Source.Host != "" {
		return fmt.Errorf("source %s: other hosts can't be reached yet", j.Source)
	}
	if j.Replicate == nil {
		return nil
	}
	for _, t := range j.Replicate.Targets {
		if t.To.Host != "" {
			return fmt.Errorf("target %s: other hosts can't be reached yet", t.To)
		}
		if field := unsupported(t); field != "" {
			return fmt.Errorf("target %s: the option %s isn't supported yet", t.To, field)
		}
	}
	return nil
}

// unsupported returns the name of an option that is set and has no effect.
func unsupported(t config.Target) string {
	t.To, t.Verify, t.StallTimeout = config.Endpoint{}, false, 0
	v := reflect.ValueOf(t)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			return v.Type().Field(i).Tag.Get("yaml")
		}
	}
	return ""
}

// permanent reports whether it is of no use to try again.
func permanent(err error) bool {
	if several, ok := errors.AsType[datasetErrors](err); ok {
		for _, err := range several {
			if !permanent(err) {
				return false
			}
		}
		return true
	}
	_, conflict := errors.AsType[*replicate.Conflict](err)
	_, name := errors.AsType[*zfssend.NameError](err)
	return conflict || name || errors.Is(err, zfssend.PermissionDenied)
}

const written = "written"

// Snapshot implements Snapshotter. A pool's snapshots are all of one moment.
func (r real) Snapshot(ctx context.Context, j *config.Job, now time.Time, tell Tell) (int, error) {
	o := zfssend.ListOptions{Recursive: j.Recursive, WithoutVersions: true}
	if j.Snapshot.IfWritten {
		o.Properties = []string{written}
	}
	datasets, err := r.client.List(ctx, j.Source.Dataset, o)
	if err != nil {
		return 0, err
	}
	version := "@" + j.Snapshot.Template.Name(now.In(j.Snapshot.Zone.Or(time.UTC)))
	var names []string
	for _, d := range datasets {
		if j.Selects(d.Name) && (!j.Snapshot.IfWritten || d.Properties[written] != "0") {
			names = append(names, d.Name+version)
		}
	}
	tell(Progress{Dataset: j.Source.Dataset, Total: len(names)})
	if len(names) == 0 {
		return 0, nil
	}
	return len(names), r.client.Snapshot(ctx, names...)
}

// datasetErrors are those of several datasets.
type datasetErrors []error

// Error implements error.
func (e datasetErrors) Error() string { return errors.Join(e...).Error() }

// Unwrap implements errors.Is and errors.As.
func (e datasetErrors) Unwrap() []error { return e }

// Replicate implements Replicator. Datasets come after those above them; one whose parent failed is left out.
func (r real) Replicate(ctx context.Context, j *config.Job, t *config.Target, tell Tell) (results []metrics.Dataset, err error) {
	datasets, err := r.client.List(ctx, j.Source.Dataset, zfssend.ListOptions{Recursive: j.Recursive, WithoutVersions: true})
	if err != nil {
		return nil, err
	}
	var errs datasetErrors
	var bytes int64
	failed := ""
	for i, d := range datasets {
		if !j.Selects(d.Name) || failed != "" && strings.HasPrefix(d.Name, failed+"/") {
			continue
		}
		result := r.one(ctx, d.Name, t, func(n int64) {
			tell(Progress{Dataset: d.Name, Bytes: bytes + n, Done: i, Total: len(datasets)})
		}, t.To.Dataset+strings.TrimPrefix(d.Name, j.Source.Dataset))
		bytes += result.Bytes
		results = append(results, result)
		if result.Err != nil {
			failed, errs = d.Name, append(errs, result.Err)
		}
		if ctx.Err() != nil {
			return results, context.Cause(ctx)
		}
	}
	if len(errs) > 0 {
		return results, errs
	}
	return results, nil
}

// one replicates a dataset.
func (r real) one(ctx context.Context, source string, t *config.Target, progress func(int64), destination string) (d metrics.Dataset) {
	start := time.Now()
	d.Dataset = source
	defer func() { d.Duration = time.Since(start) }()
	client := r.client
	client.StallTimeout = time.Duration(t.StallTimeout)
	do := replicate.Replicator{Source: client, Destination: client, Verify: t.Verify}
	do.Progress = func(p replicate.Progress) { progress(p.Bytes) }
	progress(0)
	plan, err := do.Plan(ctx, source, destination)
	if err != nil {
		d.Err = err
		return d
	}
	results, err := do.Execute(ctx, plan)
	newest := plan.Base
	for _, result := range results {
		d.Bytes += result.Bytes
		newest = result.Step.To()
	}
	d.Err = err
	if newest != "" {
		d.Newest = r.creation(ctx, source+newest)
	}
	return d
}

// creation returns when a snapshot was taken, zero if that isn't to be had.
func (r real) creation(ctx context.Context, version string) time.Time {
	properties, err := r.client.Properties(ctx, version, "creation")
	if err != nil {
		return time.Time{}
	}
	var seconds int64
	if _, err := fmt.Sscan(properties["creation"].Value, &seconds); err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
