// Package replicate copies a dataset's snapshots to another dataset, and later only what is new.
//
// A [Plan] says what is to be done. It is made by [NewPlan] from a listing of both sides, without side effects, and
// compares snapshots by GUID, never by name. It has no steps if the destination is up to date. Where replication
// can't go on without destroying something, there is no plan but a [Conflict], which says what is in the way and
// what to do.
//
// A [Step] is one zfs send piped into one zfs receive. [Replicator.Execute] runs a plan's steps one after the other.
//
//	r := replicate.Replicator{}
//	plan, err := r.Plan(ctx, "tank/home", "backup/home")
//	...
//	results, err := r.Execute(ctx, plan)
//
// # What it does, and doesn't
//
// All of the source's snapshots arrive: a new destination gets the oldest one in full and all later ones as
// increments, an existing one all since the newest that both have. That is what people expect who look for last
// Tuesday's file on the backup. A single snapshot is sent with zfs send -i, several at once with -I, which is one
// process and one stream for all of them instead of one each.
//
// An encrypted dataset is sent raw, always: it arrives as the same cipher text, and its key is needed on neither side.
// What is received isn't mounted (-u), an interrupted receive keeps its state (-s), and nothing is rolled back or
// destroyed (no -F).
//
// Nothing is taken, held or bookmarked on the source: use [zfssend.Client.Snapshot] first.
//
// Traces show a span "plan" with the zfs commands that it ran, and for each step a span "step" with the tasks
// "zfs send" and "zfs receive".
package replicate
