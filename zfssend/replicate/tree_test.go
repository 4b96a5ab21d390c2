package replicate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
	. "github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

// house is a model of ZFS with the pools tank and backup.
type house struct {
	*testing.T
	model  *zfsmodel.Model
	client zfssend.Client
	r      Replicator
	rec    *trace.Recorder
	ctx    context.Context
	quick  bool // by QuickPlan
}

func newHouse(t *testing.T) *house {
	t.Helper()
	CheckLeaks(t)
	h := &house{T: t, model: Model(t)}
	if err := h.model.CreatePool("backup"); err != nil {
		t.Fatal(err)
	}
	h.client.Command = h.model.Command()
	h.r = Replicator{Source: h.client.Host(), Destination: h.client.Host(), Options: Options{Recursive: true}}
	h.ctx, h.rec = recording(t)
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// create makes filesystems, each with a file.
func (h *house) create(names ...string) {
	h.Helper()
	for _, name := range names {
		h.must(h.client.Create(h.ctx, name, zfssend.CreateOptions{}))
		h.must(h.model.Write(name, "file", []byte(name)))
	}
}

// snapshot takes a snapshot of that name of all datasets from a name on.
func (h *house) snapshot(name string) {
	h.Helper()
	dataset, snapshot, _ := strings.Cut(name, "@")
	list, err := h.client.List(h.ctx, dataset, zfssend.ListOptions{Recursive: true, WithoutVersions: true})
	h.must(err)
	var names []string
	for _, d := range list {
		names = append(names, d.Name+"@"+snapshot)
	}
	h.must(h.client.Snapshot(h.ctx, names...))
}

// replicate replicates, and returns a line for each dataset for which something was done, or failed.
func (h *house) replicate(source, destination string) []string {
	h.Helper()
	look := h.r.Plan
	if h.quick {
		look = h.r.QuickPlan
	}
	plan, err := look(h.ctx, source, destination)
	h.must(err)
	report, err := h.r.Execute(h.ctx, plan)
	if (err != nil) != (len(report.Failed()) > 0) {
		h.Errorf("the report has %d failures, and its error is: %v", len(report.Failed()), err)
	}
	for _, w := range report.Warnings {
		h.Errorf("warning: %v", w)
	}
	var lines []string
	for _, d := range report.Datasets {
		var what []string
		if d.Plan.Placeholder {
			what = append(what, "placeholder")
		}
		for _, s := range d.Steps {
			what = append(what, s.Step.String())
		}
		if conflict, ok := errors.AsType[*Conflict](d.Err); ok {
			what = append(what, conflict.Kind.String())
		} else if d.Err != nil {
			what = append(what, d.Err.Error())
		}
		if len(what) > 0 {
			lines = append(lines, d.Plan.Destination+": "+strings.Join(what, ", "))
		}
	}
	return lines
}

func (h *house) want(got []string, want ...string) {
	h.Helper()
	if !slices.Equal(got, want) {
		h.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// equal checks that a copy has the newest snapshot of its source, with the same contents.
func (h *house) equal(source, destination string) {
	h.Helper()
	src, err := h.client.Dataset(h.ctx, source)
	h.must(err)
	dst, err := h.client.Dataset(h.ctx, destination)
	h.must(err)
	a, b := snapshots(*src), snapshots(*dst)
	if len(b) == 0 || a[len(a)-1].GUID != b[len(b)-1].GUID {
		h.Fatalf("%s has %v, %s has %v", source, names(a), destination, names(b))
	}
	want, err := h.model.Contents(source + a[len(a)-1].Name)
	h.must(err)
	got, err := h.model.Contents(destination + b[len(b)-1].Name)
	h.must(err)
	if !maps.Equal(got, want) {
		h.Errorf("the contents of %s and %s differ", source, destination)
	}
}

// processes returns how many zfs processes there were since the last call, by subcommand.
func (h *house) processes(f func()) map[string]int {
	h.Helper()
	before := len(h.rec.Snapshot())
	f()
	count := make(map[string]int)
	for _, r := range h.rec.Snapshot()[before:] {
		if command, ok := strings.CutPrefix(r.Name, "zfs "); ok && r.Phase == trace.PhaseComplete {
			count[command]++
		}
	}
	return count
}

func TestTree(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a", "tank/a/b", "tank/a/b/c", "tank/a/tmp", "tank/a/tmp/x")
	h.snapshot("tank/a@1")
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: full @1", "backup/a/b: full @1", "backup/a/b/c: full @1", "backup/a/tmp: full @1", "backup/a/tmp/x: full @1")
	h.want(h.replicate("tank/a", "backup/a"))

	h.must(h.model.Write("tank/a/b", "file", []byte("changed")))
	h.snapshot("tank/a@2")
	h.create("tank/a/new", "tank/a/new/newer")
	h.snapshot("tank/a@3")
	h.want(h.replicate("tank/a", "backup/a"),
		"backup/a: incremental @1..@3 (2 snapshots)", "backup/a/b: incremental @1..@3 (2 snapshots)", "backup/a/b/c: incremental @1..@3 (2 snapshots)",
		"backup/a/new: full @3", "backup/a/new/newer: full @3",
		"backup/a/tmp: incremental @1..@3 (2 snapshots)", "backup/a/tmp/x: incremental @1..@3 (2 snapshots)")
	for _, name := range []string{"", "/b", "/b/c", "/new/newer", "/tmp/x"} {
		h.equal("tank/a"+name, "backup/a"+name)
	}
	h.want(h.replicate("tank/a", "backup/a"))
	if got := h.property("backup/a", "canmount"); got != "noauto" {
		t.Errorf("canmount=%s on a copy", got)
	}
}

// TestTreeFilter: what a filter leaves out is made as a placeholder where something below it isn't, and replaced when it no longer does.
func TestTreeFilter(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a", "tank/a/b", "tank/a/b/c", "tank/a/tmp", "tank/a/tmp/x")
	h.must(h.client.SetProperties(h.ctx, "tank/a/tmp/x", map[string]string{"zferry:replicate": "off"}))
	h.snapshot("tank/a@1")
	include, err := ParseGlob("b/c")
	h.must(err)
	h.r.Options.Filter.Include = []Glob{include}
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: placeholder", "backup/a/b: placeholder", "backup/a/b/c: full @1")
	h.want(h.replicate("tank/a", "backup/a"))
	for _, name := range []string{"backup/a", "backup/a/b"} {
		if got := h.property(name, "canmount") + h.property(name, PlaceholderProperty); got != "offon" {
			t.Errorf("%s: %s", name, got)
		}
	}
	h.r.Options.Filter = Filter{ExcludeProperties: map[string]string{"zferry:replicate": "off"}}
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: full @1", "backup/a/b: full @1", "backup/a/tmp: full @1")
	h.equal("tank/a/b/c", "backup/a/b/c")
	h.equal("tank/a", "backup/a")
}

// TestTreeContainers: a dataset without snapshots is a conflict, unless it is there for others below it.
func TestTreeContainers(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a", "tank/a/b", "tank/a/empty")
	h.must(h.client.Snapshot(h.ctx, "tank/a/b@1"))
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: placeholder", "backup/a/b: full @1", "backup/a/empty: no snapshots")
	h.want(h.replicate("tank/a", "backup/a"), "backup/a/empty: no snapshots")
}

// TestTreeFailure: what fails stops those below it, and no others.
func TestTreeFailure(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a", "tank/a/b", "tank/a/b/c", "tank/a/d")
	h.snapshot("tank/a@1")
	plan, err := h.r.Plan(h.ctx, "tank/a", "backup/a")
	h.must(err)
	h.must(h.client.Destroy(h.ctx, "tank/a/b@1"))
	report, err := h.r.Execute(h.ctx, plan)
	incomplete, ok := errors.AsType[*IncompleteError](err)
	if !ok || !incomplete.Partly() || incomplete.Total != 4 || len(incomplete.Failed) != 2 {
		t.Fatalf("got %v", err)
	}
	var states []string
	for _, d := range report.Datasets {
		states = append(states, fmt.Sprintf("%s %v %v", d.Plan.Destination, d.Err == nil, d.Skipped))
	}
	h.want(states, "backup/a true false", "backup/a/b false false", "backup/a/b/c false true", "backup/a/d true false")
	if c, ok := errors.AsType[*Conflict](report.Datasets[1].Err); !ok || c.Kind != NoSnapshots { // it was planned anew
		t.Errorf("got %v", report.Datasets[1].Err)
	}
	if got := report.Datasets[2].Err.Error(); got != "backup/a/b/c was left out: backup/a/b, above it, could not be made" {
		t.Errorf("got %s", got)
	}
}

// TestTreeInto: the destination is below the source, and isn't replicated into itself.
func TestTreeInto(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a", "tank/copies")
	h.snapshot("tank@1")
	for range 2 {
		h.replicate("tank", "tank/copies/tank")
		h.snapshot("tank@2")
		h.must(h.client.DestroyWith(h.ctx, zfssend.DestroyOptions{Recursive: true}, "tank@2"))
	}
	if _, err := h.client.Dataset(h.ctx, "tank/copies/tank/copies/tank"); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("a copy of the copy: %v", err)
	}
	h.equal("tank/a", "tank/copies/tank/a")
}

// TestProcessCounts: four lists if nothing has changed, two processes for each dataset that has, and one to look at the end.
func TestProcessCounts(t *testing.T) {
	const n = 12
	h := newHouse(t)
	h.create("tank/a")
	for i := range n - 1 {
		h.create(fmt.Sprintf("tank/a/%d", i))
	}
	h.snapshot("tank/a@1")
	h.replicate("tank/a", "backup/a")
	check := func(want map[string]int) {
		t.Helper()
		if got := h.processes(func() { h.replicate("tank/a", "backup/a") }); !maps.Equal(got, want) {
			t.Errorf("processes: %v, want %v", got, want)
		}
	}
	check(map[string]int{"list": 4})
	h.snapshot("tank/a@2")
	h.snapshot("tank/a@3")
	check(map[string]int{"list": 4, "send": n, "receive": n, "get": 1})
	h.snapshot("tank/a@4")
	h.r.Options.Hold = "zferry:test"
	check(map[string]int{"list": 4, "send": n, "receive": n, "get": 1, "hold": 2, "release": 2})
}

// property returns the value of a property.
func (h *house) property(name, property string) string {
	h.Helper()
	p, err := h.client.Properties(h.ctx, name, property)
	h.must(err)
	return p[property].Value
}
