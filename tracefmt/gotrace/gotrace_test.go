package gotrace_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	rtrace "runtime/trace"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/gotrace"
)

var update = flag.Bool("update", false, "rewrite the golden files, and trace a program anew")

const (
	programTrace     = "testdata/program.trace"
	generationsTrace = "testdata/generations.trace"
)

func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestConformance(t *testing.T) {
	fmttest.RunReader(t, gotrace.Format, map[string]fmttest.Input{
		"go1.21": {Data: file(t, "testdata/traceutils/1.21/task.trace")},
		"go1.26": {Data: file(t, programTrace)},
	})
}

// program is what the traces of these tests are of.
type program struct {
	outer context.Context
	task  *rtrace.Task
	open  *rtrace.Region
}

// before begins what the trace begins in the middle of.
func (p *program) before() {
	p.outer, p.task = rtrace.NewTask(context.Background(), "before")
	p.open = rtrace.StartRegion(p.outer, "begun before")
}

// run does something of everything, one thing at a time.
func (p *program) run() {
	p.open.End()
	rtrace.Log(p.outer, "note", "of a task begun before")
	ctx, task := rtrace.NewTask(p.outer, "job")
	rtrace.WithRegion(ctx, "outer", func() {
		rtrace.WithRegion(ctx, "inner", func() { rtrace.Log(ctx, "log", "hello") })
		rtrace.WithRegion(context.Background(), "of no task", func() {})
	})
	before := runtime.NumGoroutine()
	go worker(ctx, task)
	for runtime.NumGoroutine() > before { // nothing tells when a goroutine is gone
		runtime.Gosched()
	}
	p.task.End()
	rtrace.NewTask(context.Background(), "never ends")
	rtrace.StartRegion(context.Background(), "nor does it")
}

// worker ends a task that another goroutine began, and leaves a region open.
func worker(ctx context.Context, task *rtrace.Task) {
	rtrace.StartRegion(ctx, "left open")
	task.End()
}

// traced returns a trace of the program.
func traced(t *testing.T) []byte {
	t.Helper()
	if rtrace.IsEnabled() {
		t.Skip("the test itself is being traced")
	}
	var first, second bytes.Buffer
	start := func(out io.Writer) {
		if err := rtrace.Start(out); err != nil {
			t.Fatal(err)
		}
	}
	var p program
	start(&first)
	p.before()
	rtrace.Stop()
	start(&second)
	p.run()
	rtrace.Stop()
	return second.Bytes()
}

var unstable = regexp.MustCompile(`at \d+|dur \d+|unix \d+|/\d+|"task \d+"|id "\d+"|parent "\d+"`)

// outline returns the events without numbers that differ each time.
func outline(events []tracefmt.Event) string {
	numbers := map[string]string{}
	content := fmttest.ContentOf(events, tracefmt.KeepsAll)
	number := func(s string) string {
		switch {
		case strings.HasPrefix(s, "at"), strings.HasPrefix(s, "dur"), strings.HasPrefix(s, "unix"):
			return strings.Fields(s)[0] + " #"
		case s[0] == '"':
			return `"task #"`
		}
		kind, number := s[:1], strings.Trim(s[1:], "/idparent \"")
		if kind != "/" {
			kind = "task "
		}
		if numbers[kind+number] == "" {
			numbers[kind+number] = fmt.Sprint(strings.Trim(kind, "/"), string(rune('A'+len(numbers))))
		}
		return strings.Replace(s, number, numbers[kind+number], 1)
	}
	for _, lines := range [][]string{content.Timed, content.Meta} {
		for i, line := range lines {
			lines[i] = unstable.ReplaceAllStringFunc(line, number)
		}
	}
	slices.Sort(content.Meta)
	return content.String()
}

const wantProgram = `process  "go" order 0 { }
track /A "testing.tRunner" order 0 { }
track /D "github.com/spanstack/spanstack/tracefmt/gotrace_test.worker" order 0 { }

clock at # unix #
async begin on /A at # "task #" cat "task" id "task B" parent "" { "clipped":1:"true" }
complete on /A at # "begun before" cat "region" id "" parent "task B" dur # { "clipped":1:"true" }
log on /A at # "of a task begun before" cat "note" id "" parent "task B" severity  { }
async begin on /A at # "job" cat "task" id "task C" parent "task B" { }
begin on /A at # "outer" cat "region" id "" parent "task C" { }
begin on /A at # "inner" cat "region" id "" parent "" { }
log on /A at # "hello" cat "log" id "" parent "task C" severity  { }
end on /A at # { }
begin on /A at # "of no task" cat "region" id "" parent "" { }
end on /A at # { }
end on /A at # { }
begin on /D at # "left open" cat "region" id "" parent "task C" { }
async end on /A at # "job" cat "task" id "task C" parent "" { }
end on /D at # { "clipped":1:"true" }
async end on /A at # "task #" cat "task" id "task B" parent "" { }
async begin on /A at # "never ends" cat "task" id "task E" parent "" { }
begin on /A at # "nor does it" cat "region" id "" parent "" { }`

// TestProgram reads the trace of a program, just taken with this version of Go, and one that was taken before.
func TestProgram(t *testing.T) {
	fresh := traced(t)
	if *update {
		if err := os.WriteFile(programTrace, fresh, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range map[string][]byte{"fresh": fresh, programTrace: file(t, programTrace)} {
		events, err := fmttest.ReadAll(gotrace.NewReader(bytes.NewReader(data)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := outline(events); got != wantProgram {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, wantProgram)
		}
	}
}

// TestGenerations reads a trace of several generations, each of which says what the clock is. With -update it is taken.
func TestGenerations(t *testing.T) {
	if *update {
		var out bytes.Buffer
		if err := rtrace.Start(&out); err != nil {
			t.Fatal(err)
		}
		ctx, task := rtrace.NewTask(context.Background(), "long")
		for range 3 {
			rtrace.Log(ctx, "", "tick")
			time.Sleep(time.Second + time.Second/10)
		}
		task.End()
		rtrace.Stop()
		if err := os.WriteFile(generationsTrace, out.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	events, err := fmttest.ReadAll(gotrace.NewReader(bytes.NewReader(file(t, generationsTrace))))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Kind.String())
	}
	const want = "clock process track async begin log clock log clock log clock async end"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestFiles compares what is read of real traces, with all that can be asked for, with golden files: how many events of
// each sort there are, and the first ones.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/traceutils/*/*.trace")
	if err != nil || len(files) < 2 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range append(files, programTrace, generationsTrace) {
		r := gotrace.NewReader(bytes.NewReader(file(t, name)))
		r.Process, r.States, r.Metrics = "p", true, true
		events, err := fmttest.ReadAll(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkStates(t, name, events)
		golden := strings.TrimSuffix(name, ".trace") + ".golden.txt"
		if *update {
			if err := os.WriteFile(golden, []byte(summary(events, r.Losses())), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if got := summary(events, r.Losses()); got != string(file(t, golden)) {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
}

func summary(events []tracefmt.Event, losses []tracefmt.Loss) string {
	var b strings.Builder
	counts := map[string]int{}
	for i := range events {
		counts[fmt.Sprintf("%v %s", events[i].Kind, events[i].Category)]++
	}
	fmt.Fprintln(&b, counts)
	for _, l := range losses {
		fmt.Fprintln(&b, "lost:", l)
	}
	content := fmttest.ContentOf(events, tracefmt.KeepsAll)
	for _, lines := range [][]string{content.Meta, content.Timed} {
		for _, line := range lines[:min(len(lines), 60)] {
			fmt.Fprintln(&b, line)
		}
	}
	return b.String()
}

// checkStates checks that the states of a goroutine follow each other without gap or overlap.
func checkStates(t *testing.T, name string, events []tracefmt.Event) {
	t.Helper()
	end := map[tracefmt.TrackID]int64{}
	n := 0
	for _, e := range events {
		if e.Category != gotrace.CategoryState {
			continue
		}
		n++
		if last, ok := end[e.Track]; ok && last != e.Time {
			t.Errorf("%s: a state on track %d begins at %d, where the last ended at %d", name, e.Track, e.Time, last)
		}
		end[e.Track] = e.Time + e.Dur
	}
	if n == 0 {
		t.Errorf("%s: no states", name)
	}
}

func TestBroken(t *testing.T) {
	data := file(t, programTrace)
	truncated := func(data []byte) (int, error) {
		events, err := fmttest.ReadAll(gotrace.NewReader(bytes.NewReader(data)))
		return len(events), err
	}
	for _, in := range [][]byte{nil, []byte("go 1.26 tr"), data[:16], data[:len(data)/2]} {
		if _, err := truncated(in); !errors.Is(err, tracefmt.ErrTruncated) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%d bytes: %v", len(in), err)
		}
	}
	// Events of whole generations before the broken one are there.
	data = file(t, generationsTrace)
	broken := bytes.Clone(data)
	copy(broken[len(data)-len(data)/8:], bytes.Repeat([]byte{0xff}, 50))
	for _, in := range [][]byte{broken, data[:len(data)-len(data)/8]} {
		events, err := fmttest.ReadAll(gotrace.NewReader(bytes.NewReader(in)))
		if got := fmttest.ContentOf(events, tracefmt.KeepsAll).String(); err == nil || !strings.Contains(got, "log on") {
			t.Errorf("%v, after\n%s", err, got)
		}
	}
	failure := errors.New("on fire")
	r := gotrace.NewReader(io.MultiReader(bytes.NewReader(data[:len(data)/2]), iotest.ErrReader(failure)))
	if _, err := fmttest.ReadAll(r); !errors.Is(err, failure) {
		t.Errorf("an input that fails: %v", err)
	}
	future := "go 1.99 trace\x00\x00\x00" + strings.Repeat("x", 100)
	if _, err := truncated([]byte(future)); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("a version of the future: %v", err)
	}
}
