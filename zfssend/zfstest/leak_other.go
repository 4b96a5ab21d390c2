//go:build !linux

package zfstest

func openFiles() map[string]string { return nil }

// Children returns nothing on this platform.
func Children() []string { return nil }
