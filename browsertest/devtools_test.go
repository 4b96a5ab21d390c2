package browsertest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// devtoolsPage is DevTools, as Chromium brings it along. Opened like this it has no page to look at, but its panel Performance opens
// files.
const devtoolsPage = "devtools://devtools/bundled/devtools_app.html"

// devtoolsDriver loads a file by DevTools' own modules, and says what the panel then draws. Relied on are, in Chromium 156:
//
//   - panels/timeline/timeline.js exports TimelinePanel.TimelinePanel. Its instance() has loadFromFile, which is what the button "Load
//     profile" calls, tells that it is through by the event RecordingCompleted, with errorText or without, and has getFlameChart();
//   - getMainDataProvider() of that has timelineData(), of which entryLevels and groups with their startLevel are used; entryTitle(i) is
//     what is written on a bar, and eventByIndex(i) is the event behind it, with pid, tid, ts and dur, in µs;
//   - groups of nestingLevel 0 are processes, of 1 threads; their names end with the number in brackets;
//   - what it finds wrong with events goes to console.error.
const devtoolsDriver = `
var driver = {
	async open() {
		const module = name => import(new URL(name, location));
		const {TimelinePanel} = await module("panels/timeline/timeline.js");
		const {ViewManager} = await module("ui/legacy/legacy.js");
		await ViewManager.ViewManager.instance().showView("timeline");
		this.panel = TimelinePanel.TimelinePanel.instance();
		for (const name of ["loadFromFile", "addEventListener", "getFlameChart"])
			if (typeof this.panel[name] !== "function") throw new Error("TimelinePanel has no " + name);
		this.errors = [];
		console.error = (...args) => { this.errors.push(args.map(String).join(" ")); };
		this.completed = () => {};
		this.panel.addEventListener("RecordingCompleted", e => this.completed(e.data.errorText));
	},
	async load(text) {
		this.errors.length = 0;
		const completed = new Promise(resolve => { this.completed = resolve; });
		await this.panel.loadFromFile(new File([text], "trace.json"));
		const trouble = await completed;
		if (trouble !== undefined) throw new Error("DevTools: " + trouble);
		const provider = this.panel.getFlameChart().getMainDataProvider(), drawn = provider.timelineData();
		const groups = drawn.groups.map(g => ({Name: g.name, Level: g.startLevel, Nesting: g.style.nestingLevel}));
		const bars = Array.from(drawn.entryLevels, (level, i) => {
			const e = provider.eventByIndex(i);
			return {Name: provider.entryTitle(i), Level: level, PID: String(e.pid), TID: String(e.tid), TS: e.ts, Dur: e.dur || 0};
		});
		return JSON.stringify({Groups: groups, Bars: bars, Errors: this.errors});
	},
};
driver.open().then(() => "ready", e => "trouble: " + e)`

// devtoolsReport is what is drawn.
type devtoolsReport struct {
	Groups []struct {
		Name           string
		Level, Nesting int
	}
	Bars []struct {
		Name, PID, TID string
		Level          int
		TS, Dur        float64 // µs
	}
	Errors []string
}

// devtools is its page in a browser.
type devtools struct{ tab context.Context }

// startDevTools opens the panel. DevTools' modules are nobody's interface: if those of another Chromium have changed, that says nothing
// about traces, and the test is skipped, unless it must run.
func startDevTools(t *testing.T) *devtools {
	t.Helper()
	d := &devtools{startTab(t)}
	if err := chromedp.Do(d.tab, chromedp.Navigate(devtoolsPage)); err != nil {
		t.Fatalf("open %s: %v", devtoolsPage, err)
	}
	answer, err := run(d, devtoolsDriver)
	if err != nil {
		t.Fatal(err)
	}
	if answer != "ready" {
		skip := t.Skipf
		if os.Getenv("SPANSTACK_REQUIRE_BROWSER") == "1" {
			skip = t.Fatalf
		}
		skip("this Chromium's DevTools can't be asked as that of 156: %s", answer)
	}
	return d
}

// run evaluates an expression whose value is a promise of a text.
func run(d *devtools, expression string) (string, error) {
	ctx, cancel := context.WithTimeout(d.tab, time.Minute)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
}

// load opens a trace.
func (d *devtools) load(data []byte) (report devtoolsReport, err error) {
	text, err := json.Marshal(string(data))
	if err != nil {
		return report, err
	}
	answer, err := run(d, fmt.Sprintf("driver.load(%s)", text))
	if err == nil {
		err = json.Unmarshal([]byte(answer), &report)
	}
	return report, err
}

// bars returns what is drawn, by process and thread, with depths and times.
func (r *devtoolsReport) bars() (list []string) {
	process, names := "", map[int]string{} // of threads, by their first level: one without bars has that of the next one
	for _, g := range r.Groups {
		if g.Nesting == 0 {
			process = g.Name
		}
		names[g.Level] = process + ", " + g.Name
	}
	for _, b := range r.Bars {
		first := b.Level
		for first > 0 && names[first] == "" {
			first--
		}
		list = append(list, bar(names[first], b.Level-first, b.Name, b.TS, b.Dur))
	}
	slices.Sort(list)
	return list
}

func bar(lane string, depth int, name string, ts, dur float64) string {
	return fmt.Sprintf("%s: depth %d, %s, %.0f ns + %.0f ns", lane, depth, name, ns(ts), ns(dur))
}

func ns(us float64) float64 { return math.Round(us * 1000) }

// A drawing is what of a file DevTools draws, as bars returns it.
type drawing struct {
	list    []string
	rounded int // slices that are left out
}

// fileEvent is what a file says, read without spanstack's own readers.
type fileEvent struct {
	Ph, Name, Cat string
	PID, TID      json.RawMessage
	TS, Dur       float64
	Args          map[string]any
}

// drawable returns the slices of a file that DevTools draws. An open one has no length. Of traces that aren't Chromium's own, instants,
// counters, async slices and arrows aren't drawn. An end is taken for that of the slice which began last in any lane, and has to have its
// name and category, too: slices of several lanes that have ends of their own, instead of durations, are drawn right only if they nest.
func drawable(t *testing.T, data []byte) (d drawing) {
	t.Helper()
	var events []fileEvent
	if err := json.Unmarshal(data, &events); err != nil {
		t.Fatal(err)
	}
	processes, threads := map[string]string{}, map[[2]string]string{}
	byLane := map[[2]string][]*fileEvent{}
	var begun []*fileEvent
	for i := range events {
		e := &events[i]
		name, _ := e.Args["name"].(string)
		at := [2]string{strings.Trim(string(e.PID), `"`), strings.Trim(string(e.TID), `"`)}
		switch {
		case e.Ph == "M" && e.Name == "process_name":
			processes[at[0]] = name
		case e.Ph == "M" && e.Name == "thread_name":
			threads[at] = name
		case e.Ph == "X", e.Ph == "B":
			byLane[at] = append(byLane[at], e)
			if e.Ph == "B" {
				begun = append(begun, e)
			}
		case e.Ph == "E":
			b := begun[len(begun)-1]
			if b.Name != e.Name || b.Cat != e.Cat || !slices.Equal(b.TID, e.TID) {
				t.Fatalf("the end of %s %q at %v µs isn't that of what began last, %s %q", e.Cat, e.Name, e.TS, b.Cat, b.Name)
			}
			begun, b.Dur = begun[:len(begun)-1], e.TS-b.TS
		}
	}
	for at, own := range byLane {
		d.lane(t, fmt.Sprintf("%s (%s), %s (%s)", cmp.Or(processes[at[0]], "Process"), at[0], cmp.Or(threads[at], "Thread "+at[1]), at[1]), own)
	}
	slices.Sort(d.list)
	return d
}

// lane draws a lane. A slice that ends behind the one it begins in is left out, without a word (treify in models/trace/helpers/helpers.js).
// We never write such, but the sums of begins and durations are rounded, to float64: where two slices end together, or one begins where
// another ends, it may be a trillionth later. So DevTools does leave some out.
func (d *drawing) lane(t *testing.T, lane string, own []*fileEvent) {
	t.Helper()
	slices.SortStableFunc(own, func(a, b *fileEvent) int {
		return cmp.Or(cmp.Compare(a.TS, b.TS), -cmp.Compare(a.Dur, b.Dur))
	})
	var ends []float64 // of those that the next one may be in
	for _, e := range own {
		end := e.TS + e.Dur
		for len(ends) > 0 && e.TS >= ends[len(ends)-1] {
			ends = ends[:len(ends)-1]
		}
		if n := len(ends) - 1; n >= 0 && end > ends[n] {
			if ns(e.TS) < ns(ends[n]) && ns(end) > ns(ends[n]) {
				t.Errorf("in the file %q at %v µs ends behind what it begins in", e.Name, e.TS)
			}
			d.rounded++
			continue
		}
		d.list = append(d.list, bar(lane, len(ends), e.Name, e.TS, e.Dur))
		ends = append(ends, end)
	}
}

// TestDevTools has the panel Performance of Chromium's DevTools open what we write, and compares what it draws with what the file says:
// every slice, with its name, times and depth, in the lane with its name.
func TestDevTools(t *testing.T) {
	program := build(t, t.TempDir(), "./cmd/trace-convert")
	d := startDevTools(t)
	for _, trace := range traces {
		t.Run(filepath.Base(trace), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "t.json")
			convert(t, program, trace, "chrome", file)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if n := d.compare(t, data); n == 0 && !strings.Contains(trace, "async") {
				t.Error("nothing is drawn")
			}
		})
	}
	for _, golden := range []string{"sample", "concurrent"} { // with ends of their own, and with lanes for what overlaps
		t.Run(golden, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("../tracefmt/chrome/testdata", golden+".golden.json"))
			if err != nil {
				t.Fatal(err)
			}
			d.compare(t, data)
		})
	}
	t.Run("demo", func(t *testing.T) { d.compare(t, produced(t, filepath.Join("..", "demo", "trace.json"), "make demo")) })

	// A trace that can't be loaded is noticed: otherwise the above would prove nothing.
	if report, err := d.load([]byte(`[{"ph":"X","pid":1,"tid":1,"ts":"soon"`)); err == nil {
		t.Errorf("a trace that is no JSON is loaded, as %+v", report)
	}
}

// compare returns how many bars there are.
func (d *devtools) compare(t *testing.T, data []byte) (bars int) {
	t.Helper()
	report, err := d.load(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range report.Errors {
		t.Errorf("DevTools complains: %s", e)
	}
	got, want := report.bars(), drawable(t, data)
	if want.rounded > 0 {
		t.Logf("DevTools leaves out %d of %d slices, because of how their ends are rounded", want.rounded, len(want.list)+want.rounded)
	}
	for _, line := range without(got, want.list) {
		t.Errorf("DevTools draws what the file doesn't have: %s", line)
	}
	for _, line := range without(want.list, got) {
		t.Errorf("DevTools doesn't draw %s", line)
	}
	return len(got)
}

// without returns the lines of a that b has less often.
func without(a, b []string) (list []string) {
	left := map[string]int{}
	for _, line := range b {
		left[line]++
	}
	for _, line := range a {
		if left[line]--; left[line] < 0 {
			list = append(list, line)
		}
	}
	return list
}
