package zfssend

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestHold(t *testing.T) {
	zfstest.CheckLeaks(t)
	ctx := t.Context()
	eachRecorded(t, func(t *testing.T, zfs version) {
		if err := fake(zfs.replay(t, "hold")...).Hold(ctx, "my tag", "tank/a@one", "tank/a@two"); err != nil {
			t.Error(err)
		}
		if err := fake(zfs.replay(t, "hold-again")...).Hold(ctx, "my tag", "tank/a@one", "tank/a@two"); err != nil {
			t.Errorf("held already: %v", err)
		}
		if err := fake(zfs.replay(t, "release-again")...).Release(ctx, "my tag", "tank/a@one"); err != nil {
			t.Errorf("released already: %v", err)
		}
		err := fake(zfs.replay(t, "hold-some")...).Hold(ctx, "my tag", "tank/a@one", "tank/a@missing", "tank/nothing@x", "tank/a@three 3")
		wantBatch(t, err, "tank/a@missing: not found", "tank/nothing@x: not found")
		if errors.Is(err, AlreadyExists) {
			t.Error("what was held already is no failure")
		}
		err = fake(zfs.replay(t, "release-some")...).Release(ctx, "my tag", "tank/a@one", "tank/a@missing", "tank/a/child@x")
		wantBatch(t, err, "tank/a@missing: not found")

		// A denial names no snapshot, but there is one for each.
		err = fake(zfs.replay(t, "denied-hold")...).Hold(ctx, "u", "tank/a@one", "tank/a@two")
		if b := wantBatch(t, err, "tank/a@one: permission denied", "tank/a@two: permission denied"); b.Processes[0].Needs[0] != "hold" {
			t.Errorf("got %+v", b.Processes[0])
		}
	})
	// If there are fewer, the holds tell whom they were about.
	c := scripted(zfstest.Scripts{
		"hold ":  {zfstest.Stderr("cannot hold: permission denied\n"), zfstest.Exit(1)},
		"holds ": {zfstest.Print("tank/a@one\tu\tMon Nov 23 18:46 2026\ntank/b@x\tother\tMon Nov 23 18:46 2026\n")},
	})
	wantBatch(t, c.Hold(ctx, "u", "tank/a@one", "tank/b@x"), "tank/b@x: permission denied")
	// A usage error, or a crash, leaves nothing known.
	for _, script := range [][]zfstest.Action{{zfstest.Exit(2)}, {zfstest.Exit(1)}, {zfstest.Stderr("cannot hold snapshot 'tank/a@one': tag already exists on this dataset\n"), zfstest.Exit(3)}} {
		if b := wantBatch(t, fake(script...).Hold(ctx, "u", "tank/a@one", "tank/b@x"), "tank/a@one: "+causeAfter(script), "tank/b@x: "+causeAfter(script)); len(b.Processes) != 1 {
			t.Errorf("got %+v", b)
		}
	}
}

func causeAfter(script []zfstest.Action) string {
	if len(script) > 1 {
		return classify(script[0].Text).String()
	}
	return Unknown.String()
}

func TestHolds(t *testing.T) {
	zfstest.CheckLeaks(t)
	eachRecorded(t, func(t *testing.T, zfs version) {
		holds, err := fake(zfs.replay(t, "holds")...).Holds(t.Context(), "tank/a@one", "tank/a@two", "tank/a@three 3")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range holds {
			got = append(got, fmt.Sprintf("%s %q", h.Snapshot, h.Tag))
			if h.Created.Year() < 2020 {
				t.Errorf("got %+v", h)
			}
		}
		slices.Sort(got)
		want := []string{`tank/a@one "my tag"`, `tank/a@one "tab\tand\nline"`, `tank/a@three 3 "my tag"`, `tank/a@two "keep"`, `tank/a@two "my tag"`}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		holds, err = fake(zfs.replay(t, "holds-missing")...).Holds(t.Context(), "tank/a@two", "tank/a@missing")
		wantBatch(t, err, "tank/a@missing: not found")
		if len(holds) != 2 {
			t.Errorf("got %+v", holds)
		}
		if holds, err = fake(zfs.replay(t, "holds-none")...).Holds(t.Context(), "tank/a/child@x"); len(holds) > 0 || err != nil {
			t.Errorf("got %+v, %v", holds, err)
		}
	})
	holds, err := parseHolds("tank@a\tt\tSun Nov  1  8:06 2026\n", []string{"tank@a"})
	if err != nil || !holds[0].Created.Equal(time.Date(2026, 11, 1, 8, 6, 0, 0, time.Local)) {
		t.Errorf("got %+v, %v", holds, err)
	}
	for output, want := range map[string]string{
		"tank@b\tt\tMon Nov 23 18:46 2026\n": `line 1 of its output: "tank@b" is not`,
		"tank@a\tt\tMon Nov 23 18:46 2026":   "line 1 of its output is incomplete",
		"tank@a\tt\tyesterday\n\n":           "line 2 of its output is incomplete",
		"tank@a\n":                           "line 1 of its output is incomplete",
	} {
		if _, err := parseHolds(output, []string{"tank@a"}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", output, err, want)
		}
	}
}

func FuzzHolds(f *testing.F) {
	f.Add("tank@a\tt\tMon Nov 23 18:46 2026\n")
	f.Add("tank@a\tt\tx\ny\tMon Nov  1  8:46 2026\ntank@b\tt\tMon Nov 23 18:46 2026\n")
	f.Fuzz(func(t *testing.T, out string) {
		holds, err := parseHolds(out, []string{"tank@a", "tank@b"})
		if err != nil {
			return
		}
		size := 0
		for _, h := range holds {
			if h.Snapshot != "tank@a" && h.Snapshot != "tank@b" {
				t.Errorf("got %+v", h)
			}
			size += len(h.Snapshot) + len(h.Tag)
		}
		if size > len(out) || len(holds) > strings.Count(out, "\n") {
			t.Errorf("%q: %+v", out, holds)
		}
	})
}
