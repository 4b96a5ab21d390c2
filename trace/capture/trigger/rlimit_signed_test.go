//go:build freebsd || dragonfly

package trigger

func rlimit(n int64) int64 { return n }
