// Package leaktest fails a package's tests if they leave goroutines, file descriptors or child processes behind:
//
//	func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }
//
// Descriptors and processes are looked for in /proc, where there is one. Package zfstest has a check for single tests.
package leaktest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// M is what [testing.M] does.
type M interface{ Run() int }

// Wrap returns an M that runs m, and fails if anything is left behind by it.
func Wrap(m M) M { return checked{m} }

type checked struct{ m M }

// patience is how long what is about to end may take.
const patience = 10 * time.Second

func (c checked) Run() int {
	before := descriptors()
	code := c.m.Run()
	if code != 0 {
		return code
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // nothing tells when all are gone
		leaks := slices.Concat(goroutines(), newDescriptors(before), children())
		if len(leaks) == 0 {
			return 0
		}
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "left behind by the tests of this package:\n%s\n", strings.Join(leaks, "\n"))
			return 1
		}
	}
}

// own are marks of goroutines that the runtime and the test framework keep.
var own = []string{"leaktest.checked.Run", "os/signal.loop", "os/signal.signal_recv", "runtime.ensureSigM", "testing.(*F).Fuzz"}

func goroutines() (leaks []string) {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		if !slices.ContainsFunc(own, func(mark string) bool { return strings.Contains(stack, mark) }) {
			leaks = append(leaks, stack)
		}
	}
	return leaks
}

// descriptors returns what this process has open, by number. Epoll and the like are the runtime's: it opens them once.
func descriptors() map[string]string {
	open := map[string]string{}
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err == nil && !strings.HasPrefix(target, "anon_inode:") && !strings.HasPrefix(target, "/proc/") {
			open[filepath.Base(link)] = target
		}
	}
	return open
}

func newDescriptors(before map[string]string) (leaks []string) {
	for fd, target := range descriptors() {
		// Package logging keeps a copy of stderr from its first line on.
		if before[fd] != target && target != before["2"] && target != before["1"] {
			leaks = append(leaks, "descriptor "+fd+": "+target)
		}
	}
	return leaks
}

func children() (leaks []string) {
	parent := []byte("\nPPid:\t" + strconv.Itoa(os.Getpid()) + "\n")
	files, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, name := range files {
		status, err := os.ReadFile(name)
		if err == nil && bytes.Contains(status, parent) {
			line, _, _ := bytes.Cut(status, []byte("\n"))
			leaks = append(leaks, fmt.Sprintf("process %s: %s", filepath.Base(filepath.Dir(name)), line))
		}
	}
	return leaks
}
