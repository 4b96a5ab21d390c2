package platformtest

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// A mutant is package zfssend with a mistake, one that is easy to make, and that others have made. The suite must notice it
// on a kernel where zfs send writes from a taskq.
type mutant struct {
	name     string
	file     string
	old, new string
	red      string // the test that notices it
}

var mutants = []mutant{
	{
		name: "close the pipe after waiting", // zfs waits for the pipe, and we for zfs
		file: "sendstream.go",
		old:  "\ts.child.kill()\n\ts.pipe.Close()\n\ts.waitForChild()\n",
		new:  "\ts.child.kill()\n\ts.waitForChild()\n\ts.pipe.Close()\n",
		red:  "TestSendCloseBlockedOnPipe",
	},
	{
		name: "ignore the exit status at the end of the pipe", // a send that failed looks complete
		file: "state.go",
		old:  "\t\tif l.reaped == failed || l.bad {\n",
		new:  "\t\tif l.bad {\n",
		red:  "TestSendFailsHalfWay",
	},
	{
		name: "hold a lock across Read", // Close waits for a Read that waits for zfs
		file: "sendstream.go",
		old:  "\tn, err := source.Read(p)\n",
		new:  "\ts.mu.Lock()\n\tn, err := source.Read(p)\n\ts.mu.Unlock()\n",
		red:  "TestSendCloseInRead",
	},
	{
		name: "hold the pipe while waiting for the output", // its descriptor isn't closed then, whatever Close does
		file: "splice_linux.go",
		old:  "\t\treturn writeErr != unix.EAGAIN || ready(from, unix.POLLIN)\n",
		new:  "\t\tfull := writeErr == unix.EAGAIN && ready(from, unix.POLLIN)\n\t\tif full && f.awaitRoom(out) != nil {\n\t\t\treturn true\n\t\t}\n\t\treturn full || writeErr != unix.EAGAIN\n",
		red:  "TestSendCloseInSplice",
	},
	{
		name: "hold the pipe while waiting for the output of a verified stream",
		file: "tap_linux.go",
		old:  "\t\t\t\twriteErr = err\n\t\t\t}\n\t\t})\n",
		new:  "\t\t\t\twriteErr = err\n\t\t\t}\n\t\t\tif writeErr == unix.EAGAIN {\n\t\t\t\twriteErr = f.awaitRoom(out)\n\t\t\t}\n\t\t})\n",
		red:  "TestSendCloseInSplice",
	},
	{
		name: "don't kill", // closing the pipe ends a send that writes, but not one that reads
		file: "sendstream.go",
		old:  "\ts.child.kill()\n",
		new:  "",
		red:  "TestSendCloseInRead",
	},
	{
		name: "leave our copy of the pipe's write end open", // the stream has no end then
		file: "sendstream.go",
		old:  "\tw.Close() // only zfs may have it, or the pipe would never be at its end\n",
		new:  "",
		red:  "TestSendCloseAfterEOF",
	},
	{
		name: "keep the input open when zfs receive has died", // its error comes when the sender has something to say
		file: "receive.go",
		old:  "\tr.on(evCancel) // what is still open now has failed\n\tr.stdin.Close()\n\tr.closeInput()\n",
		new:  "\tr.on(evCancel) // what is still open now has failed\n\tr.stdin.Close()\n",
		red:  "TestReceiveFails",
	},
}

// mutantsVariable, if set, makes TestMutants try all mutants, and not only the first, the one of openzfs#12500.
const mutantsVariable = "SPANSTACK_MUTANTS"

// TestMutants proves that the suite notices what would bring a hang or a lie back: each mutant must make its test fail, and
// must not keep it running for ever.
func TestMutants(t *testing.T) {
	img := image(t, "")
	tried := mutants
	if os.Getenv(mutantsVariable) == "" {
		tried = mutants[:1]
		t.Logf("%s isn't set: only the first of %d mutants is tried", mutantsVariable, len(mutants))
	}
	for _, m := range tried {
		t.Run(m.name, func(t *testing.T) {
			suite := buildSuite(t, "-overlay", overlay(t, "../zfssend/"+m.file, m.old, m.new))
			results, exitCode := runSuite(t, img, machine.TaskQ, suite, "-test.run=^(TestModule|"+m.red+")$")
			i := slices.IndexFunc(results, func(r result) bool { return r.name == m.red })
			switch {
			case i < 0 || results[0].name != "TestModule" || results[0].verdict != "PASS":
				t.Errorf("exit code %d; got %+v", exitCode, results)
			case results[i].verdict == "PASS":
				t.Errorf("%s didn't notice it:\n%s", m.red, results[i].log)
			default:
				t.Logf("%s is red:\n%s", m.red, firstLines(results[i].log, 6))
			}
		})
	}
}

// TestMutantsFit: each mutant is one of the source as it is now. It needs no machine.
func TestMutantsFit(t *testing.T) {
	for _, m := range mutants {
		if text, err := os.ReadFile("../zfssend/" + m.file); err != nil || strings.Count(string(text), m.old) != 1 {
			t.Errorf("%s: %s doesn't have, exactly once, %v:\n%s", m.name, m.file, err, m.old)
		}
	}
}

func firstLines(text string, n int) string {
	lines := strings.SplitAfterN(text, "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], "")
}
