// Package reboot holds a test of zferry that outlives the machine: its power is cut while it replicates, as often as is wanted, and when it has
// booted again, the next replication goes on. Package platformtest runs it, in machines with the same disks, one after the other.
//
//	SPANSTACK_BOOT   the number of the boot: the first is 1
//	SPANSTACK_BOOTS  how many there are: the power is cut in all but the last
package reboot

// CutLine is what the test writes when the power is to be cut.
const CutLine = "@@cut the power"
