//go:build unix

package trigger

import (
	"os"
	"syscall"
)

var defaultSignals = []os.Signal{syscall.SIGUSR2}
