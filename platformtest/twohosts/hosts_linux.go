package twohosts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Addresses of the two hosts on their link.
const (
	AddressA = "10.77.0.1"
	AddressB = "10.77.0.2"
)

const (
	// startTimeout bounds how long sshd may take to listen.
	startTimeout = 30 * time.Second
	passwdFile   = "/etc/passwd"
)

// A Host is one of the two. Its methods may be called concurrently.
type Host struct {
	Name    string // "a" or "b": the network namespace; the link is its eth0
	Address string
}

// Hosts are two hosts and their link.
type Hosts struct {
	A, B Host

	dir  string
	sshd *exec.Cmd
}

// Start makes the hosts. Keys, configuration and the server's log lie in dir, and ~/.ssh/config is written. There can be only one
// pair at a time.
func Start(ctx context.Context, dir string) (h *Hosts, err error) {
	h = &Hosts{A: Host{"a", AddressA}, B: Host{"b", AddressB}, dir: dir}
	defer func() {
		if err != nil {
			err = fmt.Errorf("make two hosts: %w", errors.Join(err, h.Close()))
		}
	}()
	if err := h.link(ctx); err != nil {
		return h, err
	}
	if err := h.configure(ctx); err != nil {
		return h, err
	}
	return h, h.serve(ctx)
}

// link makes the namespaces and what joins them.
func (h *Hosts) link(ctx context.Context) error {
	for _, command := range []string{
		"ip netns add a", "ip netns add b",
		"ip link add name eth0 netns a type veth peer name eth0 netns b",
		"ip -n a address add " + AddressA + "/24 dev eth0", "ip -n b address add " + AddressB + "/24 dev eth0",
		"ip -n a link set lo up", "ip -n b link set lo up",
		"ip -n a link set eth0 up", "ip -n b link set eth0 up",
	} {
		if err := run(exec.CommandContext(ctx, "ip", strings.Fields(command)[1:]...)); err != nil {
			return err
		}
	}
	return nil
}

// configure makes keys, and the configuration of both ends.
func (h *Hosts) configure(ctx context.Context) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	for _, key := range []string{"host_key", "user_key"} {
		if err := run(exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", h.file(key))); err != nil {
			return err
		}
	}
	hostKey, err := os.ReadFile(h.file("host_key.pub"))
	if err != nil {
		return err
	}
	server := "Port 22\nListenAddress " + AddressB + "\nHostKey " + h.file("host_key") + "\nPidFile none\n" +
		"AuthorizedKeysFile " + h.file("user_key.pub") + "\nPermitRootLogin prohibit-password\nStrictModes no\nPasswordAuthentication no\n" +
		"KbdInteractiveAuthentication no\nUsePAM no\nUseDNS no\nMaxStartups 100\nMaxSessions 100\nSetEnv PATH=" + os.Getenv("PATH") + "\n" +
		"Subsystem sftp internal-sftp\n"
	client := "Host b\n\tHostName " + AddressB + "\n\tHostKeyAlias b\n\tUser root\n\tIdentityFile " + h.file("user_key") +
		"\n\tIdentitiesOnly yes\n\tUserKnownHostsFile " + h.file("known_hosts") + "\n\tStrictHostKeyChecking yes\n\tBatchMode yes\n"
	sshDir := filepath.Join(home, ".ssh")
	if err := os.MkdirAll(sshDir, 0o700); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(h.file("sshd_config"), []byte(server), 0o600),
		os.WriteFile(h.file("known_hosts"), []byte("b "+string(hostKey)), 0o600),
		os.WriteFile(filepath.Join(sshDir, "config"), []byte(client), 0o600),
		serverUser(),
	)
}

func (h *Hosts) file(name string) string { return filepath.Join(h.dir, name) }

// serverUser makes the user and the directory that sshd insists on, which its package would make when it is installed.
func serverUser() error {
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		return err
	}
	users, err := os.ReadFile(passwdFile)
	if err != nil || strings.Contains(string(users), "\nsshd:") {
		return err
	}
	return os.WriteFile(passwdFile, append(users, "sshd:x:100:65534::/run/sshd:/bin/false\n"...), 0o644)
}

// serve starts the server in b, and waits until a can log in.
func (h *Hosts) serve(ctx context.Context) error {
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		return err
	}
	config := h.file("sshd_config")
	if err := run(exec.CommandContext(ctx, sshd, "-t", "-f", config)); err != nil {
		return err
	}
	cmd := h.B.Command(context.WithoutCancel(ctx), sshd, "-D", "-f", config, "-E", h.file("sshd.log"))
	if err := cmd.Start(); err != nil {
		return err
	}
	h.sshd = cmd
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := h.A.Run(ctx, "ssh", "b", "true")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(h.file("sshd.log"))
			return fmt.Errorf("%w\nThe log of sshd:\n%s", err, log)
		case <-time.After(100 * time.Millisecond): // until it listens
		}
	}
}

// Close ends the server with its sessions, and removes the hosts. What was started on them otherwise goes on.
func (h *Hosts) Close() error {
	ctx := context.Background()
	var errs []error
	if h.sshd != nil {
		sessions, _ := exec.CommandContext(ctx, "ps", "-o", "pid=", "--ppid", fmt.Sprint(h.sshd.Process.Pid)).Output()
		errs = append(errs, h.sshd.Process.Kill())
		_ = h.sshd.Wait() // killed
		for pid := range strings.FieldsSeq(string(sessions)) {
			errs = append(errs, run(exec.CommandContext(ctx, "kill", pid)))
		}
	}
	for _, host := range []Host{h.A, h.B} {
		if _, err := os.Stat(host.namespace()); err == nil {
			errs = append(errs, run(exec.CommandContext(ctx, "ip", "netns", "delete", host.Name)))
		}
	}
	return errors.Join(errs...)
}

// Netem sets what happens to the packets of the link, in both directions, by the words of tc-netem(8): "delay 20ms loss 1%". An
// empty one makes the link perfect again.
func (h *Hosts) Netem(ctx context.Context, effect string) error {
	if effect == "" {
		effect = "delay 0"
	}
	for _, host := range []Host{h.A, h.B} {
		args := append([]string{"-n", host.Name, "qdisc", "replace", "dev", "eth0", "root", "netem"}, strings.Fields(effect)...)
		if err := run(exec.CommandContext(ctx, "tc", args...)); err != nil {
			return err
		}
	}
	return nil
}

// Cut loses all packets, until Netem says otherwise.
func (h *Hosts) Cut(ctx context.Context) error { return h.Netem(ctx, "loss 100%") }

func (h Host) namespace() string { return "/run/netns/" + h.Name }

// Command prepares a program that runs on the host. Its process is the program's own, not that of something which starts it.
//
// It isn't "ip netns exec", which gives the program mounts of its own: what it mounts wouldn't be seen elsewhere.
func (h Host) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + h.namespace(), name}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

// Run runs a program on the host. The error of one that fails has its output.
func (h Host) Run(ctx context.Context, name string, args ...string) error {
	return run(h.Command(ctx, name, args...))
}

// Output runs a program on the host and returns its standard output without the last line feed. The error of one that fails
// has what it wrote to standard error.
func (h Host) Output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := h.Command(ctx, name, args...)
	out, err := cmd.Output()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, e.Stderr)
	}
	return strings.TrimSuffix(string(out), "\n"), err
}

func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}
