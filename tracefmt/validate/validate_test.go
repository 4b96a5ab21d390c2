package validate_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/validate"
)

func check(events []tracefmt.Event) []validate.Finding {
	var v validate.Validator
	for i := range events {
		v.Add(&events[i])
	}
	return v.Finish(nil, nil)
}

// TestUnordered: of formats whose events come in no order, nothing is told about it.
func TestUnordered(t *testing.T) {
	for _, unordered := range []bool{false, true} {
		v := validate.Validator{Unordered: unordered}
		for _, e := range declared(tracefmt.Event{Kind: complete, Track: 2, Time: 9, ID: "a"}, tracefmt.Event{Kind: complete, Track: 2, Time: 5, ID: "b"}) {
			v.Add(&e)
		}
		if found := len(v.Finish(nil, nil)) > 0; found == unordered {
			t.Errorf("with Unordered %v, something is found: %v", unordered, found)
		}
	}
}

func declared(events ...tracefmt.Event) []tracefmt.Event {
	return append([]tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, Name: "a"},
		{Kind: tracefmt.Track, Track: 3, Process: 1, Name: "b"},
	}, events...)
}

const (
	begin, ended, complete = tracefmt.Begin, tracefmt.End, tracefmt.Complete
	abegin, aend           = tracefmt.AsyncBegin, tracefmt.AsyncEnd
)

// TestRules breaks each rule, and looks that nothing else is found.
func TestRules(t *testing.T) {
	for _, test := range []struct {
		what   string
		events []tracefmt.Event
		want   string // rule, count, event and by how much
	}{
		{"nothing", declared(), ""},
		{"end", declared(tracefmt.Event{Kind: ended, Track: 2}), "end-without-begin 1 4 0"},
		{"async end", declared(tracefmt.Event{Kind: aend, Track: 2, Key: "k"}), "end-without-begin 1 4 0"},
		{"async end of another name", declared(tracefmt.Event{Kind: abegin, Track: 2, Key: "k", Name: "a"},
			tracefmt.Event{Kind: aend, Track: 2, Key: "k", Name: "b"}), "end-without-begin 1 5 0, unclosed-slice 1 4 0"},
		{"open", declared(tracefmt.Event{Kind: begin, Track: 3, Time: 1}, tracefmt.Event{Kind: begin, Track: 2, Time: 2},
			tracefmt.Event{Kind: abegin, Track: 2, Time: 2, Key: "k"}), "unclosed-slice 3 4 0"},
		{"open complete", declared(tracefmt.Event{Kind: complete, Track: 2, Dur: tracefmt.Open}), "unclosed-slice 1 4 0"},
		{"overlap", declared(tracefmt.Event{Kind: complete, Track: 2, Dur: 10}, tracefmt.Event{Kind: complete, Track: 2, Time: 5, Dur: 10}),
			"overlap 1 5 0"},
		{"concurrent", declared(tracefmt.Event{Kind: complete, Track: 2, Dur: 10, ID: "a"}, tracefmt.Event{Kind: complete, Track: 2, Time: 5, Dur: 10, ID: "b"}), ""},
		{"on two tracks", declared(tracefmt.Event{Kind: complete, Track: 2, Dur: 10}, tracefmt.Event{Kind: complete, Track: 3, Time: 5, Dur: 10}), ""},
		{"in the order of ends", declared(tracefmt.Event{Kind: complete, Track: 2, Time: 5, Dur: 2}, tracefmt.Event{Kind: complete, Track: 2, Dur: 10}), ""},
		{"overlap with a begin", declared(tracefmt.Event{Kind: begin, Track: 2, Time: 3}, tracefmt.Event{Kind: complete, Track: 2, Time: 1, Dur: 5},
			tracefmt.Event{Kind: ended, Track: 2, Time: 9}), "overlap 2 5 0"},
		{"negative", declared(tracefmt.Event{Kind: complete, Track: 2, Dur: -7}), "negative-duration 1 4 0"},
		{"negative pair", declared(tracefmt.Event{Kind: begin, Track: 2, Time: 9}, tracefmt.Event{Kind: ended, Track: 2, Time: 2}),
			"negative-duration 1 5 7, time-backwards 1 5 7"},
		{"same IDs", declared(tracefmt.Event{Kind: complete, Track: 2, ID: "x"}, tracefmt.Event{Kind: complete, Track: 3, ID: "x"}), "duplicate-id 1 5 0"},
		{"no parent", declared(tracefmt.Event{Kind: complete, Track: 2, ID: "x", Parent: "y"}, tracefmt.Event{Kind: tracefmt.Log, Track: 2, Parent: "z"}),
			"parent-missing 2 4 0"},
		{"late parent", declared(tracefmt.Event{Kind: complete, Track: 2, Parent: "y", Time: 2, Dur: 1}, tracefmt.Event{Kind: complete, Track: 2, ID: "y", Dur: 5}), ""},
		{"a log alone", declared(tracefmt.Event{Kind: tracefmt.Log, Track: 2, Parent: "z"}), ""},
		{"before its parent", declared(tracefmt.Event{Kind: complete, Track: 2, ID: "x", Time: 5, Dur: 5}, tracefmt.Event{Kind: complete, Track: 3, Parent: "x", Time: 2}),
			"parent-time 1 5 3"},
		{"before its late parent", declared(tracefmt.Event{Kind: complete, Track: 3, Parent: "x", Time: 2}, tracefmt.Event{Kind: complete, Track: 2, ID: "x", Time: 5, Dur: 5}),
			"parent-time 1 4 3"},
		{"after its parent", declared(tracefmt.Event{Kind: begin, Track: 2, ID: "x", Time: 5}, tracefmt.Event{Kind: ended, Track: 2, Time: 6},
			tracefmt.Event{Kind: complete, Track: 3, Parent: "x", Time: 9}), "parent-time 1 6 3"},
		{"outlives its parent", declared(tracefmt.Event{Kind: abegin, Track: 2, ID: "x", Time: 5}, tracefmt.Event{Kind: begin, Track: 2, Parent: "x", Time: 5},
			tracefmt.Event{Kind: aend, Track: 2, ID: "x", Time: 6}, tracefmt.Event{Kind: ended, Track: 2, Time: 9}), "parent-time 1 5 3"},
		{"a task outlives its parent", declared(tracefmt.Event{Kind: complete, Track: 2, ID: "x", Dur: 5},
			tracefmt.Event{Kind: complete, Track: 3, Parent: "x", Category: "task", Time: 3, Dur: 9}), ""},
		{"arrow without an end", declared(tracefmt.Event{Kind: tracefmt.FlowStart, Track: 2, Key: "k"}, tracefmt.Event{Kind: tracefmt.FlowStep, Track: 2, Key: "k"}),
			"flow-without-end 1 4 0"},
		{"arrow without a start", declared(tracefmt.Event{Kind: tracefmt.FlowEnd, Track: 2, Key: "k"}), "flow-without-start 1 4 0"},
		{"backwards", declared(tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: 9}, tracefmt.Event{Kind: tracefmt.Log, Track: 3, Time: 5},
			tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: 5}, tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: 3}), "time-backwards 2 6 6"},
		{"undeclared", declared(tracefmt.Event{Kind: tracefmt.Log, Track: 9}, tracefmt.Event{Kind: tracefmt.Log, Track: 9},
			tracefmt.Event{Kind: tracefmt.Track, Track: 7, Process: 8}), "undeclared-track 2 4 0"},
		{"clock", declared(tracefmt.Event{Kind: tracefmt.Clock, Unix: 100}, tracefmt.Event{Kind: tracefmt.Clock, Time: 1e9, Unix: 1e9 + 5000},
			tracefmt.Event{Kind: tracefmt.Clock, Time: 2e9, Unix: 9e9}), "clock-step 1 6 6999995000"},
		{"UTF-8", declared(tracefmt.Event{Kind: tracefmt.Log, Track: 2, Name: "\xff"}, tracefmt.Event{Kind: tracefmt.Log, Track: 2,
			Attrs: []tracefmt.Attr{{Key: "a", Value: tracefmt.String("\xff")}}}), "invalid-utf8 2 4 0"},
		{"kind", declared(tracefmt.Event{Kind: 200, Track: 2}, tracefmt.Event{Track: 2}), "unknown-kind 2 4 0"},
	} {
		var got []string
		for _, f := range check(test.events) {
			got = append(got, fmt.Sprintf("%s %d %d %d", f.Rule, f.Count, f.Event, f.Most))
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: got %q, want %q", test.what, strings.Join(got, ", "), test.want)
		}
	}
}

func TestFile(t *testing.T) {
	syntax := &tracefmt.SyntaxError{Format: "chrome", Event: 3, Offset: 77, Err: errors.New("a comma is missing")}
	cut := &tracefmt.SyntaxError{Format: "chrome", Offset: 78, Err: tracefmt.ErrTruncated}
	for err, want := range map[error]string{syntax: "syntax 77", cut: "truncated 78", errors.New("wrong checksum"): "input -1"} {
		var v validate.Validator
		list := v.Finish(err, []tracefmt.Loss{{What: "odd", Count: 5, Offset: 9}})
		if len(list) != 2 || fmt.Sprint(list[0].Rule, " ", list[0].Offset) != want || list[0].Severity != validate.Error {
			t.Errorf("%v: found %v, want %s first", err, list, want)
		} else if list[1].Rule != validate.Lost || list[1].Count != 5 || list[1].Text != "odd" || list[1].Offset != 9 {
			t.Errorf("losses: %v", list[1])
		}
	}
}

// TestValid finds nothing in traces that are valid but for what is open and for parents that are made up.
func TestValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, f := range check(fmttest.Events(t)) {
			switch f.Rule {
			case validate.Unclosed, validate.ParentMissing, validate.ParentTime, validate.FlowUnended, validate.DuplicateID, validate.ClockStep:
			case validate.Backwards: // instants of a process come between
			default:
				t.Fatalf("found %v", f)
			}
		}
	})
	for _, f := range check(fmttest.Sample()) {
		if f.Rule != validate.Unclosed && f.Rule != validate.ClockStep {
			t.Errorf("in the sample: %v", f)
		}
	}
}

func TestRulesHaveTexts(t *testing.T) {
	for _, f := range validate.Rules() {
		if f.Text == "" || f.Rule == "" || f.Severity == "" {
			t.Errorf("%v", f)
		}
	}
}

// TestBounded feeds more of everything than is looked at.
func TestBounded(t *testing.T) {
	var v validate.Validator
	v.SetLimit(10_000)
	before := heap()
	for i := range 200_000 {
		id := fmt.Sprint("an ID that is rather long: ", i)
		for _, e := range []tracefmt.Event{
			{Kind: tracefmt.Complete, Time: int64(i) * 10, Dur: 5, ID: id},
			{Kind: tracefmt.FlowStart, Time: int64(i) * 10, Key: id},
			{Kind: tracefmt.FlowEnd, Time: int64(i) * 10, Key: id},
		} {
			v.Add(&e)
		}
	}
	if after := heap(); after > before+8<<20 {
		t.Errorf("%d MiB are held", (after-before)>>20)
	}
	list := v.Finish(nil, nil)
	if len(list) != 1 || list[0].Rule != validate.Unchecked {
		t.Errorf("found %v", list)
	}
	runtime.KeepAlive(&v)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// FuzzValidate looks at whatever can be read.
func FuzzValidate(f *testing.F) {
	f.Add([]byte(`[{"ph":"B","ts":5},{"ph":"E","ts":3},{"ph":"X","ts":1,"dur":-5,"args":{"spanstack.id":"a","spanstack.parent":"a"}}`))
	f.Add([]byte(`[{"ph":"X","ts":9e12,"dur":9e12},{"ph":"b","id":1,"ts":1},{"ph":"f","id":1,"ts":1}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := fmttest.ReadAll(chrome.NewReader(bytes.NewReader(data)))
		var v validate.Validator
		for i := range events {
			v.Add(&events[i])
		}
		for _, finding := range v.Finish(err, nil) {
			if finding.Count < 1 || finding.Text == "" || finding.Most < 0 {
				t.Fatalf("%v", finding)
			}
		}
	})
}
