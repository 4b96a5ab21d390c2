package trace

// useCounter says that the processor's time stamp counter runs at a constant rate, also while the processor sleeps:
// Intel SDM vol. 3, 19.17.1 "Invariant TSC"; AMD APM vol. 3, E.4.5.
var useCounter = invariantTSC()

// counter reads the time stamp counter.
//
//go:noescape
func counter() uint64

//go:noescape
func invariantTSC() bool
