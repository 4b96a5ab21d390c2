//go:build !linux

package zfssend

import "syscall"

// pending lets the tests for a full pipe go on without one, where its size isn't known.
func pending(syscall.Conn) int { return 0 }
