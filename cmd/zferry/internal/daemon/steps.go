package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
	"github.com/spanstack/spanstack/cmd/zferry/internal/steplog"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/prune"
	"github.com/spanstack/spanstack/zfssend/remote"
	"github.com/spanstack/spanstack/zfssend/replicate"
	"github.com/spanstack/spanstack/zfssend/snapshot"
)

// This file is all that knows how snapshots are taken, replicated and pruned.

// Real returns steps that are done on ZFS: of this host by the client, of others by agents, which get to know the program's name
// and version. A run has one connection to the host of its source, and one to each of its targets' hosts.
func Real(client zfssend.Client, program string) Steps {
	known := &creations{of: make(map[string]map[uint64]time.Time)}
	begin := func(ctx context.Context) (Steps, func()) {
		r := &real{client: client, known: known}
		far := &farSpans{ctx: ctx}
		r.sources = endpoint.Hosts{Here: &r.client, Program: program, Connected: far.follow}
		r.targets = endpoint.Hosts{Here: &r.client, Program: program, Connected: far.follow}
		end := func() { // what fails here was told by whoever needed the connection
			far.end()
			_ = r.sources.Close()
			_ = r.targets.Close()
		}
		return Steps{Snapshotter: r, Replicator: r, Pruner: r}, end
	}
	return Steps{Begin: begin, Permanent: permanent}
}

// real are the steps of one run.
type real struct {
	client zfssend.Client
	// Two of them, since a host that sends to itself may need as many streams as its agent does at a time for either side.
	sources, targets endpoint.Hosts
	known            *creations
}

// permanent reports whether it is of no use to try again.
func permanent(err error) bool {
	if incomplete, ok := errors.AsType[*replicate.IncompleteError](err); ok {
		for _, d := range incomplete.Failed {
			if !d.Skipped && !permanent(d.Err) {
				return false
			}
		}
		return true
	}
	if conflict, ok := errors.AsType[*replicate.Conflict](err); ok {
		return conflict.Kind != replicate.Interrupted // another receive may run, and end
	}
	_, name := errors.AsType[*zfssend.NameError](err)
	_, lacking := errors.AsType[*replicate.PropertyError](err)
	return name || lacking || errors.Is(err, zfssend.PermissionDenied) || errors.Is(err, remote.ErrRefused)
}

// Snapshot implements Snapshotter. A pool's snapshots are all of one moment.
func (r *real) Snapshot(ctx context.Context, j *config.Job, now time.Time, tell Tell) (int, error) {
	host, err := r.sources.Open(ctx, j.Source, j.Connection)
	if err != nil {
		return 0, err
	}
	tell(Progress{Dataset: j.Source.Dataset})
	result, err := snapshot.Take(ctx, host, snapshot.Options{
		Datasets: []string{j.Source.Dataset}, Recursive: j.Recursive, IfWritten: j.Snapshot.IfWritten, Name: j.Snapshot.Names().Name(now),
		Exclude: func(dataset string) bool { return !j.Selects(dataset) },
	})
	log := logging.GetLogger(ctx, subsystem)
	for _, s := range result.Skipped {
		log.Debug("no snapshot was taken", "dataset", s.Dataset, "reason", s.Reason)
	}
	return len(result.Taken), err
}

// Replicate implements Replicator. While it works, the target is locked.
func (r *real) Replicate(ctx context.Context, j *config.Job, t *config.Target, tell Tell) ([]metrics.Dataset, error) {
	if t.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(t.Deadline), fmt.Errorf("it took longer than its deadline, %v", t.Deadline))
		defer cancel()
	}
	do, err := r.replicator(ctx, j, t)
	if err != nil {
		return nil, err
	}
	unlock, err := endpoint.Lock(ctx, j.Recursive, endpoint.Place{Host: do.Destination, Dataset: t.To.Dataset})
	if err != nil {
		return nil, err
	}
	defer unlock()
	plan, err := do.QuickPlan(ctx, j.Source.Dataset, t.To.Dataset)
	if err != nil {
		return nil, err
	}
	do.Progress = func(p replicate.Progress) {
		now := Progress{Bytes: p.Bytes, Done: p.Steps, Total: p.Total}
		if len(p.Active) > 0 {
			now.Dataset = p.Active[0].Plan.Source
		}
		tell(now)
	}
	report, err := do.Execute(ctx, plan)
	for _, w := range report.Warnings {
		logging.GetLogger(ctx, subsystem).Warn("replicated, but for cursors or holds", "target", t.To, "error", w)
	}
	return r.known.results(ctx, do.Source, j, t, report), err
}

// replicator connects both sides.
func (r *real) replicator(ctx context.Context, j *config.Job, t *config.Target) (*replicate.Replicator, error) {
	here := r.client
	here.StallTimeout = time.Duration(t.StallTimeout)
	open := func(hosts *endpoint.Hosts, e config.Endpoint, c config.Connection) (zfssend.Host, error) {
		if e.Here() {
			return here.Host(), nil
		}
		return hosts.Open(ctx, e, c)
	}
	source, err := open(&r.sources, j.Source, j.Connection)
	if err != nil {
		return nil, err
	}
	destination, err := open(&r.targets, t.To, t.Connection)
	if err != nil {
		return nil, err
	}
	return &replicate.Replicator{Source: source, Destination: destination, Options: j.Options(t), OnStep: steplog.Log}, nil
}

// side is one of a job's.
type side struct {
	endpoint.Place
	at config.Endpoint
}

// sides returns the job's source, if t is nil, or a target, and those that replicate to it or from it.
func (r *real) sides(ctx context.Context, j *config.Job, t *config.Target) (this side, peers []prune.Peer, err error) {
	source, err := r.sources.Open(ctx, j.Source, j.Connection)
	if err != nil {
		return this, nil, err
	}
	if t != nil {
		host, err := r.targets.Open(ctx, t.To, t.Connection)
		peer := prune.Peer{Host: source, Dataset: j.Source.Dataset, Role: prune.Source}
		return side{endpoint.Place{Host: host, Dataset: t.To.Dataset}, t.To}, []prune.Peer{peer}, err
	}
	this = side{endpoint.Place{Host: source, Dataset: j.Source.Dataset}, j.Source}
	if j.Replicate == nil {
		return this, nil, nil
	}
	for i := range j.Replicate.Targets {
		t := &j.Replicate.Targets[i]
		host, err := r.targets.Open(ctx, t.To, t.Connection)
		if err != nil {
			return this, nil, err
		}
		peers = append(peers, prune.Peer{Host: host, Dataset: t.To.Dataset, Role: prune.Target, Cursor: t.Cursor})
	}
	return this, peers, nil
}

// Prune implements Pruner. All of the source's targets have to be there: what they need isn't known otherwise, and nothing is
// destroyed then.
func (r *real) Prune(ctx context.Context, j *config.Job, t *config.Target, keep *config.Keep, tell Tell) (int, error) {
	this, peers, err := r.sides(ctx, j, t)
	if err != nil {
		return 0, err
	}
	policy, err := j.Policy(keep)
	if err != nil {
		return 0, err
	}
	// A replication that runs may need what the plan doesn't know of.
	places := []endpoint.Place{this.Place}
	for _, p := range peers {
		places = append(places, endpoint.Place{Host: p.Host, Dataset: p.Dataset})
	}
	unlock, err := endpoint.Lock(ctx, j.Recursive, places...)
	if err != nil {
		return 0, err
	}
	defer unlock()
	tell(Progress{Dataset: this.at.Dataset})
	pruner := prune.Pruner{Host: this.Host, Policy: policy, Exclude: func(dataset string) bool {
		return !j.Selects(j.Source.Dataset + strings.TrimPrefix(dataset, this.at.Dataset))
	}}
	plans, err := pruner.Plan(ctx, this.at.Dataset, j.Recursive, peers...)
	if err != nil {
		return 0, err
	}
	for _, p := range plans {
		for _, note := range p.Notes {
			logging.GetLogger(ctx, subsystem).Info("pruning", "dataset", p.Dataset, "note", note)
		}
	}
	result, err := pruner.Execute(ctx, plans)
	return len(result.Destroyed), err
}
