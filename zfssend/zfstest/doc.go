// Package zfstest helps to test what runs zfs: a scripted stand-in for the zfs program, and a check that a test leaves
// nothing behind.
//
// The stand-in is the test binary itself, which [Main] turns into one when it is started by the command line that
// [Fake] returns:
//
//	func TestMain(m *testing.M) { zfstest.Main(m) }
//
//	client := zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{
//		"send": {zfstest.Write(1 << 20), zfstest.Stderr("cannot send: I/O error\n"), zfstest.Exit(1)},
//	})}
//
// It knows nothing of ZFS. It serves to test how processes, pipes and errors are handled; that zfs behaves so is
// tested on real ZFS, in package platformtest.
package zfstest
