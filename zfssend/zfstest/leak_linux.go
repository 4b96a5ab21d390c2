package zfstest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// openFiles returns what this process's descriptors refer to. The runtime's own are left out: it opens them once.
func openFiles() map[string]string {
	open := make(map[string]string)
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || strings.HasPrefix(target, "anon_inode:[event") || strings.HasPrefix(target, "/proc/") {
			continue
		}
		open[filepath.Base(link)] = target
	}
	return open
}

// Children returns a description of each child process, zombies included, and of other descendants that were started
// after CheckLeaks was called.
func Children() []string {
	var list []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		p, err := parseStat(string(text))
		if err != nil || p.PID == os.Getpid() {
			continue
		}
		if p.Parent == os.Getpid() || isOurs(p.PID) {
			list = append(list, fmt.Sprintf("process %d (%s) in state %s, child of %d", p.PID, p.Name, p.State, p.Parent))
		}
	}
	return list
}

// isOurs reports whether a process has inherited this one's mark.
func isOurs(pid int) bool {
	environ, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	mark := ownerVariable + "=" + strconv.Itoa(os.Getpid())
	return slices.Contains(strings.Split(string(environ), "\x00"), mark)
}

// Process is what /proc/PID/stat says of a process.
type Process struct {
	PID, Parent int
	Name        string
	State       string // "S": sleeping, "D": not to be interrupted, "Z": zombie, ...
}

// ReadProcess returns the state of a process. The error Is os.ErrNotExist if there is none.
func ReadProcess(pid int) (Process, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return Process{}, err
	}
	return parseStat(string(text))
}

// parseStat parses "PID (NAME) STATE PPID ...", where NAME can hold anything: see proc_pid_stat(5).
func parseStat(text string) (p Process, err error) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return p, fmt.Errorf("unexpected /proc/PID/stat: %q", text)
	}
	p.Name = text[open+1 : end]
	if _, err = fmt.Sscan(text[:open], &p.PID); err == nil {
		_, err = fmt.Sscan(text[end+1:], &p.State, &p.Parent)
	}
	return p, err
}
