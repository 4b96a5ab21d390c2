package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

const viewerIntroduction = `<!-- Written by "make bench-viewer". Don't edit it. -->
# Benchmarks of the viewer

How fast trace-view shows a large trace, and what it takes to follow a process that runs, in a headless Chromium without a GPU.
Processes, servers and browser share the processors of one machine: times are those of this machine, and of what else it did.

`

// A viewerReport holds the results of BenchmarkViewer.
type viewerReport struct {
	Config     map[string]string               // of the machine, and of what was measured
	Processors int                             // that there are
	Figures    map[string]map[string][]float64 // by benchmark and unit, one for each round
}

// Benchmarks.
const (
	largeTrace  = "File"
	byTraceView = "Live/trace-view"
	byOwnPage   = "Live/own-page"
)

// A liveWay is how a process is followed: the benchmark, and for people.
type liveWay struct{ name, what string }

var liveWays = []liveWay{{byTraceView, "trace-view"}, {byOwnPage, "a page of its own"}}

// markdown renders the report.
func (r *viewerReport) markdown() []byte {
	var out bytes.Buffer
	out.WriteString(viewerIntroduction)
	fmt.Fprintf(&out, "- CPU: %s, %d of them, %s/%s\n- Go: %s\n- Browser: %s\n- Reproduce: `%s`\n",
		r.Config["cpu"], max(1, r.Processors), r.Config["goos"], r.Config["goarch"], r.Config["go"], r.Config["chromium"], r.command())
	out.WriteString("\n## Targets\n\n")
	r.targets().write(&out)
	r.writeLarge(&out)
	r.writeLive(&out)
	return out.Bytes()
}

// command is what to type for the same measurement.
func (r *viewerReport) command() string {
	command := ""
	for _, f := range []struct {
		name  string
		usual int
	}{{"spans", defaultSpans}, {"rate", defaultRate}, {"seconds", defaultSeconds}} {
		if r.Config[f.name] != strconv.Itoa(f.usual) {
			command += " --" + f.name + " " + r.Config[f.name]
		}
	}
	if command == "" {
		return "make bench-viewer"
	}
	return "cd bench && go run . viewer" + command
}

// figure is the median of all rounds, or for a longest time the longest one; NaN if it wasn't measured.
func (r *viewerReport) figure(benchmark, unit string) float64 {
	v := slices.Clone(r.Figures[benchmark][unit])
	switch {
	case len(v) == 0:
		return math.NaN()
	case strings.HasSuffix(unit, "-max-ms"):
		return slices.Max(v)
	}
	return median(v)
}

// targets compares the results with what the viewer is to reach.
func (r *viewerReport) targets() *table {
	t := newTable("what", "target", "measured", "met?")
	t.addTarget(fmt.Sprintf("first whole picture of %s spans, after trace-view starts", r.number("spans")), "≤ 5 s", r.atMost(largeTrace, "first-ms", 5, 1000, "s"))
	t.addTarget("memory of trace-view", "≤ 1.5 GB", r.atMost(largeTrace, "peak-MB", 1.5, 1000, "GB"))
	t.addTarget("95 % of answers to a zoom or pan", "≤ 50 ms", r.atMost(largeTrace, "tiles-p95-ms", 50, 1, "ms"))
	t.addTarget("95 % of frames meanwhile", "≤ 33 ms", r.atMost(largeTrace, "frame-p95-ms", 33, 1, "ms"))
	for _, way := range liveWays {
		by := "followed by " + way.what + ": "
		t.addTarget(by+"longest time without another picture", "≤ 250 ms", r.atMost(way.name, "picture-max-ms", 250, 1, "ms"))
		t.addTarget(by+"of a processor in the process", "< 10 %", r.atMost(way.name, "followed-%cpu", 10, 1, "%"))
		t.addTarget(by+"what is lost of a burst is told, where it happened", "all of it", r.losses(way.name))
	}
	return t
}

// atMost compares a figure with what it may be, in a unit that is so many of the figure's.
func (r *viewerReport) atMost(benchmark, unit string, want, per float64, as string) outcome {
	v := r.figure(benchmark, unit) / per
	if math.IsNaN(v) {
		return outcome{}
	}
	return outcome{rounded(v) + " " + as, v <= want}
}

// losses compares what was made with what came and what is told of the rest.
func (r *viewerReport) losses(benchmark string) outcome {
	untold, elsewhere, lost := r.figure(benchmark, "untold"), r.figure(benchmark, "elsewhere"), r.figure(benchmark, "burst-lost")
	if math.IsNaN(untold) {
		return outcome{}
	}
	return outcome{fmt.Sprintf("%s lost, %s untold, %s marks elsewhere", grouped(lost), grouped(untold), grouped(elsewhere)), untold == 0 && elsewhere == 0 && lost > 0}
}

const largeText = `
## A large trace

trace-view reads a Perfetto trace of %s spans in 1,000 tasks, with IDs, attributes and log lines. The picture is the first one of all
of it; it is there %s s after the program starts. Then one moves through it for half a minute, by wheel, keys, drags and clicks at random.

`

const largeNotes = `
**Answers** are those with tiles, as the browser sees them; **drawing** is what the page's own code takes of a frame; **frames** are from
one to the next while something moves. trace-view had %s MB at most.
`

func (r *viewerReport) writeLarge(out *bytes.Buffer) {
	if r.Figures[largeTrace] == nil {
		return
	}
	fmt.Fprintf(out, largeText, r.number("spans"), rounded(r.figure(largeTrace, "first-ms")/1000))
	t := newTable("in ms", "median:", "95 %:", "longest:")
	t.addSpread(r, largeTrace, "answers", "tiles")
	t.addSpread(r, largeTrace, "drawing", "draw")
	t.addSpread(r, largeTrace, "frames", "frame")
	t.write(out)
	fmt.Fprintf(out, largeNotes, rounded(r.figure(largeTrace, "peak-MB")))
}

const liveText = `
## A process that runs

A process makes %s spans a second in eight tasks, all the time, and nothing else. A page follows it for %s s: that of trace-view, which
reads the process's stream, or one that the process serves itself.

`

const liveNotes = `
- **pictures** are from one that differs to the next, by the pixels; **news** from one with later spans to the next; **behind** is how
  old the newest span in the picture is. The server tells at most four times a second what is new; between, the picture moves.
- **of a processor** is what the process takes as long as it is followed, and while nobody looks.
- At the end the process makes two million spans as fast as it can. Of these, as many are **lost** as the stream couldn't hand on; what was
  made and is neither there nor told as lost is **untold**.
`

func (r *viewerReport) writeLive(out *bytes.Buffer) {
	ways := slices.DeleteFunc(slices.Clone(liveWays), func(way liveWay) bool { return r.Figures[way.name] == nil })
	if len(ways) == 0 {
		return
	}
	fmt.Fprintf(out, liveText, r.number("rate"), r.number("seconds"))
	t := newTable("followed by", "in ms", "median:", "95 %:", "longest:")
	for _, way := range ways {
		what := way.what
		for _, row := range [][2]string{{"pictures", "picture"}, {"news", "news"}, {"behind", "behind"}, {"drawing", "draw"}, {"frames", "frame"}} {
			t.addSpread(r, way.name, row[0], row[1], what)
			what = ""
		}
	}
	t.write(out)
	out.WriteString("\n")
	t = newTable("followed by", "spans/s:", "of a processor:", "nobody looks:", "trace-view itself:", "its peak memory:", "lost in the time:", "of the burst:", "untold:")
	for _, way := range ways {
		f := func(unit, as string) string { return r.shown(way.name, unit, as) }
		t.add(way.what, f("spans/s", ""), f("followed-%cpu", " %"), f("alone-%cpu", " %"), f("trace-view-%cpu", " %"), f("peak-MB", " MB"), f("lost", ""), f("burst-lost", ""), f("untold", ""))
	}
	t.write(out)
	out.WriteString(liveNotes)
}

// addSpread adds a line for times, after other cells.
func (t *table) addSpread(r *viewerReport, benchmark, what, name string, before ...string) {
	cells := append(before, what)
	for _, part := range []string{"p50", "p95", "max"} {
		cells = append(cells, r.shown(benchmark, name+"-"+part+"-ms", ""))
	}
	t.add(cells...)
}

// shown shows a figure, and nothing if there is none.
func (r *viewerReport) shown(benchmark, unit, as string) string {
	v := r.figure(benchmark, unit)
	if math.IsNaN(v) {
		return ""
	}
	return rounded(v) + as
}

// rounded shows three digits, or all of those before the point.
func rounded(v float64) string {
	switch a := math.Abs(v); {
	case v == math.Trunc(v) || a >= 100:
		return grouped(v)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// grouped shows a whole number with a comma before each three digits.
func grouped(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// number shows a number of the configuration.
func (r *viewerReport) number(key string) string {
	n, err := strconv.Atoi(r.Config[key])
	if err != nil {
		return "?"
	}
	return grouped(float64(n))
}
