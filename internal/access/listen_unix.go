//go:build unix

package access

import (
	"errors"
	"syscall"
)

// inUse reports whether an error says that another program has the address.
func inUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
