package zfssuite

import (
	"io"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

var refusalCases = []testCase{
	{"RefuseExists", refuseExists},
	{"RefuseHasSnapshots", refuseHasSnapshots},
	{"RefuseModified", refuseModified},
	{"RefuseNotMatching", refuseNotMatching},
	{"RefuseNoDestination", refuseNoDestination},
	{"RefuseNoParent", refuseNoParent},
	{"RefuseSnapshotExists", refuseSnapshotExists},
	{"RefuseTruncated", refuseTruncated},
	{"RefuseDamaged", refuseDamaged},
	{"RefuseNoStream", refuseNoStream},
	{"RefuseNoSpace", refuseNoSpace},
	{"RefuseBusy", refuseBusy},
}

// refuse checks that a receive fails, and that the destination has the same versions as before.
func (e *env) refuse(dataset string, stream []byte, o zfssend.ReceiveOptions, cause zfssend.Cause) {
	e.Helper()
	before := e.versions(dataset)
	o.Unmounted = true
	err := e.receive(dataset, stream, o)
	if z := e.fails(err, cause); z.ExitCode != 1 || !strings.Contains(z.Stderr, "cannot receive") && !strings.Contains(z.Stderr, "cannot restore") {
		e.Errorf("exit %d, stderr: %s", z.ExitCode, z.Stderr)
	}
	e.wantVersions(dataset, before)
}

func refuseExists(e *env) {
	a, b := e.source("a", 1000), e.create("b")
	e.refuse(b, e.stream(a+"@1", zfssend.SendOptions{}), zfssend.ReceiveOptions{}, zfssend.DestinationExists)
}

func refuseHasSnapshots(e *env) {
	a, b := e.source("a", 1000), e.source("b", 1000)
	e.refuse(b, e.stream(a+"@1", zfssend.SendOptions{}), zfssend.ReceiveOptions{Force: true}, zfssend.DestinationExists)
}

func refuseModified(e *env) {
	a, b := e.source("a", 1000, 1000, 1000), e.root+"/b"
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	e.copy(a+"@2", b, zfssend.SendOptions{From: "@1"}, zfssend.ReceiveOptions{})
	e.refuse(b, e.stream(a+"@3", zfssend.SendOptions{From: "@1"}), zfssend.ReceiveOptions{}, zfssend.DestinationModified)
}

func refuseNotMatching(e *env) {
	a, b := e.source("a", 1000, 1000), e.source("b", 1000)
	e.refuse(b, e.stream(a+"@2", zfssend.SendOptions{From: "@1"}), zfssend.ReceiveOptions{}, zfssend.NotMatching)
}

func refuseNoDestination(e *env) {
	a := e.source("a", 1000, 1000)
	e.refuse(e.root+"/b", e.stream(a+"@2", zfssend.SendOptions{From: "@1"}), zfssend.ReceiveOptions{}, zfssend.NotFound)
}

func refuseNoParent(e *env) {
	a := e.source("a", 1000)
	e.refuse(e.root+"/b/c", e.stream(a+"@1", zfssend.SendOptions{}), zfssend.ReceiveOptions{}, zfssend.NotFound)
}

func refuseSnapshotExists(e *env) {
	a, b := e.source("a", 1000, 1000), e.root+"/b"
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	e.snapshot(b + "@2")
	e.refuse(b, e.stream(a+"@2", zfssend.SendOptions{From: "@1"}), zfssend.ReceiveOptions{}, zfssend.AlreadyExists)
}

func refuseTruncated(e *env) {
	a, b := e.source("a", 300_000), e.root+"/b"
	stream, random := e.stream(a+"@1", zfssend.SendOptions{}), e.random()
	for _, n := range []int{1, 311, 312, 313, random.IntN(len(stream)), len(stream) - 312, len(stream) - 1} {
		e.refuse(b, stream[:n], zfssend.ReceiveOptions{}, zfssend.BadStream)
	}
}

func refuseDamaged(e *env) {
	a, b := e.source("a", 300_000), e.root+"/b"
	stream, random := e.stream(a+"@1", zfssend.SendOptions{}), e.random()
	for range 3 {
		damaged := append([]byte(nil), stream...)
		at := len(stream)/4 + random.IntN(len(stream)/2) // in the middle of the file's data
		damaged[at] ^= 1 << random.IntN(8)
		err := e.receive(b, damaged, zfssend.ReceiveOptions{Unmounted: true})
		if err == nil {
			e.Errorf("with byte %d damaged, it was received", at)
		}
		e.wantVersions(b, "no dataset")
	}
}

func refuseNoStream(e *env) {
	e.refuse(e.root+"/b", nil, zfssend.ReceiveOptions{}, zfssend.BadStream)
	e.refuse(e.root+"/b", noise("garbage", 100_000), zfssend.ReceiveOptions{}, zfssend.BadStream)
}

func refuseNoSpace(e *env) {
	a, small := e.source("a", large), e.create("small", "-o", "quota=2M")
	stream := e.stream(a+"@1", zfssend.SendOptions{})
	e.refuse(small+"/b", stream, zfssend.ReceiveOptions{}, zfssend.NoSpace)
	z := e.fails(e.receive(small+"/b", stream, zfssend.ReceiveOptions{Unmounted: true, Resumable: true}), zfssend.NoSpace)
	token := e.get("receive_resume_token", small+"/b")
	if token == "-" {
		e.Fatalf("there is no token after: %v", z)
	}
	e.zfs("set", "quota=none", small)
	e.received(small+"/b", e.resumed(token), zfssend.ReceiveOptions{Resumable: true})
	e.same(a+"@1", small+"/b@1")
}

// refuseBusy: while a dataset is being received, neither another stream nor its end comes to it.
func refuseBusy(e *env) {
	a, b := e.source("a", large, 1000), e.root+"/b"
	stream := e.stream(a+"@1", zfssend.SendOptions{})
	input, feed := io.Pipe()
	r, err := e.client.Receive(e.ctx(), b, input, zfssend.ReceiveOptions{Unmounted: true})
	if err != nil {
		e.Fatal(err)
	}
	half := len(stream) / 2
	if _, err := feed.Write(stream[:half]); err != nil {
		e.Fatal(err)
	}
	e.fails(e.receive(b, stream, zfssend.ReceiveOptions{Unmounted: true}), zfssend.DestinationExists)
	e.refused(1, "dataset is busy", "destroy", b)
	e.refused(1, "dataset is busy", "snapshot", b+"@x")
	if _, err := feed.Write(stream[half:]); err != nil {
		e.Fatal(err)
	}
	feed.Close()
	e.within("Wait", func() { err = r.Wait() })
	if err != nil {
		e.Fatal(err)
	}
	e.same(a+"@1", b+"@1")
}
