package trace_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/trace"
)

// check checks what is true of a program after each of its steps. It doesn't look into the recorder each time, lest that
// make a difference.
func (p *program) check(rt *rapid.T) {
	if rapid.Bool().Draw(rt, "look") {
		p.look(rt)
	}
}

func (p *program) look(rt *rapid.T) {
	p.checkContexts(rt)
	slices.Sort(p.got)
	want := slices.Sorted(slices.Values(p.anomalies))
	if !slices.Equal(p.got, want) {
		rt.Fatalf("anomalies:\n%s\nwant:\n%s", strings.Join(p.got, "\n"), strings.Join(want, "\n"))
	}
	for m := trace.NoTask; m <= trace.TooDeep; m++ {
		n := 0
		for _, a := range want {
			if strings.HasPrefix(a, m.String()+":") {
				n++
			}
		}
		if got := p.rec.Anomalies(m); got != uint64(n) {
			rt.Fatalf("%d anomalies %q, want %d", got, m, n)
		}
	}
	p.compare(rt, "active", p.rec.Active(), p.active())
	snapshot := p.rec.Snapshot()
	p.compare(rt, "recorded", snapshot, p.records())
	if err := checkNesting(snapshot, false); err != nil {
		rt.Fatal(err)
	}
}

// checkContexts compares each context with the one that has no spans.
func (p *program) checkContexts(rt *rapid.T) {
	for _, s := range p.scopes {
		d, ok := s.ctx.Deadline()
		wantD, wantOK := s.plain.Deadline()
		if !d.Equal(wantD) || ok != wantOK || s.ctx.Err() != s.plain.Err() || context.Cause(s.ctx) != context.Cause(s.plain) ||
			isDone(s.ctx) != isDone(s.plain) {
			rt.Fatalf("a context has deadline %v, error %v, cause %v, is done: %v\nwant %v, %v, %v, %v", d, s.ctx.Err(), context.Cause(s.ctx), isDone(s.ctx),
				wantD, s.plain.Err(), context.Cause(s.plain), isDone(s.plain))
		}
	}
}

func isDone(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

// compare compares records with the lines that the model wants, and checks that they are in order.
func (p *program) compare(rt *rapid.T, what string, records []trace.Record, want []string) {
	var got []string
	names := p.names()
	start := map[trace.ID]int64{}
	for i := range records {
		r := &records[i]
		if r.Kind == trace.KindClock {
			continue
		}
		got = append(got, recordText(r, names))
		if r.ID == 0 {
			continue
		}
		if at, ok := start[r.Parent]; r.Parent != 0 && r.Parent != p.remote.Span && (!ok || r.Start < at) {
			rt.Fatalf("%s: %s comes before its parent", what, names[r.ID])
		}
		start[r.ID] = r.Start
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		rt.Fatalf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (p *program) names() map[trace.ID]string {
	names := map[trace.ID]string{0: "", p.remote.Span: "remote"}
	for _, n := range p.nodes {
		names[n.id] = n.name
	}
	return names
}

// recordText renders a record as the model does.
func recordText(r *trace.Record, names map[trace.ID]string) string {
	if r.ID == 0 {
		more := ""
		switch r.Kind {
		case trace.KindCounter:
			more = r.Value.String()
		case trace.KindLink:
			more = names[r.Link.Span]
		case trace.KindLog:
			more = r.Level.String()
		}
		return markLine(r.Kind, r.Name, names[r.Parent], names[r.Task], more)
	}
	if r.Name != names[r.ID] {
		return fmt.Sprintf("%v is called %q instead of %q", r.ID, r.Name, names[r.ID])
	}
	root := names[trace.ID(binary.BigEndian.Uint64(r.Trace[8:]))]
	if r.Trace == (trace.TraceID{1}) {
		root = "remote"
	}
	return spanLine(r.Kind, r.Phase, r.Name, names[r.Parent], names[r.Task], names[r.ParentTask], root, r.Status, r.Err, r.Attrs)
}

// checkNesting returns an error unless every span begins in its parent, and the strict spans of each task are inside of
// the strict span or task around them, one after the other. That is what a picture of them relies on.
//
// Of records that were taken while the program ran, moving says that an ancestor may be from a later moment than the rest
// of its task: what has a child in another shard, which is looked at later, began when its sibling, which was open
// before, had ended.
func checkNesting(records []trace.Record, moving bool) error {
	byID := map[trace.ID]*trace.Record{}
	for i := range records {
		if r := &records[i]; r.ID != 0 && r.Phase != trace.PhaseGone { // of those nobody knows when they ended
			byID[r.ID] = r
		}
	}
	inside := map[trace.ID][]*trace.Record{}
	for _, r := range byID {
		if r.End < r.Start && r.Phase != trace.PhaseBegin {
			return fmt.Errorf("%q ends at %d, before its start at %d", r.Name, r.End, r.Start)
		}
		if p := byID[r.Parent]; p != nil && r.Start < p.Start {
			return fmt.Errorf("%q starts at %d, before its parent %q at %d", r.Name, r.Start, p.Name, p.Start)
		}
		around := byID[r.Parent]
		for around != nil && around.Kind == trace.KindAsync && around.Task == r.Task {
			around = byID[around.Parent]
		}
		if r.Kind != trace.KindSpan || around == nil || around.Task != r.Task {
			continue
		}
		if endOf(r) > endOf(around) {
			return fmt.Errorf("%q ends at %d, after %q at %d, which it is in", r.Name, endOf(r), around.Name, endOf(around))
		}
		inside[around.ID] = append(inside[around.ID], r)
	}
	for _, siblings := range inside {
		slices.SortFunc(siblings, func(a, b *trace.Record) int {
			return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(endOf(a), endOf(b)))
		})
		for i, s := range siblings[1:] {
			if last := siblings[i]; s.Start < endOf(last) && !(moving && last.Phase == trace.PhaseBegin) {
				return fmt.Errorf("%q starts at %d, before %q ends at %d, which it comes after", s.Name, s.Start, last.Name, endOf(last))
			}
		}
	}
	return nil
}

func endOf(r *trace.Record) int64 {
	if r.Phase == trace.PhaseBegin {
		return math.MaxInt64
	}
	return r.End
}

// poll lets the patient consumer poll, and checks that it got what it must have by now, and nothing else.
func (p *program) poll(rt *rapid.T) {
	if p.fake {
		time.Sleep(time.Millisecond) // an interval must have some length
	}
	if err := p.patient.poll(); err != nil {
		rt.Fatal(err)
	}
	if p.fake {
		time.Sleep(time.Millisecond)
	}
	if orphans := p.patient.orphans(p.remote.Span); orphans != nil {
		rt.Fatalf("without their parents came %q", orphans)
	}
	if p.patient.instants != len(p.instants) {
		rt.Fatalf("%d instants came, want %d", p.patient.instants, len(p.instants))
	}
	for _, n := range p.nodes {
		switch begun, done := p.patient.begun[n.id], p.patient.done[n.id]; {
		case !n.recorded && (begun || done):
			rt.Fatalf("%s came, although nothing recorded was in it", n.name)
		case n.recorded && done == n.open:
			rt.Fatalf("%s is open: %v, and its end came: %v", n.name, n.open, done)
		case n.recorded && !begun && n.open && (n.waited || !n.strict() || n.kind == trace.KindTask):
			rt.Fatalf("%s is open, and its begin didn't come", n.name)
		case p.fake && begun && n.open && n.kind == trace.KindSpan && !n.stray && !n.waited && !p.delivered(n):
			rt.Fatalf("%s came as open, although it wasn't for a whole interval", n.name)
		}
	}
	for _, n := range p.nodes {
		n.waited = true
	}
	late := newReader(p.rec, trace.ConsumerConfig{FromNow: true})
	if err := late.poll(); err != nil {
		rt.Fatal(err)
	}
	for _, n := range p.nodes {
		if got := late.begun[n.id]; n.recorded && n.open && !got || !n.recorded && got {
			rt.Fatalf("%s is open: %v, recorded: %v, and a consumer that just came has its begin: %v", n.name, n.open, n.recorded, got)
		}
	}
	if orphans := late.orphans(p.remote.Span); orphans != nil {
		rt.Fatalf("to a consumer that just came, without their parents came %q", orphans)
	}
}

// delivered reports whether the patient consumer has something that is in n.
func (p *program) delivered(n *node) bool {
	for _, c := range p.nodes {
		if parent, _ := c.recordedParent(); parent == n && p.patient.knows(c.id) {
			return true
		}
	}
	return slices.ContainsFunc(p.instants, func(i mark) bool { return i.on == n })
}

// windUp ends the program as it should, and checks that nothing is left.
func (p *program) windUp(rt *rapid.T) {
	for len(p.workers) > 0 {
		p.finishOne(rt, p.workers[0], func() error { return nil }, nil)
	}
	for _, g := range p.groups {
		p.waitFor(rt, g)
	}
	for _, n := range slices.Backward(p.nodes) {
		if n != p.offRoot {
			p.model.end(n, nil)
			trace.FromContext(n.scope.ctx).End()
		}
	}
	p.look(rt)
	p.poll(rt)
	for _, r := range p.rec.Active() {
		if r.Name != trace.StartedWhileOff {
			rt.Fatalf("%q is open at the end", r.Name)
		}
	}
}
