package main

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome"
)

// A lived is a task or span of a trace, in Unix nanoseconds.
type lived struct {
	name, parent string
	start, end   int64
}

// TestLogBelongsToTrace takes what the demo left and looks up every ID of every log line in the trace: the task or span
// must be there, must have been active when the line was written, and must be the parent of the next one in the stack.
// The line itself must be in the trace, too, on its innermost span.
func TestLogBelongsToTrace(t *testing.T) {
	dir := demo(t)
	spans, lines := readTrace(t, filepath.Join(dir, "trace.json"))
	log, err := os.Open(filepath.Join(dir, "log.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	n, ids, deepest := 0, 0, 0
	for in := bufio.NewScanner(log); in.Scan(); n++ {
		at := unixNS(t, field(t, in.Text(), "time"))
		stack := stackOf(t, in.Text())
		if len(stack) == 0 || stack[0] == "none" {
			t.Errorf("a line without ID stack: %s", in.Text())
			continue
		}
		parent := ""
		for _, id := range stack {
			checkActive(t, in.Text(), spans[id], id, parent, at)
			parent = id
		}
		ids += len(stack)
		deepest = max(deepest, len(stack))
		if !slices.ContainsFunc(lines[logLine{parent, field(t, in.Text(), "msg")}], func(then int64) bool { return near(then, at, at) }) {
			t.Errorf("the trace has no such line on span %s: %s", parent, in.Text())
		}
	}
	t.Logf("%d lines with %d IDs, at most %d deep, in a trace with %d tasks and spans", n, ids, deepest, len(spans))
	if n < 10 || deepest < 3 {
		t.Errorf("%d lines, at most %d deep: that is no log of a replication", n, deepest)
	}
}

// demo returns the directory with what the demo left.
func demo(t *testing.T) string {
	t.Helper()
	dir := cmp.Or(os.Getenv("SPANSTACK_DEMO"), "../../demo")
	if _, err := os.Stat(filepath.Join(dir, "trace.json")); errors.Is(err, fs.ErrNotExist) && os.Getenv("SPANSTACK_REQUIRE_DEMO") != "1" {
		t.Skipf("%s/trace.json isn't there: run \"make demo\" first", dir)
	}
	return dir
}

// TestGrep looks for the IDs of 20 spans in the log, in whatever part of a line, as grep does: it has to find the lines of the
// span and of all below it, as the trace has them, in their order, and no others.
func TestGrep(t *testing.T) {
	const sample = 20
	dir := demo(t)
	spans, _ := readTrace(t, filepath.Join(dir, "trace.json"))
	text, err := os.ReadFile(filepath.Join(dir, "log.txt"))
	if err != nil {
		t.Fatal(err)
	}
	log := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	for _, decoy := range []string{`guids="?\[\d{10,}`, `snapshots=@auto-full_\d{8}T\d{6}Z_[0-9a-f]{16}`} {
		if !regexp.MustCompile(decoy).Match(text) {
			t.Errorf("the log has nothing like %s, which could be taken for IDs", decoy)
		}
	}
	ids := slices.Sorted(maps.Keys(spans))
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	if len(ids) < sample {
		t.Errorf("the trace has only %d spans", len(ids))
	}
	found := 0
	for _, id := range ids[:min(sample, len(ids))] {
		var got, want []string
		for _, line := range log {
			if strings.Contains(line, id) {
				got = append(got, line)
			}
			if stack := stackOf(t, line); within(spans, stack[len(stack)-1], id) {
				want = append(want, line)
			}
		}
		found += len(got)
		if !slices.Equal(got, want) {
			t.Errorf("grep %s (%s) finds\n%s\ninstead of\n%s", id, spans[id].name, strings.Join(got, ""), strings.Join(want, ""))
		}
	}
	if found == 0 {
		t.Error("no span has any lines")
	}
}

// stackOf returns the IDs of a line's stack, the innermost one last.
func stackOf(t *testing.T, line string) []string {
	t.Helper()
	return strings.FieldsFunc(field(t, line, "trace"), func(r rune) bool { return strings.ContainsRune("/.~", r) })
}

// within reports whether a span is another one, or below it.
func within(spans map[string]lived, id, other string) bool {
	for ; id != ""; id = spans[id].parent {
		if id == other {
			return true
		}
	}
	return false
}

func checkActive(t *testing.T, line string, s lived, id, parent string, at int64) {
	t.Helper()
	switch {
	case s.name == "":
		t.Errorf("ID %s is not in the trace: %s", id, line)
	case s.parent != parent:
		t.Errorf("%q (%s) has the parent %q in the trace, %q in the log: %s", s.name, id, s.parent, parent, line)
	case !near(at, s.start, s.end):
		t.Errorf("%q (%s) ran from %v to %v, not at %v: %s", s.name, id, time.Unix(0, s.start), time.Unix(0, s.end), time.Unix(0, at), line)
	}
}

// near reports whether at lies between two times. The wall clock of a log line and the monotonic one of a trace are read
// a moment apart, and traces tell of steps between them of over a millisecond.
func near(at, from, to int64) bool {
	const tolerance = int64(time.Millisecond)
	return at >= from-tolerance && at <= to+tolerance
}

type logLine struct{ span, message string }

// readTrace returns the tasks and spans of a trace by ID, and the times of its log lines.
func readTrace(t *testing.T, path string) (map[string]lived, map[logLine][]int64) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	spans, lines := map[string]lived{}, map[logLine][]int64{}
	open := map[tracefmt.TrackID][]string{}
	var offset, last int64
	r := tracefmt.Lookup("chrome").NewReader(f)
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		at := e.Time + offset
		last = max(last, at)
		switch e.Kind {
		case tracefmt.Clock:
			offset = e.Unix - e.Time
		case tracefmt.Begin:
			spans[e.ID] = lived{e.Name, e.Parent, at, -1}
			open[e.Track] = append(open[e.Track], e.ID)
		case tracefmt.End:
			stack := open[e.Track]
			s := spans[stack[len(stack)-1]]
			s.end = at
			spans[stack[len(stack)-1]] = s
			open[e.Track] = stack[:len(stack)-1]
		case tracefmt.Complete:
			spans[e.ID] = lived{e.Name, e.Parent, at, at + e.Dur}
		case tracefmt.Log:
			line := logLine{e.Parent, e.Name}
			lines[line] = append(lines[line], at)
		}
	}
	for id, s := range spans {
		if s.end < 0 {
			s.end = last
			spans[id] = s
		}
	}
	return spans, lines
}

// field returns the value of a logfmt field.
func field(t *testing.T, line, key string) string {
	t.Helper()
	_, rest, ok := strings.Cut(" "+line, " "+key+"=")
	if !ok {
		t.Fatalf("no %s in the line %s", key, line)
	}
	if strings.HasPrefix(rest, `"`) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			t.Fatalf("%s of the line %s: %v", key, line, err)
		}
		s, _ := strconv.Unquote(quoted)
		return s
	}
	value, _, _ := strings.Cut(rest, " ")
	return value
}

func unixNS(t *testing.T, s string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixNano()
}
