package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

// agentVariable makes the test binary an agent on its standard input and output, with that zfs.
const agentVariable = "REMOTE_TEST_AGENT"

func TestMain(m *testing.M) {
	if zfs := os.Getenv(agentVariable); zfs != "" && filepath.Base(os.Args[0]) != "zfs" {
		agent := &Agent{Client: &zfssend.Client{Command: []string{zfs}}, Policy: Unrestricted()}
		if err := agent.Serve(context.Background(), stdio{os.Stdin, os.Stdout}); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	zfstest.Main(m)
}

type stdio struct {
	io.Reader
	io.WriteCloser
}

// socketpair returns the two ends of a connection as ssh's are: stream sockets of the kernel.
func socketpair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends []net.Conn
	for _, fd := range fds {
		f := os.NewFile(uintptr(fd), "socketpair")
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, c)
	}
	return ends[0], ends[1]
}

// pair is a host and the agent that serves it, in one process.
type pair struct {
	host   *Host
	client *zfssend.Client // of the agent
	served chan error
}

// connect starts an agent on one end of a connection and a host on the other.
func connect(t testing.TB, agent *Agent, cfg Config) *pair {
	t.Helper()
	near, far := socketpair(t)
	p := &pair{client: agent.client(), served: make(chan error, 1)}
	go func() { p.served <- agent.Serve(context.Background(), far) }()
	if cfg.Name == "" {
		cfg.Name = "far"
	}
	host, err := NewHost(t.Context(), near, cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.host = host
	t.Cleanup(func() {
		host.Close()
		p.wait(t)
	})
	return p
}

// wait waits for the agent's end and returns how it ended.
func (p *pair) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-p.served:
		p.served <- err
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("the agent goes on")
		return nil
	}
}

// modelled returns a model with a dataset, its client, and a host that an unrestricted agent serves it to.
func modelled(t *testing.T) (*zfsmodel.Model, *pair) {
	t.Helper()
	model := zfstest.Model(t)
	agent := &Agent{Client: &zfssend.Client{Command: model.Command()}, Policy: Unrestricted()}
	return model, connect(t, agent, Config{})
}

// dataset makes a dataset with a snapshot that holds so many bytes.
func dataset(t *testing.T, model *zfsmodel.Model, name, snapshot string, size int) {
	t.Helper()
	client := zfssend.Client{Command: model.Command()}
	err := client.Create(t.Context(), name, zfssend.CreateOptions{Parents: true})
	if err == nil {
		err = fill(model, name, size)
	}
	if err == nil {
		err = client.Snapshot(t.Context(), name+snapshot)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fill writes a file of pseudo-random bytes.
func fill(model *zfsmodel.Model, name string, size int) error {
	data := make([]byte, size)
	_, err := io.ReadFull(&zfstest.Pattern{}, data)
	return errors.Join(err, model.Write(name, "file", data))
}

// unusable returns a client whose zfs fails the test if it is started.
func unusable(t *testing.T) *zfssend.Client {
	t.Helper()
	mark := t.TempDir() + "/started"
	t.Cleanup(func() {
		if _, err := os.Stat(mark); err == nil {
			t.Error("zfs was started")
		}
	})
	return &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"": {zfstest.Touch(mark), zfstest.Exit(1)}})}
}

// swallower is a connection from which nothing goes out and nothing comes in once it is told so, as where packets are dropped.
type swallower struct {
	net.Conn
	closed chan struct{}
	lost   chan struct{}
	once   sync.Once
}

func newSwallower(c net.Conn) *swallower {
	return &swallower{Conn: c, closed: make(chan struct{}), lost: make(chan struct{})}
}

func (s *swallower) swallow() { close(s.lost) }

func (s *swallower) isLost() bool {
	select {
	case <-s.lost:
		return true
	default:
		return false
	}
}

func (s *swallower) Read(p []byte) (int, error) {
	for {
		n, err := s.Conn.Read(p)
		if !s.isLost() {
			return n, err
		}
		if err != nil {
			<-s.closed // it isn't seen that the other side has gone
			return 0, net.ErrClosed
		}
	}
}

func (s *swallower) Write(p []byte) (int, error) {
	if s.isLost() {
		return len(p), nil
	}
	return s.Conn.Write(p)
}

// Close doesn't get through either, once packets are dropped.
func (s *swallower) Close() error {
	s.once.Do(func() { close(s.closed) })
	if s.isLost() {
		return s.Conn.SetReadDeadline(time.Now())
	}
	return s.Conn.Close()
}
