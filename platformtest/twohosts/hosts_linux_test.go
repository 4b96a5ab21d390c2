package twohosts

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// start makes two hosts with the pools tank and backup, where that was asked for: in the machine.
func start(t *testing.T) *Hosts {
	t.Helper()
	if os.Getenv("SPANSTACK_TWOHOSTS") == "" {
		t.Skip("SPANSTACK_TWOHOSTS is not set: platformtest's TestTwoHosts runs this in a virtual machine")
	}
	h, err := Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

func pool(t *testing.T, name string) {
	t.Helper()
	file := t.TempDir() + "/" + name
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 128<<20); err != nil {
		t.Fatal(err)
	}
	command(t, "zpool", "create", "-m", "/"+name, name, file)
	t.Cleanup(func() {
		if out, err := exec.Command("zpool", "destroy", "-f", name).CombinedOutput(); err != nil {
			t.Errorf("zpool destroy: %v\n%s", err, out)
		}
	})
}

// TestTools: the programs that the hosts are made of, and what they are compared with, run.
func TestTools(t *testing.T) {
	start(t)
	for _, c := range []struct{ command, want string }{
		{"syncoid --version", "/sbin/syncoid version 2."},
		{"perl -v", "This is perl 5"},
		{"nft list ruleset", ""},
		{"mbuffer --version", "mbuffer version"},
		{"pv --version", "pv 1."},
		{"lzop --version", "lzop 1."},
		{"ps -Ao args=", "sshd"},
		{"zinject", ""},
	} {
		if got := command(t, strings.Fields(c.command)...); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q in it", c.command, got, c.want)
		}
	}
}

func TestHosts(t *testing.T) {
	h := start(t)
	ctx := t.Context()
	if err := h.A.Run(ctx, "ping", "-c", "1", "-W", "5", AddressB); err != nil {
		t.Error(err)
	}
	if out, err := exec.Command("ping", "-c", "1", "-W", "1", AddressB).CombinedOutput(); err == nil {
		t.Errorf("b is reached from outside of the two hosts:\n%s", out)
	}
	got, err := h.A.Output(ctx, "ssh", "b", "id -un; echo $PATH; ip -o -4 addr show dev eth0")
	if err != nil || !strings.HasPrefix(got, "root\n"+os.Getenv("PATH")+"\n") || !strings.Contains(got, AddressB) {
		t.Errorf("logged in: %q, %v", got, err)
	}
	_, err = h.A.Output(ctx, "ssh", "b", "echo told >&2; exit 7")
	if err == nil || !strings.Contains(err.Error(), "exit status 7\ntold") {
		t.Errorf("a program on b that fails: %v", err)
	}
}

// TestReplication sends a snapshot from one host's pool to the other's.
func TestReplication(t *testing.T) {
	h := start(t)
	pool(t, "tank")
	pool(t, "backup")
	data := make([]byte, 1<<20)
	rand.Read(data)
	if err := os.WriteFile("/tank/file", data, 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "zfs", "snapshot", "tank@1")
	if err := h.A.Run(t.Context(), "sh", "-c", "zfs send tank@1 | ssh b zfs receive backup/tank"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("/backup/tank/file"); err != nil || !bytes.Equal(got, data) { // mounted for all to see
		t.Errorf("what arrived: %d bytes, %v", len(got), err)
	}
	if err := h.A.Run(t.Context(), "syncoid", "--no-sync-snap", "--quiet", "tank", "root@b:backup/copy"); err != nil {
		t.Errorf("syncoid: %v", err)
	}
}

func TestNetwork(t *testing.T) {
	h := start(t)
	ctx := t.Context()
	login := func() (time.Duration, error) {
		begin := time.Now()
		err := h.A.Run(ctx, "ping", "-c", "1", "-W", "5", AddressB)
		return time.Since(begin), err
	}
	if err := h.Netem(ctx, "delay 400ms"); err != nil {
		t.Fatal(err)
	}
	if d, err := login(); err != nil || d < 800*time.Millisecond {
		t.Errorf("with a delay of 400 ms each way: %v, %v", d, err)
	}
	if err := h.Cut(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.A.Run(ctx, "ping", "-c", "1", "-W", "2", AddressB); err == nil {
		t.Error("a link that was cut carries packets")
	}
	if err := h.Netem(ctx, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := login(); err != nil {
		t.Error(err)
	}
	// A firewall of b alone.
	if err := h.B.Run(ctx, "nft", "add table inet f; add chain inet f in { type filter hook input priority 0; policy drop; }"); err != nil {
		t.Fatal(err)
	}
	if err := h.A.Run(ctx, "ping", "-c", "1", "-W", "2", AddressB); err == nil {
		t.Error("the firewall lets packets in")
	}
	if err := h.B.Run(ctx, "nft", "add rule inet f in ip protocol icmp ct state new accept"); err != nil {
		t.Fatal(err)
	}
	if _, err := login(); err != nil {
		t.Error(err)
	}
}

// TestCommand: the process is the program itself, and ends when the context does.
func TestCommand(t *testing.T) {
	h := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := h.A.Command(ctx, "sh", "-c", "echo $$; exec sleep 1000")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 32)
	n, err := out.Read(line)
	if got := strings.TrimSpace(string(line[:n])); err != nil || got != strconv.Itoa(cmd.Process.Pid) {
		t.Errorf("the program's process is %q, the command's %d", got, cmd.Process.Pid)
	}
	cancel()
	if err := cmd.Wait(); err == nil {
		t.Error("it ended well")
	}
}
