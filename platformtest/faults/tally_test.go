package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
)

// TestVacuous: a fault that struck often enough and never had an effect is told of; one that is harmless isn't, and what missed
// or never struck doesn't count.
func TestVacuous(t *testing.T) {
	in := func(fault string, struck int64, missed, complete bool) injection {
		return injection{Fault: fault, Struck: struck, Missed: missed, Complete: complete}
	}
	for _, tt := range []struct {
		name string
		list []injection
		want string // "" for nothing
	}{
		{"nothing", nil, ""},
		{"complete", slices.Repeat([]injection{in("cancel", 5, false, true)}, 3), "cancel never had an effect"},
		{"not often enough", slices.Repeat([]injection{in("cancel", 5, false, true)}, 2), ""},
		{"often complete by its nature", slices.Repeat([]injection{in("pool-full", 5, false, true)}, 7), ""},
		{"yet not always", slices.Repeat([]injection{in("pool-full", 5, false, true)}, 8), "pool-full never had"},
		{"one effect", append(slices.Repeat([]injection{in("cancel", 5, false, true)}, 9), in("cancel", 0, false, false)), ""},
		{"harmless", slices.Repeat([]injection{in("rename-source", 5, false, true)}, 9), ""},
		{"never struck", slices.Repeat([]injection{in("cancel", -1, false, true)}, 9), ""},
		{"misses don't count", append(slices.Repeat([]injection{in("cancel", 5, true, true)}, 9), in("cancel", 5, false, true)), ""},
		{"missed always", slices.Repeat([]injection{in("rename-source", 5, true, true)}, 6), "rename-source has missed"},
		{"no fault", slices.Repeat([]injection{in("", 5, false, true)}, 9), ""},
	} {
		h := &harness{}
		for i := range tt.list {
			h.count(&tt.list[i])
		}
		got := strings.Join(h.vacuous(), "; ")
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestUnexplained: an attempt that fails without a fault is a problem, unless there is a reason.
func TestUnexplained(t *testing.T) {
	broken := &zfssend.Error{Op: "receive", Cause: zfssend.BadStream}
	for _, tt := range []struct {
		name string
		a    *attempt
		want bool
	}{
		{"complete", &attempt{injection: injection{Struck: -1, Complete: true}}, false},
		{"failed", &attempt{injection: injection{Struck: -1}, root: broken}, true},
		{"something else failed", &attempt{injection: injection{Struck: -1}, root: errors.New("no")}, true},
		{"a fault", &attempt{injection: injection{Fault: "flip", Struck: 3}, root: broken}, false},
		{"a fault that never struck", &attempt{injection: injection{Fault: "flip", Struck: -1}, root: broken}, true},
		{"a fault that missed", &attempt{injection: injection{Fault: "kill-send", Struck: 3, Missed: true}, root: broken}, true},
		{
			"what was to be refused wasn't",
			&attempt{injection: injection{Fault: "export-source", Struck: 3, Missed: true}, lenient: true, root: broken}, false,
		},
		{"busy", &attempt{injection: injection{Struck: -1}, root: &zfssend.Error{Op: "receive", Cause: zfssend.Busy}}, false},
	} {
		if got := tt.a.unexplained(); (got != "") != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}
