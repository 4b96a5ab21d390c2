package prune

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
	"github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

func TestMain(m *testing.M) { zfstest.Main(m) }

// newModel returns a model with tank/a and tank/a/b, which have snapshots 1 to 5 of the last days, and the pool backup.
func newModel(t *testing.T) (*zfsmodel.Model, *counted) {
	t.Helper()
	zfstest.CheckLeaks(t)
	m := zfstest.Model(t)
	if err := m.CreatePool("backup"); err != nil {
		t.Fatal(err)
	}
	zfs(t, m, "create", "-p", "tank/a/b")
	for i := range 5 {
		if err := m.ShiftClock(time.Duration(i-4) * 24 * time.Hour); err != nil {
			t.Fatal(err)
		}
		zfs(t, m, "snapshot", "-r", fmt.Sprint("tank/a@", i+1))
	}
	return m, &counted{Host: (&zfssend.Client{Command: m.Command()}).Host()}
}

func zfs(t *testing.T, m *zfsmodel.Model, args ...string) string {
	t.Helper()
	out, err := exec.Command(m.Command()[0], args...).CombinedOutput()
	if err != nil {
		t.Fatalf("zfs %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// snapshots returns the names of a tree's snapshots, without those of the pool.
func snapshots(t *testing.T, m *zfsmodel.Model, dataset string) string {
	return strings.Join(strings.Fields(zfs(t, m, "list", "-Hr", "-t", "snapshot", "-o", "name", dataset)), " ")
}

// counted is a host that notes what it is asked, and may do something before it destroys.
type counted struct {
	zfssend.Host
	asked  []string
	before func()
}

func (c *counted) List(ctx context.Context, name string, o zfssend.ListOptions) ([]zfssend.Dataset, error) {
	c.asked = append(c.asked, fmt.Sprintf("list %s recursive=%v creation=%v", name, o.Recursive, o.Creation))
	return c.Host.List(ctx, name, o)
}

func (c *counted) Holds(ctx context.Context, names ...string) ([]zfssend.UserHold, error) {
	c.asked = append(c.asked, fmt.Sprint("holds ", len(names)))
	return c.Host.Holds(ctx, names...)
}

func (c *counted) GUIDs(ctx context.Context, names ...string) (map[string]uint64, error) {
	c.asked = append(c.asked, fmt.Sprint("guids ", len(names)))
	return c.Host.GUIDs(ctx, names...)
}

func (c *counted) DestroyWith(ctx context.Context, o zfssend.DestroyOptions, names ...string) error {
	c.asked = append(c.asked, "destroy "+strings.Join(names, " "))
	if c.before != nil {
		c.before()
	}
	return c.Host.DestroyWith(ctx, o, names...)
}

func (c *counted) wants(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(c.asked, want) {
		t.Errorf("asked:\n%s\nwant:\n%s", strings.Join(c.asked, "\n"), strings.Join(want, "\n"))
	}
	c.asked = nil
}

func makePlans(t *testing.T, p *Pruner, dataset string, peers ...Peer) []*Plan {
	t.Helper()
	plans, err := p.Plan(tracetest.Strict(t), dataset, true, peers...)
	if err != nil {
		t.Fatal(err)
	}
	return plans
}

func execute(t *testing.T, p *Pruner, plans []*Plan) Result {
	t.Helper()
	result, err := p.Execute(tracetest.Strict(t), plans)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestPrune(t *testing.T) {
	m, host := newModel(t)
	zfs(t, m, "hold", "me", "tank/a@2")
	p := &Pruner{Host: host, Policy: Policy{Rules: []Rule{lastRule(2)}}}
	plans := makePlans(t, p, "tank/a")
	host.wants(t, "list tank/a recursive=true creation=false", "holds 6")
	if got := why(plans[0], "@2"); got != "keep: held by me" {
		t.Error(got)
	}
	result := execute(t, p, plans)
	host.wants(t, "guids 5", "destroy tank/a@1 tank/a@3 tank/a/b@1 tank/a/b@2 tank/a/b@3")
	if len(result.Destroyed) != 5 || result.Gone != nil || result.Failed != nil {
		t.Errorf("%+v", result)
	}
	if got := snapshots(t, m, "tank/a"); got != "tank/a@2 tank/a@4 tank/a@5 tank/a/b@4 tank/a/b@5" {
		t.Errorf("left are %s", got)
	}
	plans = makePlans(t, p, "tank/a")
	if result := execute(t, p, plans); len(result.Destroyed) != 0 {
		t.Errorf("the second time it destroys %v", result.Destroyed)
	}
}

// TestPruneByAge: times of creation are asked for, and compared with the time that the pruner is told.
func TestPruneByAge(t *testing.T) {
	m, host := newModel(t)
	p := &Pruner{Host: host, Policy: Policy{Rules: []Rule{KeepYounger(36 * time.Hour)}}, Exclude: func(d string) bool { return d == "tank/a/b" }}
	execute(t, p, makePlans(t, p, "tank/a"))
	if host.asked[0] != "list tank/a recursive=true creation=true" {
		t.Errorf("asked %s", host.asked)
	}
	if got := snapshots(t, m, "tank/a"); got != "tank/a@4 tank/a@5 tank/a/b@1 tank/a/b@2 tank/a/b@3 tank/a/b@4 tank/a/b@5" {
		t.Errorf("left are %s", got)
	}
	p.Now = func() time.Time { return time.Now().AddDate(0, 0, -30) } // a clock that is wrong
	if plans := makePlans(t, p, "tank/a"); plans[0].Doomed() != nil || !strings.Contains(why(plans[0], "@4"), "of the future") {
		t.Errorf("%v; %s", plans[0].Doomed(), why(plans[0], "@4"))
	}
}

// TestPruneBothSidesForReal replicates, prunes both sides down to one snapshot, and can go on.
func TestPruneBothSidesForReal(t *testing.T) {
	for _, cursor := range []string{"", "backup"} {
		t.Run("cursor="+cursor, func(t *testing.T) {
			m, host := newModel(t)
			r := replicate.Replicator{Source: host.Host, Destination: host.Host, Options: replicate.Options{Recursive: true, Cursor: cursor}}
			send := func() {
				t.Helper()
				plan, err := r.Plan(t.Context(), "tank/a", "backup/a")
				if err != nil {
					t.Fatal(err)
				}
				if report, err := r.Execute(t.Context(), plan); err != nil || report.Err() != nil {
					t.Fatal(err, report.Err())
				}
			}
			send()
			zfs(t, m, "snapshot", "-r", "tank/a@6")
			p := &Pruner{Host: host, Policy: Policy{Rules: []Rule{lastRule(1)}}}
			execute(t, p, makePlans(t, p, "tank/a", Peer{Host: host, Dataset: "backup/a", Role: Target, Cursor: cursor}))
			want := "tank/a@5 tank/a@6 tank/a/b@5 tank/a/b@6"
			if cursor != "" {
				want = "tank/a@6 tank/a/b@6"
			}
			if got := snapshots(t, m, "tank/a"); got != want {
				t.Errorf("left are %s, want %s", got, want)
			}
			execute(t, p, makePlans(t, p, "backup/a", Peer{Host: host, Dataset: "tank/a", Role: Source}))
			if got := snapshots(t, m, "backup/a"); got != "backup/a@5 backup/a/b@5" {
				t.Errorf("left are %s", got)
			}
			send()
			execute(t, p, makePlans(t, p, "backup/a", Peer{Host: host, Dataset: "tank/a", Role: Source}))
			if got := snapshots(t, m, "backup/a"); got != "backup/a@6 backup/a/b@6" {
				t.Errorf("left are %s", got)
			}
		})
	}
}

// TestNotAnother: what has taken the place of a snapshot since the plan isn't destroyed, and what is gone is no failure.
func TestNotAnother(t *testing.T) {
	m, host := newModel(t)
	p := &Pruner{Host: host, Policy: Policy{Rules: []Rule{lastRule(1)}}}
	plans := makePlans(t, p, "tank/a/b")
	zfs(t, m, "destroy", "tank/a/b@1")
	zfs(t, m, "destroy", "tank/a/b@2")
	zfs(t, m, "snapshot", "tank/a/b@2")
	zfs(t, m, "rename", "tank/a/b@3", "tank/a/b@old")
	zfs(t, m, "rename", "tank/a/b@5", "tank/a/b@3")
	result, err := p.Execute(t.Context(), plans)
	incomplete, ok := errors.AsType[*IncompleteError](err)
	if !ok || !incomplete.Partly() || err.Error() != "2 of 4 could not be destroyed; the first: tank/a/b@2: left alone: another one has this name since it was planned" {
		t.Error(err)
	}
	if !slices.Equal(result.Destroyed, []string{"tank/a/b@4"}) || !slices.Equal(result.Gone, []string{"tank/a/b@1"}) || len(result.Failed) != 2 || result.Failed[1].Name != "tank/a/b@3" {
		t.Errorf("%+v", result)
	}
	if got := snapshots(t, m, "tank/a/b"); got != "tank/a/b@old tank/a/b@3 tank/a/b@2" {
		t.Errorf("left are %s", got)
	}
}

// TestInTheWay: what zfs doesn't destroy is told one by one, and the rest goes.
func TestInTheWay(t *testing.T) {
	m, host := newModel(t)
	p := &Pruner{Host: host, Policy: Policy{Rules: []Rule{lastRule(1)}}}
	zfs(t, m, "clone", "tank/a@2", "tank/clone")
	plans := makePlans(t, p, "tank/a")
	host.before = func() {
		host.before = nil
		zfs(t, m, "hold", "late", "tank/a/b@3")
		zfs(t, m, "destroy", "tank/a@4")
	}
	result, err := p.Execute(t.Context(), plans)
	if !errors.Is(err, zfssend.HasDependents) || !errors.Is(err, zfssend.Busy) {
		t.Error(err)
	}
	var failed []string
	for _, f := range result.Failed {
		failed = append(failed, f.Name+": "+f.Cause.String())
	}
	if got := strings.Join(failed, ", "); got != "tank/a@2: has children, snapshots or clones, tank/a/b@3: busy" {
		t.Errorf("failed: %s", got)
	}
	if got := snapshots(t, m, "tank/a"); got != "tank/a@2 tank/a@5 tank/a/b@3 tank/a/b@5" {
		t.Errorf("left are %s", got)
	}
	if len(result.Destroyed)+len(result.Gone) != 6 || !slices.Contains(result.Gone, "tank/a@4") {
		t.Errorf("%+v", result)
	}
}

// TestPlanFails: what a peer needs has to be known.
func TestPlanFails(t *testing.T) {
	m, host := newModel(t)
	p := &Pruner{Host: host, Policy: Policy{Rules: []Rule{lastRule(1)}}}
	if _, err := p.Plan(t.Context(), "tank/a", true, Peer{Host: host, Dataset: "backup/nowhere", Role: Target}); !errors.Is(err, zfssend.NotFound) || !strings.HasPrefix(err.Error(), "what backup/nowhere needs isn't known: ") {
		t.Error(err)
	}
	if _, err := p.Plan(t.Context(), "tank/nowhere", true); !errors.Is(err, zfssend.NotFound) {
		t.Error(err)
	}
	if _, err := (&Pruner{Host: host}).Plan(t.Context(), "tank/a", true); !errors.Is(err, ErrNoRule) {
		t.Error(err)
	}
	zfs(t, m, "create", "backup/a") // and no backup/a/b
	plans := makePlans(t, p, "tank/a", Peer{Host: host, Dataset: "backup/a", Role: Target})
	if len(plans) != 2 || len(plans[1].Notes) != 1 || plans[1].Notes[0] != "tank/a/b has nothing in common with backup/a/b" {
		t.Errorf("%+v", plans)
	}
	lost := errors.New("lost")
	p.Host = broken{host, lost}
	if _, err := p.Plan(t.Context(), "tank/a", true); !errors.Is(err, lost) {
		t.Error(err)
	}
}

// broken is a host that can't be reached any more.
type broken struct {
	zfssend.Host
	err error
}

func (b broken) Holds(context.Context, ...string) ([]zfssend.UserHold, error) { return nil, b.err }

func (b broken) GUIDs(context.Context, ...string) (map[string]uint64, error) { return nil, b.err }

// unsure is a host that can't be reached any more, right after it was told what to destroy.
type unsure struct {
	zfssend.Host
	err error
}

func (u unsure) DestroyWith(context.Context, zfssend.DestroyOptions, ...string) error { return u.err }

// TestExecuteFails: nothing is destroyed unseen, and after the first failure of a host it is left alone.
func TestExecuteFails(t *testing.T) {
	m, host := newModel(t)
	p := &Pruner{Host: host, Policy: Policy{Rules: []Rule{lastRule(1)}}}
	plans := makePlans(t, p, "tank/a")
	lost := errors.New("lost")
	p.Host = broken{host, lost}
	host.asked = nil
	result, err := p.Execute(t.Context(), plans)
	incomplete, ok := errors.AsType[*IncompleteError](err)
	if !errors.Is(err, lost) || !ok || incomplete.Partly() || len(result.Failed) != 8 || result.Failed[7].Uncertain {
		t.Errorf("%+v, %v", result, err)
	}
	host.wants(t)
	p.Host = unsure{host, lost}
	if result, err := p.Execute(t.Context(), plans); !errors.Is(err, lost) || len(result.Failed) != 8 || !result.Failed[0].Uncertain || !result.Failed[7].Uncertain {
		t.Errorf("%+v, %v", result, err)
	}
	p.Host = host
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(lost)
	if result, err := p.Execute(ctx, plans); !errors.Is(err, lost) || len(result.Destroyed) > 0 || len(result.Failed) != 8 {
		t.Errorf("%+v, %v", result, err)
	}
	if got := len(strings.Fields(snapshots(t, m, "tank/a"))); got != 10 {
		t.Errorf("%d are left", got)
	}
}

// TestInterrupted: who is interrupted in the middle is told so, and what is left.
func TestInterrupted(t *testing.T) {
	m, host := newModel(t)
	p := &Pruner{Host: host, Policy: Policy{Rules: []Rule{lastRule(1)}}}
	plans := makePlans(t, p, "tank/a")
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	host.before = func() { cancel(why) }
	result, err := p.Execute(ctx, plans)
	if !errors.Is(err, why) || len(result.Failed) != 8 || result.Failed[0].Cause != zfssend.Canceled {
		t.Errorf("%+v, %v", result, err)
	}
	if got := len(strings.Fields(snapshots(t, m, "tank/a"))); got != 10 {
		t.Errorf("%d are left", got)
	}
}

// TestPortions: many are destroyed in portions, each looked at first; and after a failure of the host no more are tried.
func TestPortions(t *testing.T) {
	plan := &Plan{Dataset: "tank/a"}
	for i := range 20_000 {
		v := zfssend.Version{Name: fmt.Sprintf("@a-name-of-some-length-%05d", i), GUID: uint64(i + 1)}
		plan.Decisions = append(plan.Decisions, Decision{Snapshot: v, Fate: Destroy})
	}
	recorder := &recorded{fail: 3}
	p := &Pruner{Host: recorder}
	result, err := p.Execute(t.Context(), []*Plan{plan})
	if err == nil || len(result.Destroyed) == 0 || len(result.Destroyed)+len(result.Failed) != 20_000 {
		t.Errorf("%d destroyed, %d failed, %v", len(result.Destroyed), len(result.Failed), err)
	}
	if want := []string{"guids", "destroy", "guids", "destroy", "guids"}; !slices.Equal(recorder.asked, want) {
		t.Errorf("asked %v", recorder.asked)
	}
	if f := result.Failed[len(result.Failed)-1]; f.Cause != zfssend.NotTried {
		t.Errorf("%+v", f)
	}
}

// recorded is a host that has all that it is asked for, until it fails.
type recorded struct {
	zfssend.Host
	asked []string
	fail  int // the number of the look that fails
}

func (r *recorded) GUIDs(_ context.Context, names ...string) (map[string]uint64, error) {
	r.asked = append(r.asked, "guids")
	if r.fail--; r.fail == 0 {
		return nil, zfssend.ErrTransport
	}
	guids := make(map[string]uint64)
	for _, name := range names {
		var n uint64
		fmt.Sscanf(name, "tank/a@a-name-of-some-length-%d", &n)
		guids[name] = n + 1
	}
	return guids, nil
}

func (r *recorded) DestroyWith(context.Context, zfssend.DestroyOptions, ...string) error {
	r.asked = append(r.asked, "destroy")
	return nil
}
