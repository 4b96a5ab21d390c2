package snapshot

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

func TestMain(m *testing.M) { zfstest.Main(m) }

// newModel returns a model with the datasets tank/a, tank/a/b and tank/c, and a host on it that counts processes.
func newModel(t *testing.T) (*zfsmodel.Model, *counted) {
	t.Helper()
	zfstest.CheckLeaks(t)
	m := zfstest.Model(t)
	for _, d := range []string{"tank/a", "tank/a/b", "tank/c"} {
		zfs(t, m, "create", d)
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

func write(t *testing.T, m *zfsmodel.Model, dataset string) {
	t.Helper()
	if err := m.Write(dataset, "file", []byte(dataset)); err != nil {
		t.Fatal(err)
	}
}

// counted is a host that notes what it is asked.
type counted struct {
	zfssend.Host
	asked []string
}

func (c *counted) List(ctx context.Context, name string, o zfssend.ListOptions) ([]zfssend.Dataset, error) {
	c.asked = append(c.asked, fmt.Sprintf("list %s recursive=%v versions=%v %v", name, o.Recursive, !o.WithoutVersions, o.Properties))
	return c.Host.List(ctx, name, o)
}

func (c *counted) Snapshot(ctx context.Context, names ...string) error {
	c.asked = append(c.asked, "snapshot "+strings.Join(names, " "))
	return c.Host.Snapshot(ctx, names...)
}

func (c *counted) wants(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(c.asked, want) {
		t.Errorf("asked:\n%s\nwant:\n%s", strings.Join(c.asked, "\n"), strings.Join(want, "\n"))
	}
	c.asked = nil
}

func take(t *testing.T, host zfssend.Host, o Options) Result {
	t.Helper()
	result, err := Take(tracetest.Strict(t), host, o)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func wantResult(t *testing.T, got Result, taken string, skipped ...string) {
	t.Helper()
	var list []string
	for _, s := range got.Skipped {
		list = append(list, s.Dataset+": "+s.Reason.String())
	}
	if strings.Join(got.Taken, " ") != taken || !slices.Equal(list, skipped) {
		t.Errorf("took %q, skipped %q;\nwant %q, %q", got.Taken, list, taken, skipped)
	}
}

func TestTakeRecursive(t *testing.T) {
	m, host := newModel(t)
	result := take(t, host, Options{Datasets: []string{"tank/a", "tank/c", "tank/a/b"}, Recursive: true, Name: "x"})
	wantResult(t, result, "tank/a@x tank/a/b@x tank/c@x")
	host.wants(t, "list tank/a recursive=true versions=false []", "list tank/c recursive=true versions=false []",
		"list tank/a/b recursive=true versions=false []", "snapshot tank/a@x tank/a/b@x tank/c@x")
	txgs := strings.Fields(zfs(t, m, "get", "-Hp", "-o", "value", "createtxg", "tank/a@x", "tank/a/b@x", "tank/c@x"))
	if len(slices.Compact(txgs)) != 1 {
		t.Errorf("not at the same moment: %v", txgs)
	}
}

func TestTakeAsksOnlyForWhatItNeeds(t *testing.T) {
	m, host := newModel(t)
	wantResult(t, take(t, host, Options{Datasets: []string{"tank/a"}, Name: "x"}), "tank/a@x")
	host.wants(t, "snapshot tank/a@x")
	write(t, m, "tank/a")
	wantResult(t, take(t, host, Options{Datasets: []string{"tank/a"}, Name: "y", IfWritten: true}), "tank/a@y")
	host.wants(t, "list tank/a recursive=false versions=false [written origin]", "snapshot tank/a@y")
	wantResult(t, take(t, host, Options{Datasets: []string{"tank/a"}, Name: "z", DryRun: true}), "tank/a@z")
	host.wants(t)
	result := take(t, host, Options{Datasets: []string{"tank/a"}, Name: "z", IfWritten: true})
	wantResult(t, result, "", "tank/a: nothing was written since its newest snapshot")
	host.wants(t, "list tank/a recursive=false versions=false [written origin]")
}

func TestTakeIfWritten(t *testing.T) {
	m, host := newModel(t)
	all := Options{Datasets: []string{"tank/a", "tank/c"}, Recursive: true, IfWritten: true, Name: "1"}
	wantResult(t, take(t, host, all), "tank/a@1 tank/a/b@1 tank/c@1") // without any snapshot, all counts as written
	write(t, m, "tank/a/b")
	all.Name = "2"
	wantResult(t, take(t, host, all), "tank/a/b@2", "tank/a: nothing was written since its newest snapshot",
		"tank/c: nothing was written since its newest snapshot")
}

// TestTakeOfClone: a clone has its first snapshot taken, also where zfs says that nothing was written to it since its origin.
func TestTakeOfClone(t *testing.T) {
	m, host := newModel(t)
	zfs(t, m, "snapshot", "tank/a@1")
	zfs(t, m, "clone", "tank/a@1", "tank/c/clone")
	zfs(t, m, "snapshot", "tank/c@1")
	unwritten := asItsOrigin{host, "tank/c/clone"}
	o := Options{Datasets: []string{"tank/c"}, Recursive: true, IfWritten: true, Name: "2"}
	wantResult(t, take(t, unwritten, o), "tank/c/clone@2", "tank/c: nothing was written since its newest snapshot")
	o.Name = "3"
	wantResult(t, take(t, unwritten, o), "", "tank/c: nothing was written since its newest snapshot",
		"tank/c/clone: nothing was written since its newest snapshot")
}

// asItsOrigin is a host on which nothing was written to a clone.
type asItsOrigin struct {
	zfssend.Host
	clone string
}

func (h asItsOrigin) List(ctx context.Context, name string, o zfssend.ListOptions) ([]zfssend.Dataset, error) {
	list, err := h.Host.List(ctx, name, o)
	for _, d := range list {
		if d.Name == h.clone && d.Properties != nil {
			d.Properties["written"] = "0"
		}
	}
	return list, err
}

func TestTakeExcluded(t *testing.T) {
	_, host := newModel(t)
	o := Options{Datasets: []string{"tank"}, Recursive: true, Name: "x", Exclude: func(d string) bool {
		match, _ := path.Match("tank/*", d)
		return match && d != "tank/c"
	}}
	wantResult(t, take(t, host, o), "tank@x tank/a/b@x tank/c@x", "tank/a: excluded")
}

// TestTakeWhileReceiving: a receive under way is in nobody's way.
func TestTakeWhileReceiving(t *testing.T) {
	m, host := newModel(t)
	zfs(t, m, "snapshot", "tank/a@1")
	if err := m.Write("tank/a", "big", make([]byte, 3<<20)); err != nil {
		t.Fatal(err)
	}
	zfs(t, m, "snapshot", "tank/a@2")
	client := zfssend.Client{Command: m.Command()}
	if err := m.SetFault("send", zfsmodel.Fault{After: 1 << 20, Text: "cannot send: Input/output error\n", Exit: 1}); err != nil {
		t.Fatal(err)
	}
	send, err := client.Send(t.Context(), "tank/a@2", zfssend.SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	receive, err := client.Receive(t.Context(), "tank/c/copy", send, zfssend.ReceiveOptions{Unmounted: true, Resumable: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := receive.Wait(); err == nil {
		t.Fatal("the receive succeeded")
	}
	wantResult(t, take(t, host, Options{Datasets: []string{"tank/c"}, Recursive: true, Name: "x"}), "tank/c@x",
		"tank/c/copy: a receive is under way, or was interrupted")
	if _, err := Take(t.Context(), host, Options{Datasets: []string{"tank/c/copy"}, Name: "y"}); !errors.Is(err, zfssend.Busy) {
		t.Errorf("who names it gets what zfs says, not %v", err)
	}
}

func TestTakeFails(t *testing.T) {
	m, host := newModel(t)
	if err := m.CreatePool("other"); err != nil {
		t.Fatal(err)
	}
	zfs(t, m, "snapshot", "tank/c@x")
	result, err := Take(t.Context(), host, Options{Datasets: []string{"tank/a", "tank/c", "other"}, Name: "x"})
	if !errors.Is(err, zfssend.AlreadyExists) {
		t.Error(err)
	}
	wantResult(t, result, "other@x") // another pool
	zfs(t, m, "list", "other@x")
	if out, err := exec.Command(m.Command()[0], "list", "tank/a@x").CombinedOutput(); err == nil {
		t.Errorf("it was taken: %s", out)
	}
	for _, o := range []Options{
		{Name: "x"},
		{Datasets: []string{"tank/a"}},
		{Datasets: []string{"tank/a@x"}, Name: "x"},
		{Datasets: []string{"-r"}, Name: "x"},
		{Datasets: []string{"tank/a"}, Name: "x y/z"},
	} {
		if r, err := Take(t.Context(), host, o); err == nil || len(r.Taken) > 0 {
			t.Errorf("%+v: %+v, %v", o, r, err)
		}
	}
	for _, o := range []Options{{Datasets: []string{"tank/nowhere"}, Name: "x"}, {Datasets: []string{"tank/nowhere"}, Name: "x", Recursive: true}} {
		if _, err := Take(t.Context(), host, o); !errors.Is(err, zfssend.NotFound) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	lost := errors.New("lost")
	if r, err := Take(t.Context(), broken{host, lost}, Options{Datasets: []string{"tank/a"}, Name: "z"}); !errors.Is(err, lost) || r.Taken != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// broken is a host that can't be reached any more.
type broken struct {
	zfssend.Host
	err error
}

func (b broken) Snapshot(context.Context, ...string) error { return b.err }

func TestTakeTrace(t *testing.T) {
	_, host := newModel(t)
	ctx := tracetest.Strict(t)
	take := func(name string) {
		if _, err := Take(ctx, host, Options{Datasets: []string{"tank/a"}, Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	take("x")
	if tree := tracetest.Tree(t, ctx); !strings.Contains(tree, "snapshot") || !strings.Contains(tree, "zfs snapshot") {
		t.Errorf("got %s", tree)
	}
}
