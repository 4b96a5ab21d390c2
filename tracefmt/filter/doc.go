// Package filter leaves a part of a trace: a stretch of time, the subtree of a task, slices by name, attributes,
// duration or depth, with what belongs to them.
//
// What belongs to a slice are log lines, instants and the points of flows: by their Parent, where that is a slice in
// the trace, else by the innermost slice around them on their track. They share its fate. An arrow stays if its start
// and another of its points do. What belongs to no slice (which counters never do) stays when only times, durations or
// depths are asked for, and goes when slices are chosen by task, name or attribute. Processes and tracks are declared
// only if something is left on them. Clocks stay.
//
// With absolute times alone, or others of a trace whose Extent is known, a Reader streams: it holds what is open, and
// leaves the start of an arrow whose end is beyond the stretch. Everything else needs the end of the trace, or what
// comes later in it, such as the parent of a slice in a file that is in the order of ends: then the Reader puts the
// trace into normal form first (see package timeline), in memory.
package filter
