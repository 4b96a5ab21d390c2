// Package spill keeps the events of a trace in temporary files, where they don't fit into memory.
//
// A Tape is a list of events in the order in which they were added. A Sorter puts events in order: it sorts as many as
// fit into memory, writes them to a file as a run, and merges the runs. Files have no name: they are unlinked as soon
// as they are open, so that nothing stays behind, however the program ends. Where that can't be done, they are removed
// when they are closed.
//
// The files are this process's own. What is read from them is checked all the same, so that a broken disk gives an
// error and neither a panic nor an allocation of any size.
package spill
