// Package folded reads and writes folded stacks, the text that flamegraph.pl, inferno, speedscope and Perfetto draw
// flame graphs from: one line a stack, its frames joined by ";", then a space and a number.
//
// Written is the self time of each path of slice names, in nanoseconds, summed over the whole trace and sorted; paths
// without any are left out. If there are several processes, each path begins with the process's name; slices that have
// no IDs also get their track's name in front if their process has several tracks. What is a child and what is self
// time is defined in package summary. Everything else is lost: times, counts, attributes, instants, and so on. Until the
// Writer is closed it holds sums by paths, what is open, and some 16,000 events, among which it finds the order of time.
//
// Read is each line as a tower of slices, one tower after the other, in the order of the file; "#" begins a comment.
// Decimals are rounded; of two numbers, as in the difference of two profiles, the second counts, which is that of the later
// one.
//
// In names, ";" is written as %3B, a newline as %0A, a carriage return as %0D, and a "%" that would make one of these,
// or %25 or %23, as %25. A "#" at the start of a line is %23, and so is a space %20 (a tab %09) where what
// follows in the last name is a number, which would be taken for the first of two.
//
// Facts: flamegraph.pl, difffolded.pl and the stackcollapse scripts of github.com/brendangregg/FlameGraph define the format
// by use.
package folded
