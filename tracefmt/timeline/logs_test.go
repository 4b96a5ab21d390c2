package timeline_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/spanlog"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// program returns the trace of a process whose clock's 0 is at 09:05:00, with a task a, a span b in it, and a task c that
// b has started.
func program(more string) string {
	return `[{"name":"process_name","ph":"M","pid":7,"args":{"name":"prog","spanstack.unix_ns":"1769850300000000000"}},
{"name":"thread_name","ph":"M","pid":7,"tid":1,"args":{"name":"main"}},
{"name":"thread_name","ph":"M","pid":7,"tid":2,"args":{"name":"worker"}},
{"name":"a","cat":"task","ph":"B","ts":1,"pid":7,"tid":1,"args":{"spanstack.id":"a"}},
{"name":"b","cat":"span","ph":"X","ts":2,"dur":50,"pid":7,"tid":1,"args":{"spanstack.id":"b","spanstack.parent":"a"}},
{"name":"c","cat":"task","ph":"X","ts":3,"dur":5,"pid":7,"tid":2,"args":{"spanstack.id":"c","spanstack.parent":"b"}}` + more + "]"
}

func mark(ts, parent, name, level string) string {
	return fmt.Sprintf(",\n"+`{"name":%q,"cat":"log","ph":"i","s":"t","ts":%s,"pid":7,"tid":1,"args":{"spanstack.parent":%q,"level":%q,"subsystem":"s"}}`, name, ts, parent, level)
}

// entry returns a log line at 09:05:00 and that many nanoseconds.
func entry(nanos int64, stack, message string) string {
	return fmt.Sprintf("time=2026-01-31T09:05:%02d.%09dZ level=INFO subsystem=s trace=%s msg=%q\n", nanos/1e9, nanos%1e9, stack, message)
}

// merge returns the log lines of the normal form of inputs, each with its place, and the names of all places.
func merge(t *testing.T, inputs ...string) (lines, places string, tl *timeline.Timeline) {
	t.Helper()
	tl = new(timeline.Timeline)
	for _, text := range inputs {
		var r tracefmt.Reader = spanlog.NewReader(strings.NewReader(text))
		if text[0] == '[' {
			r = chrome.NewReader(strings.NewReader(text))
		}
		if _, err := tl.Read(r); err != nil {
			t.Fatal(err)
		}
	}
	names := map[tracefmt.TrackID]string{}
	var list, all []string
	for _, e := range normal(tl) {
		switch e.Kind {
		case tracefmt.Process:
			names[e.Track] = e.Name
			all = append(all, fmt.Sprintf("%s(%v)", e.Name, e.SourceID))
		case tracefmt.Track:
			names[e.Track] = names[e.Process] + "/" + e.Name
			all = append(all, fmt.Sprintf("%s(%v)", names[e.Track], e.SourceID))
		case tracefmt.Log:
			list = append(list, fmt.Sprintf("%d %s %s", e.Time, names[e.Track], e.Name))
		}
	}
	return strings.Join(list, "\n"), strings.Join(all, " "), tl
}

func TestLogs(t *testing.T) {
	const both = "prog(7) prog/main(1) prog/worker(2)"
	anchored := `[{"name":"process_name","ph":"M","pid":7,"args":{"name":"other","spanstack.unix_ns":"1769850300000000000"}},` +
		`{"name":"thread_name","ph":"M","pid":7,"tid":1,"args":{"name":"main"}},` +
		`{"name":"z","ph":"X","ts":1,"dur":1,"pid":7,"tid":1,"args":{"spanstack.id":"z"}}]`
	for name, c := range map[string]struct {
		inputs        []string
		lines, places string
		want          timeline.Placement
	}{
		"on their spans, also after its end": {
			[]string{program(""), entry(2500, "/a.b/", "in b") + entry(4000, "/a.b/c/", "in c") + entry(9000, "/a.b/c/", "late")},
			"2500 prog/main in b\n4000 prog/worker in c\n9000 prog/worker late", both, timeline.Placement{OnSpan: 3}},
		"in any order of inputs": {
			[]string{entry(2500, "/a.b/", "in b") + entry(4000, "/a.b/c/", "in c"), program("")},
			"2500 prog/main in b\n4000 prog/worker in c", both, timeline.Placement{OnSpan: 2}},
		"nearest ancestor": {
			[]string{program(""), entry(4000, "/a.b/c.gone~lost/", "x")},
			"4000 prog/worker x", both, timeline.Placement{Around: 1}},
		"no place, and outside of any task": {
			[]string{program(""), entry(3000, "/a.b/", "b") + entry(4000, "/y.z/", "evicted") + entry(5000, "none", "taskless") + entry(6000, "….z/", "short")},
			"3000 prog/main b\n4000 prog/task y: evicted evicted\n5000 prog taskless\n6000 prog/subsystem s short",
			both + " prog/task y: evicted(3) prog/subsystem s(4)", timeline.Placement{OnSpan: 1, Nowhere: 2}},
		"of no process in particular": {
			[]string{program(""), entry(4000, "/y.z/", "x") + entry(5000, "none", "taskless")},
			"4000 log/task y: x x\n5000 log taskless", both + " log(8) log/task y: x(2)", timeline.Placement{Nowhere: 1}},
		"of two processes": {
			[]string{program(""), anchored, entry(3000, "/a/", "a") + entry(4000, "/z/", "z") + entry(5000, "none", "taskless")},
			"3000 prog/main a\n4000 other/main z\n5000 log taskless", both + " other(8) other/main(1) log(9)", timeline.Placement{OnSpan: 2}},
		"repeated": {
			[]string{program(mark("4", "b", "x", "INFO") + mark("4.1", "b", "x", "INFO") + mark("5", "b", "y", "INFO")),
				entry(4000, "/a.b/", "x") + entry(4100, "/a.b/", "x") + entry(4200, "/a.b/", "x") + entry(5000, "/a.b/", "z") + entry(5400, "/a.b/", "y")},
			"4000 prog/main x\n4100 prog/main x\n4200 prog/main x\n5000 prog/main y\n5000 prog/main z", both, timeline.Placement{OnSpan: 5, Repeated: 3}},
		"repeated, with another level, span or time": {
			[]string{program(mark("4", "b", "x", "WARN") + mark("4", "a", "x", "INFO") + mark("200004.1", "b", "x", "INFO")), entry(4000, "/a.b/", "x")},
			"4000 prog/main x\n4000 prog/main x\n4000 prog/main x\n200004100 prog/main x", both, timeline.Placement{OnSpan: 1}},
		"repeated, and not the others of its kind": {
			// The trace has lost the first two. What is left is nearer to its own than to those.
			[]string{program(mark("24.2", "b", "x", "INFO")), entry(4000, "/a.b/", "x") + entry(14000, "/a.b/", "x") + entry(24000, "/a.b/", "x")},
			"4000 prog/main x\n14000 prog/main x\n24200 prog/main x", both, timeline.Placement{OnSpan: 3, Repeated: 1}},
		"repeated, of a span that is gone": {
			[]string{program(mark("4", "gone", "x", "INFO")), entry(4000, "/a.gone/", "x")},
			"4000 prog/main x", both, timeline.Placement{Around: 1, Repeated: 1}},
		"repeated in two logs": {
			[]string{entry(4000, "/a.b/", "x") + entry(4000, "none", "y"), entry(4000, "/a.b/", "x") + entry(4000, "none", "y")},
			"0 log/task a: x x\n0 log y\n0 log y", "log(1) log/task a: x(2) log(2)", timeline.Placement{Repeated: 1}},
		"twice in one log": {
			[]string{program(""), entry(4000, "/a.b/", "x") + entry(4000, "/a.b/", "x")},
			"4000 prog/main x\n4000 prog/main x", both, timeline.Placement{OnSpan: 2}},
		"logs alone": {
			[]string{entry(4000, "/a.b/", "x"), entry(3000, "/c/", "y")},
			"0 log/task c: y y\n1000 log/task a: x x", "log(1) log/task a: x(2) log(2) log/task c: y(2)", timeline.Placement{}},
		"one log alone": {
			[]string{entry(4000, "/a.b/", "x")}, "0 log/task a: x x", "log(<nil>) log/task a: x(2)", timeline.Placement{}},
		"a log that is no log file, and has a counter": {
			[]string{program(""), strings.Replace(`[{"name":"process_name","ph":"M","pid":9,"args":{"name":"lines","spanstack.unix_ns":"1769850300000000000"}},
{"name":"n","ph":"C","ts":4,"pid":9,"args":{"v":1}}`+mark("5", "b", "x", "INFO"), `"pid":7`, `"pid":9`, 1) + "]"},
			"5000 prog/main x", both + " lines(9)", timeline.Placement{OnSpan: 1}},
		"an async span that is open": {
			[]string{program(",\n" + `{"name":"d","cat":"async","ph":"n","ts":3,"pid":7,"tid":2,"id":"d","args":{"spanstack.id":"d","open":true}}`), entry(4000, "/a~d/", "x")},
			"4000 prog/worker x", both, timeline.Placement{OnSpan: 1}},
		"without an anchor": {
			[]string{`[{"name":"a","ph":"X","ts":1,"dur":9,"pid":7,"tid":1,"args":{"spanstack.id":"a"}}]`, entry(4000, "/a/", "x")},
			"0 / x", "(7) /(1)", timeline.Placement{OnSpan: 1}},
	} {
		lines, places, tl := merge(t, c.inputs...)
		if lines != c.lines {
			t.Errorf("%s: got\n%s\nwant\n%s", name, lines, c.lines)
		}
		if places = strings.ReplaceAll(places, "log()", "log(<nil>)"); places != c.places {
			t.Errorf("%s: places are %s\nwant %s", name, places, c.places)
		}
		if got := tl.Placement(); got != c.want {
			t.Errorf("%s: placement %+v, want %+v", name, got, c.want)
		}
	}
}

// TestLogsAndSteps: where the wall clock was stepped, lines are at the time of the trace's own clock.
func TestLogsAndSteps(t *testing.T) {
	step := func(ts, unix string) string {
		return ",\n" + `{"name":"clock","cat":"clock","ph":"i","s":"g","ts":` + ts + `,"args":{"spanstack.unix_ns":"` + unix + `"}}`
	}
	slice := func(id, ts, dur string) string {
		return ",\n" + `{"name":"` + id + `","ph":"X","ts":` + ts + `,"dur":` + dur + `,"pid":7,"tid":2,"args":{"spanstack.id":"` + id + `"}}`
	}
	// At 10 s the clock goes 5 s ahead, and at 20 s it goes 10 s back, so that 09:05:15 to 09:05:25 are there twice.
	trace := program(step("10000000", "1769850315000000000") + step("20000000", "1769850315000000000") +
		slice("d", "12000000", "1000000") + slice("e", "22000000", "1000000") + mark("21000000", "a", "twice", "INFO"))
	lines, _, tl := merge(t, trace,
		entry(1e9, "/a/", "before")+entry(17.5e9, "/a/d/", "first")+entry(17.5e9, "/a/e/", "second")+entry(16e9, "/a/", "twice")+entry(19e9, "/a/", "later")+
			entry(28e9, "/a/", "after"))
	got := map[string]string{}
	for line := range strings.SplitSeq(lines, "\n") {
		f := strings.Fields(line)
		got[f[2]] += f[0] + " "
	}
	for message, at := range map[string]string{
		"before": "1000000000 ", "first": "12500000000 ", "second": "22500000000 ", "after": "33000000000 ",
		"twice": "21000000000 ", "later": "24000000000 ",
	} {
		if got[message] != at {
			t.Errorf("%q is at %sns, want %s", message, got[message], at)
		}
	}
	if got := tl.Placement(); got.Repeated != 1 {
		t.Errorf("placement %+v, want one repeated line", got)
	}

	// The clock goes 30 s back, which the program notices at 20 s only. A line from before that looks as if it were from
	// before the trace; so the log begins 10.15 s before that, and with it the timeline.
	trace = program(step("20000000", "1769850290000000000") + slice("f", "19800000", "100000"))
	if lines, _, _ = merge(t, trace, strings.Replace(entry(49.85e9, "/a/f/", "unnoticed"), ":05:", ":04:", 1)); !strings.HasPrefix(lines, "30000000000 ") {
		t.Errorf("got %s, want it at 30000000000ns", lines)
	}
}

// TestLogsAreIdempotent: merging a log with a merged trace changes nothing.
func TestLogsAreIdempotent(t *testing.T) {
	log := entry(2500, "/a.b/", "in b") + entry(4000, "/a.b/c.gone/", "in c") + entry(5000, "/y/", "nowhere") + entry(6000, "none", "taskless")
	write := func(inputs ...string) string {
		_, _, tl := merge(t, inputs...)
		var out strings.Builder
		w := chrome.NewWriter(&out)
		if _, err := tl.WriteTo(w); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	once := write(program(""), log)
	if twice := write(once, log); once != twice {
		t.Errorf("once\n%s\ntwice\n%s", once, twice)
	}
}
