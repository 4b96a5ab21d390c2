package zfssuite

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

var resumeCases = []testCase{
	{"ResumeToken", resumeToken},
	{"ResumeFull", resumeFull},
	{"ResumeProperties", resumeProperties},
	{"ResumeIncrement", resumeIncrement},
	{"ResumeRaw", resumeRaw},
	{"ResumeRenamed", resumeRenamed},
	{"ResumeGone", resumeGone},
	{"ResumeAbort", resumeAbort},
	{"ResumeStateInTheWay", resumeStateInTheWay},
	{"ResumeStale", resumeStale},
	{"ResumeBadToken", resumeBadToken},
	{"ResumeOtherToken", resumeOtherToken},
	{"ResumeTokenFlipped", resumeTokenFlipped},
}

// resumed returns the stream of zfs send -t.
func (e *env) resumed(token string) []byte {
	e.Helper()
	return e.output("send", "-t", token)
}

// interrupted receives a part of a stream, and returns the error of zfs and the token.
func (e *env) interrupted(dataset string, part []byte) (token string, err error) {
	e.Helper()
	err = e.receive(dataset, part, zfssend.ReceiveOptions{Unmounted: true, Resumable: true})
	e.fails(err, zfssend.BadStream)
	return e.get("receive_resume_token", dataset), err
}

// resumeToken: the token in the error is the property, and says what it should.
func resumeToken(e *env) {
	a, b := e.source("a", large), e.root+"/b"
	stream := e.stream(a+"@1", zfssend.SendOptions{Compressed: true})
	text, err := e.interrupted(b, stream[:len(stream)/2])
	if z, _ := errors.AsType[*zfssend.Error](err); !strings.Contains(z.Stderr, text) {
		e.Errorf("the token is %s, in the error %s", text, z.Stderr)
	}
	d, err := e.client.Dataset(e.ctx(), b)
	if err != nil || d.ResumeToken != text || len(d.Versions) > 0 {
		e.Errorf("%+v, %v", d, err)
	}
	token, err := zstream.ParseToken(text)
	if err != nil {
		e.Fatal(err)
	}
	if token.ToName != a+"@1" || strconv.FormatUint(token.ToGUID, 10) != e.get("guid", a+"@1") || token.FromGUID != 0 ||
		token.Bytes == 0 || token.Bytes > uint64(len(stream))/2 || token.Object == 0 || !token.Compressed || token.Raw {
		e.Errorf("%+v", token)
	}
	rest := e.stream(a+"@1", zfssend.SendOptions{Token: text, Compressed: true})
	if first := e.begin(rest); first.ToGUID != token.ToGUID || !first.Features.Has(zstream.FeatureResuming) ||
		first.ResumeObject != token.Object || first.ResumeOffset != token.Offset || len(rest) >= len(stream) {
		e.Errorf("the rest, of %d bytes, begins with %+v", len(rest), first)
	}
	e.received(b, rest, zfssend.ReceiveOptions{Resumable: true})
	e.same(a+"@1", b+"@1")
	if e.get("receive_resume_token", b) != "-" {
		e.Error("the token is still there")
	}
}

// errCut is the failure of an input.
var errCut = errors.New("the connection was lost")

// cutReader fails, or ends too soon, after n bytes.
func cutReader(stream []byte, n int, end error) io.ReadCloser {
	if n >= len(stream) {
		end = io.EOF
	}
	return io.NopCloser(io.MultiReader(bytes.NewReader(stream[:min(n, len(stream))]), failingReader{end}))
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// resumeUntilWhole cuts a stream at random places again and again, and resumes it, until all of it has arrived. It is cut by
// an end that comes too soon, by an error, which kills zfs, or by a bit that is wrong.
func (e *env) resumeUntilWhole(dataset string, stream []byte) {
	e.Helper()
	random := e.random()
	const most = 60
	for round := range most {
		n := 300_000 + random.IntN(1_500_000)
		input := cutReader(stream, n, io.EOF)
		switch random.IntN(3) {
		case 0:
			input = cutReader(stream, n, errCut)
		case 1:
			damaged := bytes.Clone(stream)
			if n < len(stream) {
				damaged[n] ^= 1
			}
			input = cutReader(damaged, len(stream), io.EOF)
		}
		err := e.receiveFrom(dataset, input, zfssend.ReceiveOptions{Unmounted: true, Resumable: true})
		if err == nil {
			e.Logf("whole after %d interruptions", round)
			return
		}
		if !errors.Is(err, zfssend.BadStream) && !errors.Is(err, errCut) {
			e.Fatal(err)
		}
		d, err := e.client.Dataset(e.ctx(), dataset)
		if err != nil && !errors.Is(err, zfssend.NotFound) {
			e.Fatal(err)
		}
		if err == nil && d.ResumeToken != "" {
			stream = e.resumed(d.ResumeToken)
		}
	}
	e.Fatalf("not whole after %d interruptions", most)
}

func resumeFull(e *env) {
	a, b := e.source("a", large), e.root+"/b"
	e.resumeUntilWhole(b, e.stream(a+"@1", zfssend.SendOptions{}))
	e.same(a+"@1", b+"@1")
	e.wantVersions(b, "@1")
}

// resumeProperties: what a new dataset gets by -o is there already when its receive is interrupted, and stays.
func resumeProperties(e *env) {
	a, b := e.source("a", large), e.root+"/b"
	stream := e.stream(a+"@1", zfssend.SendOptions{})
	set := map[string]string{"canmount": "noauto", "readonly": "on", "com.example:x": "y z"}
	err := e.receive(b, stream[:len(stream)/2], zfssend.ReceiveOptions{Unmounted: true, Resumable: true, Set: set})
	e.fails(err, zfssend.BadStream)
	check := func(when string) {
		e.Helper()
		for name, want := range set {
			if got := e.get(name, b); got != want {
				e.Errorf("%s: %s is %s, want %s", when, name, got, want)
			}
		}
	}
	check("interrupted")
	e.received(b, e.resumed(e.get("receive_resume_token", b)), zfssend.ReceiveOptions{Resumable: true})
	e.same(a+"@1", b+"@1")
	check("resumed")
}

func resumeIncrement(e *env) {
	a, b := e.source("a", 100_000, large), e.root+"/b"
	e.ok(e.client.Bookmark(e.ctx(), zfssend.Bookmark{Source: a + "@1", Name: "#1"}))
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	e.resumeUntilWhole(b, e.stream(a+"@2", zfssend.SendOptions{From: "#1"}))
	e.same(a+"@2", b+"@2")
	e.same(a+"@1", b+"@1")
}

func resumeRaw(e *env) {
	a, b := e.encrypted("a"), e.root+"/b"
	e.write(a, "one", large)
	e.snapshot(a + "@1")
	e.resumeUntilWhole(b, e.stream(a+"@1", zfssend.SendOptions{Raw: true}))
	e.loadKey(b)
	e.same(a+"@1", b+"@1")
}

func resumeRenamed(e *env) {
	a, b := e.source("a", large), e.root+"/b"
	stream := e.stream(a+"@1", zfssend.SendOptions{})
	token, _ := e.interrupted(b, stream[:len(stream)/2])
	e.zfs("rename", a+"@1", a+"@one")
	if _, err := e.client.Send(e.ctx(), a+"@one", zfssend.SendOptions{Token: token}); !errors.Is(err, zfssend.Unexpected) {
		e.Errorf("a token that names another snapshot: %v", err)
	}
	e.received(b, e.resumed(token), zfssend.ReceiveOptions{Resumable: true})
	e.same(a+"@one", b+"@one")
}

func resumeGone(e *env) {
	a, b := e.source("a", large), e.root+"/b"
	stream := e.stream(a+"@1", zfssend.SendOptions{})
	token, _ := e.interrupted(b, stream[:len(stream)/2])
	e.zfs("destroy", a+"@1")
	e.refused(255, "no longer exists", "send", "-t", token)
	_, err := e.client.Send(e.ctx(), a+"@1", zfssend.SendOptions{Token: token}) // it looks for the snapshot before
	e.fails(err, zfssend.ResumeStale)
	of, err := zstream.ParseToken(token)
	if err != nil {
		e.Fatal(err)
	}
	_, err = io.Copy(io.Discard, e.start(a+"@1", zfssend.SendOptions{Token: token, Expect: &zfssend.Expect{ToGUID: of.ToGUID}}))
	e.fails(err, zfssend.ResumeStale)
}

func resumeAbort(e *env) {
	a, b := e.source("a", 1000, large), e.root+"/b"
	full := e.stream(a+"@2", zfssend.SendOptions{})
	e.interrupted(b, full[:len(full)/2])
	e.zfs("receive", "-A", b)
	e.wantVersions(b, "no dataset")
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	increment := e.stream(a+"@2", zfssend.SendOptions{From: "@1"})
	e.interrupted(b, increment[:len(increment)/2])
	e.zfs("receive", "-A", b)
	e.wantVersions(b, "@1")
	e.refused(1, "does not have any resumable receive state", "receive", "-A", b)
	e.received(b, increment, zfssend.ReceiveOptions{})
	e.same(a+"@2", b+"@2")
}

// resumeStateInTheWay: other streams are refused until the interrupted one is resumed or given up.
func resumeStateInTheWay(e *env) {
	a, b := e.source("a", 1000, large), e.root+"/b"
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	increment := e.stream(a+"@2", zfssend.SendOptions{From: "@1"})
	token, _ := e.interrupted(b, increment[:len(increment)/2])
	e.refuse(b, increment, zfssend.ReceiveOptions{}, zfssend.ResumableState)
	e.refuse(b, increment, zfssend.ReceiveOptions{Resumable: true}, zfssend.ResumableState)
	e.received(b, e.resumed(token), zfssend.ReceiveOptions{Resumable: true})
	e.same(a+"@2", b+"@2")
}

// resumeStale: the rest of a stream fits only where it was interrupted.
func resumeStale(e *env) {
	a, b := e.source("a", large), e.root+"/b"
	stream := e.stream(a+"@1", zfssend.SendOptions{})
	token, _ := e.interrupted(b, stream[:len(stream)/2])
	rest := e.resumed(token)
	e.received(b, rest, zfssend.ReceiveOptions{Resumable: true})
	if err := e.receive(b, rest, zfssend.ReceiveOptions{Unmounted: true, Resumable: true}); err == nil {
		e.Error("it was received twice")
	}
	e.wantVersions(b, "@1")
	if err := e.receive(e.root+"/other", rest, zfssend.ReceiveOptions{Unmounted: true, Resumable: true}); err == nil {
		e.Error("it was received without its beginning")
	}
	e.wantVersions(e.root+"/other", "no dataset")
}

func resumeBadToken(e *env) {
	e.refused(255, "resume token is corrupt", "send", "-t", "nonsense")
	a, b := e.source("a", large), e.root+"/b"
	stream := e.stream(a+"@1", zfssend.SendOptions{})
	token, _ := e.interrupted(b, stream[:len(stream)/2])
	flipped := []byte(token)
	flipped[len(flipped)-5] ^= 1
	e.refused(255, "resume token is corrupt", "send", "-t", string(flipped))
}

// mistaken checks that a token is refused as one of another stream, before zfs is started.
func (e *env) mistaken(snapshot string, o zfssend.SendOptions) {
	e.Helper()
	client := *e.client
	client.Command = []string{filepath.Join(e.TempDir(), "zfs")} // there is no such program
	s, err := client.Send(e.ctx(), snapshot, o)
	if s != nil || !errors.Is(err, zfssend.Unexpected) {
		e.Errorf("%s: %v, %v", snapshot, s, err)
	}
}

// resumeOtherToken: a token continues nothing but the stream that it is of.
func resumeOtherToken(e *env) {
	a, other, b := e.source("a", 1000, large), e.source("other", 1000, 1000), e.root+"/b"
	full := e.stream(a+"@2", zfssend.SendOptions{})
	token, _ := e.interrupted(b, full[:len(full)/2])
	e.mistaken(other+"@2", zfssend.SendOptions{Token: token})
	e.mistaken(a+"@1", zfssend.SendOptions{Token: token})
	e.mistaken(a+"@2", zfssend.SendOptions{Token: token, From: "@1"})
	e.mistaken(a+"@2", zfssend.SendOptions{Token: token, Raw: true})
	e.received(b, e.stream(a+"@2", zfssend.SendOptions{Token: token}), zfssend.ReceiveOptions{Resumable: true})
	e.same(a+"@2", b+"@2")
}

// resumeTokenFlipped: a token that was changed so that an encrypted dataset would be sent as plain text, or one that isn't
// encrypted as if it were, is refused, though zfs takes it.
func resumeTokenFlipped(e *env) {
	for _, raw := range []bool{false, true} {
		a, b := e.root+"/a"+strconv.FormatBool(raw), e.root+"/b"+strconv.FormatBool(raw)
		if raw {
			e.encrypted("a" + strconv.FormatBool(raw))
		} else {
			e.create("a" + strconv.FormatBool(raw))
		}
		e.write(a, "one", large)
		e.snapshot(a + "@1")
		stream := e.stream(a+"@1", zfssend.SendOptions{Raw: raw})
		text, _ := e.interrupted(b, stream[:len(stream)/2])
		token, err := zstream.ParseToken(text)
		if err != nil || token.Raw != raw {
			e.Fatalf("%+v, %v", token, err)
		}
		token.Raw = !raw
		flipped := token.String()
		if first := e.begin(e.resumed(flipped)); first.Raw {
			e.Errorf("zfs makes of it %+v", first)
		}
		e.mistaken(a+"@1", zfssend.SendOptions{Token: flipped, Raw: raw})
		e.mistaken(a+"@1", zfssend.SendOptions{Token: text, Raw: !raw})
		e.received(b, e.stream(a+"@1", zfssend.SendOptions{Token: text, Raw: raw}), zfssend.ReceiveOptions{Resumable: true})
		if raw {
			e.loadKey(b)
		}
		e.same(a+"@1", b+"@1")
	}
}
