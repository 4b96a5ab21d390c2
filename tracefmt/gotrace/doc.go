// Package gotrace reads the execution traces that Go programs write with runtime/trace, as "go test -trace" and
// net/http/pprof do, too.
//
// Such a trace tells what the scheduler did, and what the program said about itself: user tasks, which may begin and
// end on different goroutines; user regions, which nest on their goroutine; and log lines, which belong to a task. By
// default it is the latter that a [Reader] yields.
//
// Goroutines are the tracks of one process, called after the function that they started with. A goroutine without
// events of its own has no track. A task is an async slice, with its number as the ID and that of the task it was made
// in as the parent. A region is a slice on its goroutine's track; the outermost regions of a task have it as their
// parent. A log line is on the track of the goroutine that wrote it, with its category and with the task as its
// parent. Readings of the wall clock, which there are since Go 1.25, are Clock events. States of goroutines and the
// runtime's metrics come on request.
//
// A trace may show only some seconds of a program's life. A task or region that began before is taken to begin with
// the trace, and one that a goroutine left open to end with the goroutine; see [AttrClipped]. What is open at the end
// stays open.
//
// Traces of Go 1.11 and later are read. Those before Go 1.22 are read as a whole, and if they are broken nothing of
// them; later ones in generations of about a second, up to the first broken one.
//
// Not expressed, and counted as losses: CPU samples, which are there if the program was profiled, too; experimental
// events; and for those who ask for states, what else the runtime did: states of processors, and ranges such as garbage
// collection. What wasn't asked for isn't counted.
//
// The work is done by golang.org/x/exp/trace; its documentation is where the facts are from.
package gotrace
