//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package terminal

func isTerminal(int) bool { return false }
