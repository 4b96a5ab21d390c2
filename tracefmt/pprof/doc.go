// Package pprof writes profiles that go tool pprof and its flame graphs open: where the time of a program's tasks and
// spans goes, instead of its processors'.
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
// Profiles are written when the Writer is closed; until then it holds the trace without its attributes.
//
// Facts: proto/profile.proto of github.com/google/pprof, and its doc/README.md for flat and cum.
package pprof
