// Package stats counts what is in a trace: events by kinds, processes and tracks, times, durations and rates, depths,
// what is open at the end, and which names and attributes take most of the room. It says nothing about what happened,
// which is package summary's.
//
// It takes the events of any reader in their order, and each of them once. Its memory is bounded by what is open, and
// by limits: 65,536 tracks are told apart, and of names and of keys of attributes the 4,096 that take most room; what
// is beyond them is counted together.
package stats
