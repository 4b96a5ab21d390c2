package zfssuite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// patience bounds what must happen soon. Machines can be slow; nothing waits for it unless it fails.
const patience = 2 * time.Minute

// env is what a case has to itself.
type env struct {
	*testing.T
	p      Platform
	client *zfssend.Client
	root   string // an empty filesystem
}

var roots atomic.Int64

func newEnv(t *testing.T, p Platform) *env {
	t.Helper()
	zfstest.CheckLeaks(t)
	e := &env{T: t, p: p, client: p.Client(), root: fmt.Sprintf("%s/case%d", p.Root(t), roots.Add(1))}
	e.zfs("create", e.root)
	return e
}

func (e *env) ctx() context.Context { return e.Context() }

// zfs runs a zfs command that must succeed, without a word on stderr, and returns its stdout.
func (e *env) zfs(args ...string) string {
	e.Helper()
	out := run(e.T, e.p, nil, args...)
	if out.exit != 0 || out.stderr != "" {
		e.Fatalf("zfs %s: %v", strings.Join(args, " "), out)
	}
	return out.stdout
}

// refused runs a zfs command that must fail with that exit status and text. Where versions differ in their words, those
// are separated by "|".
func (e *env) refused(exit int, text string, args ...string) {
	e.Helper()
	out := run(e.T, e.p, nil, args...)
	stderr := strings.Join(strings.Fields(out.stderr), " ")
	if out.exit != exit || !slices.ContainsFunc(strings.Split(text, "|"), func(text string) bool { return strings.Contains(stderr, text) }) {
		e.Errorf("zfs %s: %v\nwant exit %d, %q", strings.Join(args, " "), out, exit, text)
	}
}

// get returns a property.
func (e *env) get(property, name string) string {
	e.Helper()
	return strings.TrimSuffix(e.zfs("get", "-Hp", "-o", "value", property, name), "\n")
}

// create makes a filesystem, and returns its name.
func (e *env) create(name string, options ...string) string {
	e.Helper()
	name = e.root + "/" + name
	e.zfs(append(append([]string{"create"}, options...), name)...)
	return name
}

// write writes a file that isn't compressible.
func (e *env) write(dataset, file string, size int) {
	e.Helper()
	e.p.Write(e.T, dataset, file, noise(file, size))
}

// snapshot takes snapshots by the client.
func (e *env) snapshot(names ...string) {
	e.Helper()
	if err := e.client.Snapshot(e.ctx(), names...); err != nil {
		e.Fatal(err)
	}
}

// source makes a filesystem with snapshots 1, 2, ...; each has a file of that name more, of so many bytes.
func (e *env) source(name string, sizes ...int) string {
	e.Helper()
	dataset := e.create(name)
	for i, size := range sizes {
		n := strconv.Itoa(i + 1)
		e.write(dataset, n, size)
		e.snapshot(dataset + "@" + n)
	}
	return dataset
}

func (e *env) start(snapshot string, o zfssend.SendOptions) *zfssend.SendStream {
	e.Helper()
	s, err := e.client.Send(e.ctx(), snapshot, o)
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() { s.Close() })
	return s
}

// stream returns the whole stream of a snapshot.
func (e *env) stream(snapshot string, o zfssend.SendOptions) []byte {
	e.Helper()
	var b bytes.Buffer
	s := e.start(snapshot, o)
	if _, err := b.ReadFrom(s); err != nil {
		e.Fatal(err)
	}
	e.wantState(s, zfssend.StateComplete)
	return b.Bytes()
}

func (e *env) wantState(s interface{ State() zfssend.State }, want zfssend.State) {
	e.Helper()
	if got := s.State(); got != want {
		e.Errorf("state is %v, want %v", got, want)
	}
}

// receive receives a stream that is at hand.
func (e *env) receive(dataset string, stream []byte, o zfssend.ReceiveOptions) error {
	e.Helper()
	return e.receiveFrom(dataset, io.NopCloser(bytes.NewReader(stream)), o)
}

func (e *env) receiveFrom(dataset string, input io.ReadCloser, o zfssend.ReceiveOptions) error {
	e.Helper()
	r, err := e.client.Receive(e.ctx(), dataset, input, o)
	if err != nil {
		e.Fatal(err)
	}
	e.within("receive", func() { err = r.Wait() })
	return err
}

// received is receive for what must succeed.
func (e *env) received(dataset string, stream []byte, o zfssend.ReceiveOptions) {
	e.Helper()
	o.Unmounted = true
	if err := e.receive(dataset, stream, o); err != nil {
		e.Fatal(err)
	}
}

// copy sends a snapshot right into a receive.
func (e *env) copy(snapshot, dataset string, so zfssend.SendOptions, ro zfssend.ReceiveOptions) {
	e.Helper()
	ro.Unmounted = true
	s := e.start(snapshot, so)
	if err := e.receiveFrom(dataset, s, ro); err != nil {
		e.Fatalf("%v; send: %v", err, s.Err())
	}
	e.wantState(s, zfssend.StateComplete)
}

// same fails the case unless two snapshots are the same: by GUID, and by contents.
func (e *env) same(a, b string) {
	e.Helper()
	if x, y := e.get("guid", a), e.get("guid", b); x != y {
		e.Errorf("%s has GUID %s, %s has %s", a, x, b, y)
	}
	if x, y := e.p.Contents(e.T, a), e.p.Contents(e.T, b); !maps.Equal(x, y) || len(x) == 0 {
		e.Errorf("%s has files %x, %s has %x", a, x, b, y)
	}
}

// fails fails the case unless err is a zfs that failed for that cause. It returns the error.
func (e *env) fails(err error, cause zfssend.Cause) *zfssend.Error {
	e.Helper()
	z, ok := errors.AsType[*zfssend.Error](err)
	if !ok || z.Cause != cause || cause != zfssend.Unknown && !errors.Is(err, cause) {
		e.Errorf("got %v, want a failure: %v", err, cause)
		return &zfssend.Error{}
	}
	return z
}

// versions returns the names of a dataset's snapshots and bookmarks by age, or "no dataset".
func (e *env) versions(name string) string {
	e.Helper()
	d, err := e.client.Dataset(e.ctx(), name)
	if errors.Is(err, zfssend.NotFound) {
		return "no dataset"
	}
	if err != nil {
		e.Fatal(err)
	}
	var list []string
	for _, v := range d.Versions {
		list = append(list, v.Name)
	}
	return strings.Join(list, " ")
}

func (e *env) wantVersions(name, want string) {
	e.Helper()
	if got := e.versions(name); got != want {
		e.Errorf("%s has %q, want %q", name, got, want)
	}
}

// within fails with all stacks if f takes too long.
func (e *env) within(what string, f func()) {
	e.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		debug.SetTraceback("all")
		go panic(what + " hangs") // for the stacks, and on a goroutine of its own, since cleaning up would hang, too
		select {}
	}
}

// random returns a source of random numbers: see [Seed].
func (e *env) random() *rand.Rand {
	e.Helper()
	return rand.New(rand.NewPCG(Seed(e), 0))
}
