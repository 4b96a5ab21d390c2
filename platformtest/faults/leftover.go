package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// ownerVariable marks all processes that descend from this one.
const ownerVariable = "SPANSTACK_FAULTS_OWNER"

func markDescendants() { os.Setenv(ownerVariable, strconv.Itoa(os.Getpid())) }

// processes returns a description of each child of this process, zombies included, and of each other descendant.
func processes() []string {
	var list []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		dir := filepath.Dir(path)
		text, err := os.ReadFile(path)
		open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
		if err != nil || open < 0 || end < open {
			continue // it has ended meanwhile
		}
		pid, _ := strconv.Atoi(filepath.Base(dir))
		fields := strings.Fields(string(text[end+1:])) // state, parent: see proc_pid_stat(5)
		if pid == os.Getpid() || len(fields) < 2 {
			continue
		}
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		mark := ownerVariable + "=" + strconv.Itoa(os.Getpid()) + "\x00"
		if fields[1] != strconv.Itoa(os.Getpid()) && !strings.Contains(string(environ), mark) {
			continue
		}
		wchan, _ := os.ReadFile(filepath.Join(dir, "wchan"))
		list = append(list, fmt.Sprintf("process %d (%s) in state %s, %s", pid, text[open+1:end], fields[0], wchan))
	}
	return list
}

// isZombie reports whether a process has ended and nobody has waited for it yet. No signal has an effect on it.
func isZombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := strings.Cut(string(text), ") ")
	return err == nil && ok && strings.HasPrefix(rest, "Z")
}

// goroutines returns the stacks of goroutines that package zfssend has started.
func goroutines() []string {
	buf := make([]byte, 1<<20)
	var list []string
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if _, creator, _ := strings.Cut(stack, "\ncreated by "); strings.HasPrefix(creator, "github.com/spanstack/spanstack/zfssend.") {
			list = append(list, stack)
		}
	}
	return list
}

// descriptors returns how many files are open.
func descriptors() int {
	links, _ := filepath.Glob("/proc/self/fd/*")
	return len(links)
}

// leftovers waits until there are no processes and goroutines of streams any more, and tells what remains.
func leftovers(ctx context.Context) []string {
	var list []string
	err := await(ctx, "the end of all processes", func() bool {
		list = append(processes(), goroutines()...)
		return len(list) == 0
	})
	if err == nil {
		return nil
	}
	return list
}
