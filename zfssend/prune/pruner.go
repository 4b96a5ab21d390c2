package prune

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// Pruner prunes datasets of a host. Its fields must not change while it works; then it may be used concurrently, but not for one
// dataset twice.
type Pruner struct {
	Host   zfssend.Host
	Policy Policy

	// Exclude, if not nil, says which datasets are left alone. Those below are asked for one by one.
	Exclude func(dataset string) bool

	// Now returns the time; nil is time.Now.
	Now func() time.Time
}

// Peer is the other side of a replication: of a dataset, and of those below it those of the same names below that one.
type Peer struct {
	Host    zfssend.Host
	Dataset string
	Role    Role
	Cursor  string // see PeerListing
}

// Plan lists a dataset, and those below it if asked for, and all peers, and plans for each dataset. It takes two zfs processes for
// the listing and for each peer, and one for the holds of what isn't kept otherwise, whatever the number of datasets; that
// one has a part for each 256 KiB of names.
//
// The error is that of a listing, or ErrNoRule. That a peer can't be listed, or doesn't exist, is one, too: what it needs isn't
// known then. That one below it doesn't exist is none, but a note of the plan.
func (p *Pruner) Plan(ctx context.Context, dataset string, recursive bool, peers ...Peer) (plans []*Plan, err error) {
	ctx, span := trace.WithSpanOrTask(ctx, "plan", slog.String("dataset", dataset), slog.Bool("recursive", recursive))
	defer span.EndErr(&err)
	if len(p.Policy.Rules) == 0 {
		return nil, ErrNoRule
	}
	list, err := p.Host.List(ctx, dataset, zfssend.ListOptions{Recursive: recursive, Creation: p.Policy.NeedsCreation()})
	if err != nil {
		return nil, err
	}
	theirs := make([]map[string]zfssend.Dataset, len(peers))
	for i, peer := range peers {
		if theirs[i], err = listPeer(ctx, peer, recursive); err != nil {
			return nil, err
		}
	}
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	at := now()
	for _, d := range list {
		if p.Exclude != nil && p.Exclude(d.Name) {
			continue
		}
		plan, err := NewPlan(at, d, listings(peers, theirs, strings.TrimPrefix(d.Name, dataset)), &p.Policy)
		if err != nil {
			return nil, err
		}
		plans = append(plans, plan)
	}
	err = p.keepHeld(ctx, plans)
	span.SetAttrs(slog.Int("datasets", len(plans)))
	return plans, err
}

// listPeer returns a peer's datasets by their paths below it, "" for itself.
func listPeer(ctx context.Context, peer Peer, recursive bool) (map[string]zfssend.Dataset, error) {
	list, err := peer.Host.List(ctx, peer.Dataset, zfssend.ListOptions{Recursive: recursive})
	if err != nil {
		return nil, fmt.Errorf("what %s needs isn't known: %w", peer.Dataset, err)
	}
	byPath := make(map[string]zfssend.Dataset, len(list))
	for _, d := range list {
		byPath[strings.TrimPrefix(d.Name, peer.Dataset)] = d
	}
	return byPath, nil
}

// listings returns the peers of one dataset, given its path.
func listings(peers []Peer, theirs []map[string]zfssend.Dataset, path string) []PeerListing {
	list := make([]PeerListing, len(peers))
	for i, peer := range peers {
		d, ok := theirs[i][path]
		if !ok {
			d.Name = peer.Dataset + path
		}
		list[i] = PeerListing{Dataset: d, Role: peer.Role, Cursor: peer.Cursor}
	}
	return list
}

// keepHeld keeps what has holds. Only of what isn't kept for another reason these are asked for.
func (p *Pruner) keepHeld(ctx context.Context, plans []*Plan) error {
	type place struct {
		plan *Plan
		i    int
	}
	var names []string
	places := make(map[string]place)
	for _, plan := range plans {
		for i, d := range plan.Decisions {
			if d.Fate == Destroy {
				name := plan.Dataset + d.Snapshot.Name
				names = append(names, name)
				places[name] = place{plan, i}
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	holds, err := p.Host.Holds(ctx, names...)
	if err != nil && !onlyGone(err) {
		return err
	}
	for _, h := range holds {
		where := places[h.Snapshot]
		if d := &where.plan.Decisions[where.i]; d.Fate == Destroy {
			d.Reasons = nil
		}
		where.plan.keep(where.i, "held by "+h.Tag)
	}
	return nil
}

// onlyGone reports whether all that a batch failed for doesn't exist any more.
func onlyGone(err error) bool {
	batch, ok := errors.AsType[*zfssend.BatchError](err)
	if !ok {
		return false
	}
	for _, f := range batch.Failed {
		if f.Cause != zfssend.NotFound {
			return false
		}
	}
	return true
}
