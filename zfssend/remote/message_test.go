package remote

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

var update = flag.Bool("update", false, "write testdata/messages.txt")

// TestMessages pins what goes over the wire: that a field of package zfssend has another name would be another protocol.
func TestMessages(t *testing.T) {
	expect := &zfssend.Expect{ToName: "a@x", ToGUID: 1, FromGUID: 2, Raw: true, Package: true, Properties: true, Holds: true, Members: []uint64{1}}
	var b strings.Builder
	for _, m := range []any{
		&hello{Oldest: 1, Newest: 1, Program: "p", Features: []string{"f"}, MaxStreams: 2, stamps: stamps{3, 4}},
		&listRequest{"a", zfssend.ListOptions{Recursive: true, WithoutVersions: true, Creation: true, Holds: true, Properties: []string{"p"}}},
		[]zfssend.Dataset{{Name: "a", Type: "filesystem", GUID: 1 << 63, CreateTXG: 2, Encryption: "off", ResumeToken: "1-", Properties: map[string]string{"p": "v"},
			Versions: []zfssend.Version{{Name: "@x", GUID: 1, CreateTXG: 2, Creation: time.Unix(1, 0).UTC(), Holds: 3}}}},
		&propertiesRequest{"a", []string{"p"}},
		map[string]zfssend.Property{"p": {Value: "v", Source: zfssend.SourceInherited, From: "a", Received: "r"}},
		&namesRequest{[]string{"a"}},
		[]zfssend.UserHold{{Snapshot: "a@x", Tag: "t", Created: time.Unix(1, 0).UTC()}},
		&sendRequest{"a@x", zfssend.SendOptions{From: "@w", Intermediates: true, Raw: true, LargeBlock: true, Embedded: true, Compressed: true, Properties: true,
			Replicate: true, Holds: true, Redact: "r", Token: "1-", Verify: true, Expect: expect}},
		&zfssend.Estimate{Bytes: 1, Streams: []zfssend.EstimatedStream{{From: "a@w", To: "a@x", Bytes: 1}}},
		&bookmarkRequest{[]zfssend.Bookmark{{Source: "a@x", Name: "#x"}}},
		&holdRequest{"t", []string{"a@x"}},
		&destroyRequest{zfssend.DestroyOptions{Recursive: true, Deferred: true}, []string{"a@x"}},
		&createRequest{"a", zfssend.CreateOptions{Set: map[string]string{"p": "v"}, Parents: true}},
		&nameRequest{"a"},
		&setRequest{"a", map[string]string{"p": "v"}},
		&inheritRequest{"p", []string{"a"}},
		&receiveRequest{"a", zfssend.ReceiveOptions{Unmounted: true, Resumable: true, Force: true, Set: map[string]string{"p": "v"}, Exclude: []string{"e"}, Expect: expect, Verify: true, Direct: true}},
		&cancelRequest{1, faultOf(io.EOF)},
		&status{Error: faultOf(everything()), State: "failed", Stderr: "s", Stats: &stats{1, 2, 3, 4, 5}},
	} {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s\n", strings.TrimPrefix(fmt.Sprintf("%T", m), "*"), text)
	}
	const name = "testdata/messages.txt"
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(name, []byte(b.String()), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil || string(want) != b.String() {
		t.Errorf("%v; it is not what %s says:\n%s", err, name, b.String())
	}
}

// everything is an error with all that there can be in one.
func everything() *zfssend.BatchError {
	return &zfssend.BatchError{Op: "destroy", Total: 2, Failed: []zfssend.Failure{{Name: "a@x", Cause: zfssend.Held, Message: "m", Uncertain: true}},
		Processes: []*zfssend.Error{{
			Op: "receive", Object: "a", Args: []string{"zfs"}, PID: 1, ExitCode: -1, Signal: syscall.SIGKILL, Stderr: "s", Cause: zfssend.Unexpected,
			Err:   &zstream.Error{Offset: 1, Record: zstream.TypeEnd, From: 2, To: 3, Err: &zfssend.ExpectError{Of: "stream", What: "GUID", Got: uint64(1 << 63), Want: 2}},
			Token: "1-", Abandoned: true, MaybeCommitted: true, Needs: []string{"n"}, Missing: []string{"m"},
		}}}
}

// TestFaults sends errors there and back.
func TestFaults(t *testing.T) {
	reason := errors.New("mine")
	for _, err := range []error{
		everything(), everything().Processes[0], io.EOF, os.ErrClosed, zfssend.Held, &zfssend.NameError{Name: "n", Reason: "r"}, &RefusedError{"o", "x", "r"},
		&ProtocolError{"r"}, &zstream.TokenError{Token: "t", Err: zstream.ErrFormat}, fmt.Errorf("wrapped: %w", zfssend.Busy),
		&exec.Error{Name: "zfs", Err: exec.ErrNotFound}, errors.Join(zfssend.Busy, io.ErrUnexpectedEOF), &zfssend.StallError{For: time.Minute, Bytes: 7},
		&HostError{"h", &ConnError{"h", &lostError{time.Minute}}}, abortError{reason},
	} {
		text, jsonErr := json.Marshal(faultOf(err))
		f := new(fault)
		if jsonErr != nil || json.Unmarshal(text, f) != nil {
			t.Fatal(jsonErr)
		}
		back := f.error(reason)
		if back.Error() != err.Error() {
			t.Errorf("%v became %v", err, back)
		}
		targets := []error{os.ErrClosed, io.EOF, io.ErrUnexpectedEOF, exec.ErrNotFound, zfssend.ErrStalled, zfssend.ErrAbandoned, zfssend.ErrTransport,
			ErrPeerLost, ErrRefused, zstream.ErrFormat, reason}
		for c := zfssend.Canceled; c <= zfssend.ReadOnly; c++ {
			targets = append(targets, c)
		}
		for _, target := range targets {
			if errors.Is(err, target) != errors.Is(back, target) {
				t.Errorf("%v: Is %v was %v", err, target, errors.Is(err, target))
			}
		}
	}
	deep := error(io.EOF)
	for range 100 {
		deep = fmt.Errorf("x%w", deep)
	}
	if back := faultOf(deep).error(nil); back.Error() != deep.Error() {
		t.Errorf("got %v", back)
	}
}

// FuzzTraceparent has no header break anything.
func FuzzTraceparent(f *testing.F) {
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	f.Fuzz(func(t *testing.T, s string) {
		if r, ok := parseParent(s); ok && (r.Trace.IsZero() || r.Span == 0) {
			t.Errorf("%q is %+v", s, r)
		}
	})
}
