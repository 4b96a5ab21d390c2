// Package lanes puts the slices of a track on lanes, so that on each of them they nest, for writers of formats in which
// they have to.
//
// In a trace of concurrent work, slices of one track overlap, or one lies within the time of another that it has nothing
// to do with. A viewer shows what is drawn inside of a slice as a part of it. So a slice gets
//
//   - its parent's lane, if it lies within its parent, and overlaps none of its siblings there;
//   - else the lowest lane that is free at the time, and the writer draws an arrow from the parent's lane.
//
// A slice that has neither an ID nor a parent, as those of a thread in formats without IDs, nests by time alone.
//
// A parent may be on another track, as those of requests to other services are: Kin finds it there, for an arrow. Between
// tasks of one process, which package trace draws arrows between itself, there is no other one.
//
// Slices may come in the order of their starts, as from a sorted trace, or in that of their ends, as from a running
// program. What comes before its parent can't be put with it: order by starts makes the better picture. Placing one of n
// slices in the order of starts takes O(log n), however many lanes there are. The result depends on the order of slices
// alone.
package lanes
