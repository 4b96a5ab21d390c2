//go:build !race

package zfstest

import "os"

// program returns the executable of stand-ins: the test binary.
func program(string) (string, error) { return os.Executable() }
