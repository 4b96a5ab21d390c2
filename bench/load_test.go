package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestLoad runs the program under load for a moment: what consumers get and what they are told is lost must add up.
func TestLoad(t *testing.T) {
	for _, c := range []consumers{noConsumer, slowConsumer, alsoOneKilled} {
		res, err := measureLoad(context.Background(), loadJob{Goroutines: 8, Time: 300 * time.Millisecond, Consumers: c})
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		if res.Spans == 0 || res.Rate <= 0 || res.PeakHeap <= 0 || res.PeakRSS <= 0 {
			t.Errorf("%s: %+v", c, res)
		}
		if c != noConsumer && (res.Delivered == 0 || res.Delivered+res.Lost != res.Spans) {
			t.Errorf("%s: %d delivered and %d lost, of %d", c, res.Delivered, res.Lost, res.Spans)
		}
		if res.Killed != (c == alsoOneKilled) {
			t.Errorf("%s: a capture noticed that its reader was killed: %v", c, res.Killed)
		}
	}
}

func TestTally(t *testing.T) {
	delivered, lost, err := tally(strings.NewReader(`[
{"ph":"B","pid":1,"tid":1,"ts":1,"name":"task","cat":"task"}
,{"ph":"X","pid":1,"tid":1,"ts":2,"dur":1,"name":"span","cat":"span"}
,{"ph":"i","pid":1,"tid":1,"ts":3,"s":"t","name":"records lost","cat":"loss","args":{"count":40}}
,{"ph":"i","pid":1,"tid":1,"ts":3,"s":"t","name":"open","cat":"open"}
,{"ph":"E","pid":1,"tid":1,"ts":4}
,{"ph":"B","pid":1,"tid":1,"ts":5,"name":"task","cat":"task"}
,{"ph":"i","pid":1,"tid":1,"ts":6,"s":"t","name":"records lost","cat":"loss","args":{"count":2}}
,{"ph":"E","pid":1,"tid":1,"ts":7,"args":{"end":"unknown"}}
]`))
	if delivered != 2 || lost != 42 || err != nil {
		t.Errorf("delivered %d, lost %d, error %v; want 2, 42, nil", delivered, lost, err)
	}
}

func TestGC(t *testing.T) {
	res, err := measureGC(context.Background(), gcJob{Turns: 1, PerTurn: 2})
	if err != nil || len(res.With) != 2 || len(res.Without) != 2 || min(res.With[0], res.Without[0]) <= 0 {
		t.Errorf("%+v, error %v", res, err)
	}
}

func TestChildFailure(t *testing.T) {
	for want, j := range map[string]job{
		"open /nowhere/read.json: no such file": {Load: &loadJob{Goroutines: 1, Consumers: slowConsumer, Dir: "/nowhere"}},
		"no job":                                {},
	} {
		err := doInChild(context.Background(), j, new(loadResult))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "measure in a child process") {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}
