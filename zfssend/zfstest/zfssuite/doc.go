// Package zfssuite is the one suite that a zfs passes with which package zfssend can be used: real ZFS, and the model of
// package zfsmodel, which is trusted for that reason alone. What a test of something else finds out with the model is then
// true on real ZFS, as far as the suite goes.
//
// A [Platform] is a zfs to run on. [Run] runs the cases, each in a filesystem of its own, through [zfssend.Client] and,
// where that has no method, the command line of zfs:
//
//	func TestZFS(t *testing.T) { zfssuite.Run(t, platform{}) }
//
// A case must pass on every version of ZFS, so it says what callers can rely on; and on every other platform that doesn't say
// why it can't ([Platform].Lacks). Random choices have a seed that is logged, and that SPANSTACK_SEED sets. What the versions
// have in common but for their words is in the other half: [Transcripts] replays sessions of zfs commands that were
// recorded on real ZFS, in testdata, and compares all of stdout, stderr and exit statuses. They hold the model to the
// letter, and are where to look up what zfs does. To add to them, write commands into one of the files, and record:
//
//	CGO_ENABLED=0 go test -c -o /tmp/suite/run ./platformtest/suite
//	go run ./platformtest/vm run -e SPANSTACK_PLATFORM=1 --out zfssend/zfstest/zfssuite/testdata /tmp/suite -- \
//		-test.run TestTranscripts -update-transcripts /out
//
// Review the difference as code.
package zfssuite
