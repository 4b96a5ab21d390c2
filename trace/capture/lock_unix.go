//go:build unix

package capture

import (
	"errors"
	"os"
	"syscall"
)

const nonBlocking = syscall.O_NONBLOCK

// lock takes an exclusive lock that ends with the process, or fails at once with ErrInUse.
func lock(f *os.File) error {
	conn, err := f.SyscallConn() // Fd would make the file a blocking one
	if err != nil {
		return err
	}
	control := conn.Control(func(fd uintptr) { err = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) })
	switch {
	case control != nil:
		return control
	case errors.Is(err, syscall.EWOULDBLOCK):
		return ErrInUse
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.EOPNOTSUPP):
		return nil // a pipe or a device, or a file system without locks
	}
	return err
}

// refused reports whether an error says that nobody listens there.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
