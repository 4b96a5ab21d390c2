package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
)

// rivals are what a conversion is compared with: the same bytes, only read.
var rivals = []struct{ ours, theirs way }{
	{chromeToPerfetto, structsOfChrome},
	{chromeToPerfetto, nodeOfChrome},
	{otlpToPerfetto, pdataOfOTLP},
	{otlpToChrome, pdataOfOTLP},
	{otlpToJSON, pdataOfOTLP},
}

const conversionsText = `
## Conversions

Traces are converted as trace-convert does it with those that are too large to be held: as a stream, whose events are put in
order within a window. Beside that is how long others take to read the same bytes, without writing anything. Inputs are about
%.0f MB long, in memory, and what is written is dropped.

`

const conversionsNotes = `
- **MB/s a core** is the input's size by the CPU time of the whole process, garbage collections included, with its spread,
  and **MB/s** by the clock. Both are medians of %s, in each of which all ways were gone once, in a random order;
  before each, garbage is collected.
- encoding/json reads into structs that leave "args" for later, node's JSON.parse a text that it has in memory, pdata into its
  own structs. They hold all that they have read.
`

const rivalsText = `
How many times as fast a conversion is, and as cheap by CPU time: medians of the ratios of all rounds, and the intervals that
have the true medians in them with a confidence of 95 %.

`

func (r *report) writeConversions(out *bytes.Buffer) {
	if c := r.Conversions; c != nil {
		fmt.Fprintf(out, conversionsText, float64(c.Series[chromeToPerfetto][0].Bytes)/1e6)
		c.speeds().write(out)
		fmt.Fprintf(out, conversionsNotes, count(len(c.Series[chromeToPerfetto]), "round"))
		if c.Missing == "" {
			fmt.Fprintf(out, "- node is %s.\n", c.Node)
		}
		out.WriteString(rivalsText)
		c.ratios().write(out)
	}
	if r.Memory != nil {
		r.writeMemory(out)
	}
}

func (c *conversionsResult) speeds() *table {
	t := newTable("what", "MB/s a core:", "min–max:", "MB/s:")
	add := func(w way) {
		if len(c.Series[w]) == 0 {
			t.add(string(w), "not measured: "+c.Missing, "", "")
			return
		}
		aCore := c.Series.of(w, coreMegabytes)
		m := median(aCore) // sorts
		t.add(string(w), fmt.Sprintf("%.0f", m), fmt.Sprintf("%.0f–%.0f", aCore[0], aCore[len(aCore)-1]), fmt.Sprintf("%.0f", median(c.Series.of(w, megabytes))))
	}
	for _, c := range ourConversions {
		add(c.way)
	}
	for _, w := range []way{structsOfChrome, nodeOfChrome, pdataOfOTLP} {
		add(w)
	}
	return t
}

// megabytes is a passage's speed in MB/s.
func megabytes(p passage) float64 { return 1e3 * p.speed() }

// coreMegabytes is its speed by CPU time.
func coreMegabytes(p passage) float64 { return megabytes(p.onOneCore()) }

// onOneCore is the passage as if its CPU time were all that it takes.
func (p passage) onOneCore() passage { return passage{Bytes: p.Bytes, Time: p.CPU} }

func (c *conversionsResult) ratios() *table {
	onOneCore := series{}
	for w, all := range c.Series {
		for _, p := range all {
			onOneCore[w] = append(onOneCore[w], p.onOneCore())
		}
	}
	t := newTable("conversion", "beside", "× as fast:", "95 %:", "× as cheap:", "95 %:")
	for _, pair := range rivals {
		if len(c.Series[pair.theirs]) == 0 {
			t.add(string(pair.ours), string(pair.theirs), "not measured", "", "", "")
			continue
		}
		fast, cheap := c.Series.ratios(pair.ours, pair.theirs), onOneCore.ratios(pair.ours, pair.theirs)
		t.add(string(pair.ours), string(pair.theirs), ratio(median(slices.Clone(fast))), span(fast), ratio(median(slices.Clone(cheap))), span(cheap))
	}
	return t
}

const memoryText = `
trace-convert gets %.0f MB of Chrome JSON through a pipe and writes them in Perfetto's format. This is how much memory it
takes at most, pages of its program file included, and how much CPU time.

`

func (r *report) writeMemory(out *bytes.Buffer) {
	fmt.Fprintf(out, memoryText, float64(r.Memory[0].Bytes)/1e6)
	t := newTable("run:", "peak RSS:", "CPU:", "MB/s a core:", "MB/s:")
	for i, m := range r.Memory {
		rss := "unknown"
		if m.PeakRSS > 0 {
			rss = mib(m.PeakRSS)
		}
		t.add(fmt.Sprint(i+1), rss, fmt.Sprintf("%.1f s", m.CPU.Seconds()), fmt.Sprintf("%.0f", coreMegabytes(m.passage)), fmt.Sprintf("%.0f", megabytes(m.passage)))
	}
	t.write(out)
}

// converted is the speed a core of conversions, in MB/s. The slowest one counts.
func (r *report) converted(want float64, ways ...way) outcome {
	if r.Conversions == nil {
		return outcome{}
	}
	lowest, highest := math.Inf(1), 0.0
	for _, w := range ways {
		f := median(r.Conversions.Series.of(w, coreMegabytes))
		lowest, highest = min(lowest, f), max(highest, f)
	}
	if len(ways) == 1 {
		return outcome{fmt.Sprintf("%.0f MB/s", lowest), lowest >= want}
	}
	return outcome{fmt.Sprintf("%.0f–%.0f MB/s", lowest, highest), lowest >= want}
}

// memory is the highest amount of memory that a conversion took, in bytes.
func (r *report) memory(most int64) outcome {
	peak := int64(0)
	for _, m := range r.Memory {
		peak = max(peak, m.PeakRSS)
	}
	if peak == 0 {
		return outcome{}
	}
	return outcome{mib(peak), peak <= most}
}
