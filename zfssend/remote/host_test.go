package remote

import (
	"context"
	"errors"
	"io"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// TestControl asks for everything but streams, and compares with what a Client answers.
func TestControl(t *testing.T) {
	zfstest.CheckLeaks(t)
	model, p := modelled(t)
	dataset(t, model, "tank/a", "@x", 1000)
	h, local, ctx := p.host, p.client, t.Context()
	for _, step := range []struct {
		name string
		do   func(h zfssend.Host) error
	}{
		{"create", func(h zfssend.Host) error {
			return h.Create(ctx, "tank/new", zfssend.CreateOptions{Set: map[string]string{"canmount": "off"}})
		}},
		{"snapshot", func(h zfssend.Host) error { return h.Snapshot(ctx, "tank/a@y", "tank/new@y") }},
		{"bookmark", func(h zfssend.Host) error {
			return h.Bookmark(ctx, zfssend.Bookmark{Source: "tank/a@x", Name: "#x"})
		}},
		{"hold", func(h zfssend.Host) error { return h.Hold(ctx, "tag", "tank/a@x") }},
		{"set", func(h zfssend.Host) error {
			return h.SetProperties(ctx, "tank/a", map[string]string{"zferry:a": "tab\tand\nline"})
		}},
		{"rollback", func(h zfssend.Host) error { return h.Rollback(ctx, "tank/a@y") }},
		{"abort", func(h zfssend.Host) error { return h.AbortReceive(ctx, "tank/a") }},
	} {
		if err := step.do(h); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
	o := zfssend.ListOptions{Recursive: true, Creation: true, Holds: true, Properties: []string{"canmount"}}
	same(t, "List", func(h zfssend.Host) (any, error) { return h.List(ctx, "tank", o) }, h, local.Host())
	same(t, "Properties", func(h zfssend.Host) (any, error) { return h.Properties(ctx, "tank/a", "zferry:a", "type") }, h, local.Host())
	same(t, "GUIDs", func(h zfssend.Host) (any, error) { return h.GUIDs(ctx, "tank/a", "tank/a@x", "tank/a#x") }, h, local.Host())
	same(t, "Holds", func(h zfssend.Host) (any, error) { return h.Holds(ctx, "tank/a@x", "tank/a@y") }, h, local.Host())
	same(t, "Estimate", func(h zfssend.Host) (any, error) {
		return h.Estimate(ctx, "tank/a@y", zfssend.SendOptions{From: "@x"})
	}, h, local.Host())
	for _, step := range []func() error{
		func() error { return h.Inherit(ctx, "zferry:a", "tank/a") },
		func() error { return h.Release(ctx, "tag", "tank/a@x") },
		func() error {
			return h.DestroyWith(ctx, zfssend.DestroyOptions{}, "tank/a@x", "tank/a#x", "tank/new@y")
		},
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	list, err := local.List(ctx, "tank/a", zfssend.ListOptions{})
	if err != nil || len(list[0].Versions) != 1 {
		t.Errorf("in the end: %+v, %v", list, err)
	}
}

// same asks both hosts and compares.
func same(t *testing.T, what string, ask func(zfssend.Host) (any, error), far, near zfssend.Host) {
	t.Helper()
	got, err := ask(far)
	want, wantErr := ask(near)
	if err != nil || wantErr != nil {
		t.Errorf("%s: %v, locally %v", what, err, wantErr)
	}
	if list, ok := got.([]zfssend.Dataset); ok { // the moment is the same, the zone is another variable
		for i := range list {
			for j := range list[i].Versions {
				list[i].Versions[j].Creation = list[i].Versions[j].Creation.Local()
			}
		}
	}
	if list, ok := got.([]zfssend.UserHold); ok {
		for i := range list {
			list[i].Created = list[i].Created.Local()
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v\nwant %+v", what, got, want)
	}
}

// TestErrors compares errors of a far host with those of a near one.
func TestErrors(t *testing.T) {
	zfstest.CheckLeaks(t)
	model, p := modelled(t)
	dataset(t, model, "tank/a", "@x", 1000)
	ctx := t.Context()
	if err := p.client.Hold(ctx, "tag", "tank/a@x"); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func(zfssend.Host) error{
		"list":  func(h zfssend.Host) error { _, err := h.List(ctx, "tank/none", zfssend.ListOptions{}); return err },
		"name":  func(h zfssend.Host) error { _, err := h.List(ctx, "-R", zfssend.ListOptions{}); return err },
		"sigil": func(h zfssend.Host) error { return h.Rollback(ctx, "tank/a#x") },
		"batch": func(h zfssend.Host) error {
			return h.DestroyWith(ctx, zfssend.DestroyOptions{}, "tank/a@x", "tank/a@none")
		},
		"exists": func(h zfssend.Host) error { return h.Snapshot(ctx, "tank/a@x") },
		"send":   func(h zfssend.Host) error { return sendTo(h, "tank/a@none", zfssend.SendOptions{}) },
		"token":  func(h zfssend.Host) error { return sendTo(h, "tank/a@x", zfssend.SendOptions{Token: "1-abc"}) },
		"expect": func(h zfssend.Host) error {
			return sendTo(h, "tank/a@x", zfssend.SendOptions{Expect: &zfssend.Expect{ToGUID: 1}})
		},
		"property": func(h zfssend.Host) error { return h.SetProperties(ctx, "tank/a", map[string]string{"a b": "c"}) },
		"noproc": func(h zfssend.Host) error {
			_, err := h.Estimate(ctx, "tank/a@x", zfssend.SendOptions{From: "tank/b@y"})
			return err
		},
		"incomplete": func(h zfssend.Host) error { return sendTo(h, "tank/a@x", zfssend.SendOptions{Intermediates: true}) },
	} {
		far, near := do(p.host), do(p.client.Host())
		host, ok := errors.AsType[*HostError](far)
		if !ok || near == nil || host.Host != "far" {
			t.Errorf("%s: %v, want a HostError like %v", name, far, near)
			continue
		}
		got, want := host.Err, near
		if got.Error() != want.Error() {
			t.Errorf("%s: text %q\nwant %q", name, got, want)
		}
		if _, own := want.(interface{ Unwrap() []error }); own && reflect.TypeOf(got) != reflect.TypeOf(want) {
			t.Errorf("%s: type %T, want %T", name, got, want)
		}
		for c := zfssend.Canceled; c <= zfssend.ReadOnly; c++ {
			if errors.Is(far, c) != errors.Is(near, c) {
				t.Errorf("%s: Is %v: %v, locally %v", name, c, errors.Is(far, c), errors.Is(near, c))
			}
		}
		if zfssend.RootCause(far, nil) != far {
			t.Errorf("%s: it isn't the root cause of itself", name)
		}
	}
}

func sendTo(h zfssend.Host, snapshot string, o zfssend.SendOptions) error {
	s, err := h.Send(context.Background(), snapshot, o)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, s)
	s.Close()
	return err
}

// TestCancel cancels a request while zfs runs, and sees that zfs is gone when it returns.
func TestCancel(t *testing.T) {
	zfstest.CheckLeaks(t)
	started := t.TempDir() + "/started"
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"": {zfstest.Touch(started), zfstest.Block()}})}
	p := connect(t, &Agent{Client: client, Policy: Unrestricted()}, Config{})
	why := errors.New("no more")
	for name, do := range map[string]func(context.Context) error{
		"list":     func(ctx context.Context) error { _, err := p.host.List(ctx, "tank", zfssend.ListOptions{}); return err },
		"snapshot": func(ctx context.Context) error { return p.host.Snapshot(ctx, "tank/a@x", "tank/b@x") },
	} {
		os.Remove(started)
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			await(t, started)
			cancel(why)
		}()
		err := do(ctx)
		if !errors.Is(err, why) || !errors.Is(err, zfssend.Canceled) || !errors.Is(err, context.Canceled) || errors.Is(err, zfssend.ErrTransport) {
			t.Errorf("%s: %v", name, err)
		}
		if children := zfstest.Children(); len(children) > 0 {
			t.Errorf("%s: left running: %v", name, children)
		}
		var batch *zfssend.BatchError
		if name == "snapshot" && (!errors.As(err, &batch) || !batch.Failed[0].Uncertain || len(batch.Processes) != 1 || batch.Processes[0].PID == 0) {
			t.Errorf("%s: %#v isn't what the agent told", name, err)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.host.List(canceled, "tank", zfssend.ListOptions{}); !errors.Is(err, zfssend.Canceled) {
		t.Errorf("before: %v", err)
	}
}

// await waits for a file.
func await(t testing.TB, name string) {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s doesn't appear", name)
			return
		}
	}
}
