package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/otlp"
	"github.com/spanstack/spanstack/tracefmt/perfetto"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// A conversionsJob measures how fast traces are converted, beside how long others take only to read the same bytes.
type conversionsJob struct {
	Rounds int
	Bytes  int    // of each input, about
	Dir    string // an existing, empty directory
}

type conversionsResult struct {
	Series  series
	Node    string // its version
	Missing string // why node wasn't measured
}

// Conversions, and what reads their inputs.
const (
	chromeToPerfetto way = "Chrome JSON to Perfetto"
	perfettoToChrome way = "Perfetto to Chrome JSON"
	otlpToPerfetto   way = "OTLP to Perfetto"
	otlpToChrome     way = "OTLP to Chrome JSON"
	otlpToJSON       way = "OTLP to OTLP/JSON"

	structsOfChrome way = "Chrome JSON read by encoding/json"
	nodeOfChrome    way = "Chrome JSON read by node's JSON.parse"
	pdataOfOTLP     way = "OTLP read by the Collector's pdata"
)

// ourConversions are those that the library makes, by what they read and the format they write.
var ourConversions = []struct {
	way  way
	from func(inputs) []byte
	to   *tracefmt.Format
}{
	{chromeToPerfetto, inputs.ofChrome, perfetto.Format},
	{perfettoToChrome, inputs.ofPerfetto, chrome.Format},
	{otlpToPerfetto, inputs.ofOTLP, perfetto.Format},
	{otlpToChrome, inputs.ofOTLP, chrome.Format},
	{otlpToJSON, inputs.ofOTLP, otlp.FormatJSON},
}

func (in inputs) ofChrome() []byte   { return in.chrome }
func (in inputs) ofPerfetto() []byte { return in.perfetto }
func (in inputs) ofOTLP() []byte     { return in.otlp }

// A conversionBench goes over inputs in memory in the process that has it, and in node's.
type conversionBench struct {
	in   inputs
	node *nodeParser // nil if there is none
}

func (j *conversionsJob) run() (res conversionsResult, err error) {
	b := &conversionBench{}
	if b.in, err = newInputs(j.Bytes); err != nil {
		return res, err
	}
	b.node, err = startNode(j.Dir, b.in.chrome)
	if missing, ok := errors.AsType[*errMissing](err); ok && os.Getenv("SPANSTACK_REQUIRE_NPM") != "1" {
		res.Missing = missing.cause
	} else if err != nil {
		return res, err
	} else {
		defer b.node.stop()
		res.Node = b.node.version
	}
	ways := b.ways()
	for _, w := range ways { // so that lists and pools have grown, and node has compiled what it will
		if _, err := b.measure(w); err != nil {
			return res, err
		}
	}
	res.Series = series{}
	for range j.Rounds {
		if err := res.Series.addRound(ways, b.measure); err != nil {
			return res, err
		}
	}
	return res, nil
}

func (b *conversionBench) ways() (ways []way) {
	for _, c := range ourConversions {
		ways = append(ways, c.way)
	}
	ways = append(ways, structsOfChrome, pdataOfOTLP)
	if b.node != nil {
		ways = append(ways, nodeOfChrome)
	}
	return ways
}

// measure goes one way, once. Nobody has to clear away the garbage of who was there before.
func (b *conversionBench) measure(w way) (passage, error) {
	if w == nodeOfChrome {
		p, _, err := b.node.parse()
		return p, err
	}
	runtime.GC()
	cpu, start := cpuTime(), time.Now()
	bytes, _, err := b.once(w)
	p := passage{Bytes: int64(bytes), Time: time.Since(start), CPU: cpuTime() - cpu}
	if err != nil {
		err = fmt.Errorf("%s: %w", w, err)
	}
	return p, err
}

// once returns of how many bytes so many records came: events of a trace, or spans.
func (b *conversionBench) once(w way) (bytes, records int, err error) {
	switch w {
	case structsOfChrome:
		records, err = readStructs(b.in.chrome)
		return len(b.in.chrome), records, err
	case pdataOfOTLP:
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(b.in.otlp)
		return len(b.in.otlp), td.SpanCount(), err
	}
	for _, c := range ourConversions {
		if c.way == w {
			in := c.from(b.in)
			records, err = convertStream(c.to, in, io.Discard)
			return len(in), records, err
		}
	}
	return 0, 0, fmt.Errorf("no way %q", w)
}

// convertStream converts as trace-convert does what is too large to be held: it finds the format out, and puts events in order within a
// window of them.
func convertStream(to *tracefmt.Format, in []byte, out io.Writer) (events int, err error) {
	r, err := tracefmt.NewReader(bytes.NewReader(in))
	if err != nil {
		return 0, err
	}
	return convert(to, timeline.NewStream(r, 0), out)
}

// convert writes in a format what r reads.
func convert(to *tracefmt.Format, r tracefmt.Reader, out io.Writer) (events int, err error) {
	w := to.NewWriter(out)
	n, err := tracefmt.Copy(w, r)
	if err != nil {
		return int(n), err
	}
	return int(n), w.Close()
}

// chromeEvents is what a program declares that reads such a trace with encoding/json. It leaves what is in "args" for later.
type chromeEvents struct {
	TraceEvents []struct {
		Name, Cat, Ph string
		PID, TID      int64
		TS, Dur       float64
		Args          json.RawMessage
	}
}

func readStructs(data []byte) (events int, err error) {
	var trace chromeEvents
	err = json.Unmarshal(data, &trace)
	return len(trace.TraceEvents), err
}

// measureConversions runs the job in a child process.
func measureConversions(ctx context.Context, j conversionsJob) (res *conversionsResult, err error) {
	if j.Dir, err = os.MkdirTemp("", "spanstack-bench-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(j.Dir)
	res = new(conversionsResult)
	return res, doInChild(ctx, job{Conversions: &j}, res)
}

// duration estimates how long the job takes.
func (j *conversionsJob) duration() time.Duration {
	if j.Rounds == 0 {
		return 0
	}
	return time.Duration(j.Rounds+2) * time.Duration(j.Bytes) * 60 // ns a byte, all ways together
}
