// Package snapshot takes snapshots under names that tell when they were taken.
//
// A [Template] is a pattern such as "zferry_%Y-%m-%d_%H:%M:%S%z" with the verbs that date(1) and strftime(3) have. It makes
// names of times, and finds the times in such names again:
//
//	t, err := snapshot.ParseTemplate("auto-%Y-%m-%d_%H:%M%z", time.UTC)
//	...
//	name := t.Name(now)           // "auto-2026-03-01_06:00Z"
//	taken, ok := t.Time(name)     // 2026-03-01 06:00 UTC
//
// [Take] takes the snapshots of any number of datasets, and of those below them:
//
//	result, err := snapshot.Take(ctx, host, snapshot.Options{
//		Datasets:  []string{"tank/home"},
//		Recursive: true,
//		IfWritten: true,
//		Name:      t.Name(now),
//	})
//
// # All at once
//
// What is in one pool is taken by one zfs process, in one transaction group: files that belong together on several datasets
// are seen together, as with zfs snapshot -r. Unlike that, it leaves out what it is told to. All of a pool's snapshots are taken
// or none is. [zfssend.Client.Snapshot] says what the limits are: some thousand datasets.
//
// # Names
//
// zfs allows letters, digits and "-_.: " in the name of a snapshot. So there is no plus sign in the offset of a time zone (%z): it
// is Z where the clock shows UTC, "_0200" two hours to the east, and "-0330" three and a half to the west. A template that would
// make any other character is refused, with the place.
//
// Where clocks are set back in autumn, an hour comes twice. A template without %z or %s, in such a zone, has the same name for
// two moments: then the second snapshot can't be taken, as [zfssend.AlreadyExists]. [Template.Repeats] tells when that will be.
// UTC is without such hours.
//
// # What was written
//
// [Options.IfWritten] goes by the property "written", which zfs counts when a transaction group is on disk. So what a program
// wrote in the last seconds (5, unless zfs_txg_timeout says otherwise) may not count yet. Nothing is lost by that: it is in the
// next snapshot, for which it then counts.
package snapshot
