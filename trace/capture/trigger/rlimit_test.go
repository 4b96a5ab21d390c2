//go:build unix && !freebsd && !dragonfly

package trigger

func rlimit(n int64) uint64 { return uint64(n) }
