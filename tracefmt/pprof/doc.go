// Package pprof writes profiles that go tool pprof and its flame graphs open: where the time of a program's tasks and
// spans goes, instead of its processors'. It reads profiles of all sorts, too.
//
// # Writing
//
// A sample is one path of names, from the outermost task or span to the innermost, as package summary finds them: a
// task is below the span that started it. It has three values:
//
//   - spans, count: how many there were.
//   - wall, nanoseconds: their durations, from begin to end.
//   - self, nanoseconds: their durations without the parts in which a span inside of them was running, see package
//     summary. This is the default.
//
// pprof takes a sample's value as its innermost frame's own (flat), and adds it up for all frames around it (cum). So
// self is what to look at for shares, trees and flame graphs: cum is the time of a span with all that ran inside of it,
// in every part counted once. Tasks that ran side by side each count, so that cum may be more than the time that
// passed, as the CPU time of a program with several threads may be. Of wall and spans only flat means something: wall's
// flat is how long the spans of a name took in all, those side by side added up; its cum counts a span in all of those
// around it.
//
// Spans that never ended count up to the last time in the trace.
//
// Samples have labels, for go tool pprof's -tagfocus, -tagroot and -tagleaf: process (the name) and pid; task, the name
// of the innermost task; track, for slices without IDs of a process that has several tracks; and error=true for those
// that failed, which makes a path up to two samples. Other attributes have too many values.
//
// Everything else is lost: single times, attributes, instants, log lines, and so on. The profile's time is that of the
// first event, if the trace has the wall clock's; its duration is the trace's.
//
// Profiles are written when the Writer is closed. Until then it holds sums by paths, what is open, and some 16,000 events,
// among which it finds the order of time: programs write slices when they end, those inside of others first. What comes
// later than that is summed up without what it was around, and counted as a loss of its order.
//
// # Reading
//
// A profile has sums and no times, so each sample becomes a tower of slices, one tower after the other in the order of the
// profile: its stack, all of one start and duration. That suits formats that add up again (folded stacks) or show flame
// graphs (speedscope), and no timeline. The value is that of the profile's default sample type, else of the last one, as
// pprof itself chooses. Times become nanoseconds, and what is no time (bytes, counts) is taken for nanoseconds, and
// counted as a loss; attributes of the process, pprof.type and pprof.unit, tell. Samples that differ in labels for
// threads, goroutines or tasks are on tracks of their own, and those of our labels process and pid in processes. Other
// labels, files, lines and addresses are lost, except where a frame has nothing but an address.
//
// A profile that was written here doesn't come back as what it was made of: only the self times do.
//
// Facts: proto/profile.proto of github.com/google/pprof, and its doc/README.md for flat and cum.
package pprof
