package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--help"}, 0, "--injections"},
		{[]string{"--version"}, 0, "faults version"},
		{[]string{"--list"}, 0, "flip-verified"},
		{[]string{"--fault", "nonsense"}, exitUsage, "there is no such fault"},
		{[]string{"--zfs", "elsewhere"}, exitUsage, "want vm or host"},
		{[]string{"--variant", "x"}, exitUsage, "want stock or taskq"},
		{[]string{"-n", "-1"}, exitUsage, "can't be negative"},
		{[]string{"-n", "0", "--power-cuts", "0"}, exitUsage, "nothing to do"},
		{[]string{"--power-cuts", "15"}, exitUsage, "at most 14"},
		{[]string{"argument"}, exitUsage, "argument"},
	} {
		var out bytes.Buffer
		if code := run(context.Background(), tt.args, &out, &out); code != tt.code || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%v: exit code %d, and:\n%s", tt.args, code, out.Bytes())
		}
	}
}

// TestFaults: each fault has a name of its own and says what it is.
func TestFaults(t *testing.T) {
	names := make(map[string]bool)
	for _, f := range faults {
		if names[f.name] || f.does == "" || f.sees == "" || f.strike == nil && f.prepare == nil {
			t.Errorf("%+v", f)
		}
		names[f.name] = true
	}
}

// TestSeed: the seed decides, and nothing else.
func TestSeed(t *testing.T) {
	deal := func(seed uint64) (list []string) {
		h := &harness{seed: seed, wanted: 100, pools: &pools{src: "s", dst: "d"}}
		c := h.newCampaign(1)
		for i, s := range c.history.steps {
			for n := 1; n <= 3; n++ {
				a := c.newAttempt(i, n, s, 3<<20, nil)
				a.fault = c.deck.draw(a, n == 3)
				a.choose()
				if a.Offset < 0 || a.Offset >= 3<<20 {
					t.Errorf("offset %d", a.Offset)
				}
				text, err := json.Marshal(a.injection)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, string(text))
			}
		}
		return list
	}
	one := deal(1)
	if again := deal(1); !reflect.DeepEqual(one, again) {
		t.Error("the same seed deals differently")
	}
	if reflect.DeepEqual(one, deal(2)) {
		t.Error("another seed deals the same")
	}
	dealt := strings.Join(one, "\n")
	for _, f := range faults {
		if f.name != tokenMangled && !strings.Contains(dealt, `"fault":"`+f.name+`"`) { // there are no tokens here
			t.Errorf("%s isn't dealt in a campaign", f.name)
		}
	}
}

// TestCampaignAgain: a campaign is the same when it is the first one of a run, with its own goal as the run's.
func TestCampaignAgain(t *testing.T) {
	for _, wanted := range []int{1, 40, 62, 63, 500, 501} {
		h := &harness{seed: 3, wanted: wanted, pools: &pools{src: "s", dst: "d"}}
		for number := 1; h.injections < wanted; number++ {
			c := h.newCampaign(number)
			alone := &harness{seed: 3, wanted: c.Goal, first: number, pools: h.pools}
			if again := alone.newCampaign(number); again.Goal != c.Goal || !reflect.DeepEqual(again.history, c.history) {
				t.Errorf("campaign %d of %d injections: the goal is %d, alone it is %d", number, wanted, c.Goal, again.Goal)
			}
			h.injections += c.Goal
		}
	}
}

// TestChooseCut: each power cut is in a step of its own, and some seeds cut the last one, after which all are done
// again although one can't be any more. platformtest.TestPowerCutInLastStep has such a seed.
func TestChooseCut(t *testing.T) {
	choose := func(seed uint64, phases int) (steps []int) {
		h := &harness{seed: seed, pools: &pools{src: "s", dst: "d"}}
		c := h.newCampaign(0)
		for phase := range phases {
			step, _ := c.chooseCut(phase+1, phases)
			steps = append(steps, step)
		}
		return steps
	}
	for phases := 1; phases <= maxPowerCuts; phases++ {
		for seed := range uint64(20) {
			steps := choose(seed, phases)
			if !slices.IsSorted(steps) || len(slices.Compact(slices.Clone(steps))) != phases || steps[phases-1] >= maxPowerCuts {
				t.Errorf("seed %d: %v", seed, steps)
			}
		}
	}
	if got := choose(lastStepSeed, 1); got[0] != maxPowerCuts-1 {
		t.Errorf("seed %d cuts step %d", lastStepSeed, got[0])
	}
}

// lastStepSeed is that of platformtest.TestPowerCutInLastStep.
const lastStepSeed = 21

// TestSourceBelongings: what has to be at the source in the end are its snapshots, but for the one that is dropped.
func TestSourceBelongings(t *testing.T) {
	h := &harness{seed: 1, pools: &pools{src: "s", dst: "d"}}
	history := h.newCampaign(1).history
	names := make(map[string]bool)
	for _, b := range history.belongings() {
		names[b.Name] = true
	}
	for _, name := range []string{
		"s/c1/tree@s1", "s/c1/tree@s3", "s/c1/tree#base", "s/c1/tree@s5", "s/c1/tree/child@s3", "s/c1/tree/volume@s2", "s/c1/tree/secret@s1",
	} {
		if !names[name] {
			t.Errorf("%s isn't looked for", name)
		}
	}
	if names["s/c1/tree@s4"] || len(names) != len(history.steps) || len(names) != maxPowerCuts {
		t.Errorf("looked for: %v", names)
	}
}

// TestEvents: what the harness writes in the machine is what the host reads, in whatever pieces it comes.
func TestEvents(t *testing.T) {
	sent := []event{
		{Environment: &environment{ZFS: "2.1.11", Module: "taskq", Kernel: "6.1"}},
		{Injection: &injection{
			place: place{Campaign: 1, Step: 2, Attempt: 3, Dataset: "tree", To: "@s1"},
			Fault: "flip", Struck: 5, Took: duration(1500 * time.Millisecond),
		}},
		{Problem: &problem{place{Campaign: 1}, "it is\nbad"}},
		{Note: "hello"},
	}
	var wire, other bytes.Buffer
	write := writeEvents(&wire)
	for _, e := range sent {
		write(e)
	}
	wire.WriteString("panic: something else\n")
	var got []event
	r := &eventReader{add: func(e event) { got = append(got, e) }, other: &other}
	for b := range bytes.SplitSeq(wire.Bytes(), nil) {
		r.Write(b)
	}
	if !reflect.DeepEqual(got, sent) {
		t.Errorf("got %+v", got)
	}
	if other.String() != "panic: something else\n" {
		t.Errorf("other output: %q", other.String())
	}
}

// TestReport: the report tells of problems and failures, counts what happened and nothing else, and can be read by programs.
func TestReport(t *testing.T) {
	var stderr bytes.Buffer
	r := newReport(&options{seed: 7, injections: 2, powerCuts: 1, zfs: "vm", line: "2.1", variant: "taskq", first: 1}, &stderr)
	r.add(event{Environment: &environment{ZFS: "2.1.11", Module: "taskq", Kernel: "6.1"}})
	r.add(event{Injection: &injection{Fault: "flip", Struck: -1, Resumed: -1, Token: -1, Complete: true}})
	r.add(event{Injection: &injection{
		Fault: "kill-send", Struck: 5, Missed: true, Detail: "pid 4 had ended", Resumed: -1, Token: -1, Complete: true,
	}})
	r.add(event{Injection: &injection{
		place: place{Campaign: 1, Step: 2, Attempt: 3, Dataset: "tree", From: "@s1", To: "@s2"}, Struck: -1, Root: "it is busy",
		Receive: end{Error: "it is busy", Cause: "busy"}, Resumed: 70, Token: 70, Recovery: recoveryGaveUp,
	}})
	r.add(event{Campaign: &outcome{
		Number: 1, Goal: 2, Injections: 1, Steps: 14, Attempts: 9, Snapshots: 14, Files: 209, Left: 1, User: 36, Gone: 2,
	}})
	r.add(event{Problem: &problem{place{Campaign: wholeRun}, "flip never had an effect"}})
	r.add(event{Injection: &injection{
		Fault: "flip", Struck: 12, Resumed: -1, Token: 99, Detail: "bit 3", Root: "bad|stream",
		Receive: end{Error: "bad|stream", Cause: "corrupt"}, Recovery: "resumed after 99 bytes",
	}})
	r.add(event{PowerCut: &powerCut{Number: 1, Step: 4, Dataset: "tree", To: "@s2", Struck: 8, Token: -1}})
	r.add(event{PowerCut: &powerCut{Number: 1, Token: 55, Outcome: "resumed by the token"}})
	r.add(event{Problem: &problem{place{Campaign: 3}, "contents differ"}})
	r.Failure = "the machine died"
	dir := t.TempDir()
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"1 faults of 1 kinds", "seed 7", "2 problems", "OpenZFS 2.1.11 (taskq module), Linux 6.1",
		"came to no end", "the machine died", "campaign 3: contents differ",
		"--seed 7",
		"the whole run: flip never", "| 1 | 2 | 1 | 14 | 9 | 14 | 209 | 0 | 0 | 1 | 2 of 36 |",
		"| flip | a flipped bit, without Verify | 1 | 1 | 0 | receive: corrupt 1× | 1 | 0 | 0 | 0 |",
		"| kill-send | kill -9 of zfs send | 0 | 1 | 0 |", "kill-send: pid 4 had ended | 0 | 5, missed |",
		"1/2/3 tree @s1..@s2 | none | – | – |",
		"with one that missed, by their root causes: receive: busy 1×", "flip: bit 3",
		`bad\|stream`, "receive: corrupt 1×", "| 1 | 4: tree@s2 | 8 | false | 55 | resumed by the token |",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("report.md lacks %q:\n%s", want, text)
		}
	}
	text, err = os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back report
	err = json.Unmarshal(text, &back)
	if err != nil || len(back.Injections) != 4 || back.PowerCuts[0].Struck != 8 || back.Injections[3].Token != 99 {
		t.Errorf("report.json: %v, %+v", err, back.PowerCuts)
	}
	if !strings.Contains(stderr.String(), "problem: campaign 3") {
		t.Errorf("stderr: %s", stderr.Bytes())
	}
}
