package tracefmt_test

import (
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

func TestStack(t *testing.T) {
	for _, c := range []struct {
		stack     tracefmt.Stack
		valid     bool
		root      string
		outwards  []string
		contained string
	}{
		{"/aaa/", true, "aaa", []string{"aaa"}, "aaa"},
		{"/aaa.bbb/ccc~ddd/", true, "aaa", []string{"ddd", "ccc", "bbb", "aaa"}, "bbb"},
		{"~aaa.bbb/", true, "aaa", []string{"bbb", "aaa"}, "aaa"},
		{"/aaa/+17/bbb.ccc/", true, "aaa", []string{"ccc", "bbb", "aaa"}, "aaa"},
		{"/+17/bbb/", true, "", []string{"bbb"}, "bbb"},
		{"….bbb/ccc/", true, "", []string{"ccc", "bbb"}, "bbb"},
		{"none", false, "", nil, ""},
		{"", false, "", nil, ""},
		{"/", false, "", nil, ""},
		{"//", false, "", nil, ""},
		{"…", false, "", nil, ""},
		{"/+1/", false, "", nil, ""},
		{"/aaa", false, "", nil, ""},
		{"/aaa//", false, "", nil, ""},
		{"/a a/", false, "", nil, ""},
		{"/a\x7f/", false, "", nil, ""},
		{"/ä/", false, "", nil, ""},
		{"usr/lib/", false, "", nil, ""},
	} {
		if got := c.stack.Valid(); got != c.valid {
			t.Errorf("%q: valid is %v", c.stack, got)
		}
		if !c.valid {
			continue
		}
		if got := slices.Collect(c.stack.Outwards()); !slices.Equal(got, c.outwards) {
			t.Errorf("%q: outwards %q, want %q", c.stack, got, c.outwards)
		}
		if got := c.stack.Innermost(); got != c.outwards[0] {
			t.Errorf("%q: innermost %q", c.stack, got)
		}
		if got := c.stack.Root(); got != c.root {
			t.Errorf("%q: root %q, want %q", c.stack, got, c.root)
		}
		if !c.stack.Contains(c.contained) || c.stack.Contains(c.contained[1:]) || c.stack.Contains("+17") || c.stack.Contains("") {
			t.Errorf("%q: contains doesn't go by whole members", c.stack)
		}
	}
}
