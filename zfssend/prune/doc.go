// Package prune decides which snapshots may go, says why each is kept, and destroys the others.
//
// A [Policy] has rules. A snapshot is kept if any of them keeps it:
//
//	grid, err := prune.ParseGrid("1x1h(keep=all) | 24x1h | 30x1d | 12x30d", time.UTC)
//	...
//	p := prune.Pruner{Host: host, Policy: prune.Policy{
//		Match: template.Match, // of package snapshot
//		Rules: []prune.Rule{grid, prune.KeepUnreplicated(), prune.KeepMatching(regexp.MustCompile("^before-"), false)},
//	}}
//	plans, err := p.Plan(ctx, "tank/home", true, prune.Peer{Host: backup, Dataset: "backup/home", Role: prune.Target})
//	...
//	result, err := p.Execute(ctx, plans)
//
// What [Policy.Match] doesn't match is foreign, and never touched. A policy without rules is an error, since it would keep nothing.
//
// # Grids
//
// The notation of [ParseGrid] has intervals, from the newest to the oldest, each of so many buckets of a length: "24x1h | 30x1d"
// keeps one snapshot of each hour for a day, and then one of each day for thirty. A bucket keeps the oldest snapshots that are in
// it, one unless "(keep=2)" or "(keep=all)" follows. What is older than the last interval isn't kept.
//
// Buckets begin at whole multiples of their length since 1970, in UTC, and don't move with time. So the snapshot that a bucket keeps
// stays the one: where a day is a multiple of the hours before it, its oldest snapshot was the oldest of its hour, too. And they are
// counted from the newest snapshot, not from now: where no snapshots are taken any more, none are destroyed for that.
//
// "hourly=24 daily=30 weekly=8 monthly=12 yearly=1" is the other notation, by the calendar of a time zone: the oldest snapshot of
// each of the last 24 hours that have one, of the last 30 days that have one, and so on.
//
// # What is never destroyed
//
// Whatever the rules say, these are kept:
//
//   - the newest snapshot of a dataset;
//   - snapshots with holds, which zfs wouldn't destroy;
//   - those of which this host's clock says that they are of the future;
//   - for each known [Peer], the newest snapshot that both sides have, from which the next increment starts, and what an
//     interrupted receive needs. On the source, that snapshot may go if it has a cursor, a bookmark of the names that zferry and
//     zrepl give, since an increment can start from one; but only that peer's own cursor, if there are several. On a destination
//     it may not, since there the snapshot itself is needed.
//
// Snapshots are compared by GUID, never by name. Who prunes without naming the peers relies on cursors, holds and the newest snapshot.
//
// # Between plan and execution
//
// [NewPlan] is a function of listings and the time, without side effects. [Pruner.Execute] destroys what a plan lists, and nothing
// else. It looks just before whether a snapshot is still the one that was planned for, by its GUID, and leaves one alone that took its
// name meanwhile. A replication that runs at the same time may need what the plan doesn't know of, unless it holds it: lock the
// datasets ([zfssend.Host].Lock) if that can be.
package prune
