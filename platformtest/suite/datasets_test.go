package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// wantBatch checks that err is a *BatchError with these failures, each written as "name: cause".
func wantBatch(t *testing.T, err error, want ...string) {
	t.Helper()
	if len(want) == 0 {
		if err != nil {
			t.Errorf("got %v", err)
		}
		return
	}
	b, ok := errors.AsType[*zfssend.BatchError](err)
	if !ok {
		t.Errorf("got %v, want a BatchError of %q", err, want)
		return
	}
	var got []string
	for _, f := range b.Failed {
		got = append(got, f.Name+": "+f.Cause.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("failed: %q, want %q; %v", got, want, err)
	}
	t.Log(err)
}

// processes returns the subcommands of the zfs processes that f starts.
func processes(f func(ctx context.Context)) []string {
	rec := trace.NewRecorder(trace.Config{Logger: slog.New(slog.DiscardHandler)})
	f(trace.WithRecorder(context.Background(), rec))
	var list []string
	for _, r := range rec.Snapshot() {
		if r.Kind != trace.KindEvent && strings.HasPrefix(r.Name, "zfs ") {
			list = append(list, strings.TrimPrefix(r.Name, "zfs "))
		}
	}
	slices.Sort(list)
	return list
}

// versions returns the names of a dataset's versions.
func versions(t *testing.T, ctx context.Context, dataset string) []string {
	t.Helper()
	d, err := zfs.Dataset(ctx, dataset)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range d.Versions {
		names = append(names, v.Name)
	}
	return names
}

func wantVersions(t *testing.T, ctx context.Context, dataset string, want ...string) {
	t.Helper()
	if got := versions(t, ctx, dataset); !slices.Equal(got, want) {
		t.Errorf("%s has %q, want %q", dataset, got, want)
	}
}

func TestListOptions(t *testing.T) {
	ctx := platform(t)
	p := source()
	root := p.create(t, "list")
	p.create(t, "list/with space")
	p.create(t, "list/with space/below")
	p.create(t, "list/volume", "-V", "1M")
	p.create(t, "listed") // not below, though it begins alike
	spaced := root + "/with space"
	start := time.Now().Add(-time.Minute)
	if err := zfs.Snapshot(ctx, spaced+"@a b", spaced+"/below@a b", spaced+"@c:d-e_f.g"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(zfs.Bookmark(ctx, zfssend.Bookmark{Source: spaced + "@a b", Name: "#a b"}), zfs.Hold(ctx, "one tag", spaced+"@a b"), zfs.Hold(ctx, "two", spaced+"@a b")); err != nil {
		t.Fatal(err)
	}
	odd := "tab\tline\nend "
	if err := zfs.SetProperties(ctx, spaced, map[string]string{"com.example:odd": odd}); err != nil {
		t.Fatal(err)
	}

	var list []zfssend.Dataset
	o := zfssend.ListOptions{Recursive: true, Creation: true, Holds: true, Properties: []string{"com.example:odd", "volsize", "mountpoint"}}
	started := processes(func(ctx context.Context) {
		var err error
		if list, err = zfs.List(ctx, root, o); err != nil {
			t.Fatal(err)
		}
	})
	if !slices.Equal(started, []string{"list", "list"}) {
		t.Errorf("processes: %q", started)
	}
	var got []string
	for _, d := range list {
		got = append(got, fmt.Sprintf("%s %s %d", strings.TrimPrefix(d.Name, root), d.Type, len(d.Versions)))
	}
	if want := []string{" filesystem 0", "/volume volume 0", "/with space filesystem 3", "/with space/below filesystem 1"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	d := list[2]
	if d.Properties["com.example:odd"] != odd || d.Properties["volsize"] != "-" || list[1].Properties["volsize"] != "1048576" {
		t.Errorf("got %+v", d.Properties)
	}
	for _, v := range d.Versions {
		wantHolds := map[string]int{"@a b": 2}[v.Name]
		if v.Holds != wantHolds || v.Creation.Before(start) || v.Creation.After(time.Now().Add(time.Minute)) {
			t.Errorf("got %+v", v)
		}
	}
	// Not recursive: neither children nor their versions. No versions at all is no error.
	wantVersions(t, ctx, root)
	wantVersions(t, ctx, spaced, "@a b", "#a b", "@c:d-e_f.g")
	for _, missing := range []string{root + "/nothing", "spanstack_no_such_pool", root + "/nothing/below"} {
		if _, err := zfs.List(ctx, missing, o); !errors.Is(err, zfssend.NotFound) {
			t.Errorf("%s: %v", missing, err)
		}
	}
	wantBatch(t, zfs.Release(ctx, "one tag", spaced+"@a b"))
	wantBatch(t, zfs.Release(ctx, "two", spaced+"@a b"))
}

func TestSnapshots(t *testing.T) {
	ctx := platform(t)
	a, b := source().create(t, "snaps"), destination().create(t, "snaps")
	started := processes(func(ctx context.Context) {
		wantBatch(t, zfs.Snapshot(ctx, a+"@1", b+"@1", a+"@2", b+"@1"))
	})
	if len(started) != 3 { // one for each pool, and one since a dataset gets a second one
		t.Errorf("processes: %q", started)
	}
	wantVersions(t, ctx, a, "@1", "@2")
	wantVersions(t, ctx, b, "@1")
	source().create(t, "snaps/child")
	wantBatch(t, zfs.Snapshot(ctx, a+"@3", a+"/child@3", a+"/nothing@3"),
		a+"@3: not tried", a+"/child@3: not tried", a+"/nothing@3: not found")
	wantBatch(t, zfs.Snapshot(ctx, a+"/child@2", a+"@2", b+"@2"), a+"/child@2: not tried", a+"@2: already exists")
	wantVersions(t, ctx, a, "@1", "@2")
	wantVersions(t, ctx, a+"/child")
	wantVersions(t, ctx, b, "@1", "@2")
}

func TestUserHolds(t *testing.T) {
	ctx := platform(t)
	ds := source().create(t, "holds")
	x, y, missing := ds+"@x", ds+"@y y", ds+"@missing"
	if err := zfs.Snapshot(ctx, x, y); err != nil {
		t.Fatal(err)
	}
	tags := []string{"tag with spaces", "-r", "--", "another one"}
	for _, tag := range tags {
		for range 2 { // the second time it is so already
			wantBatch(t, zfs.Hold(ctx, tag, x, y))
		}
	}
	wantBatch(t, zfs.Hold(ctx, tags[0], x, missing, ds+"/nothing@x", y), missing+": not found", ds+"/nothing@x: not found")
	holds, err := zfs.Holds(ctx, x, missing, y)
	wantBatch(t, err, missing+": not found")
	count := make(map[string]int)
	for _, h := range holds {
		count[h.Tag]++
		if age := time.Since(h.Created); age < -time.Minute || age > 10*time.Minute {
			t.Errorf("%+v is of %v ago", h, age)
		}
	}
	if want := map[string]int{tags[0]: 2, tags[1]: 2, tags[2]: 2, tags[3]: 2}; !maps.Equal(count, want) {
		t.Errorf("got %v, want %v", count, want)
	}
	for _, tag := range tags {
		for range 2 {
			wantBatch(t, zfs.Release(ctx, tag, x, y))
		}
	}
	wantBatch(t, zfs.Release(ctx, "x", missing, x), missing+": not found")
	if holds, err = zfs.Holds(ctx, x, y); len(holds) > 0 || err != nil {
		t.Errorf("got %+v, %v", holds, err)
	}
	// The longest tag that is accepted here is accepted by zfs, too.
	long := strings.Repeat("x", 255)
	wantBatch(t, zfs.Hold(ctx, long, x))
	wantBatch(t, zfs.Release(ctx, long, x))
}

func TestBookmarks(t *testing.T) {
	ctx := platform(t)
	ds := source().create(t, "bookmarks")
	for _, s := range []string{"@a", "@b", "@gone"} {
		if err := zfs.Snapshot(ctx, ds+s); err != nil {
			t.Fatal(err)
		}
	}
	mark := func(pairs ...string) error {
		var list []zfssend.Bookmark
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, zfssend.Bookmark{Source: ds + pairs[i], Name: pairs[i+1]})
		}
		return zfs.Bookmark(ctx, list...)
	}
	for range 2 {
		wantBatch(t, mark("@a", "#a"))
		wantBatch(t, mark("@a", "#a", "@b", "#b b", "@gone", "#gone"))
	}
	wantBatch(t, mark("#a", "#copy")) // of a bookmark
	wantBatch(t, mark("#a", "#copy", "#a", "#a"))
	wantBatch(t, mark("@b", "#a"), ds+"#a: already exists")
	wantBatch(t, mark("@b", "#a", "@a", "#new", "@none", "#none"), ds+"#none: not found", ds+"#a: already exists")
	wantBatch(t, zfs.Destroy(ctx, ds+"@gone"))
	wantBatch(t, mark("@gone", "#x"), ds+"#x: not found")
	wantBatch(t, mark("@gone", "#gone"), ds+"#gone: not found") // it exists, but of what can't be told
	wantBatch(t, mark("@a", ds+"/nothing#x"), ds+"/nothing#x: not found")
	d, err := zfs.Dataset(ctx, ds)
	if err != nil {
		t.Fatal(err)
	}
	guid := make(map[string]zfssend.Version)
	for _, v := range d.Versions {
		guid[v.Name] = v
	}
	for bookmark, snapshot := range map[string]string{"#a": "@a", "#b b": "@b", "#copy": "@a", "#new": "@a"} {
		if b, s := guid[bookmark], guid[snapshot]; b.GUID != s.GUID || b.CreateTXG != s.CreateTXG || b.GUID == 0 {
			t.Errorf("%s is %+v, %s is %+v", bookmark, b, snapshot, s)
		}
	}

	// Root makes many with one process; a client that may not run channel programs makes the same.
	var many []zfssend.Bookmark
	for i := range 20 {
		many = append(many, zfssend.Bookmark{Source: ds + "@a", Name: fmt.Sprintf("#many-%d", i)})
	}
	started := processes(func(ctx context.Context) { wantBatch(t, zfs.Bookmark(ctx, many...)) })
	if !slices.Equal(started, []string{"program"}) {
		t.Errorf("processes: %q", started)
	}
	started = processes(func(ctx context.Context) { wantBatch(t, zfs.Bookmark(ctx, many...)) })
	if !slices.Equal(started, []string{"get", "program"}) {
		t.Errorf("processes: %q", started)
	}
	without := zfssend.Client{Command: []string{"sh", "-c", `[ "$1" != program ] || exit 1; exec zfs "$@"`, "sh"}}
	for i := range many {
		many[i].Name = strings.Replace(many[i].Name, "many", "single", 1)
	}
	wantBatch(t, without.Bookmark(ctx, many[:5]...))
	if n := len(versions(t, ctx, ds)); n != 2+5+20+5 {
		t.Errorf("%d versions", n)
	}
}

func TestDestroy(t *testing.T) {
	ctx := platform(t)
	p := source()
	ds := p.create(t, "destroy")
	var all []string
	for _, s := range []string{"@a", "@b", "@held", "@c c", "@cloned", "@d"} {
		all = append(all, ds+s)
	}
	wantBatch(t, zfs.Snapshot(ctx, all...))
	wantBatch(t, zfs.Hold(ctx, "keep", ds+"@held"))
	run(t, "zfs", "clone", ds+"@cloned", p.name+"/destroy-clone")
	held := "busy" // before OpenZFS 2.3.3
	if err := zfs.Destroy(ctx, ds+"@held"); errors.Is(err, zfssend.Held) {
		held = "held"
	}

	// One is held: the free one goes, the error names the held one.
	wantBatch(t, zfs.Destroy(ctx, ds+"@a", ds+"@held"), ds+"@held: "+held)
	wantVersions(t, ctx, ds, "@b", "@held", "@c c", "@cloned", "@d")
	// All that can be in the way at once.
	wantBatch(t, zfs.Destroy(ctx, ds+"@missing", ds+"@c c", ds+"@cloned", ds+"@held", ds+"@d"),
		ds+"@missing: not found", ds+"@cloned: has children, snapshots or clones", ds+"@held: "+held)
	wantVersions(t, ctx, ds, "@b", "@held", "@cloned")
	// It isn't idempotent.
	for _, name := range []string{"@a", "#none", "/nothing", "/nothing@x", "/nothing#x"} {
		wantBatch(t, zfs.Destroy(ctx, ds+name), ds+name+": not found")
	}
	wantBatch(t, zfs.Destroy(ctx, ds+"@b", ds+"@a"), ds+"@a: not found")
	// Nothing but what is named.
	p.create(t, "destroy/child")
	wantBatch(t, zfs.Destroy(ctx, ds), ds+": has children, snapshots or clones")
	wantVersions(t, ctx, ds, "@held", "@cloned")

	wantBatch(t, zfs.Release(ctx, "keep", ds+"@held"))
	wantBatch(t, zfs.Bookmark(ctx, zfssend.Bookmark{Source: ds + "@held", Name: "#m"}))
	wantBatch(t, zfs.Destroy(ctx, p.name+"/destroy-clone", ds+"/child"))
	wantBatch(t, zfs.Destroy(ctx, ds, ds+"@held", ds+"#m", ds+"@cloned")) // in the right order
	if _, err := zfs.Dataset(ctx, ds); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("got %v", err)
	}
}

func TestDestroyOptions(t *testing.T) {
	ctx := platform(t)
	p := source()
	ds := p.create(t, "recursive")
	p.create(t, "recursive/a")
	p.create(t, "recursive/b")
	wantBatch(t, zfs.Snapshot(ctx, ds+"@x", ds+"/a@x", ds+"/b@x", ds+"/a@y", ds+"/b@z", ds+"@z"))
	recursive := zfssend.DestroyOptions{Recursive: true}
	wantBatch(t, zfs.DestroyWith(ctx, recursive, ds+"@x", ds+"@y", ds+"@none"), ds+"@none: not found")
	wantVersions(t, ctx, ds, "@z")
	wantVersions(t, ctx, ds+"/a")
	wantVersions(t, ctx, ds+"/b", "@z")
	wantBatch(t, zfs.Hold(ctx, "keep", ds+"/b@z"))
	if err := zfs.DestroyWith(ctx, recursive, ds+"@z"); err == nil || !strings.Contains(err.Error(), ds+"/b@z") {
		t.Errorf("got %v", err)
	}
	wantBatch(t, zfs.DestroyWith(ctx, zfssend.DestroyOptions{Deferred: true}, ds+"/b@z"))
	wantVersions(t, ctx, ds+"/b", "@z")
	wantBatch(t, zfs.Release(ctx, "keep", ds+"/b@z"))
	wantVersions(t, ctx, ds+"/b")
	wantBatch(t, zfs.DestroyWith(ctx, recursive, ds))
}

func TestProperties(t *testing.T) {
	ctx := platform(t)
	a, b := source().create(t, "props"), destination().name+"/props"
	odd := "tab\tand\nline\tlocal\nx: "
	wantBatch(t, zfs.SetProperties(ctx, a, map[string]string{"com.example:odd": odd, "compression": "gzip", "com.example:empty": ""}))
	wantBatch(t, zfs.Snapshot(ctx, a+"@x"))
	s, err := zfs.Send(ctx, a+"@x", zfssend.SendOptions{Properties: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := zfs.Receive(ctx, b, s, zfssend.ReceiveOptions{Unmounted: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	want := func(dataset, property string, want zfssend.Property) {
		t.Helper()
		got, err := zfs.Properties(ctx, dataset, property)
		if err != nil || got[property] != want {
			t.Errorf("%s of %s: %+v, %v, want %+v", property, dataset, got, err, want)
		}
	}
	want(a, "com.example:odd", zfssend.Property{Value: odd, Source: zfssend.SourceLocal})
	want(b, "com.example:odd", zfssend.Property{Value: odd, Received: odd, Source: zfssend.SourceReceived})
	want(a, "com.example:empty", zfssend.Property{Source: zfssend.SourceLocal})
	want(a, "com.example:unset", zfssend.Property{})
	want(b, "compression", zfssend.Property{Value: "gzip", Received: "gzip", Source: zfssend.SourceReceived})
	wantBatch(t, zfs.SetProperties(ctx, b, map[string]string{"compression": "lz4"}))
	want(b, "compression", zfssend.Property{Value: "lz4", Received: "gzip", Source: zfssend.SourceLocal})
	wantBatch(t, zfs.InheritReceived(ctx, "compression", b))
	want(b, "compression", zfssend.Property{Value: "gzip", Received: "gzip", Source: zfssend.SourceReceived})
	wantBatch(t, zfs.Inherit(ctx, "compression", b, b+"/nothing"), b+"/nothing: not found")
	want(b, "compression", zfssend.Property{Value: "off", Received: "gzip", Source: zfssend.SourceInherited, From: destination().name})

	all, err := zfs.Properties(ctx, a)
	if err != nil || len(all) < 40 || all["type"].Value != "filesystem" || all["guid"].Source != zfssend.SourceNone {
		t.Errorf("got %d properties, %v", len(all), err)
	}
	wantBatch(t, zfs.Bookmark(ctx, zfssend.Bookmark{Source: a + "@x", Name: "#x"}))
	bookmark, err := zfs.Properties(ctx, a+"#x", "guid")
	snapshot, err2 := zfs.Properties(ctx, a+"@x", "guid")
	if err != nil || err2 != nil || bookmark["guid"] != snapshot["guid"] {
		t.Errorf("got %v, %v, %v, %v", bookmark, err, snapshot, err2)
	}
	for _, missing := range []string{a + "/nothing", a + "@nothing", a + "#nothing", "spanstack_no_such_pool"} {
		if _, err := zfs.Properties(ctx, missing, "guid"); !errors.Is(err, zfssend.NotFound) {
			t.Errorf("%s: %v", missing, err)
		}
	}
	// What a user property says of native ones isn't believed.
	forged := "x\t" + a + "\t-\tlocal\norigin\tforged\t" + a + "\t-\tlocal\nreadonly\ton"
	wantBatch(t, zfs.SetProperties(ctx, a, map[string]string{"com.example:forged": forged}))
	for _, properties := range [][]string{nil, {"com.example:forged", "readonly"}, {"com.example:forged"}} {
		if got, err := zfs.Properties(ctx, a, properties...); err == nil {
			t.Errorf("%q: got %+v", properties, got)
		}
	}
	want(a, "readonly", zfssend.Property{Value: "off", Source: zfssend.SourceDefault})
	// Nothing is set if one of the values is bad.
	if err := zfs.SetProperties(ctx, a, map[string]string{"com.example:a": "1", "compression": "bogus"}); err == nil {
		t.Error("a bad value was accepted")
	}
	want(a, "com.example:a", zfssend.Property{})
}

func TestEstimate(t *testing.T) {
	ctx := platform(t)
	p := source()
	ds := p.create(t, "estimate")
	for _, s := range []string{"a", "b", "c"} {
		p.write(t, "estimate", s, 4<<20)
		wantBatch(t, zfs.Snapshot(ctx, ds+"@"+s))
	}
	wantBatch(t, zfs.Bookmark(ctx, zfssend.Bookmark{Source: ds + "@a", Name: "#a"}))
	for _, tt := range []struct {
		snapshot string
		o        zfssend.SendOptions
		streams  string
	}{
		{"@a", zfssend.SendOptions{}, "..@a"},
		{"@b", zfssend.SendOptions{From: "@a"}, "@a..@b"},
		{"@c", zfssend.SendOptions{From: "@a", Intermediates: true}, "@a..@b @b..@c"},
		{"@c", zfssend.SendOptions{From: "#a", LargeBlock: true, Embedded: true, Compressed: true}, "#a..@c"},
		{"@c", zfssend.SendOptions{Raw: true, Properties: true}, "..@c"},
	} {
		e, err := zfs.Estimate(ctx, ds+tt.snapshot, tt.o)
		if err != nil {
			t.Fatal(err)
		}
		var streams []string
		for _, s := range e.Streams {
			streams = append(streams, strings.TrimPrefix(s.From, ds)+".."+strings.TrimPrefix(s.To, ds))
		}
		s, err := zfs.Send(ctx, ds+tt.snapshot, tt.o)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, s)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		t.Logf("%s: estimated %d, was %d", tt.streams, e.Bytes, n)
		if got := strings.Join(streams, " "); got != tt.streams || !e.Known() || e.Bytes < n*8/10 || e.Bytes > n*12/10 {
			t.Errorf("%s: got %s, %d bytes estimated, %d sent", tt.streams, got, e.Bytes, n)
		}
	}
	for _, o := range []zfssend.SendOptions{{From: "#none"}, {From: "@none"}} {
		if _, err := zfs.Estimate(ctx, ds+"@b", o); !errors.Is(err, zfssend.NotFound) {
			t.Errorf("%+v: %v", o, err)
		}
	}

	// What is left of an interrupted stream.
	partial := destination().name + "/estimate partial"
	run(t, "sh", "-c", `zfs send "$0" | head -c 6000000 | zfs receive -s "$1" 2>/dev/null; true`, ds+"@c", partial)
	d, err := zfs.Dataset(ctx, partial)
	if err != nil || d.ResumeToken == "" {
		t.Fatalf("got %+v, %v", d, err)
	}
	e, err := zfs.Estimate(ctx, ds+"@c", zfssend.SendOptions{Token: d.ResumeToken})
	if err != nil || e.Bytes < 5<<20 || e.Bytes > 8<<20 || len(e.Streams) != 1 || e.Streams[0].To != ds+"@c" {
		t.Errorf("got %+v, %v", e, err)
	}
}
