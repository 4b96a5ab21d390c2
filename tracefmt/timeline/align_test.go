package timeline_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/spanlog"
	"github.com/spanstack/spanstack/tracefmt/timeline"
	"pgregory.net/rapid"
)

// events is a Reader of events.
type events []tracefmt.Event

func (list *events) Next() (*tracefmt.Event, error) {
	if len(*list) == 0 {
		return nil, io.EOF
	}
	e := &(*list)[0]
	*list = (*list)[1:]
	return e, nil
}

// read returns the timeline of several inputs.
func read(inputs ...events) *timeline.Timeline {
	tl := new(timeline.Timeline)
	for i := range inputs {
		list := inputs[i]
		tl.Read(&list)
	}
	return tl
}

// at returns an input whose wall clock reads unix at 0 of its own clock, or one without such a reading if that is 0.
func at(unix int64, slices ...tracefmt.Event) events {
	list := events{{Kind: tracefmt.Clock, Unix: unix}, {Kind: tracefmt.Process, Track: 1, Name: "p"}}
	if unix == 0 {
		list = list[1:]
	}
	return append(list, slices...)
}

func slice(start, end int64, id, parent string) tracefmt.Event {
	e := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: start, Dur: end - start, Name: id, ID: id, Parent: parent}
	if end < start {
		e.Kind, e.Dur = tracefmt.Begin, 0
	}
	return e
}

// with returns a slice with an attribute.
func with(e tracefmt.Event, key, value string) tracefmt.Event {
	e.Attrs = []tracefmt.Attr{{Key: key, Value: tracefmt.String(value)}}
	return e
}

func point(kind tracefmt.Kind, at int64, key string) tracefmt.Event {
	return tracefmt.Event{Kind: kind, Track: 1, Time: at, Key: key}
}

// starts returns when each slice starts on the timeline.
func starts(tl *timeline.Timeline) map[string]int64 {
	found := make(map[string]int64)
	for e := range tl.Events() {
		switch e.Kind {
		case tracefmt.Begin, tracefmt.Complete, tracefmt.AsyncBegin, tracefmt.Log:
			found[e.Name] = e.Time
		}
	}
	return found
}

func TestAlignments(t *testing.T) {
	const client, server, apart = "client", "server", "apart"
	for name, c := range map[string]struct {
		inputs  []events
		method  timeline.AlignBy
		offsets map[int]int64
		want    string // of each input, as in describe
		starts  map[string]int64
	}{
		"clocks": {[]events{at(1000, slice(5, 9, client, "")), at(1100, slice(5, 9, server, ""))}, 0, nil,
			"reference; clock", map[string]int64{client: 5, server: 105}},
		"clocks that messages confirm": {[]events{at(1000, slice(100, 200, client, "")), at(1100, slice(10, 20, server, client))}, 0, nil,
			"reference; confirmed +0±80 by 1/1", map[string]int64{server: 110}},
		"clocks that messages contradict": {[]events{at(1000, slice(100, 200, client, "")), at(1300, slice(10, 90, server, client))}, 0, nil,
			"reference; messages -200±10 by 1/1 contradict", map[string]int64{client: 100, server: 110}},
		"clocks only": {[]events{at(1000, slice(100, 200, client, "")), at(1300, slice(10, 90, server, client))}, timeline.ByClocksOnly, nil,
			"reference; clock", map[string]int64{server: 310}},
		"messages first": {[]events{at(1000, slice(100, 200, client, "")), at(1100, slice(10, 20, server, client))}, timeline.ByMessages, nil,
			"reference; messages +35±45 by 1/1", map[string]int64{server: 145}},
		"no clock in one": {[]events{at(0, slice(100, 200, client, "")), at(1100, slice(10, 90, server, client))}, 0, nil,
			"messages -100±10 by 1/1; reference", map[string]int64{client: 0, server: 10}},
		"no clock at all": {[]events{at(0, slice(10, 90, server, client)), at(0, slice(1100, 1200, client, ""))}, 0, nil,
			"reference; messages -1100±10 by 1/1", map[string]int64{client: 0, server: 10}},
		"nothing": {[]events{at(0, slice(10, 90, server, "")), at(1000, slice(1100, 1200, client, ""))}, 0, nil,
			"none; none", map[string]int64{client: 1100, server: 10}},
		"an offset": {[]events{at(1000, slice(0, 1, client, "")), at(1100, slice(0, 1, server, ""))}, 0, map[int]int64{1: 7},
			"reference; offset +7", map[string]int64{client: 0, server: 107}},
		"an offset of the first": {[]events{at(1000, slice(0, 1, client, "")), at(1100, slice(0, 1, server, ""))}, 0, map[int]int64{0: 7},
			"offset +7; reference", map[string]int64{client: 7, server: 100}},
		"an offset without clocks": {[]events{at(0, slice(0, 1, client, "")), at(0, slice(0, 1, server, ""))}, 0, map[int]int64{1: -7},
			"reference; offset -7", map[string]int64{client: 0, server: -7}},
		"an offset without its clock": {[]events{at(1100, slice(0, 1, client, "")), at(1000, slice(0, 1, server, "")), at(0, slice(0, 1, apart, ""))}, 0,
			map[int]int64{2: -7}, "reference; clock; offset -7", map[string]int64{client: 100, server: 0, apart: 93}},
		"an offset, whatever messages say": {[]events{at(1000, slice(100, 200, client, "")), at(1000, slice(110, 190, server, client))}, 0, map[int]int64{1: 500},
			"reference; offset +500", map[string]int64{client: 100, server: 610}},
		"an offset that another one follows": {[]events{at(1000, slice(0, 1, apart, "")), at(1000, slice(100, 200, client, "")), at(0, slice(10, 90, server, client))}, 0,
			map[int]int64{1: 50}, "reference; offset +50; messages +150±10 by 1/1", map[string]int64{client: 150, server: 160}},
		"an offset and nothing": {[]events{at(1000, slice(0, 1, client, "")), at(0, slice(0, 1, server, "")), at(0, slice(0, 1, apart, ""))}, 0, map[int]int64{1: 5},
			"none; offset +5; none", map[string]int64{client: 0, server: 5, apart: 0}},
		"through another one": {[]events{at(0, slice(100, 200, client, "")), at(0, slice(1000, 1080, server, client), slice(1010, 1020, "c2", server)),
			at(0, slice(0, 6, apart, "c2"))}, 0, nil,
			"reference; messages -890±10 by 1/1; messages +122±12 by 1/1", map[string]int64{client: 100, server: 110, "c2": 120, apart: 122}},
		"most messages": {[]events{at(1000, slice(100, 200, "r1", ""), slice(300, 400, "r2", ""), slice(500, 600, "r3", "")),
			at(1000, slice(310, 390, "s1", "r1"), slice(520, 590, "s2", "r2"), slice(20, 30, "s3", "r3"))}, 0, nil,
			"reference; messages -200±10 by 2/3 contradict", map[string]int64{"s1": 110}},
		"clocks, as messages contradict each other": {[]events{at(1000, slice(100, 200, "r1", ""), slice(300, 400, "r2", "")),
			at(1000, slice(310, 390, "s1", "r1"), slice(820, 890, "s2", "r2"))}, 0, nil,
			"reference; clock by 1/2 contradict", map[string]int64{"s1": 310}},
		"messages first, even so": {[]events{at(1000, slice(100, 200, "r1", ""), slice(300, 400, "r2", "")),
			at(1000, slice(310, 390, "s1", "r1"), slice(820, 890, "s2", "r2"))}, timeline.ByMessages, nil,
			"reference; messages -200±10 by 1/2 contradict", map[string]int64{"s1": 110}},
		"a queue": {[]events{at(1000, slice(100, 200, "r1", "")),
			at(1000, with(slice(310, 390, "s1", "r1"), "span.kind", "consumer"))}, 0, nil,
			"reference; clock", map[string]int64{"s1": 310}},
		"IDs that are counted": {[]events{at(1000, slice(100, 200, "17", "")), at(1300, slice(10, 90, server, "17"))}, 0, nil,
			"reference; clock", map[string]int64{server: 310}},
		"another trace": {[]events{at(1000, with(slice(100, 200, "r1", ""), "trace_id", "t")),
			at(1000, with(slice(310, 390, "s1", "r1"), "trace_id", "u"))}, 0, nil,
			"reference; clock", map[string]int64{"s1": 310}},
		"arrows": {[]events{at(0, slice(0, 200, client, ""), point(tracefmt.FlowStart, 50, "a"), point(tracefmt.FlowEnd, 80, "b")),
			at(0, slice(0, 200, server, ""), point(tracefmt.FlowEnd, 150, "a"), point(tracefmt.FlowStart, 160, "b"))}, 0, nil,
			"reference; messages -90±10 by 2/2", map[string]int64{server: -90}},
		"arrows of one direction": {[]events{at(0, slice(0, 200, client, ""), point(tracefmt.FlowStart, 50, "a")),
			at(0, slice(0, 200, server, ""), point(tracefmt.FlowEnd, 150, "a"))}, 0, nil, "none; none", nil},
		"arrows whose key is used twice": {[]events{at(0, slice(0, 200, client, ""), point(tracefmt.FlowStart, 50, "a"), point(tracefmt.FlowEnd, 80, "b")),
			at(0, slice(0, 200, server, ""), point(tracefmt.FlowStart, 1, "a"), point(tracefmt.FlowEnd, 150, "a"), point(tracefmt.FlowStart, 160, "b"))}, 0, nil,
			"none; none", nil},
		"a server that goes on": {[]events{at(0, slice(100, 200, "r1", ""), slice(300, 310, "r2", "")), at(0, slice(10, 90, "s1", "r1"), slice(205, 900, "s2", "r2"))}, 0, nil,
			"reference; messages +102±8 by 2/2", nil},
		"begins and ends": {[]events{at(0, slice(100, -1, client, ""), point(tracefmt.End, 200, ""), slice(300, -1, "open", "")),
			at(0, slice(10, -1, server, client), slice(20, -1, "inner", ""), point(tracefmt.End, 30, ""), point(tracefmt.End, 90, ""), slice(205, -1, "s2", "open"))}, 0, nil,
			"reference; messages +102±8 by 2/2", nil},
		"an ID that several have": {[]events{at(0, slice(100, 200, client, "")), at(0, slice(10, 90, server, client)), at(0, slice(0, 1, client, ""))}, 0, nil,
			"none; none; none", nil},
	} {
		tl := read(c.inputs...)
		tl.AlignBy(c.method)
		for i, ns := range c.offsets {
			tl.SetOffset(i, ns)
		}
		if got := describe(tl); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		found := starts(tl)
		for id, want := range c.starts {
			if found[id] != want {
				t.Errorf("%s: %s starts at %d, want %d", name, id, found[id], want)
			}
		}
	}
}

// describe returns the alignments as text.
func describe(tl *timeline.Timeline) string {
	var parts []string
	for _, a := range tl.Alignments() {
		text := [...]string{"none", "reference", "clock", "messages", "offset", "confirmed"}[a.Method]
		if a.Method >= timeline.ByMessagePairs {
			text += fmt.Sprintf(" %+d", a.Offset)
		}
		if a.Method >= timeline.ByMessagePairs && a.Messages > 0 {
			text += fmt.Sprintf("±%d", a.Bound)
		}
		if a.Messages > 0 {
			text += fmt.Sprintf(" by %d/%d", a.Agreeing, a.Messages)
		}
		if a.Contradicted {
			text += " contradict"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// TestAlignAsync has requests as async slices, on both sides.
func TestAlignAsync(t *testing.T) {
	async := func(kind tracefmt.Kind, at int64, id, parent string) tracefmt.Event {
		return tracefmt.Event{Kind: kind, Track: 1, Time: at, Name: id, ID: id, Parent: parent}
	}
	tl := read(at(0, async(tracefmt.AsyncBegin, 100, "c", ""), async(tracefmt.AsyncEnd, 200, "c", "")),
		at(0, async(tracefmt.AsyncBegin, 1010, "s", "c"), async(tracefmt.AsyncEnd, 1090, "s", "")))
	if got, want := describe(tl), "reference; messages -900±10 by 1/1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLogFollowsTrace has the log of a program whose wall clock was behind: its lines move with the program's trace,
// unless their own offset is set.
func TestLogFollowsTrace(t *testing.T) {
	load := func() *timeline.Timeline {
		tl := read(at(1e9, slice(100, 200, "client", "")), at(2e9, slice(110, 190, "server", "client")))
		line := `{"time":"1970-01-01T00:00:02.000000150Z","level":"INFO","msg":"line","trace":"/server/"}`
		if _, err := tl.Read(spanlog.NewReader(strings.NewReader(line))); err != nil {
			t.Fatal(err)
		}
		return tl
	}
	if got := starts(load()); got["server"] != 110 || got["line"] != 150 {
		t.Errorf("got %v", got)
	}
	tl := load()
	tl.SetOffset(2, -1e9+7)
	if got := starts(tl); got["line"] != 157 {
		t.Errorf("with an offset of its own: %v", got)
	}
}

// TestTrueOffset checks that, whatever messages take, the true offsets of clocks are within the bounds.
func TestTrueOffset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(t, "processes")
		anchored := rapid.Bool().Draw(t, "anchored")
		clock := make([]int64, n) // what each reads at 0
		inputs := make([]events, n)
		for i := range n {
			clock[i] = rapid.Int64Range(-1e9, 1e9).Draw(t, "clock")
			inputs[i] = at(0)
			if anchored {
				inputs[i] = at(1e15)
			}
		}
		latency := rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(0, 1e8))
		now := int64(0)
		for i := range rapid.IntRange(1, 30).Draw(t, "requests") {
			client, server := rapid.IntRange(0, n-1).Draw(t, "client"), rapid.IntRange(0, n-1).Draw(t, "server")
			var times [4]int64
			for j := range times {
				now += latency.Draw(t, "latency")
				times[j] = now
			}
			c, s := fmt.Sprint("c", i), fmt.Sprint("s", i)
			inputs[client] = append(inputs[client], slice(times[0]+clock[client], times[3]+clock[client], c, ""))
			inputs[server] = append(inputs[server], slice(times[1]+clock[server], times[2]+clock[server], s, c))
		}
		tl := read(inputs...)
		if rapid.Bool().Draw(t, "messages first") {
			tl.AlignBy(timeline.ByMessages)
		}
		for i, a := range tl.Alignments() {
			if a.Messages == 0 {
				continue
			}
			truth := clock[a.To] - clock[i]
			known := tl.Alignments()[a.To].Offset
			if off := a.Offset - known - truth; off > a.Bound || -off > a.Bound || a.Agreeing != a.Messages {
				t.Fatalf("input %d: %+v, want %d", i, a, truth)
			}
		}
	})
}

// behind makes a reader's wall clock read less than it did.
type behind struct {
	tracefmt.Reader
	ns int64
}

func (b behind) Next() (*tracefmt.Event, error) {
	e, err := b.Reader.Next()
	if err == nil && e.Kind == tracefmt.Clock {
		e.Unix -= b.ns
	}
	return e, err
}

// TestTwoRecorders has a client and a server, each with a recorder, the server with a wall clock that is 137 ms behind.
func TestTwoRecorders(t *testing.T) {
	const wrong = 137e6
	client, server := tracetest.Strict(t), tracetest.Strict(t)
	dir := t.TempDir()
	record := func(name string, ctx context.Context) func() string {
		path := filepath.Join(dir, name)
		f, err := capture.Start(path, trace.RecorderFromContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		return func() string {
			if err := f.Stop(); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
	clientTrace, serverTrace := record("client.json", client), record("server.json", server)
	for range 42 {
		ctx, call := trace.WithTask(client, "call")
		rctx, task := trace.WithTask(trace.WithRemote(server, trace.Remote{Ref: call.Ref(), Stack: trace.Stack(ctx)}), "serve")
		_, span := trace.WithSpan(rctx, "work")
		span.End()
		task.End()
		call.End()
	}
	var tl timeline.Timeline
	for _, r := range []tracefmt.Reader{chrome.NewReader(strings.NewReader(clientTrace())),
		behind{chrome.NewReader(strings.NewReader(serverTrace())), wrong}} {
		if _, err := tl.Read(r); err != nil {
			t.Fatal(err)
		}
	}
	a := tl.Alignments()[1]
	off := a.Offset - wrong
	if a.Method != timeline.ByMessagePairs || !a.Contradicted || a.Agreeing != 42 || a.Messages != 42 || a.To != 0 || a.Bound > 100e6 {
		t.Errorf("got %+v", a)
	}
	// The two recorders' readings of the one wall clock differ by what it takes to read it.
	const reading = 50e3
	if off > a.Bound+reading || -off > a.Bound+reading {
		t.Errorf("%+v, which is %d ns off", a, off)
	}
	inside := 0
	ends := map[string][2]int64{}
	for e := range tl.Events() {
		if e.Kind != tracefmt.Complete {
			continue
		}
		if e.Name == "call" {
			ends[e.ID] = [2]int64{e.Time, e.Time + e.Dur}
		}
		if p, ok := ends[e.Parent]; ok && e.Name == "serve" && p[0] <= e.Time && e.Time+e.Dur <= p[1] {
			inside++
		}
	}
	if inside != 42 {
		t.Errorf("%d requests are inside of their clients', want 42", inside)
	}
}

// TestAnyTwo aligns inputs that have anything in them, at the ends of time, too.
func TestAnyTwo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tl := new(timeline.Timeline)
		n := rapid.IntRange(1, 4).Draw(t, "inputs")
		for i := range n {
			list := events(fmttest.Events(t))
			for j := range list {
				e := &list[j]
				if rapid.Bool().Draw(t, "change") {
					e.ID = rapid.SampledFrom([]string{"", "a", "b", "c", fmt.Sprint(i)}).Draw(t, "id")
					e.Parent = rapid.SampledFrom([]string{"", "a", "b", "c", "0", "1"}).Draw(t, "parent")
					e.Key = rapid.SampledFrom([]string{"", "1"}).Draw(t, "key")
					e.Time = rapid.Int64().Draw(t, "time")
				}
			}
			tl.Read(&list)
			if rapid.IntRange(0, 5).Draw(t, "set") == 0 {
				tl.SetOffset(rapid.IntRange(-1, n).Draw(t, "input"), rapid.Int64().Draw(t, "offset"))
			}
		}
		tl.AlignBy(rapid.SampledFrom([]timeline.AlignBy{timeline.ByClocks, timeline.ByMessages, timeline.ByClocksOnly}).Draw(t, "by"))
		for i, a := range tl.Alignments() {
			if a.Bound < 0 || a.Agreeing > a.Messages || a.To >= n || a.To < 0 {
				t.Fatalf("input %d: %+v", i, a)
			}
		}
		starts(tl)
	})
}
