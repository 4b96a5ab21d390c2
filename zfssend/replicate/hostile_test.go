package replicate

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
)

// hostile is a host that answers otherwise than it should.
type hostile struct {
	zfssend.Host
	list func([]zfssend.Dataset) []zfssend.Dataset // nil changes nothing
	send sendFunc
}

type sendFunc func(ctx context.Context, snapshot string, o zfssend.SendOptions) (zfssend.Sender, error)

func (h *hostile) List(ctx context.Context, name string, o zfssend.ListOptions) ([]zfssend.Dataset, error) {
	list, err := h.Host.List(ctx, name, o)
	if h.list != nil && err == nil {
		list = h.list(list)
	}
	return list, err
}

func (h *hostile) Send(ctx context.Context, snapshot string, o zfssend.SendOptions) (zfssend.Sender, error) {
	if h.send != nil {
		return h.send(ctx, snapshot, o)
	}
	return h.Host.Send(ctx, snapshot, o)
}

// endless is a stream that goes on with nothing for ever.
type endless struct {
	zfssend.Sender
	first io.Reader // what comes before that
}

func (e *endless) Read(p []byte) (int, error) {
	if n, err := e.first.Read(p); err != io.EOF {
		return n, err
	}
	clear(p)
	return len(p), nil
}

// estate returns a house with datasets that a hostile sender may be about, and all that is in the pool backup.
func estate(t *testing.T) (h *house, backup func() []string) {
	h = newHouse(t)
	h.create("tank/a", "tank/secret", "backup/mine")
	h.must(h.client.SetProperties(h.ctx, "tank/a", map[string]string{"mountpoint": "/etc", "zferry:x": "sent"}))
	h.snapshot("tank/a@x")
	h.snapshot("tank/secret@x")
	return h, func() []string {
		list, err := h.client.List(h.ctx, "backup", zfssend.ListOptions{Recursive: true})
		h.must(err)
		var names []string
		for _, d := range list {
			names = append(names, d.Name)
			for _, v := range d.Versions {
				names = append(names, d.Name+v.Name)
			}
		}
		return names
	}
}

// TestHostileSender has a source send something else than was planned: nothing of it arrives.
func TestHostileSender(t *testing.T) {
	for name, send := range map[string]func(host zfssend.Host) sendFunc{
		"another dataset": func(host zfssend.Host) sendFunc {
			return func(ctx context.Context, _ string, _ zfssend.SendOptions) (zfssend.Sender, error) {
				return host.Send(ctx, "tank/secret@x", zfssend.SendOptions{})
			}
		},
		"properties": func(host zfssend.Host) sendFunc {
			return func(ctx context.Context, snapshot string, o zfssend.SendOptions) (zfssend.Sender, error) {
				o.Properties, o.Expect = true, nil
				return host.Send(ctx, snapshot, o)
			}
		},
		"all below": func(host zfssend.Host) sendFunc {
			return func(ctx context.Context, snapshot string, _ zfssend.SendOptions) (zfssend.Sender, error) {
				return host.Send(ctx, snapshot, zfssend.SendOptions{Replicate: true})
			}
		},
		"endless nothing": func(host zfssend.Host) sendFunc {
			return func(ctx context.Context, snapshot string, o zfssend.SendOptions) (zfssend.Sender, error) {
				s, err := host.Send(ctx, snapshot, o)
				return &endless{s, strings.NewReader("")}, err
			}
		},
		"endless after the first record": func(host zfssend.Host) sendFunc {
			return func(ctx context.Context, snapshot string, o zfssend.SendOptions) (zfssend.Sender, error) {
				s, err := host.Send(ctx, snapshot, o)
				return &endless{s, io.LimitReader(s, 312)}, err
			}
		},
		"endless after the end": func(host zfssend.Host) sendFunc {
			return func(ctx context.Context, snapshot string, o zfssend.SendOptions) (zfssend.Sender, error) {
				s, err := host.Send(ctx, snapshot, o)
				return &endless{s, s}, err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, backup := estate(t)
			before := backup()
			source := h.client.Host()
			h.r.Source = &hostile{Host: source, send: send(source)}
			plan, err := h.r.Plan(h.ctx, "tank/a", "backup/a")
			h.must(err)
			if _, err := h.r.Execute(h.ctx, plan); !errors.Is(err, zfssend.Unexpected) && !errors.Is(err, zfssend.BadStream) {
				t.Errorf("got %v", err)
			}
			after := slices.DeleteFunc(backup(), func(name string) bool { return name == "backup/a" }) // without a snapshot
			if !slices.Equal(after, before) {
				t.Errorf("there are %v now, and were %v", after, before)
			}
		})
	}
}

// TestHostileProperties has a source that may send properties send those with which it would take over the destination.
func TestHostileProperties(t *testing.T) {
	h, _ := estate(t)
	h.r.Source = &hostile{Host: h.client.Host()}
	h.r.Options.Properties = true
	plan, err := h.r.Plan(h.ctx, "tank/a", "backup/a")
	h.must(err)
	_, err = h.r.Execute(h.ctx, plan)
	h.must(err)
	got, err := h.client.Properties(h.ctx, "backup/a", "mountpoint", "canmount", "zferry:x")
	h.must(err)
	if got["mountpoint"].Value != "/backup/a" || got["canmount"].Value != "noauto" || got["zferry:x"].Value != "sent" {
		t.Errorf("got %+v", got)
	}
}

// TestHostileNames has a source list what would be another dataset or an option in a command: nothing is made of it.
func TestHostileNames(t *testing.T) {
	for name, add := range map[string]zfssend.Dataset{
		"option":             {Name: "-R"},
		"option in a name":   {Name: "tank/a/x -o mountpoint=/evil"},
		"beside":             {Name: "tank/ab"},
		"dots":               {Name: "tank/a/../../mine"},
		"empty":              {Name: ""},
		"snapshot":           {Name: "tank/a@y"},
		"new line":           {Name: "tank/a/x\nbackup/mine"},
		"option as snapshot": {Name: "tank/a/x", Versions: []zfssend.Version{{Name: "@x -F", GUID: 7, CreateTXG: 7}}},
		"no snapshot":        {Name: "tank/a/x", Versions: []zfssend.Version{{Name: "-F", GUID: 7, CreateTXG: 7}}},
	} {
		t.Run(name, func(t *testing.T) {
			h, backup := estate(t)
			h.r.Source = &hostile{Host: h.client.Host(), list: func(list []zfssend.Dataset) []zfssend.Dataset {
				add.Type, add.GUID = "filesystem", 5
				if add.Versions == nil {
					add.Versions = []zfssend.Version{{Name: "@x", GUID: 6, CreateTXG: 6}}
				}
				return append(list, add)
			}}
			if list, err := h.r.Datasets(h.ctx, "tank/a", "backup/a"); err == nil && slices.Contains(list, add.Name) && add.Name != "tank/a/x" {
				t.Errorf("snapshots would be taken of %q", list)
			}
			before := append(backup(), "backup/a", "backup/a@x")
			plan, err := h.r.Plan(h.ctx, "tank/a", "backup/a")
			if err == nil {
				_, err = h.r.Execute(h.ctx, plan)
			}
			if err == nil {
				t.Error("nothing is said of it")
			}
			slices.Sort(before)
			for _, name := range backup() {
				if _, found := slices.BinarySearch(before, name); !found {
					t.Errorf("there is %s now", name)
				}
			}
		})
	}
}
