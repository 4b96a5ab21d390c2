// Package zfstest helps to test what runs zfs: two stand-ins for the zfs program, and a check that a test leaves nothing
// behind.
//
// The stand-ins are the test binary itself, which [Main] turns into one when it is started by the command line of
// either; with the race detector they are a program without it. [Fake] follows a script:
//
//	func TestMain(m *testing.M) { zfstest.Main(m) }
//
//	client := zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{
//		"send": {zfstest.Write(1 << 20), zfstest.Stderr("cannot send: I/O error\n"), zfstest.Exit(1)},
//	})}
//
// It knows nothing of ZFS. It serves to test how processes, pipes and errors are handled; that zfs behaves so is
// tested on real ZFS, in package platformtest.
//
// [Model] has datasets, snapshots and streams, and does with them what zfs does (package zfsmodel). It serves to test
// what is made of several commands; it passes the same suite as real ZFS (package zfssuite):
//
//	model := zfstest.Model(t)
//	client := zfssend.Client{Command: model.Command()}
//	err := client.Snapshot(ctx, "tank@mon")
package zfstest
