// Package timeline puts the events of one or several traces on one clock and in one order.
//
// Its normal form is what reports and whole-trace writers want to see: metadata first and merged, then all events in
// the order of time; begins and ends paired into complete slices, so that only slices that never ended are begins;
// a slice before those inside of it. Instants of the category "open", with which a live capture shows how long a slice
// has been open, are gone, but for one at the end of the trace on each track that needs it. Putting a normal form into
// normal form changes nothing.
//
// Several traces are aligned by their clock anchors (Clock events), and by what went from one to another: a slice whose
// parent is in another trace ran while that did, which tells how far the two clocks can be apart. So wall clocks that
// were set wrong are noticed, and traces without an anchor find their place. See AlignBy and SetOffset. The drift of
// clocks isn't corrected.
//
// An input that has log lines and no slices is a log. Where another input has the slice that a line names as its
// parent, or else the nearest one outwards on its ID stack, the line moves to that slice's track; a line that the other
// input has as well is there once. What is left of a log whose other lines are all of one process becomes a part of
// that process.
//
// A Timeline holds all events in memory, unless it has a budget (Memory): those of a larger trace are in temporary
// files, and the normal form comes out the same. In memory stay then, besides buffers of about the budget's size: what
// is open; of a log, the slices that its lines name; and slices whose parents are in another input. A Stream is what
// needs neither memory nor files, but doesn't give the normal form.
package timeline
