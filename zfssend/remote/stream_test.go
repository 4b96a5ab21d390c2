package remote

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// TestReplicate brings a full stream and an increment from one far host to another one, and from and to a near one.
func TestReplicate(t *testing.T) {
	zfstest.CheckLeaks(t)
	source, from := modelled(t)
	target, to := modelled(t)
	dataset(t, source, "tank/a", "@one", 3<<20)
	guids := func(t *testing.T) map[string]uint64 {
		m, err := from.host.GUIDs(t.Context(), "tank/a@one", "tank/a@two")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if err := errors.Join(fill(source, "tank/a", 2<<20), from.client.Snapshot(t.Context(), "tank/a@two")); err != nil {
		t.Fatal(err)
	}
	for name, hosts := range map[string][2]zfssend.Host{
		"far-far":   {from.host, to.host},
		"far-near":  {from.host, to.client.Host()},
		"near-far":  {from.client.Host(), to.host},
		"near-near": {from.client.Host(), to.client.Host()},
	} {
		t.Run(name, func(t *testing.T) {
			destination := "tank/" + name
			g := guids(t)
			one := zfssend.Expect{ToName: "tank/a@one", ToGUID: g["tank/a@one"]}
			two := zfssend.Expect{ToName: "tank/a@two", ToGUID: g["tank/a@two"], FromGUID: g["tank/a@one"]}
			transfer(t, hosts[0], hosts[1], "tank/a@one", destination, zfssend.SendOptions{Expect: &one}, zfssend.ReceiveOptions{Unmounted: true, Expect: &one})
			transfer(t, hosts[0], hosts[1], "tank/a@two", destination, zfssend.SendOptions{From: "@one", Verify: true}, zfssend.ReceiveOptions{Unmounted: true, Expect: &two})
			want, err := source.Contents("tank/a@two")
			got, gotErr := target.Contents(destination + "@two")
			if err != nil || gotErr != nil || !maps.Equal(got, want) {
				t.Errorf("received %v, %v; want %v, %v", got, gotErr, want, err)
			}
		})
	}
}

// transfer moves a stream, and checks what its ends tell.
func transfer(t *testing.T, from, to zfssend.Host, snapshot, destination string, so zfssend.SendOptions, ro zfssend.ReceiveOptions) {
	t.Helper()
	send, err := from.Send(t.Context(), snapshot, so)
	if err != nil {
		t.Fatal(err)
	}
	receive, err := to.Receive(t.Context(), destination, send, ro)
	if err != nil {
		t.Fatal(err)
	}
	if err := receive.Wait(); err != nil {
		t.Fatalf("receive: %v; send: %v", err, send.Err())
	}
	<-send.Done()
	for what, s := range map[string]zfssend.Stream{"send": send, "receive": receive} {
		stats := s.Stats()
		if s.State() != zfssend.StateComplete || s.Err() != nil || stats.Bytes == 0 || stats.FirstByte == 0 {
			t.Errorf("%s: state %v, %v, %+v", what, s.State(), s.Err(), stats)
		}
		if b := s.Begin(); b == nil || b.ToName != snapshot {
			t.Errorf("%s: begins with %+v", what, b)
		}
	}
	if a, b := send.Stats().Bytes, receive.Stats().Bytes; a != b {
		t.Errorf("sent %d bytes, received %d", a, b)
	}
	if _, err := send.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("Read after Close: %v", err)
	}
}

// TestResume cuts a stream in the middle, at the input and by the end of the connection, and goes on by the token.
func TestResume(t *testing.T) {
	zfstest.CheckLeaks(t)
	source, from := modelled(t)
	dataset(t, source, "tank/a", "@one", 4<<20)
	for _, by := range []string{"input", "connection"} {
		t.Run(by, func(t *testing.T) {
			target, to := modelled(t)
			send, err := from.host.Send(t.Context(), "tank/a@one", zfssend.SendOptions{})
			if err != nil {
				t.Fatal(err)
			}
			cut := &cutter{ReadCloser: send, left: 3 << 20, cut: func() error { return errCut }}
			if by == "connection" {
				cut.cut = func() error {
					for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
						if _, err := to.client.List(context.Background(), "tank/b", zfssend.ListOptions{}); err == nil {
							break // the stream has come so far
						}
					}
					to.host.session.Load().link.rwc.Close()
					to.wait(t)
					return errCut
				}
			}
			receive, err := to.host.Receive(t.Context(), "tank/b", cut, zfssend.ReceiveOptions{Resumable: true, Unmounted: true})
			if err != nil {
				t.Fatal(err)
			}
			err = receive.Wait()
			failure, ok := errors.AsType[*zfssend.Error](err)
			switch {
			case by == "input" && (!ok || !errors.Is(err, errCut) || !errors.Is(err, zfssend.Canceled)):
				t.Fatalf("%v isn't the input's", err)
			case by == "connection" && (!ok || !errors.Is(err, zfssend.ErrTransport) || !failure.MaybeCommitted):
				t.Fatalf("%v isn't the connection's", err)
			}
			list, err := to.client.List(t.Context(), "tank/b", zfssend.ListOptions{})
			if err != nil || list[0].ResumeToken == "" {
				t.Fatalf("nothing to resume: %+v, %v", list, err)
			}
			transfer(t, from.host, to.client.Host(), "tank/a@one", "tank/b", zfssend.SendOptions{Token: list[0].ResumeToken}, zfssend.ReceiveOptions{Unmounted: true})
			want, _ := source.Contents("tank/a@one")
			if got, err := target.Contents("tank/b@one"); err != nil || !maps.Equal(got, want) {
				t.Errorf("received %v, %v", got, err)
			}
		})
	}
}

var errCut = errors.New("cut")

// cutter ends an input in its middle.
type cutter struct {
	io.ReadCloser
	left int64
	cut  func() error
}

func (c *cutter) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, c.cut()
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// TestSendFails sees that a failed send never looks complete, and is told as a near one would.
func TestSendFails(t *testing.T) {
	zfstest.CheckLeaks(t)
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"send": {zfstest.Write(1 << 20), zfstest.Stderr("cannot send: I/O error\n"), zfstest.Exit(1)}})}
	p := connect(t, &Agent{Client: client, Policy: Unrestricted()}, Config{})
	read := func(h zfssend.Host) (int64, zfssend.Sender, error) {
		s, err := h.Send(t.Context(), "tank/a@x", zfssend.SendOptions{})
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, struct{ io.Reader }{s})
		return n, s, err
	}
	n, s, far := read(p.host)
	m, _, near := read(client.Host())
	host, ok := errors.AsType[*HostError](far)
	if n != 1<<20 || m != n || !ok || host.Err.Error() != near.Error() {
		t.Errorf("%d bytes, then %v; near %d, %v", n, far, m, near)
	}
	if s.State() != zfssend.StateFailed || s.Stderr() != "cannot send: I/O error\n" || !errors.Is(s.Err(), zfssend.PoolIO) {
		t.Errorf("%v, %q, %v", s.State(), s.Stderr(), s.Err())
	}
	if err := s.Close(); !errors.Is(err, zfssend.PoolIO) {
		t.Errorf("Close: %v", err)
	}
}

// TestReceiveFails sees that the death of zfs receive ends an input that stalls, at once and with its own error.
func TestReceiveFails(t *testing.T) {
	zfstest.CheckLeaks(t)
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"receive": {zfstest.Read(100), zfstest.Stderr("cannot receive: out of space\n"), zfstest.Exit(1)}})}
	p := connect(t, &Agent{Client: client, Policy: Unrestricted()}, Config{})
	for name, ahead := range map[string]int64{"stalls": 1000, "flows": 1 << 40} {
		in := &stalling{Reader: io.LimitReader(&zfstest.Pattern{}, ahead), closed: make(chan struct{})}
		r, err := p.host.Receive(t.Context(), "tank/b", in, zfssend.ReceiveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		err = r.Wait()
		if !errors.Is(err, zfssend.NoSpace) || r.State() != zfssend.StateFailed || in.times != 1 {
			t.Errorf("%s: %v, %v, closed %d times", name, err, r.State(), in.times)
		}
	}
}

// stalling is an input that has no end, and stalls.
type stalling struct {
	io.Reader
	closed chan struct{}
	mu     sync.Mutex
	times  int
}

func (s *stalling) Read(p []byte) (int, error) {
	if n, err := s.Reader.Read(p); err == nil {
		return n, nil
	}
	<-s.closed
	return 0, os.ErrClosed
}

func (s *stalling) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.times++; s.times == 1 {
		close(s.closed)
	}
	return nil
}

// TestCloseStreams closes and cancels streams while they are blocked, and sees that the agent's zfs is gone then.
func TestCloseStreams(t *testing.T) {
	zfstest.CheckLeaks(t)
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{
		"send": {zfstest.Write(1 << 30)}, "receive": {zfstest.Read(10), zfstest.Block()},
	})}
	p := connect(t, &Agent{Client: client, Policy: Unrestricted()}, Config{})
	why := errors.New("no more")
	for _, how := range []string{"close", "context"} {
		for _, what := range []string{"send", "send-read", "receive", "receive-full"} {
			t.Run(how+"-"+what, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				var s interface {
					zfssend.Stream
					Close() error
				}
				if strings.HasPrefix(what, "send") {
					send, err := p.host.Send(ctx, "tank/a@x", zfssend.SendOptions{})
					if err != nil {
						t.Fatal(err)
					}
					if what == "send-read" {
						go io.Copy(io.Discard, send)
					}
					s = send
				} else {
					in := &stalling{Reader: io.LimitReader(&zfstest.Pattern{}, map[bool]int64{true: 1 << 40, false: 1000}[what == "receive-full"]), closed: make(chan struct{})}
					receive, err := p.host.Receive(ctx, "tank/b", in, zfssend.ReceiveOptions{})
					if err != nil {
						t.Fatal(err)
					}
					s = receive
				}
				time.Sleep(50 * time.Millisecond) // until all is full; earlier is fine, too
				if how == "context" {
					cancel(why)
					<-s.Done()
					if err := s.Err(); !errors.Is(err, why) || !errors.Is(err, zfssend.Canceled) {
						t.Errorf("Err: %v", err)
					}
				} else if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				} else if err := s.Err(); !errors.Is(err, os.ErrClosed) {
					t.Errorf("Err: %v", err)
				}
				if s.State() != zfssend.StateCanceled {
					t.Errorf("state %v", s.State())
				}
				if children := zfstest.Children(); len(children) > 0 {
					t.Errorf("left running: %v", children)
				}
			})
		}
	}
}

// TestStalledStreams has fifteen streams stall, and sees that all else goes on.
func TestStalledStreams(t *testing.T) {
	zfstest.CheckLeaks(t)
	dir := t.TempDir()
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{
		"receive tank/stalled": {zfstest.Read(10), zfstest.Block()},
		"receive tank/flows":   {zfstest.Save(dir + "/saved")},
		"send":                 {zfstest.Write(16 << 20)},
		"get":                  {zfstest.Print("tank\t7\n")},
	})}
	p := connect(t, &Agent{Client: client, Policy: Unrestricted()}, Config{})
	var stalled []zfssend.Receiver
	for range 15 {
		in := &stalling{Reader: zeros{}, closed: make(chan struct{})}
		r, err := p.host.Receive(t.Context(), "tank/stalled", in, zfssend.ReceiveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		stalled = append(stalled, r)
	}
	unread, err := p.host.Send(t.Context(), "tank/a@x", zfssend.SendOptions{}) // nobody reads that
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range stalled { // each has filled its window
		for deadline := time.Now().Add(20 * time.Second); r.Stats().Bytes < streamWindow; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("a stream has moved %d bytes only", r.Stats().Bytes)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if guids, err := p.host.GUIDs(ctx, "tank"); err != nil || guids["tank"] != 7 {
		t.Errorf("control: %v, %v", guids, err)
	}
	send, err := p.host.Send(ctx, "tank/a@x", zfssend.SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	flows, err := p.host.Receive(ctx, "tank/flows", send, zfssend.ReceiveOptions{})
	if err == nil {
		err = flows.Wait()
	}
	if err != nil {
		t.Errorf("the other stream: %v", err)
	}
	if info, err := os.Stat(dir + "/saved"); err != nil || info.Size() != 16<<20 {
		t.Errorf("the other stream: %v, %v", info, err)
	}
	for _, s := range append([]io.Closer{unread}, closers(stalled)...) {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func closers(list []zfssend.Receiver) (out []io.Closer) {
	for _, r := range list {
		out = append(out, r)
	}
	return out
}

// TestRootCause has a send fail into a receive, each on another host: the send is why.
func TestRootCause(t *testing.T) {
	zfstest.CheckLeaks(t)
	scripts := zfstest.Scripts{
		"send":    {zfstest.Write(1 << 20), zfstest.Stderr("cannot send: I/O error\n"), zfstest.Exit(1)},
		"receive": {zfstest.Save(t.TempDir() + "/never")},
	}
	client := &zfssend.Client{Command: zfstest.Fake(scripts)}
	from := connect(t, &Agent{Client: client, Policy: Unrestricted()}, Config{Name: "from"}).host
	to := connect(t, &Agent{Client: client, Policy: Unrestricted()}, Config{Name: "to"}).host
	send, err := from.Send(t.Context(), "tank/a@x", zfssend.SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	receive, err := to.Receive(t.Context(), "tank/b", send, zfssend.ReceiveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	received := receive.Wait()
	if !errors.Is(received, zfssend.PoolIO) || !errors.Is(received, zfssend.Canceled) {
		t.Errorf("the receiver: %v", received)
	}
	if root := zfssend.RootCause(send.Err(), received); root != send.Err() || !strings.HasPrefix(root.Error(), "from: send tank/a@x: zfs exited 1") {
		t.Errorf("the cause: %v", root)
	}
}
