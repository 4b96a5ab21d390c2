package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// TestPeerLost drops all packets while streams and a request run. Both sides notice in time; the agent's children are gone.
func TestPeerLost(t *testing.T) {
	zfstest.CheckLeaks(t)
	const lost = 400 * time.Millisecond
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{
		"send": {zfstest.Write(1 << 30)}, "receive": {zfstest.Block()}, "list": {zfstest.Block()},
	}), Grace: time.Second}
	near, far := socketpair(t)
	t.Cleanup(func() { near.Close() })
	conn := newSwallower(near)
	agent := &Agent{Client: client, Policy: Unrestricted(), Heartbeat: lost / 4, Lost: lost}
	served := make(chan error, 1)
	go func() { served <- agent.Serve(context.Background(), far) }()
	h, err := NewHost(t.Context(), conn, Config{Name: "backup", Heartbeat: lost / 4, Lost: lost})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	send, err := h.Send(t.Context(), "tank/a@x", zfssend.SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	in := &stalling{Reader: zeros{}, closed: make(chan struct{})}
	receive, err := h.Receive(t.Context(), "tank/b", in, zfssend.ReceiveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	listed := make(chan error, 1)
	go func() {
		_, err := h.List(t.Context(), "tank", zfssend.ListOptions{})
		listed <- err
	}()
	time.Sleep(3 * lost) // signs of life keep all of it alive
	if err := receive.Err(); err != nil || send.Err() != nil {
		t.Fatalf("before: %v, %v", err, send.Err())
	}
	conn.swallow()
	start := time.Now()
	_, sendErr := io.Copy(io.Discard, struct{ io.Reader }{send})
	for what, err := range map[string]error{"send": sendErr, "receive": receive.Wait(), "list": <-listed} {
		if !errors.Is(err, ErrPeerLost) || !errors.Is(err, zfssend.ErrTransport) || !strings.Contains(err.Error(), "backup") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := h.List(t.Context(), "tank", zfssend.ListOptions{}); !errors.Is(err, ErrPeerLost) {
		t.Errorf("afterwards: %v", err)
	}
	if err := <-served; !errors.Is(err, ErrPeerLost) {
		t.Errorf("the agent: %v", err)
	}
	if took := time.Since(start); took > 20*lost {
		t.Errorf("it took %v", took)
	}
	if children := zfstest.Children(); len(children) > 0 {
		t.Errorf("left running: %v", children)
	}
}

// TestSSHLost: nobody waits for an ssh that has lost its host, as for one whose agent may be reaping what it started.
func TestSSHLost(t *testing.T) {
	zfstest.CheckLeaks(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := fakeSSH(t, `while [ "$1" != -- ]; do shift; done; exec "$3"`)
	t.Setenv(agentVariable, zfstest.Model(t).Command()[0])
	const lost = 500 * time.Millisecond
	h, err := SSH(t.Context(), SSHConfig{Destination: "back", Program: program, Command: exe, Config: Config{Lost: lost, Heartbeat: lost / 4, Grace: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.session.Load().link.rwc.(*sshConn).cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := h.List(t.Context(), "tank", zfssend.ListOptions{}); !errors.Is(err, ErrPeerLost) {
		t.Errorf("got %v", err)
	}
	h.Close()
}

// TestSilence is about the times themselves, on a clock that doesn't run by itself.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		conn := newSwallower(near)
		served := make(chan error, 1)
		go func() { served <- (&Agent{}).Serve(context.Background(), far) }()
		h, err := NewHost(t.Context(), conn, Config{Name: "backup"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // pings are answered
		if _, err := h.List(t.Context(), "tank", zfssend.ListOptions{}); !errors.Is(err, ErrRefused) {
			t.Fatalf("after an hour: %v", err)
		}
		conn.swallow()
		start := time.Now()
		_, err = h.List(t.Context(), "tank", zfssend.ListOptions{})
		if took := time.Since(start); !errors.Is(err, ErrPeerLost) || took < DefaultHeartbeat || took > DefaultLost+2*time.Second {
			t.Errorf("the host noticed after %v: %v", took, err)
		}
		if err := <-served; !errors.Is(err, ErrPeerLost) {
			t.Errorf("the agent: %v", err)
		}
		if took := time.Since(start); took > DefaultLost+5*time.Second {
			t.Errorf("the agent noticed after %v", took)
		}
		h.Close()
	})
}

// TestStdinEnds ends the connection in the middle: the agent reaps all.
func TestStdinEnds(t *testing.T) {
	zfstest.CheckLeaks(t)
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"": {zfstest.Block()}})}
	p := connect(t, &Agent{Client: client, Policy: Unrestricted()}, Config{})
	in := &stalling{Reader: io.LimitReader(&zfstest.Pattern{}, 100), closed: make(chan struct{})}
	receive, err := p.host.Receive(t.Context(), "tank/b", in, zfssend.ReceiveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.host.Close()
	if err := receive.Wait(); !errors.Is(err, zfssend.ErrTransport) {
		t.Errorf("receive: %v", err)
	}
	if err := p.wait(t); !errors.Is(err, errPeerGone) {
		t.Errorf("the agent: %v", err)
	}
	if children := zfstest.Children(); len(children) > 0 {
		t.Errorf("left running: %v", children)
	}
}

// TestServeCanceled ends an agent from its own side.
func TestServeCanceled(t *testing.T) {
	zfstest.CheckLeaks(t)
	near, far := socketpair(t)
	defer near.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("shutdown")
	cancel(why)
	if err := (&Agent{}).Serve(ctx, far); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

// TestRedial loses the connection, and connects again for the next request.
func TestRedial(t *testing.T) {
	zfstest.CheckLeaks(t)
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"get": {zfstest.Print("tank\t7\n")}})}
	agent := &Agent{Client: client, Policy: Unrestricted()}
	dials := 0
	dial := func(context.Context) (io.ReadWriteCloser, error) {
		if dials++; dials == 2 {
			return nil, os.ErrDeadlineExceeded
		}
		near, far := socketpair(t)
		go agent.Serve(context.Background(), far)
		return near, nil
	}
	conn, _ := dial(t.Context())
	h, err := NewHost(t.Context(), conn, Config{Name: "far", Redial: dial})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	<-h.session.Load().link.done
	if _, err := h.GUIDs(t.Context(), "tank"); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, zfssend.ErrTransport) {
		t.Errorf("while it can't: %v", err)
	}
	if guids, err := h.GUIDs(t.Context(), "tank"); err != nil || guids["tank"] != 7 {
		t.Errorf("then: %v, %v", guids, err)
	}
	h.Close()
	if _, err := h.GUIDs(t.Context(), "tank"); !errors.Is(err, errClosed) || !errors.Is(err, zfssend.ErrTransport) {
		t.Errorf("after Close: %v", err)
	}
}

// TestInputStalls has an input stall for longer than a peer may be silent: signs of life say that it is there. Then a peer
// that sends none, though it answers pings.
func TestInputStalls(t *testing.T) {
	zfstest.CheckLeaks(t)
	const lost = 300 * time.Millisecond
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"receive": {zfstest.Save(t.TempDir() + "/never")}})}
	p := connect(t, &Agent{Client: client, Policy: Unrestricted(), Lost: lost, Heartbeat: lost / 4}, Config{Lost: lost, Heartbeat: lost / 4})
	in := &stalling{Reader: strings.NewReader("abc"), closed: make(chan struct{})}
	receive, err := p.host.Receive(t.Context(), "tank/b", in, zfssend.ReceiveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-receive.Done():
		t.Errorf("it has ended: %v", receive.Err())
	case <-time.After(4 * lost):
	}
	if err := receive.Close(); err != nil {
		t.Error(err)
	}

	body, feed := io.Pipe()
	defer feed.Close()
	go feed.Write(appendText(nil, kindJSON, []byte(`{"dataset":"tank/b","options":{}}`)))
	x, err := p.host.session.Load().open(t.Context(), pathV1+"receive", body)
	if err != nil {
		t.Fatal(err)
	}
	if k, _, err := x.frames.next(); err != nil || k != kindBegun {
		t.Fatal(k, err)
	}
	st, err := x.status(nil, 1<<20)
	if err != nil || !strings.Contains(st.Error.error(nil).Error(), errSilent.Error()) {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestCloseWhileRedialing doesn't wait for a connection that doesn't come.
func TestCloseWhileRedialing(t *testing.T) {
	zfstest.CheckLeaks(t)
	near, far := socketpair(t)
	go (&Agent{}).Serve(context.Background(), far)
	dialing := make(chan struct{})
	h, err := NewHost(t.Context(), near, Config{Redial: func(ctx context.Context) (io.ReadWriteCloser, error) {
		close(dialing)
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}})
	if err != nil {
		t.Fatal(err)
	}
	near.Close()
	<-h.session.Load().link.done
	asked := make(chan error, 1)
	go func() {
		_, err := h.GUIDs(context.Background(), "tank")
		asked <- err
	}()
	<-dialing
	h.Close()
	if err := <-asked; !errors.Is(err, errClosed) {
		t.Error(err)
	}
}
