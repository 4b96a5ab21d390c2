package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
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

// TestEvents: what the harness writes in the machine is what the host reads, in whatever pieces it comes.
func TestEvents(t *testing.T) {
	sent := []event{
		{Environment: &environment{ZFS: "2.1.11", Module: "taskq", Kernel: "6.1"}},
		{Injection: &injection{place: place{Campaign: 1, Step: 2, Attempt: 3, Dataset: "tree", To: "@s1"}, Fault: "flip", Struck: 5, Took: duration(1500 * time.Millisecond)}},
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
	r.add(event{Injection: &injection{Fault: "flip", Struck: -1, Resumed: -1, Token: -1}})
	r.add(event{Injection: &injection{Fault: "flip", Struck: 12, Resumed: -1, Token: 99, Detail: "bit 3", Root: "bad|stream", Receive: end{Error: "bad|stream", Cause: "corrupt"}, Recovery: "resumed after 99 bytes"}})
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
	for _, want := range []string{"1 faults of 1 kinds", "seed 7", "1 problems", "came to no end", "the machine died", "campaign 3: contents differ",
		"--seed 7", "flip: bit 3", `bad\|stream`, "receive: corrupt 1×", "| 1 | 4: tree@s2 | 8 | false | 55 | resumed by the token |"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("report.md lacks %q:\n%s", want, text)
		}
	}
	text, err = os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(text, &back); err != nil || len(back.Injections) != 2 || back.PowerCuts[0].Struck != 8 || back.Injections[1].Token != 99 {
		t.Errorf("report.json: %v, %+v", err, back.PowerCuts)
	}
	if !strings.Contains(stderr.String(), "problem: campaign 3") {
		t.Errorf("stderr: %s", stderr.Bytes())
	}
}
