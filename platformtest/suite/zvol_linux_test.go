package suite

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// blkzname is BLKZNAME of OpenZFS's sys/fs/zfs.h: _IOR(0x12, 125, char[256]).
const blkzname = 2<<30 | 256<<16 | 0x12<<8 | 125

// volumeName returns the name of the volume, or snapshot of one, that a block device belongs to.
func volumeName(device string) string {
	f, err := os.Open(device)
	if err != nil {
		return ""
	}
	defer f.Close()
	var name [256]byte
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), blkzname, uintptr(unsafe.Pointer(&name))); errno != 0 {
		return ""
	}
	return unix.ByteSliceToString(name[:])
}
