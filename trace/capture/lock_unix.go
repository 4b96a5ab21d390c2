//go:build unix

package capture

import (
	"errors"
	"os"
	"syscall"
)

// lock takes an exclusive lock that ends with the process, or fails at once with ErrInUse.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return ErrInUse
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.EOPNOTSUPP):
		return nil // a pipe or a device, or a file system without locks
	}
	return err
}
