package replicate

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
)

// TestQuickPlan: the destination is listed only where something is there that wasn't expected.
func TestQuickPlan(t *testing.T) {
	h := newHouse(t)
	h.quick = true
	h.create("tank/a", "tank/a/b", "tank/a/b/c")
	h.snapshot("tank/a@1")
	for _, step := range []struct {
		name   string
		do     func()
		counts map[string]int
		want   []string
	}{
		{"nothing is there", func() {}, map[string]int{"list": 6, "send": 3, "receive": 3, "get": 1},
			[]string{"backup/a: full @1", "backup/a/b: full @1", "backup/a/b/c: full @1"}},
		{"no change", func() {}, map[string]int{"list": 3, "get": 1}, nil},
		{"all have changed", func() { h.snapshot("tank/a@2") }, map[string]int{"list": 3, "get": 3, "send": 3, "receive": 3},
			[]string{"backup/a: incremental @1..@2", "backup/a/b: incremental @1..@2", "backup/a/b/c: incremental @1..@2"}},
		{"one has changed", func() { h.must(h.client.Snapshot(h.ctx, "tank/a/b@3")) }, map[string]int{"list": 3, "get": 3, "send": 1, "receive": 1},
			[]string{"backup/a/b: incremental @2..@3"}},
		{"two snapshots are new", func() { h.snapshot("tank/a@4"); h.snapshot("tank/a@5") }, map[string]int{"list": 5, "get": 3, "send": 3, "receive": 3},
			[]string{"backup/a: incremental @2..@5 (2 snapshots)", "backup/a/b: incremental @3..@5 (2 snapshots)", "backup/a/b/c: incremental @2..@5 (2 snapshots)"}},
		{"a dataset is new", func() { h.create("tank/a/d"); h.must(h.client.Snapshot(h.ctx, "tank/a/d@6")) }, map[string]int{"list": 5, "get": 2, "send": 1, "receive": 1},
			[]string{"backup/a/d: full @6"}},
		{"the copy has one of its own", func() { h.must(h.client.Snapshot(h.ctx, "backup/a/d@own")); h.snapshot("tank/a@7") },
			map[string]int{"list": 3, "get": 3, "send": 4, "receive": 4},
			[]string{"backup/a: incremental @5..@7", "backup/a/b: incremental @5..@7", "backup/a/b/c: incremental @5..@7", "backup/a/d: incremental @6..@7"}},
	} {
		step.do()
		var got []string
		counts := h.processes(func() { got = h.replicate("tank/a", "backup/a") })
		t.Logf("%s: %v", step.name, counts)
		h.want(got, step.want...)
		if !maps.Equal(counts, step.counts) {
			t.Errorf("%s: %v, want %v", step.name, counts, step.counts)
		}
	}
}

// TestQuickPlanMany: of many datasets, snapshots are asked for by two processes at a time, but for the first question.
func TestQuickPlanMany(t *testing.T) {
	h := newHouse(t)
	h.quick = true
	h.create("tank/a")
	for i := range manyNames {
		h.create(fmt.Sprintf("tank/a/%d", i))
	}
	for i, want := range []map[string]int{
		{"list": 6, "get": 2, "send": manyNames + 1, "receive": manyNames + 1},
		{"list": 3, "get": 5, "send": manyNames + 1, "receive": manyNames + 1},
		{"list": 3, "get": 5, "send": manyNames + 1, "receive": manyNames + 1},
	} {
		h.snapshot(fmt.Sprintf("tank/a@%d", i))
		if got := h.processes(func() { h.replicate("tank/a", "backup/a") }); !maps.Equal(got, want) {
			t.Errorf("snapshot %d: %v, want %v", i, got, want)
		}
	}
}

// TestQuickPlanUnseen: what a quick plan doesn't see is noticed when it is in the way, and not lost.
func TestQuickPlanUnseen(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a", "tank/a/b")
	h.snapshot("tank/a@1")
	h.replicate("tank/a", "backup/a")
	h.quick = true
	h.must(exec.CommandContext(h.ctx, h.client.Command[0], "mount", "backup/a/b").Run())
	h.must(h.model.Write("backup/a/b", "mine", []byte("mine")))
	h.must(h.client.Snapshot(h.ctx, "backup/a/b@local"))
	h.want(h.replicate("tank/a", "backup/a"))
	h.snapshot("tank/a@2")
	h.r.Options.Rollback = true // which destroys no snapshots
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: incremental @1..@2", "backup/a/b: diverged")
	if _, err := h.client.GUIDs(h.ctx, "backup/a/b@local"); err != nil {
		t.Error(err)
	}
	h.must(h.client.Destroy(h.ctx, "backup/a/b@local"))
	h.want(h.replicate("tank/a", "backup/a"), "backup/a/b: incremental @1..@2")

	h.must(h.model.Write("tank/a", "large", []byte(strings.Repeat("large", 1<<18))))
	h.snapshot("tank/a@3")
	h.interrupt("tank/a@3", "backup/a", zfssend.SendOptions{From: "@2"})
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: resumed @2..@3", "backup/a/b: incremental @2..@3")
	h.equal("tank/a", "backup/a")
	h.equal("tank/a/b", "backup/a/b")
}

// TestQuickPlanContainers: a dataset that is there for those below it needs no snapshot to be known.
func TestQuickPlanContainers(t *testing.T) {
	h := newHouse(t)
	h.quick = true
	h.create("tank/a", "tank/a/b", "tank/a/b/c")
	h.snapshot("tank/a/b/c@1")
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: placeholder", "backup/a/b: placeholder", "backup/a/b/c: full @1")
	counts := h.processes(func() { h.want(h.replicate("tank/a", "backup/a")) })
	if fmt.Sprint(counts) != "map[get:1 list:3]" {
		t.Errorf("%v", counts)
	}
	h.snapshot("tank/a@2")
	h.r.Options.Hold = "keep" // needs to know what both have
	counts = h.processes(func() { _, err := h.r.QuickPlan(h.ctx, "tank/a", "backup/a"); h.must(err) })
	if fmt.Sprint(counts) != "map[list:4]" {
		t.Errorf("%v", counts)
	}
}

// TestQuickPlanFails: what is wrong is told as Plan does.
func TestQuickPlanFails(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a")
	h.snapshot("tank/a@1")
	if _, err := h.r.QuickPlan(h.ctx, "tank/none", "backup/a"); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("no source: %v", err)
	}
	if _, err := h.r.QuickPlan(h.ctx, "tank/a", "backup/none/a"); err == nil {
		t.Error("no parent: no error")
	} else if conflict, ok := errors.AsType[*Conflict](err); !ok || conflict.Kind != NoParent {
		t.Errorf("no parent: %v", err)
	}
}
