package zfstest

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/logging"
)

// leakPatience is how long CheckLeaks waits for what is about to end.
const leakPatience = 10 * time.Second

// ownerVariable marks the descendants of a test's process, so that they are recognised as orphans, too.
const ownerVariable = "ZFSTEST_OWNER"

// CheckLeaks fails the test if it leaves goroutines of package zfssend, open descriptors, or processes behind: zombies,
// and descendants of any degree. It is called first in a test that isn't parallel. Descriptors and processes are checked
// on Linux.
func CheckLeaks(t testing.TB) {
	t.Helper()
	os.Setenv(ownerVariable, strconv.Itoa(os.Getpid()))
	logging.Default() // opens its descriptor at the first use, and keeps it
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

// AwaitGoroutine waits until a goroutine is in a function, which is named as stacks do, such as
// "zfssend.(*SendStream).Read", and in a state, such as "IO wait".
func AwaitGoroutine(t testing.TB, function, state string) {
	t.Helper()
	for deadline := time.Now().Add(leakPatience); ; time.Sleep(time.Millisecond) {
		for _, stack := range stacks() {
			header, calls, _ := strings.Cut(stack, "\n")
			if strings.Contains(header, "["+state) && strings.Contains(calls, function+"(") {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no goroutine is in %s with the state %q:\n%s", function, state, strings.Join(stacks(), "\n\n"))
		}
	}
}

// stacks returns the stacks of all goroutines.
func stacks() []string {
	buf := make([]byte, 1<<20)
	return strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
}

// goroutines returns the stacks of goroutines that package zfssend, or remote below it, or os/exec and net/http for them, have
// started.
func goroutines() []string {
	var leaked []string
	for _, stack := range stacks() {
		_, creator, _ := strings.Cut(stack, "\ncreated by ")
		ours := strings.HasPrefix(creator, "github.com/spanstack/spanstack/zfssend.") || strings.HasPrefix(creator, "github.com/spanstack/spanstack/zfssend/remote.")
		if ours && !strings.Contains(stack, "_test.go") || strings.HasPrefix(creator, "os/exec.") || strings.HasPrefix(creator, "net/http.") {
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
