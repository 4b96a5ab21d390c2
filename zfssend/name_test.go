package zfssend

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseName(t *testing.T) {
	long := "tank/" + strings.Repeat("a", 250)
	tests := []struct {
		in   string
		want Name
		bad  string // part of the reason
	}{
		{in: "tank", want: Name{Dataset: "tank"}},
		{in: "tank/home", want: Name{Dataset: "tank/home"}},
		{in: "tank/home@mon", want: Name{"tank/home", '@', "mon"}},
		{in: "tank/home#mon", want: Name{"tank/home", '#', "mon"}},
		{in: "tank/with space/a.b-c_d:e@at 10:30", want: Name{"tank/with space/a.b-c_d:e", '@', "at 10:30"}},
		{in: "tank/-x@-y", want: Name{"tank/-x", '@', "-y"}},
		{in: long, want: Name{Dataset: long}},
		{in: "", bad: "empty"},
		{in: "-r", bad: "begin with a letter"},
		{in: "--help", bad: "begin with a letter"},
		{in: "1tank", bad: "begin with a letter"},
		{in: "/tank", bad: "empty"},
		{in: "tank/", bad: "empty"},
		{in: "tank//a", bad: "empty"},
		{in: "tank/..", bad: "no part"},
		{in: "tank@", bad: "empty"},
		{in: "@mon", bad: "empty"},
		{in: "tank@a@b", bad: "not allowed"},
		{in: "tank@a#b", bad: "not allowed"},
		{in: "tank@a/b", bad: "not allowed"},
		{in: "tank/%recv", bad: "not allowed"},
		{in: "tank/a\tb", bad: "not allowed"},
		{in: "tank/a\n", bad: "not allowed"},
		{in: "tank/a;reboot", bad: "not allowed"},
		{in: "tank/ä", bad: "not allowed"},
		{in: "tank/a\x00", bad: "not allowed"},
		{in: long + "a", bad: "256 bytes"},
	}
	for _, tt := range tests {
		got, err := ParseName(tt.in)
		if tt.bad == "" {
			if err != nil || got != tt.want {
				t.Errorf("ParseName(%q) = %+v, %v; want %+v", tt.in, got, err, tt.want)
			}
			continue
		}
		e, ok := errors.AsType[*NameError](err)
		if !ok || e.Name != tt.in || !strings.Contains(e.Reason, tt.bad) {
			t.Errorf("ParseName(%q): %v; want a reason with %q", tt.in, err, tt.bad)
		}
	}
}

func TestParseNameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[-a-c@#/ .%]{0,12}`).Draw(t, "name")
		n, err := ParseName(in)
		if err != nil {
			return
		}
		if n.String() != in {
			t.Fatalf("%q became %q", in, n)
		}
		if c := in[0] | 0x20; c < 'a' || c > 'z' {
			t.Fatalf("%q doesn't begin with a letter", in)
		}
	})
}

func TestNameParts(t *testing.T) {
	n, err := ParseName("tank/a/b@c")
	if err != nil || n.Pool() != "tank" || n.Parent() != "tank/a" {
		t.Errorf("%+v, %v: pool %q, parent %q", n, err, n.Pool(), n.Parent())
	}
	if n = (Name{Dataset: "tank"}); n.Pool() != "tank" || n.Parent() != "" {
		t.Errorf("pool %q, parent %q", n.Pool(), n.Parent())
	}
}

// TestNoOptions checks that what reaches zfs's command line as a name is one.
func TestNoOptions(t *testing.T) {
	c := &Client{Command: []string{"/nonexistent/zfs"}}
	ctx := t.Context()
	for _, bad := range []string{"-F", "--help", "tank", "tank#mark", "tank@x y@z", ""} {
		if _, err := c.Send(ctx, bad, SendOptions{}); !isNameError(err) {
			t.Errorf("Send(%q): %v", bad, err)
		}
		if err := c.Snapshot(ctx, bad); !isNameError(err) {
			t.Errorf("Snapshot(%q): %v", bad, err)
		}
	}
	for _, bad := range []string{"-F", "tank@x", "tank#x", ""} {
		if _, err := c.List(ctx, bad, ListOptions{}); !isNameError(err) {
			t.Errorf("List(%q): %v", bad, err)
		}
	}
	for _, bad := range []string{"-i", "mon", "tank"} {
		if _, err := c.Send(ctx, "tank@tue", SendOptions{From: bad}); !isNameError(err) {
			t.Errorf("Send from %q: %v", bad, err)
		}
	}
}

func isNameError(err error) bool {
	_, ok := errors.AsType[*NameError](err)
	return ok
}
