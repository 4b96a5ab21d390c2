package zfstest

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// leakPatience is how long CheckLeaks waits for what is about to end.
const leakPatience = 10 * time.Second

// CheckLeaks fails the test if it leaves goroutines of package zfssend, open descriptors or child processes behind,
// zombies included. It is called first in a test that isn't parallel. Descriptors and children are checked on Linux.
func CheckLeaks(t testing.TB) {
	t.Helper()
	before := openFiles()
	t.Cleanup(func() {
		deadline := time.Now().Add(leakPatience)
		for {
			leaks := append(goroutines(), Children()...)
			leaks = append(leaks, difference(openFiles(), before)...)
			if len(leaks) == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("left behind by the test:\n%s", strings.Join(leaks, "\n"))
				return
			}
			time.Sleep(5 * time.Millisecond) // nothing tells when a goroutine is gone
		}
	})
}

// goroutines returns the stacks of goroutines that package zfssend, or os/exec for it, has started.
func goroutines() []string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var leaked []string
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		_, creator, _ := strings.Cut(stack, "\ncreated by ")
		if strings.HasPrefix(creator, "github.com/spanstack/spanstack/zfssend.") && !strings.Contains(stack, "_test.go") ||
			strings.HasPrefix(creator, "os/exec.") {
			leaked = append(leaked, stack)
		}
	}
	return leaked
}

// difference returns what is in now but not in before.
func difference(now, before map[string]string) []string {
	var list []string
	for key, value := range now {
		if before[key] != value {
			list = append(list, "descriptor "+key+": "+value)
		}
	}
	return list
}
