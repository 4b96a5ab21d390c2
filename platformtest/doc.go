// Package platformtest runs the tests that need a real OpenZFS, those of package suite, in virtual machines: on a stock
// kernel module, and on one whose zfs send writes through a taskq, which brings back the bug that package zfssend
// exists for (openzfs#12500: SIGKILL doesn't end a zfs send that is blocked on a full pipe).
//
//	go test ./platformtest -v
//
// Each test in the machine is reported as a subtest here, with its log if it fails. Package machine, in vm/machine,
// builds the machine's image when there is none yet, which takes minutes. The tests are skipped with -short and where
// no such machine can be had; with SPANSTACK_REQUIRE_VM=1 that is a failure.
//
// To run the suite on the ZFS of this host instead, see package suite.
package platformtest
