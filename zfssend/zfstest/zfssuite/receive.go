package zfssuite

import (
	"bytes"
	"io"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

var receiveCases = []testCase{
	{"Receive", receive},
	{"ReceiveMounted", receiveMounted},
	{"ReceiveTwice", receiveTwice},
	{"ReceiveOtherName", receiveOtherName},
	{"ReceiveProperties", receiveProperties},
	{"ReceiveSet", receiveSet},
	{"ReceiveForce", receiveForce},
	{"ReceiveForceFull", receiveForceFull},
	{"ReceiveBesideEmptySnapshot", receiveBesideEmptySnapshot},
	{"ReceiveFailsWhileSenderStalls", receiveFailsWhileSenderStalls},
}

func receive(e *env) {
	a, b := e.source("a", 300_000), e.root+"/b"
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	if e.get("mounted", b) != "no" {
		e.Error("it is mounted")
	}
	from, err := e.client.Dataset(e.ctx(), a)
	if err != nil {
		e.Fatal(err)
	}
	to, err := e.client.Dataset(e.ctx(), b)
	if err != nil {
		e.Fatal(err)
	}
	v, w := from.Versions[0], to.Versions[0]
	if v.GUID != w.GUID || v.CreateTXG >= w.CreateTXG || from.GUID == to.GUID || to.ResumeToken != "" {
		e.Errorf("%+v was received as %+v", from, to)
	}
	if x, y := e.get("creation", a+"@1"), e.get("creation", b+"@1"); x != y {
		e.Errorf("created at %s, received as %s", x, y)
	}
}

func receiveMounted(e *env) {
	a, b := e.source("a", 1000, 1000), e.root+"/b"
	if err := e.receive(b, e.stream(a+"@1", zfssend.SendOptions{}), zfssend.ReceiveOptions{}); err != nil {
		e.Fatal(err)
	}
	if e.get("mounted", b) != "yes" {
		e.Error("it isn't mounted")
	}
	e.copy(a+"@2", b, zfssend.SendOptions{From: "@1"}, zfssend.ReceiveOptions{})
	e.same(a+"@2", b+"@2")
}

// receiveTwice: an increment that is there already is ignored.
func receiveTwice(e *env) {
	a, b := e.source("a", 300_000, 1000), e.root+"/b"
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	for range 2 {
		e.copy(a+"@2", b, zfssend.SendOptions{From: "@1"}, zfssend.ReceiveOptions{})
		e.wantVersions(b, "@1 @2")
	}
}

func receiveOtherName(e *env) {
	a, b := e.source("a", 1000), e.root+"/b"
	e.received(b+"@other", e.stream(a+"@1", zfssend.SendOptions{}), zfssend.ReceiveOptions{})
	e.same(a+"@1", b+"@other")
}

func receiveProperties(e *env) {
	a := e.create("a", "-o", "org.test:note=hello world", "-o", "readonly=on", "-o", "setuid=off")
	e.snapshot(a + "@1")
	stream := e.stream(a+"@1", zfssend.SendOptions{Properties: true})
	if b := e.begin(stream); !b.Compound || b.Package == nil || len(b.Package.Filesystems) != 1 {
		e.Errorf("the stream begins with %+v", b)
	}
	b := e.root + "/b"
	e.received(b, stream, zfssend.ReceiveOptions{Set: map[string]string{"readonly": "off"}, Exclude: []string{"setuid"}})
	got := e.zfs("get", "-Hp", "-o", "value,source", "org.test:note,readonly,setuid", b)
	if want := "hello world\treceived\noff\tlocal\non\tdefault\n"; got != want {
		e.Errorf("got\n%swant\n%s", got, want)
	}
}

func receiveSet(e *env) {
	a := e.source("a", 1000)
	stream := e.stream(a+"@1", zfssend.SendOptions{})
	e.received(e.root+"/b", stream, zfssend.ReceiveOptions{Set: map[string]string{"readonly": "on", "org.test:x": "y"}})
	if got := e.zfs("get", "-Hp", "-o", "value,source", "readonly,org.test:x", e.root+"/b"); got != "on\tlocal\ny\tlocal\n" {
		e.Error(got)
	}
	e.fails(e.receive(e.root+"/c", stream, zfssend.ReceiveOptions{Set: map[string]string{"nonsense": "on"}}), zfssend.Invalid)
	e.fails(e.receive(e.root+"/c", stream, zfssend.ReceiveOptions{Set: map[string]string{"readonly": "perhaps"}}), zfssend.Invalid)
	e.wantVersions(e.root+"/c", "no dataset")
}

// receiveForce: what was changed since is rolled back, snapshots included.
func receiveForce(e *env) {
	a, b := e.source("a", 300_000, 1000), e.root+"/b"
	if err := e.receive(b, e.stream(a+"@1", zfssend.SendOptions{}), zfssend.ReceiveOptions{}); err != nil {
		e.Fatal(err)
	}
	e.write(b, "local", 1000)
	e.snapshot(b + "@local")
	increment := e.stream(a+"@2", zfssend.SendOptions{From: "@1"})
	e.fails(e.receive(b, increment, zfssend.ReceiveOptions{Unmounted: true}), zfssend.DestinationModified)
	e.wantVersions(b, "@1 @local")
	e.received(b, increment, zfssend.ReceiveOptions{Force: true})
	e.wantVersions(b, "@1 @2")
	e.same(a+"@2", b+"@2")
}

func receiveForceFull(e *env) {
	a, b := e.source("a", 300_000), e.create("b")
	e.write(b, "local", 1000)
	stream := e.stream(a+"@1", zfssend.SendOptions{})
	e.fails(e.receive(b, stream, zfssend.ReceiveOptions{Unmounted: true}), zfssend.DestinationExists)
	e.received(b, stream, zfssend.ReceiveOptions{Force: true})
	e.wantVersions(b, "@1")
	e.same(a+"@1", b+"@1")
}

// receiveBesideEmptySnapshot: a snapshot without changes is not in the way.
func receiveBesideEmptySnapshot(e *env) {
	a, b := e.source("a", 300_000, 1000), e.root+"/b"
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	e.snapshot(b + "@empty")
	e.copy(a+"@2", b, zfssend.SendOptions{From: "@1"}, zfssend.ReceiveOptions{})
	e.wantVersions(b, "@1 @empty @2")
}

// receiveFailsWhileSenderStalls: zfs receive's own error comes at once.
func receiveFailsWhileSenderStalls(e *env) {
	a := e.source("a", 300_000)
	stream := e.stream(a+"@1", zfssend.SendOptions{})
	stalled, feed := io.Pipe()
	defer feed.Close()
	r, err := e.client.Receive(e.ctx(), a, stalled, zfssend.ReceiveOptions{Unmounted: true})
	if err != nil {
		e.Fatal(err)
	}
	if _, err := io.Copy(feed, bytes.NewReader(stream[:312])); err != nil { // the BEGIN record says enough
		e.Fatal(err)
	}
	e.within("Wait", func() { err = r.Wait() })
	if z := e.fails(err, zfssend.DestinationExists); !strings.Contains(z.Stderr, a) {
		e.Errorf("stderr: %s", z.Stderr)
	}
	e.wantState(r, zfssend.StateFailed)
}
