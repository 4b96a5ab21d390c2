package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/internal/certtest"
)

// peers are what hosts do for which the examples of zferry agent are there.
var peers = map[string]string{
	"zferry agent": `zferry list back:tank`,
	"zferry agent --root backup --allow receive":       `zferry replicate tank/home back:backup/home`,
	"zferry agent --root tank --allow send --raw-only": `zferry replicate back:tank/secret backup/secret`,
	"zferry agent --root backup --allow receive,prune --listen :7443 --tls-cert host.crt --tls-key host.key --tls-ca ca.crt --client laptop": `zferry replicate --tls-cert laptop.crt --tls-key laptop.key --tls-ca ca.crt tank/home tls://localhost:7443/backup/home`,
}

// TestAgentExamples runs the examples of the agent's help, and has a peer make use of them.
func TestAgentExamples(t *testing.T) {
	n := 0
	for line := range strings.Lines(newAgent(nil, nil).Example) {
		command, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
		n++
		t.Run(command, func(t *testing.T) {
			peer, ok := peers[command]
			if !ok {
				t.Fatal("no peer makes use of it")
			}
			w := newWorld(t, command)
			key := filepath.Join(w.dir, "key")
			if err := os.WriteFile(key, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
				t.Fatal(err)
			}
			w.must(t, "zfs create -o encryption=on -o keyformat=hex -o keylocation=file://"+key+" tank/secret && zfs snapshot tank/secret@mon")
			if strings.Contains(command, "--listen") {
				port := freePort(t)
				command, peer = strings.ReplaceAll(command, ":7443", "localhost:"+port), strings.ReplaceAll(peer, ":7443", ":"+port)
				certtest.New(t).Write(t, w.dir, nil, "host", "laptop")
				w.serve(t, command, port)
			} else {
				w.force(t, command)
			}
			t.Logf("%s\n%s", peer, w.must(t, peer))
		})
	}
	if n != len(peers) {
		t.Errorf("%d examples, want %d", n, len(peers))
	}
}

// force makes ssh run a command whatever it is asked for, as a line of authorized_keys does.
func (w *world) force(t *testing.T, command string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, "bin", "ssh"), []byte("#!/bin/sh\nexec "+command+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// serve runs a command that listens, until the end of the test.
func (w *world) serve(t *testing.T, command, port string) {
	t.Helper()
	cmd := exec.Command(w.shell, "-c", "exec "+command)
	cmd.Dir, cmd.Env = w.dir, w.env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if state, err := cmd.Process.Wait(); err != nil || state.ExitCode() > 0 && state.ExitCode() != exitInterrupted {
			t.Errorf("%s: %v, %v", command, state, err)
		}
	})
	for range 600 {
		if c, err := net.Dial("tcp", "localhost:"+port); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s doesn't listen", command)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
