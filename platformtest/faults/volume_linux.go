package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// blkZName is the ioctl BLKZNAME, by which a device tells the name of its volume: _IOR(0x12, 125, char[256]), see
// OpenZFS's include/os/linux/zfs/sys/zfs_ioctl_impl.h and its program zvol_id.
const blkZName = 2<<30 | 256<<16 | 0x12<<8 | 125

// volumeDevice waits for the device of a volume, or of a snapshot of one, and returns its path. The machine has no udev, and
// so no /dev/zvol.
func volumeDevice(ctx context.Context, name string) (path string, err error) {
	err = await(ctx, "the device of "+name, func() bool {
		devices, _ := filepath.Glob("/dev/zd*")
		for _, device := range devices {
			if volumeName(device) == name {
				path = device
				return true
			}
		}
		return false
	})
	return path, err
}

// volumeName returns the name of a device's volume, "" if it has none.
func volumeName(device string) string {
	f, err := os.Open(device)
	if err != nil {
		return ""
	}
	defer f.Close()
	var name [256]byte
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), blkZName, uintptr(unsafe.Pointer(&name))); errno != 0 {
		return ""
	}
	text, _, _ := bytes.Cut(name[:], []byte{0})
	return string(text)
}

// mountSnapshot mounts a snapshot, read-only.
func mountSnapshot(snapshot, dir string) error {
	if err := unix.Mount(snapshot, dir, "zfs", unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mount %s: %w", snapshot, err)
	}
	return nil
}

// mountDataset mounts a filesystem.
func mountDataset(name, dir string) error {
	if err := unix.Mount(name, dir, "zfs", 0, ""); err != nil {
		return fmt.Errorf("mount %s: %w", name, err)
	}
	return nil
}

func unmount(dir string) error { return unix.Unmount(dir, 0) }

// inode returns the number of a file's object.
func inode(st os.FileInfo) uint64 { return st.Sys().(*syscall.Stat_t).Ino }
