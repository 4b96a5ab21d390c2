//go:build freebsd || netbsd || openbsd || dragonfly || darwin

package main

import (
	"runtime"
	"syscall"
	"time"
)

// peakRSS returns the process's largest resident memory so far, in bytes, or 0.
func peakRSS() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) << 10
}

// peakRSSOf returns 0: that of another process can't be known.
func peakRSSOf(int) int64 { return 0 }

// cpuTimeOf returns the CPU time that another process has used, if that can be known.
func cpuTimeOf(int) (d time.Duration, ok bool) { return 0, false }

// cpuModel returns the processor's name.
func cpuModel() string {
	if model, err := syscall.Sysctl("hw.model"); err == nil {
		return model
	}
	return "unknown"
}
