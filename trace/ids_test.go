package trace_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spanstack/spanstack/trace"
)

// TestIDsAreNeverReused makes ten million tasks and spans, on all shards of one recorder.
func TestIDsAreNeverReused(t *testing.T) {
	if testing.Short() {
		t.Skip("ten million spans take seconds")
	}
	n := 10_000_000
	if raceDetector {
		n = 1_000_000
		t.Logf("%d spans only, since each takes microseconds under the race detector", n)
	}
	rec := trace.NewRecorder(trace.Config{})
	rec.SetLevel(trace.LevelIDs)
	base := trace.WithRecorder(t.Context(), rec)
	ids := make([]trace.ID, n)
	const goroutines, perTask = 8, 100
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			for part := range slices.Chunk(ids[i*n/goroutines:(i+1)*n/goroutines], perTask) {
				ctx, task := trace.WithTask(base, "task")
				part[0] = task.ID()
				for j := 1; j < len(part); j++ {
					start := trace.WithSpan
					if j%10 == 0 {
						start = trace.WithAsyncSpan
					}
					_, s := start(ctx, "span")
					part[j] = s.ID()
					s.End()
				}
				task.End()
			}
		})
	}
	wg.Wait()
	slices.Sort(ids)
	if ids[0] == 0 {
		t.Error("there is an ID 0, which means none")
	}
	for i := 1; i < n; i++ {
		if ids[i] == ids[i-1] {
			t.Fatalf("%v was given twice", ids[i])
		}
	}
}

const idsEnv = "TRACE_TEST_IDS" // makes the test binary a program that prints IDs

const idSpans = 99 // of each task of such a program

// idTasks returns how many tasks it has.
func idTasks() int {
	if raceDetector {
		return 100
	}
	return 1000
}

func init() {
	if os.Getenv(idsEnv) != "" {
		printIDs()
		os.Exit(0)
	}
}

// printIDs makes IDs and prints, for each, the trace ID of its root and the ID stack that ends with it.
func printIDs() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for range idTasks() {
		ctx, task := trace.WithTask(context.Background(), "task")
		root := task.Ref().Trace
		fmt.Fprintln(out, root, trace.Stack(ctx))
		for range idSpans {
			_, s := trace.WithSpan(ctx, "span")
			fmt.Fprintln(out, root, s.Stack())
			s.End()
		}
		task.End()
	}
}

// TestIDsOfProcesses: of 100,000 IDs each, eight processes that run at the same time, and one that runs afterwards, have no ID in common:
// neither as one of a span, nor of a trace, nor within an ID stack.
func TestIDsOfProcesses(t *testing.T) {
	want := idTasks() * (1 + idSpans)
	if raceDetector {
		t.Logf("%d IDs a process only, since it runs under the race detector, too", want)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const processes = 8
	var outputs [processes + 1]bytes.Buffer
	start := func(i int) *exec.Cmd {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), idsEnv+"=1")
		cmd.Stdout, cmd.Stderr = &outputs[i], os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	var cmds []*exec.Cmd
	for i := range processes {
		cmds = append(cmds, start(i))
	}
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Fatalf("process %d: %v", i, err)
		}
	}
	if err := start(processes).Wait(); err != nil { // a restart
		t.Fatal(err)
	}
	ids, traces := map[trace.ID]int{}, map[string]int{} // whose each one is
	for p := range outputs {
		n := 0
		for line := range strings.Lines(outputs[p].String()) {
			n++
			root, stack, _ := strings.Cut(strings.TrimSpace(line), " ")
			if of, known := traces[root]; known && of != p {
				t.Fatalf("processes %d and %d have the trace ID %s", of, p, root)
			}
			traces[root] = p
			members := strings.FieldsFunc(stack, func(r rune) bool { return strings.ContainsRune("/.~", r) })
			for i, m := range members {
				id, err := trace.ParseID(m)
				if err != nil {
					t.Fatalf("%q in %q: %v", m, stack, err)
				}
				of, known := ids[id]
				if last := i == len(members)-1; known == last || known && of != p {
					t.Fatalf("%v in %q of process %d: was seen before: %v, in process %d", id, stack, p, known, of)
				}
				ids[id] = p
			}
		}
		if n != want {
			t.Fatalf("process %d printed %d IDs, want %d", p, n, want)
		}
	}
	if want := (processes + 1) * idTasks(); len(traces) != want {
		t.Errorf("%d traces, want %d", len(traces), want)
	}
}
