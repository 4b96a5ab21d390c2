// Package validate tells what is wrong with a trace: with the file, by the errors and losses of its reader, and with
// what it says, such as slices that overlap or parents that don't exist.
//
// A Validator takes the events of a reader in their order, as the trace goes by. Findings are grouped by rules; each
// has the place of the first. Places are the numbers of events as the reader yields them, from 1, and bytes where the
// reader tells them. Memory is bounded by what is open, and by limits: of IDs and open arrows the first 1,048,576 are
// looked at, and what isn't looked at is told as a finding of the rule Unchecked.
package validate
