package remote

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/internal/certtest"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// configuration is TLS of one that has that name.
func configuration(t *testing.T, ca *certtest.Authority, name string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{ca.Certificate(t, name)}, RootCAs: ca.Pool, ClientCAs: ca.Pool, ServerName: "agent"}
}

// TestTLS replicates over TLS on loopback, and sees that a certificate chooses a policy.
func TestTLS(t *testing.T) {
	zfstest.CheckLeaks(t)
	ca := certtest.New(t)
	model := zfstest.Model(t)
	dataset(t, model, "tank/a", "@one", 1<<20)
	client := &zfssend.Client{Command: model.Command()}
	agent := &Agent{Client: client, Clients: map[string]Policy{"friend": Unrestricted(), "reader": {Roots: []string{"tank/a"}, Verbs: []Verb{VerbList}}}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- agent.ServeListener(ctx, l, configuration(t, ca, "agent")) }()
	defer func() {
		cancel()
		if err := <-served; !errors.Is(err, context.Canceled) {
			t.Errorf("the agent: %v", err)
		}
	}()
	dial := func(config *tls.Config) (*Host, error) {
		return Dial(ctx, l.Addr().String(), config, Config{Name: "far"})
	}

	friend, err := dial(configuration(t, ca, "friend"))
	if err != nil {
		t.Fatal(err)
	}
	transfer(t, friend, friend, "tank/a@one", "tank/b", zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	friend.Close()

	reader, err := dial(configuration(t, ca, "reader"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.List(ctx, "tank/a", zfssend.ListOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := reader.List(ctx, "tank/b", zfssend.ListOptions{}); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	reader.Close()

	stranger, err := dial(configuration(t, ca, "stranger"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.List(ctx, "tank/a", zfssend.ListOptions{}); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	stranger.Close()

	forged := configuration(t, certtest.New(t), "friend")
	forged.RootCAs = ca.Pool
	for name, config := range map[string]*tls.Config{"forged": forged, "none": {RootCAs: ca.Pool, ServerName: "agent"}, "other server": {RootCAs: ca.Pool, ServerName: "other", Certificates: forged.Certificates}} {
		if h, err := dial(config); !errors.Is(err, zfssend.ErrTransport) {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				h.Close()
			}
		}
	}
}

// TestVersions compares protocols.
func TestVersions(t *testing.T) {
	for _, c := range []struct {
		ours, theirs hello
		want         string
	}{
		{hello{Oldest: 1, Newest: 2}, hello{Oldest: 2, Newest: 9}, ""},
		{hello{Oldest: 1, Newest: 1}, hello{Oldest: 2, Newest: 3, Program: "zferry 9"}, `no common protocol: .*\(zferry 9\) 2 to 3; this side is the older one: update it here`},
		{hello{Oldest: 3, Newest: 4}, hello{Oldest: 1, Newest: 2}, "the other side is the older one: update it there"},
		{hello{Oldest: 1, Newest: 1}, hello{}, "claims to speak versions 0 to 0"},
		{hello{Oldest: 1, Newest: 1}, hello{Oldest: 5, Newest: 1}, "claims"},
	} {
		err := compareProtocols(&c.ours, &c.theirs)
		if (c.want == "") != (err == nil) || err != nil && !matches(c.want, err.Error()) {
			t.Errorf("%+v, %+v: %v", c.ours, c.theirs, err)
		}
	}
}

// TestNoAgent has something else answer.
func TestNoAgent(t *testing.T) {
	zfstest.CheckLeaks(t)
	near, far := socketpair(t)
	go func() {
		far.Write([]byte("Welcome to backup!\nYou have new mail.\n"))
		io.Copy(io.Discard, far)
		far.Close()
	}()
	if _, err := NewHost(t.Context(), near, Config{Name: "far"}); err == nil || !matches("isn't an agent: it wrote .*Welcome to backup", err.Error()) || !errors.Is(err, zfssend.ErrTransport) {
		t.Errorf("got %v", err)
	}
	browser, end := socketpair(t)
	browser.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	go io.Copy(io.Discard, browser)
	if err := (&Agent{}).Serve(t.Context(), end); err == nil || !matches("doesn't speak that of zferry", err.Error()) {
		t.Errorf("the agent: %v", err)
	}
	browser.Close()
}

// fakeSSH returns a program that is called as ssh is, and runs the script instead.
func fakeSSH(t *testing.T, script string) []string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ssh")
	if err := os.WriteFile(name, []byte("#!/bin/sh\necho \"$@\" >"+name+".args\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{name}
}

// TestSSH runs an agent as ssh would, in a process of its own.
func TestSSH(t *testing.T) {
	zfstest.CheckLeaks(t)
	model := zfstest.Model(t)
	dataset(t, model, "tank/a", "@one", 2<<20)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := fakeSSH(t, `while [ "$1" != -- ]; do shift; done; shift; [ "$1" = back ] || exit 9; echo "hello from there" >&2; exec $2`)
	t.Setenv(agentVariable, model.Command()[0])
	var stderr bytes.Buffer
	h, err := SSH(t.Context(), SSHConfig{Destination: "back", Options: []string{"-p", "22"}, Program: program, Command: exe, Stderr: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	transfer(t, h, h, "tank/a@one", "tank/b", zfssend.SendOptions{Compressed: true}, zfssend.ReceiveOptions{Resumable: true})
	if _, err := h.List(t.Context(), "tank/none", zfssend.ListOptions{}); !errors.Is(err, zfssend.NotFound) || !strings.HasPrefix(err.Error(), "back: list tank/none") {
		t.Error(err)
	}
	if args, _ := os.ReadFile(program[0] + ".args"); !strings.HasPrefix(string(args), "-p 22 -T -o BatchMode=yes -o ") {
		t.Errorf("ssh was started with %s", args)
	}
	h.Close()
	if !strings.Contains(stderr.String(), "hello from there") {
		t.Errorf("stderr: %q", stderr.String())
	}
}

// TestSSHFails has ssh fail in the ways that it does.
func TestSSHFails(t *testing.T) {
	zfstest.CheckLeaks(t)
	for name, c := range map[string]struct{ script, want string }{
		"refused":   {`echo "ssh: connect to host back port 22: Connection refused" >&2; exit 255`, "back: the connection failed: ssh exited 255: ssh: connect to host back port 22: Connection refused; try: ssh back true"},
		"not there": {`echo "bash: line 1: zferry: command not found" >&2; exit 127`, "ssh exited 127: .*command not found; install zferry on back"},
		"password":  {`echo "back: Permission denied (publickey,password)." >&2; exit 255`, "can't ask for a password"},
		"host key":  {`echo "Host key verification failed." >&2; exit 255`, "see and accept its key"},
		"noise":     {`echo "Last login: never"; cat >/dev/null`, "isn't an agent: it wrote .*Last login"},
		"quiet":     {`exit 3`, "ssh exited 3"},
	} {
		_, err := SSH(t.Context(), SSHConfig{Destination: "back", Program: fakeSSH(t, c.script)})
		if err == nil || !matches(c.want, err.Error()) || !errors.Is(err, zfssend.ErrTransport) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := SSH(t.Context(), SSHConfig{Destination: "back", Program: []string{"no-such-ssh"}}); !errors.Is(err, exec.ErrNotFound) || !errors.Is(err, zfssend.ErrTransport) {
		t.Errorf("no ssh: %v", err)
	}
	for _, destination := range []string{"", "-oProxyCommand=touch /tmp/evil"} {
		if _, err := SSH(t.Context(), SSHConfig{Destination: destination}); err == nil || !matches("is no destination", err.Error()) {
			t.Errorf("%q: %v", destination, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := SSH(ctx, SSHConfig{Destination: "back", Program: fakeSSH(t, "exec sleep 100"), Config: Config{Grace: time.Second}}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestTrace sees that the agent's tasks go on from the caller's span, and that its trace can be read.
func TestTrace(t *testing.T) {
	zfstest.CheckLeaks(t)
	model := zfstest.Model(t)
	far := trace.NewRecorder(trace.Config{Logger: slog.New(slog.DiscardHandler)})
	var stack string
	agent := &Agent{Client: &zfssend.Client{Command: model.Command()}, Policy: Unrestricted(), Trace: func(ctx context.Context, w io.Writer) error {
		stack = trace.Stack(ctx)
		_, err := w.Write([]byte("a trace"))
		<-ctx.Done()
		return err
	}}
	near, end := socketpair(t)
	served := make(chan error, 1)
	go func() { served <- agent.Serve(trace.WithRecorder(context.Background(), far), end) }()
	h, err := NewHost(t.Context(), near, Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, task := trace.WithTask(t.Context(), "replicate")
	if _, err := h.List(ctx, "tank", zfssend.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	task.End()
	found := false
	for _, r := range far.Snapshot() {
		if r.Name == "agent list" {
			found = r.Trace == task.Ref().Trace
		}
	}
	if !found {
		t.Errorf("no task of the agent is in the trace of %s", task.Stack())
	}
	ctx, task = trace.WithTask(t.Context(), "replicate")
	r, err := h.Trace(ctx)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 7)
	if _, err := io.ReadFull(r, buf); err != nil || string(buf) != "a trace" {
		t.Errorf("%q, %v", buf, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	task.End()
	h.Close()
	<-served
	if !strings.HasPrefix(stack, strings.TrimSuffix(task.Stack(), "/")+".") && !strings.HasPrefix(stack, task.Stack()) {
		t.Errorf("the agent's stack %s isn't below %s", stack, task.Stack())
	}
}

// TestPropagation reads headers that are right and that aren't.
func TestPropagation(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for header, want := range map[string]bool{
		parent: true, strings.ToUpper(parent): false, "": false, parent + "-x": false, "01" + parent[2:] + "-x": true, "ff" + parent[2:]: false,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": false, parent[:54]: false, strings.Replace(parent, "0a", "0g", 1): false,
	} {
		if _, ok := parseParent(header); ok != want {
			t.Errorf("%q: %v", header, ok)
		}
	}
}

// TestClock reckons with a clock that is ahead by an hour.
func TestClock(t *testing.T) {
	var c clock
	if s := c.best(); s.bound >= 0 {
		t.Errorf("of nothing: %+v", s)
	}
	now := time.Now()
	add := func(there, back time.Duration) {
		came := now.Add(time.Hour + there)
		c.add(now, now.Add(there+back+time.Millisecond), stamps{came.UnixNano(), came.Add(time.Millisecond).UnixNano()})
	}
	add(10*time.Millisecond, 50*time.Millisecond)
	add(2*time.Millisecond, 3*time.Millisecond)
	add(90*time.Millisecond, 10*time.Millisecond)
	s := c.best()
	if wrong := (s.offset - time.Hour).Abs(); wrong > s.bound || s.bound > 3*time.Millisecond {
		t.Errorf("%+v", s)
	}
	for range clockSamples {
		add(20*time.Millisecond, 20*time.Millisecond)
	}
	if s := c.best(); s.bound < 20*time.Millisecond {
		t.Errorf("an old sample counts for ever: %+v", s)
	}
	c.add(now, now.Add(-time.Second), stamps{1, 2}) // nonsense is no sample
	c.add(now, now.Add(time.Second), stamps{})

	_, p := modelled(t)
	offset, bound := p.host.Clock()
	if bound < 0 || offset.Abs() > bound {
		t.Errorf("of the same host: %v, wrong by at most %v", offset, bound)
	}
}
