// Package trigger writes what the flight recorder holds to a file when something happens: a task hangs, a span fails, a
// signal comes.
//
// The recorder of package trace always knows what the program did in the last seconds or minutes, and what is open. But
// when somebody comes to look, it has gone on, or the program is dead. A daemon that wants to find a trace afterwards
// adds this to main:
//
//	w, err := trigger.Watch(trigger.Config{Dir: "/var/lib/zferry/traces"},
//		trigger.Slow(time.Minute, trigger.Named("replicate")), trigger.Failed(nil), trigger.Signal())
//	…
//	defer w.Close()
//	defer w.OnPanic()
//
// # Triggers
//
// A [Trigger] says what has to happen: [Slow], [Failed], [Cancelled], [Anomaly], [When] and [Signal]. [AnyOf], [AllOf],
// [Nth] and [Every] make new ones of them:
//
//	trigger.AllOf(time.Minute, trigger.Slow(time.Second, trigger.Named("zfs list")), trigger.Failed(nil))
//	trigger.Every(time.Hour, trigger.Nth(10, trigger.When("errors", trigger.LogLine(slog.LevelError))))
//
// A [Watcher] waits for them. It is an http.Handler as well, for dumps by POST, and has methods for panics
// ([Watcher.OnPanic]) and for whatever the program itself finds strange ([Watcher.Fire]).
//
// Spans cost no more for being watched: the watcher reads the recorder from time to time, on a goroutine of its own,
// for at most a fiftieth of the time. That is how it sees what hangs, which does nothing that could be noticed. In
// return, it sees everything up to Config.Poll late; it sees no failures, anomalies and slow spans that have ended of
// those times when the recorder's level wasn't [trace.LevelRecording], but at [trace.LevelIDs] still what is open for
// long; and in a program that fills the whole ring between two looks it misses some.
//
// # Dumps
//
// A dump is one whole file, with the time, the trigger and the process's number in its name:
//
//	zferry-20261129T105309.123Z-slow-4711.json
//
// It is written Config.Delay after the trigger, so that it shows what followed, too. In it, an instant of the category
// "trigger" on the task or span in question tells why it is there. It appears under its name when it is complete, and
// only its owner can read it: attributes may hold secrets.
//
// Something that happens often doesn't fill the disk. There is one dump in each Config.Interval; what fires meanwhile
// is in the next one, all of it or a count. The oldest dumps are deleted when there are more than Config.MaxFiles, or
// more than Config.MaxBytes of them.
//
// A dump has all that the recorder holds. Of a full one of the default size, 16 MiB or some 300,000 spans, it is a file
// of 50 MB, or 6 MB as .json.gz, and takes half a second of a processor, and up to 300 MB of memory for that time: see
// [trace.Config].Bytes if that is too much.
//
// A dump that can't be written is reported to Config.OnError. It never delays or ends the program.
//
// # Go's own trace
//
// With Config.GoTrace, what Go's runtime did is dumped as well, for "go tool trace": see [ClockCategory] for how to
// match the times of the two files.
package trigger
