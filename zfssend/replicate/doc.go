// Package replicate copies the snapshots of datasets to other datasets, and later only what is new.
//
// A [Plan] says what is to be done. It is made by [NewPlan] from listings of both sides, without side effects, and
// compares snapshots by GUID, never by name. Each dataset has a plan of its own, without steps if the destination is up to date. Where
// replication can't go on without destroying something, it has a [Conflict], which says what is in the way and
// what to do.
//
// A [Step] is one zfs send piped into one zfs receive. [Replicator.Execute] runs the steps of a dataset one after the other, and
// several datasets at a time.
//
//	r := replicate.Replicator{Options: replicate.Options{Recursive: true}}
//	plan, err := r.Plan(ctx, "tank/home", "backup/home")
//	...
//	report, err := r.Execute(ctx, plan)
//
// Both sides are this host, unless [Replicator].Source or Destination is another one's [zfssend.Host].
//
// # What it does, and doesn't
//
// All of the source's snapshots arrive: a new destination gets the oldest one in full and all later ones as
// increments, an existing one all since the newest that both have. That is what people expect who look for last
// Tuesday's file on the backup. A single snapshot is sent with zfs send -i, several at once with -I, which is one
// process and one stream for all of them instead of one each. [Filter] leaves out datasets and snapshots. The base of an
// increment can be a bookmark, whoever made it.
//
// An encrypted dataset is sent raw, unless [Options].Plaintext says otherwise: it arrives as the same cipher text, and its key is
// needed on neither side. What is received isn't mounted, now or at boot. An interrupted receive keeps its state, and the next plan goes on
// from it. Nothing is rolled back or destroyed but by options of these names.
//
// Nothing is taken on the source: use [zfssend.Client.Snapshot], or package snapshot, first. [Options].Cursor and Hold keep
// what the next increment needs, on the source and on both sides.
//
// # Cost
//
// A plan takes four zfs processes, two for each side, however many datasets there are. Each dataset with something new takes
// two more, and all of them together one at the end, to see whether what was received is there. Holds take two for each side, cursors one for
// 500, and one each for those that are no longer needed. While a replication runs, both are left every ten seconds of what has arrived by then,
// in as many processes again: it may run for days, and somebody destroy meanwhile what has arrived on the first of them.
//
// # Traces
//
// They show a span "plan" with the lists of both sides, and a span "datasets" with a task for each worker. Below that is a span
// "dataset" for each, with its spans "step", which have the tasks "zfs send" and "zfs receive", and "backoff" for the pauses
// before another try. The task "keeper" leaves cursors and holds meanwhile. A span "finish" has what is done at the end.
package replicate
