package remote

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// one makes a request about an object, in a span.
func (h *Host) one(ctx context.Context, verb, op, object string, request, result any) (err error) {
	ctx, span := h.span(ctx, verb, object)
	defer span.EndErr(&err)
	told, lost := h.call(ctx, verb, request, result)
	switch {
	case lost != nil:
		return h.cfg.fail(lostProcess(op, object, lost))
	case told != nil:
		return h.cfg.fail(told)
	}
	return nil
}

// batch makes a request about several objects, in a span.
func (h *Host) batch(ctx context.Context, op string, names []string, request any) (err error) {
	ctx, span := h.span(ctx, op, objectOf(names))
	defer span.EndErr(&err)
	told, lost := h.call(ctx, op, request, nil)
	switch {
	case lost != nil:
		return h.cfg.fail(lostBatch(op, names, lost))
	case told != nil:
		return h.cfg.fail(told)
	}
	return nil
}

func (h *Host) span(ctx context.Context, verb, object string) (context.Context, *trace.Span) {
	return trace.WithSpanOrTask(ctx, "remote "+verb, slog.String("host", h.cfg.name()), slog.String("dataset", object))
}

// foreign is an agent's answer about what it was not asked for. Nothing of it is used.
func (h *Host) foreign(what, name string) error {
	return h.cfg.broken(violation("it answers with %s %.100q, which it was not asked for", what, clean(name)))
}

// List implements zfssend.Host.
func (h *Host) List(ctx context.Context, name string, o zfssend.ListOptions) ([]zfssend.Dataset, error) {
	var list []zfssend.Dataset
	if err := h.one(ctx, "list", "list", name, &listRequest{name, o}, &list); err != nil {
		return nil, err
	}
	for i := range list {
		if err := h.checkDataset(&list[i], name, &o); err != nil {
			return nil, err
		}
	}
	if len(list) == 0 || list[0].Name != name {
		return nil, h.cfg.broken(violation("its list of %s doesn't begin with that", name))
	}
	return list, nil
}

// checkDataset checks that a dataset of a list is one that was asked for: what is to be destroyed or received into is taken
// from there.
func (h *Host) checkDataset(d *zfssend.Dataset, root string, o *zfssend.ListOptions) error {
	n, err := zfssend.ParseName(d.Name)
	if err != nil || n.Sigil != 0 || !within(d.Name, root) || !o.Recursive && d.Name != root {
		return h.foreign("the dataset", d.Name)
	}
	for _, v := range d.Versions {
		n, err := zfssend.ParseName(d.Name + v.Name)
		if err != nil || n.Sigil == 0 || n.Dataset != d.Name || o.WithoutVersions {
			return h.foreign("the version", d.Name+v.Name)
		}
	}
	for p := range d.Properties {
		if !slices.Contains(o.Properties, p) {
			return h.foreign("the property", p)
		}
	}
	d.Type, d.Encryption = clean(d.Type), clean(d.Encryption)
	if strings.ContainsFunc(d.ResumeToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return h.foreign("the resume token", d.ResumeToken)
	}
	return nil
}

// Properties implements zfssend.Host.
func (h *Host) Properties(ctx context.Context, name string, properties ...string) (map[string]zfssend.Property, error) {
	values := make(map[string]zfssend.Property)
	if err := h.one(ctx, "properties", "get", name, &propertiesRequest{name, properties}, &values); err != nil {
		return nil, err
	}
	for p := range values {
		if len(properties) > 0 && !slices.Contains(properties, p) {
			return nil, h.foreign("the property", p)
		}
	}
	return values, nil
}

// GUIDs implements zfssend.Host.
func (h *Host) GUIDs(ctx context.Context, names ...string) (map[string]uint64, error) {
	guids := make(map[string]uint64)
	err := h.one(ctx, "guids", "get", objectOf(names), &namesRequest{names}, &guids)
	if err != nil && !errors.Is(err, zfssend.NotFound) {
		return nil, err
	}
	asked := setOf(names)
	for name := range guids {
		if !asked[name] {
			return nil, h.foreign("the name", name)
		}
	}
	return guids, err
}

// Holds implements zfssend.Host.
func (h *Host) Holds(ctx context.Context, snapshots ...string) ([]zfssend.UserHold, error) {
	var holds []zfssend.UserHold
	err := h.one(ctx, "holds", "holds", objectOf(snapshots), &namesRequest{snapshots}, &holds)
	asked := setOf(snapshots)
	for i, hold := range holds {
		if !asked[hold.Snapshot] {
			return nil, h.foreign("the snapshot", hold.Snapshot)
		}
		holds[i].Tag = clean(hold.Tag)
	}
	return holds, err
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// objectOf returns what an error about several names says.
func objectOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// Estimate implements zfssend.Host.
func (h *Host) Estimate(ctx context.Context, snapshot string, o zfssend.SendOptions) (zfssend.Estimate, error) {
	var e zfssend.Estimate
	if err := h.one(ctx, "estimate", "send", snapshot, &sendRequest{snapshot, o}, &e); err != nil {
		return zfssend.Estimate{}, err
	}
	for _, s := range e.Streams {
		for _, name := range []string{s.From, s.To} {
			if _, err := zfssend.ParseName(name); name != "" && err != nil {
				return zfssend.Estimate{}, h.foreign("the name", name)
			}
		}
	}
	return e, nil
}

// Snapshot implements zfssend.Host.
func (h *Host) Snapshot(ctx context.Context, names ...string) error {
	return h.batch(ctx, "snapshot", names, &namesRequest{names})
}

// Bookmark implements zfssend.Host.
func (h *Host) Bookmark(ctx context.Context, bookmarks ...zfssend.Bookmark) error {
	var names []string
	for _, m := range bookmarks {
		if strings.HasPrefix(m.Name, "#") {
			dataset, _, _ := strings.Cut(strings.ReplaceAll(m.Source, "#", "@"), "@")
			m.Name = dataset + m.Name
		}
		names = append(names, m.Name)
	}
	return h.batch(ctx, "bookmark", names, &bookmarkRequest{bookmarks})
}

// Hold implements zfssend.Host.
func (h *Host) Hold(ctx context.Context, tag string, snapshots ...string) error {
	return h.batch(ctx, "hold", snapshots, &holdRequest{tag, snapshots})
}

// Release implements zfssend.Host.
func (h *Host) Release(ctx context.Context, tag string, snapshots ...string) error {
	return h.batch(ctx, "release", snapshots, &holdRequest{tag, snapshots})
}

// DestroyWith implements zfssend.Host.
func (h *Host) DestroyWith(ctx context.Context, o zfssend.DestroyOptions, names ...string) error {
	return h.batch(ctx, "destroy", names, &destroyRequest{o, names})
}

// Create implements zfssend.Host.
func (h *Host) Create(ctx context.Context, name string, o zfssend.CreateOptions) error {
	return h.one(ctx, "create", "create", name, &createRequest{name, o}, nil)
}

// Rollback implements zfssend.Host.
func (h *Host) Rollback(ctx context.Context, snapshot string) error {
	return h.one(ctx, "rollback", "rollback", snapshot, &nameRequest{snapshot}, nil)
}

// SetProperties implements zfssend.Host.
func (h *Host) SetProperties(ctx context.Context, name string, values map[string]string) error {
	return h.one(ctx, "set", "set", name, &setRequest{name, values}, nil)
}

// Inherit implements zfssend.Host.
func (h *Host) Inherit(ctx context.Context, property string, names ...string) error {
	return h.batch(ctx, "inherit", names, &inheritRequest{property, names})
}

// AbortReceive implements zfssend.Host.
func (h *Host) AbortReceive(ctx context.Context, dataset string) error {
	return h.one(ctx, "abort", "receive", dataset, &nameRequest{dataset}, nil)
}
