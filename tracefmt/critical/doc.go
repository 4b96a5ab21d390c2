// Package critical finds the critical path of a slice: the chain of slices that determined how long it took, across
// tracks, tasks and processes. To make the slice faster, one of these has to become faster; what ran beside them
// doesn't matter.
//
// A slice waits for those below it: its children by their Parent IDs, those that it encloses on its track, and those to
// which an arrow leads from it. It also waits for a slice from which an arrow comes in while it runs, until that arrow
// leaves.
//
// The path is found from the end backwards. At a slice's end, what it had waited for last is the one below it that
// finished last; before that one began, the slice itself was at work, until another one finished; and so on, with the
// same again for each of these. In between, the time is the slice's own. This is the idea of CRISP (Zhang et al.,
// "CRISP: Critical Path Analysis of Large-Scale Microservice Architectures", USENIX ATC 2022), to which arrows are
// added. Of those that finish at the same time, the one that began first counts, then the one that comes first in the
// trace.
//
// A slice that outlives its parent wasn't waited for there, but by the nearest one further out that goes on. In another
// process, which has another clock, it is rather the clocks that are wrong: it is clipped to its parent, and counted.
//
// So each moment of the chosen slice is in one segment of its path, and their durations add up to its own. Finding it
// takes n log n steps for n events, and memory for all slices.
package critical
