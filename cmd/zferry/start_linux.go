package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ticks is how many there are in a second in what the kernel tells programs: USER_HZ, the same on all of Go's platforms.
const ticks = 100

// processStart returns when this process was started, to the kernel's 10 ms.
func processStart() time.Time {
	now := time.Now()
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return initialised
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:])) // from the third on: proc_pid_stat(5)
	var up unix.Timespec
	if len(fields) < 20 || unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) != nil {
		return initialised
	}
	started, err := strconv.ParseInt(fields[19], 10, 64)
	if err != nil {
		return initialised
	}
	age := time.Duration(up.Nano()) - time.Duration(started)*time.Second/ticks
	return now.Add(-max(age, 0))
}
