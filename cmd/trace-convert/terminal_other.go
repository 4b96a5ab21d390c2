//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package main

func isTerminalFd(int) bool { return false }
