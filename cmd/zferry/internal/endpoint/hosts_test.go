package endpoint_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/remote"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// asAgent makes the test program an agent, as ssh starts it.
const asAgent = "ENDPOINT_TEST_ZFS"

func TestMain(m *testing.M) {
	if zfs := os.Getenv(asAgent); zfs != "" {
		os.Unsetenv(asAgent) // the model is this program, too
		agent := &remote.Agent{Client: &zfssend.Client{Command: []string{zfs}, LockDir: os.Getenv("LOCKS")}, Policy: remote.Unrestricted(), Program: "test"}
		if err := agent.Serve(context.Background(), pipes{}); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	zfstest.Main(m)
}

type pipes struct{}

func (pipes) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (pipes) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (pipes) Close() error                { return errors.Join(os.Stdin.Close(), os.Stdout.Close()) }

// far puts an ssh into PATH that is the test program as an agent on a model, and returns where it notes its starts.
func far(t *testing.T) (starts string, here *zfssend.Client) {
	t.Helper()
	model := zfstest.Model(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	starts = filepath.Join(dir, "starts")
	script := "#!/bin/sh\necho \"$@\" >>" + starts + "\n" + asAgent + "=" + model.Command()[0] + " LOCKS=" + dir + "/far exec " + self + "\n"
	if err := os.WriteFile(filepath.Join(dir, "ssh"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return starts, &zfssend.Client{Command: model.Command(), LockDir: filepath.Join(dir, "here")}
}

func parse(t *testing.T, text string) endpoint.Endpoint {
	t.Helper()
	e, err := endpoint.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestHosts: one connection for each host, until Close.
func TestHosts(t *testing.T) {
	starts, here := far(t)
	zfstest.CheckLeaks(t)
	ctx, task := trace.WithTask(tracetest.Strict(t), "test")
	defer task.End()
	var connected []string
	hosts := endpoint.Hosts{Here: here, Program: "test", Connected: func(_ context.Context, _ *remote.Host, name string) { connected = append(connected, name) }}
	c := endpoint.Connection{SSHOptions: []string{"-p2222"}, Agent: "the agent"}
	opened := make(map[string]zfssend.Host)
	for _, text := range []string{"tank", "nas:tank", "root@nas:tank", "nas:tank/other"} {
		host, err := hosts.Open(ctx, parse(t, text), c)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := host.List(ctx, "tank", zfssend.ListOptions{}); err != nil || len(list) != 1 {
			t.Errorf("%s: %v, %v", text, list, err)
		}
		opened[text] = host
	}
	if opened["nas:tank"] != opened["nas:tank/other"] || opened["nas:tank"] == opened["root@nas:tank"] || hosts.Connections() != 2 {
		t.Errorf("%d connections: want one for each host and user", hosts.Connections())
	}
	if err := hosts.Close(); err != nil || hosts.Connections() != 0 {
		t.Errorf("%d connections, %v", hosts.Connections(), err)
	}
	if !slices.Equal(connected, []string{"nas", "root@nas"}) {
		t.Errorf("connected %q", connected)
	}
	text, err := os.ReadFile(starts)
	if lines := strings.Split(strings.TrimSpace(string(text)), "\n"); err != nil || len(lines) != 2 ||
		!strings.HasPrefix(lines[0], "-p2222 ") || !strings.HasSuffix(lines[1], " -- root@nas the agent") {
		t.Errorf("ssh was started with %q, %v", lines, err)
	}
}

// TestNoHost: what can't be reached is said.
func TestNoHost(t *testing.T) {
	var hosts endpoint.Hosts
	defer hosts.Close()
	e := parse(t, "tls://nas:87/tank")
	if _, err := hosts.Open(t.Context(), e, endpoint.Connection{}); !errors.Is(err, endpoint.ErrNoCertificates) {
		t.Error(err)
	}
	missing := endpoint.Connection{TLS: endpoint.TLS{Cert: "nothing", Key: "nothing", CA: "nothing"}}
	if _, err := hosts.Open(t.Context(), e, missing); !errors.Is(err, os.ErrNotExist) || hosts.Connections() != 0 {
		t.Error(err)
	}
}
