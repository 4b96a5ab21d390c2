package zfssuite

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

var sendCases = []testCase{
	{"Send", send},
	{"SendIncrement", sendIncrement},
	{"SendFromBookmark", sendFromBookmark},
	{"SendFromOrigin", sendFromOrigin},
	{"SendUnknown", sendUnknown},
	{"SendBaseUnknown", sendBaseUnknown},
	{"SendBaseIsLater", sendBaseIsLater},
	{"SendVolume", sendVolume},
	{"SendFailsHalfWay", sendFailsHalfWay},
	{"SendFailsIntoReceive", sendFailsIntoReceive},
	{"SendVerified", sendVerified},
	{"SendExpected", sendExpected},
	{"SendNotRaw", sendNotRaw},
	{"SendManyAtOnce", sendManyAtOnce},
	{"SendWhileRenamed", sendWhileRenamed},
}

// begin returns what a whole and valid stream begins with.
func (e *env) begin(stream []byte) (first zstream.Begin) {
	e.Helper()
	v := zstream.Verifier{OnBegin: func(b zstream.Begin) error {
		if b.Offset == 0 {
			first = b
		}
		return nil
	}}
	e.verify(&v, stream)
	return first
}

// verify lets a stream pass through a verifier, which must find nothing wrong.
func (e *env) verify(v *zstream.Verifier, stream []byte) {
	e.Helper()
	_, err := v.Write(stream)
	if cerr := v.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		e.Fatalf("bad stream: %v", err)
	}
}

func send(e *env) {
	a := e.source("a", 300_000)
	s := e.start(a+"@1", zfssend.SendOptions{})
	var stream bytes.Buffer
	n, err := stream.ReadFrom(s)
	if err != nil {
		e.Fatal(err)
	}
	e.wantState(s, zfssend.StateComplete)
	if n, err := s.Read(make([]byte, 10)); n != 0 || err != io.EOF {
		e.Errorf("Read after the end: %d, %v", n, err)
	}
	if stats := s.Stats(); stats.Bytes != n || stats.FirstByte <= 0 {
		e.Errorf("%+v", stats)
	}
	b := e.begin(stream.Bytes())
	if guid := strconv.FormatUint(b.ToGUID, 10); guid != e.get("guid", a+"@1") || b.ToName != a+"@1" || b.FromGUID != 0 || b.Compound || b.Volume {
		e.Errorf("the stream begins with %+v", b)
	}
	e.copy(a+"@1", e.root+"/b", zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	e.same(a+"@1", e.root+"/b@1")
}

func sendIncrement(e *env) {
	a := e.source("a", 300_000, 200_000)
	e.p.Write(e.T, a, "1", nil)
	e.snapshot(a + "@3")
	b := e.root + "/b"
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	stream := e.stream(a+"@2", zfssend.SendOptions{From: "@1"})
	if begin := e.begin(stream); strconv.FormatUint(begin.FromGUID, 10) != e.get("guid", a+"@1") {
		e.Errorf("the stream begins with %+v", begin)
	}
	if len(stream) > 300_000 {
		e.Errorf("an increment of 200 kB has %d bytes", len(stream))
	}
	e.received(b, stream, zfssend.ReceiveOptions{})
	e.same(a+"@2", b+"@2")
	e.copy(a+"@3", b, zfssend.SendOptions{From: a + "@2"}, zfssend.ReceiveOptions{})
	e.same(a+"@3", b+"@3")
	e.same(a+"@1", b+"@1")
}

func sendFromBookmark(e *env) {
	a, b := e.source("a", 300_000, 200_000), e.root+"/b"
	e.zfs("bookmark", a+"@1", a+"#1")
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	e.zfs("destroy", a+"@1")
	e.copy(a+"@2", b, zfssend.SendOptions{From: "#1"}, zfssend.ReceiveOptions{})
	e.same(a+"@2", b+"@2")
}

func sendFromOrigin(e *env) {
	a, clone := e.source("a", 300_000), e.root+"/clone"
	e.zfs("clone", a+"@1", clone)
	e.write(clone, "new", 100_000)
	e.snapshot(clone + "@2")
	stream := e.stream(clone+"@2", zfssend.SendOptions{From: a + "@1"})
	if begin := e.begin(stream); strconv.FormatUint(begin.FromGUID, 10) != e.get("guid", a+"@1") {
		e.Errorf("the stream begins with %+v", begin)
	}
}

// sendFails checks that a send fails without a byte.
func sendFails(e *env, snapshot string, o zfssend.SendOptions, cause zfssend.Cause, text string) {
	e.Helper()
	s := e.start(snapshot, o)
	n, err := io.Copy(io.Discard, s)
	z := e.fails(err, cause)
	if n != 0 || z.ExitCode != 1 || !strings.Contains(z.Stderr, text) {
		e.Errorf("%d bytes, %#v", n, z)
	}
	e.wantState(s, zfssend.StateFailed)
	if cerr := s.Close(); cerr == nil || cerr.Error() != err.Error() {
		e.Errorf("Close: %v, after %v", cerr, err)
	}
}

func sendUnknown(e *env) {
	a := e.source("a", 1000)
	sendFails(e, a+"@nowhere", zfssend.SendOptions{}, zfssend.NotFound, a+"@nowhere")
	sendFails(e, e.root+"/nowhere@1", zfssend.SendOptions{}, zfssend.NotFound, e.root+"/nowhere")
}

func sendBaseUnknown(e *env) {
	a := e.source("a", 1000)
	sendFails(e, a+"@1", zfssend.SendOptions{From: "@nowhere"}, zfssend.NotFound, "@nowhere")
	sendFails(e, a+"@1", zfssend.SendOptions{From: "#nowhere"}, zfssend.NotFound, "#nowhere")
}

func sendBaseIsLater(e *env) {
	a := e.source("a", 1000, 1000)
	sendFails(e, a+"@1", zfssend.SendOptions{From: "@2"}, zfssend.Invalid, "not an earlier snapshot from the same fs")
	other := e.source("other", 1000)
	sendFails(e, a+"@2", zfssend.SendOptions{From: other + "@1"}, zfssend.Invalid, "not an earlier snapshot from the same fs")
}

func sendVolume(e *env) {
	v, w := e.create("v", "-V", "2M"), e.root+"/w"
	e.write(v, "", 1_000_000)
	e.snapshot(v + "@1")
	if b := e.begin(e.stream(v+"@1", zfssend.SendOptions{})); !b.Volume {
		e.Errorf("the stream begins with %+v", b)
	}
	e.copy(v+"@1", w, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	e.same(v+"@1", w+"@1")
	e.p.Write(e.T, v, "", noise("other", 300_000))
	e.snapshot(v + "@2")
	e.copy(v+"@2", w, zfssend.SendOptions{From: "@1"}, zfssend.ReceiveOptions{})
	e.same(v+"@2", w+"@2")
	d, err := e.client.Dataset(e.ctx(), w)
	if err != nil || d.Type != "volume" || e.get("volsize", w) != "2097152" {
		e.Errorf("%+v, %v", d, err)
	}
}

// sendFailsHalfWay: a send that fails in the middle is never complete, on any path, and says why.
func sendFailsHalfWay(e *env) {
	snapshot := e.p.FailingSnapshot(e.T)
	for name, read := range map[string]func(*zfssend.SendStream) (int64, error){
		"Read":    func(s *zfssend.SendStream) (int64, error) { return io.Copy(io.Discard, struct{ io.Reader }{s}) },
		"WriteTo": func(s *zfssend.SendStream) (int64, error) { return s.WriteTo(io.Discard) },
	} {
		s := e.start(snapshot, zfssend.SendOptions{})
		n, err := read(s)
		z := e.fails(err, zfssend.PoolIO)
		if n < 1<<20 || z.ExitCode != 1 || !strings.Contains(z.Stderr, "Input/output error") {
			e.Errorf("%s: %d bytes, %#v", name, n, z)
		}
		e.wantState(s, zfssend.StateFailed)
		if cerr := s.Close(); !errors.Is(cerr, zfssend.PoolIO) {
			e.Errorf("%s: Close: %v", name, cerr)
		}
	}
}

func sendFailsIntoReceive(e *env) {
	s := e.start(e.p.FailingSnapshot(e.T), zfssend.SendOptions{})
	b := e.root + "/b"
	err := e.receiveFrom(b, s, zfssend.ReceiveOptions{Unmounted: true, Resumable: true})
	if root := zfssend.RootCause(s.Err(), err); !errors.Is(root, zfssend.PoolIO) || err == nil {
		e.Errorf("receive: %v; root cause: %v", err, root)
	}
	if versions := e.versions(b); versions != "" && versions != "no dataset" {
		e.Errorf("%s has %s", b, versions)
	}
}

// sendVerified: what is checked on its way is the same, at either end.
func sendVerified(e *env) {
	a, b := e.source("a", 300_000, 100_000), e.root+"/b"
	e.copy(a+"@1", b, zfssend.SendOptions{Verify: true}, zfssend.ReceiveOptions{})
	e.copy(a+"@2", b, zfssend.SendOptions{From: "@1"}, zfssend.ReceiveOptions{Verify: true})
	e.same(a+"@2", b+"@2")
	damaged := e.stream(a+"@1", zfssend.SendOptions{})
	damaged[len(damaged)/2] ^= 1
	if err := e.receive(e.root+"/c", damaged, zfssend.ReceiveOptions{Unmounted: true, Verify: true}); !errors.Is(err, zfssend.BadStream) {
		e.Errorf("receive: %v", err)
	}
	e.wantVersions(e.root+"/c", "no dataset")
}

// sendExpected: a stream that isn't the one that was asked for is refused before zfs receive sees it.
func sendExpected(e *env) {
	a := e.source("a", 300_000, 1000)
	guid, err := strconv.ParseUint(e.get("guid", a+"@1"), 10, 64)
	if err != nil {
		e.Fatal(err)
	}
	expect := &zfssend.Expect{ToGUID: guid}
	e.received(e.root+"/b", e.stream(a+"@1", zfssend.SendOptions{Expect: expect}), zfssend.ReceiveOptions{Expect: expect})
	err = e.receive(e.root+"/c", e.stream(a+"@2", zfssend.SendOptions{}), zfssend.ReceiveOptions{Unmounted: true, Expect: expect})
	if !errors.Is(err, zfssend.Unexpected) {
		e.Errorf("receive: %v", err)
	}
	e.wantVersions(e.root+"/c", "no dataset")
}

// sendNotRaw: zfs sends a dataset that isn't encrypted as plain text, also with Raw. Who expects another encoding than it has
// gets nothing of the stream.
func sendNotRaw(e *env) {
	plain, secret := e.source("plain", 300_000), e.encryptedSource("secret")
	for _, verify := range []bool{false, true} {
		for _, o := range []zfssend.SendOptions{{Raw: true}, {}} {
			o.Verify, o.Expect = verify, &zfssend.Expect{Raw: o.Raw}
			e.unexpected(plain+"@1", o, o.Raw)
			e.unexpected(secret+"@1", o, false)
			o.Expect = &zfssend.Expect{Raw: !o.Raw}
			e.unexpected(plain+"@1", o, !o.Raw)
			e.unexpected(secret+"@1", o, true)
		}
	}
}

// unexpected sends a snapshot, and checks that the stream is refused before any of it comes out, or that it isn't.
func (e *env) unexpected(snapshot string, o zfssend.SendOptions, refused bool) {
	e.Helper()
	s := e.start(snapshot, o)
	n, err := io.Copy(io.Discard, struct{ io.Reader }{s})
	switch {
	case !refused && err == nil:
		e.wantState(s, zfssend.StateComplete)
	case refused && n == 0 && errors.Is(err, zfssend.Unexpected):
		e.within("the end", func() { <-s.Done() })
		e.wantState(s, zfssend.StateCanceled)
	default:
		e.Errorf("%s, raw %t, expected raw %t, verified %t: %d bytes, %v", snapshot, o.Raw, o.Expect.Raw, o.Verify, n, err)
	}
}

func sendManyAtOnce(e *env) {
	a := e.source("a", 600_000, 100_000)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := e.client.Send(e.ctx(), a+"@1", zfssend.SendOptions{})
			if err != nil {
				e.Error(err)
				return
			}
			r, err := e.client.Receive(e.ctx(), e.root+"/copy"+strconv.Itoa(i), s, zfssend.ReceiveOptions{Unmounted: true})
			if err == nil {
				err = r.Wait()
			}
			if err != nil {
				e.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 8 {
		e.same(a+"@1", e.root+"/copy"+strconv.Itoa(i)+"@1")
	}
}

// sendWhileRenamed: a snapshot that is being sent can be renamed and held, but not destroyed.
func sendWhileRenamed(e *env) {
	a := e.source("a", 4_000_000)
	s := e.start(a+"@1", zfssend.SendOptions{})
	e.p.AwaitBlocked(e.T, s.PID())
	e.refused(1, "dataset is busy", "destroy", a+"@1")
	e.zfs("hold", "tag", a+"@1")
	e.zfs("rename", a+"@1", a+"@one")
	if _, err := io.Copy(io.Discard, s); err != nil {
		e.Error(err)
	}
	e.zfs("release", "tag", a+"@one")
	e.zfs("destroy", a+"@one")
}
