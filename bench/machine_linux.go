package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// peakRSS returns the process's largest resident memory so far, in bytes, or 0. It isn't getrusage's, which in a new
// process starts with that of its parent (exec's setmax_mm_hiwater_rss).
func peakRSS() int64 { return peakRSSOf(os.Getpid()) }

// peakRSSOf returns that of another process, or 0 if it has ended.
func peakRSSOf(pid int) int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if kB, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kB), "kB")), 10, 64)
			return n << 10
		}
	}
	return 0
}

// cpuTimeOf returns the CPU time that another process has used, if that can be known.
func cpuTimeOf(pid int) (d time.Duration, ok bool) {
	const schedule = 2 // CPUCLOCK_SCHED: clock_getcpuclockid(3) makes such numbers
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid)<<3|schedule, &t)
	return time.Duration(t.Nano()), err == nil
}

// cpuModel returns the processor's name.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
