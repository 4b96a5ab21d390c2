package zfssuite

import (
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

var compoundCases = []testCase{
	{"CompoundIntermediates", compoundIntermediates},
	{"CompoundCut", compoundCut},
	{"CompoundTree", compoundTree},
	{"CompoundTreeIncrement", compoundTreeIncrement},
	{"CompoundTreeLacksSnapshot", compoundTreeLacksSnapshot},
	{"CompoundFromBookmark", compoundFromBookmark},
}

// output runs a zfs command whose stdout is a stream.
func (e *env) output(args ...string) []byte { return []byte(e.zfs(args...)) }

func compoundIntermediates(e *env) {
	a, b := e.source("a", 300_000, 1000, 100_000, 1000), e.root+"/b"
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	stream := e.stream(a+"@4", zfssend.SendOptions{From: "@1", Intermediates: true})
	if first := e.begin(stream); !first.Compound || first.ToName != a+"@4" || first.Package != nil {
		e.Errorf("the stream begins with %+v", first)
	}
	e.received(b, stream, zfssend.ReceiveOptions{})
	e.wantVersions(b, "@1 @2 @3 @4")
	for _, v := range []string{"@2", "@3", "@4"} {
		e.same(a+v, b+v)
	}
}

// compoundCut: of a package that is cut, what was whole has arrived.
func compoundCut(e *env) {
	a, b := e.source("a", 1000, 300_000, 300_000), e.root+"/b"
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	stream := e.stream(a+"@3", zfssend.SendOptions{From: "@1", Intermediates: true})
	e.fails(e.receive(b, stream[:len(stream)-100_000], zfssend.ReceiveOptions{Unmounted: true}), zfssend.BadStream)
	e.wantVersions(b, "@1 @2")
	e.same(a+"@2", b+"@2")
}

// tree makes a filesystem a, with a snapshot, over a filesystem and a volume.
func (e *env) tree() string {
	e.Helper()
	a := e.create("a", "-o", "org.test:note=hello")
	e.create("a/fs", "-o", "readonly=on")
	e.create("a/v", "-V", "1M")
	e.write(a, "one", 300_000)
	e.write(a+"/v", "", 100_000)
	e.zfs("snapshot", "-r", a+"@1")
	return a
}

func compoundTree(e *env) {
	a, b := e.tree(), e.root+"/b"
	stream := e.stream(a+"@1", zfssend.SendOptions{Replicate: true})
	if first := e.begin(stream); first.Package == nil || len(first.Package.Filesystems) != 3 {
		e.Errorf("the stream begins with %+v", first)
	}
	e.received(b, stream, zfssend.ReceiveOptions{})
	e.same(a+"@1", b+"@1")
	e.same(a+"/v@1", b+"/v@1")
	got := e.zfs("get", "-Hp", "-r", "-t", "filesystem,volume", "-o", "name,value,source", "org.test:note", b)
	if want := "b\thello\treceived\nb/fs\thello\tinherited from b\nb/v\thello\tinherited from b\n"; strings.ReplaceAll(got, e.root+"/", "") != want {
		e.Errorf("got\n%s", got)
	}
}

func compoundTreeIncrement(e *env) {
	a, b := e.tree(), e.root+"/b"
	e.received(b, e.stream(a+"@1", zfssend.SendOptions{Replicate: true}), zfssend.ReceiveOptions{})
	e.write(a, "two", 100_000)
	e.create("a/new")
	e.zfs("snapshot", "-r", a+"@2")
	e.zfs("snapshot", "-r", a+"@3")
	e.received(b, e.stream(a+"@3", zfssend.SendOptions{Replicate: true, From: "@1", Intermediates: true}), zfssend.ReceiveOptions{})
	e.same(a+"@3", b+"@3")
	for name, want := range map[string]string{"": "@1 @2 @3", "/fs": "@1 @2 @3", "/v": "@1 @2 @3", "/new": "@2 @3"} {
		e.wantVersions(b+name, want)
	}
}

func compoundTreeLacksSnapshot(e *env) {
	a := e.tree()
	e.snapshot(a + "@only")
	e.refused(1, "recursively: snapshot", "send", "-R", a+"@only")
}

func compoundFromBookmark(e *env) {
	a := e.source("a", 1000, 1000)
	e.zfs("bookmark", a+"@1", a+"#1")
	e.refused(1, "multiple snapshots cannot be sent from a bookmark", "send", "-I", a+"#1", a+"@2")
	if _, err := e.client.Send(e.ctx(), a+"@2", zfssend.SendOptions{From: "#1", Intermediates: true}); err == nil {
		e.Error("it was tried")
	}
}
