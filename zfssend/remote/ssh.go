package remote

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// SSHConfig says how to reach an agent by ssh.
type SSHConfig struct {
	Destination string // as for ssh: "host", "user@host", an alias of ssh's configuration, "ssh://user@host:port"

	// Options stand in front of ours, and the first of two counts for ssh: {"-p", "2222", "-i", "key"}.
	Options []string
	// Program is ssh's command line; nil means {"ssh"}. It is never interpreted by a shell.
	Program []string
	// Command is what the other host's shell runs; "" means DefaultCommand. Nothing is ever inserted into it. Where the key has a
	// command of its own in authorized_keys, ssh runs that.
	Command string
	// Stderr gets what ssh and the agent write to stderr. nil: it is only in errors.
	Stderr io.Writer

	Config
}

// DefaultCommand is the default of [SSHConfig.Command].
const DefaultCommand = "zferry agent --stdio"

// SSHError says how ssh ended.
type SSHError struct {
	Destination string
	Command     string
	ExitCode    int    // -1 if it didn't exit by itself
	Stderr      string // the last 8 KiB of it
	Err         error  // why it didn't start; may be nil
}

// Error returns one line, with what to do where that is known.
func (e *SSHError) Error() string {
	text := fmt.Sprintf("ssh exited %d", e.ExitCode)
	if e.Err != nil {
		text = e.Err.Error()
	}
	if e.Stderr != "" {
		text += ": " + strings.Join(strings.Fields(e.Stderr), " ")
	}
	if hint := e.Hint(); hint != "" {
		text += "; " + hint
	}
	return text
}

func (e *SSHError) Unwrap() error { return e.Err }

// Hint says what to do, "" if that isn't known.
func (e *SSHError) Hint() string {
	program, _, _ := strings.Cut(e.Command, " ")
	switch {
	case errors.Is(e.Err, exec.ErrNotFound):
		return "install ssh on this host"
	case e.ExitCode == 127:
		return fmt.Sprintf("install %s on %s, or name its path: shells that aren't interactive may have another PATH", program, e.Destination)
	case e.ExitCode == 126:
		return fmt.Sprintf("%s on %s can't be run", program, e.Destination)
	case strings.Contains(e.Stderr, "Host key verification failed"):
		return fmt.Sprintf("log in by hand once to see and accept its key: ssh %s", e.Destination)
	case strings.Contains(e.Stderr, "Permission denied"):
		return "ssh can't ask for a password here: use a key without one, or an agent for keys"
	case e.ExitCode == 255:
		return fmt.Sprintf("try: ssh %s true", e.Destination)
	}
	return ""
}

// SSH starts ssh to a host, and talks to the agent there. ssh isn't run by a shell, asks nothing, and uses a master connection where
// its configuration says so. Close ends it. If the connection is lost, the next request starts another ssh, unless Redial
// says otherwise.
func SSH(ctx context.Context, c SSHConfig) (*Host, error) {
	c.Name = cmp.Or(c.Name, c.Destination)
	dial := func(context.Context) (io.ReadWriteCloser, error) { return c.start() }
	if c.Redial == nil {
		c.Redial = dial
	}
	conn, err := dial(ctx)
	if err != nil {
		return nil, c.broken(err)
	}
	return NewHost(ctx, conn, c.Config)
}

// args are ssh's arguments.
func (c *SSHConfig) args() []string {
	args := append([]string{}, c.Options...)
	// What would ask a person fails instead. The connection has signs of life of its own, which tell more; these end ssh
	// where nobody else does.
	args = append(args, "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=6")
	return append(args, "--", c.Destination, c.command())
}

func (c *SSHConfig) command() string { return cmp.Or(c.Command, DefaultCommand) }

// sshConn is a running ssh.
type sshConn struct {
	config *SSHConfig
	cmd    *exec.Cmd
	in     *os.File // ssh's standard output
	out    *os.File // its standard input
	stderr *tail
	exited chan struct{}
	close  func() error
}

// start starts ssh. That it gets nowhere is seen later.
func (c *SSHConfig) start() (*sshConn, error) {
	if c.Destination == "" || strings.HasPrefix(c.Destination, "-") {
		return nil, fmt.Errorf("%q is no destination of ssh", c.Destination)
	}
	program := c.Program
	if len(program) == 0 {
		program = []string{"ssh"}
	}
	theirOut, ourIn, err := newPipes()
	if err != nil {
		return nil, err
	}
	s := &sshConn{config: c, in: ourIn[0], out: ourIn[1], stderr: &tail{also: c.Stderr}, exited: make(chan struct{})}
	s.cmd = exec.Command(program[0], append(append([]string{}, program[1:]...), c.args()...)...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = theirOut[0], theirOut[1], s.stderr
	s.cmd.WaitDelay = time.Second                           // a master connection that ssh leaves behind may hold its stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us: we end it in order
	err = s.cmd.Start()
	theirOut[0].Close()
	theirOut[1].Close()
	if err != nil {
		s.in.Close()
		s.out.Close()
		return nil, &SSHError{Destination: c.Destination, Command: c.command(), ExitCode: -1, Err: err}
	}
	go func() {
		defer close(s.exited)
		_ = s.cmd.Wait() // how it ended is in its state
	}()
	s.close = sync.OnceValue(s.end)
	return s, nil
}

// newPipes returns what ssh reads and writes, and the other ends of these.
func newPipes() (theirs, ours [2]*os.File, err error) {
	outR, outW, err := os.Pipe()
	if err != nil {
		return theirs, ours, err
	}
	inR, inW, err := os.Pipe()
	if err != nil {
		outR.Close()
		outW.Close()
		return theirs, ours, err
	}
	return [2]*os.File{inR, outW}, [2]*os.File{outR, inW}, nil
}

func (s *sshConn) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s *sshConn) Write(p []byte) (int, error) { return s.out.Write(p) }

// Close ends ssh. The agent's end comes first: when its input ends it reaps what it has started.
func (s *sshConn) Close() error { return s.close() }

func (s *sshConn) end() error {
	s.out.Close()
	timer := time.NewTimer(s.config.grace())
	defer timer.Stop()
	select {
	case <-s.exited:
	case <-timer.C:
		_ = s.cmd.Process.Kill() // it may have exited
		<-s.exited               // which takes at most WaitDelay then
	}
	return s.in.Close()
}

// abandon makes Close quick. Nobody is there whose end it could wait for: an agent that lives notices by itself that it has lost us.
func (s *sshConn) abandon() { _ = s.cmd.Process.Kill() }

// failure says how ssh ended by itself, nil if it runs or all was well. The connection is at its end: a moment for ssh to tell why.
func (s *sshConn) failure() error {
	select {
	case <-s.exited:
	case <-time.After(2 * time.Second):
		return nil
	}
	state := s.cmd.ProcessState
	if state.Success() {
		return nil
	}
	return &SSHError{Destination: s.config.Destination, Command: s.config.command(), ExitCode: state.ExitCode(), Stderr: s.stderr.String()}
}

// tail keeps the last of what is written.
type tail struct {
	also io.Writer
	mu   sync.Mutex
	buf  []byte
}

const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.buf = append(t.buf, p...)
	t.buf = t.buf[max(len(t.buf)-tailSize, 0):]
	t.mu.Unlock()
	if t.also != nil {
		_, _ = t.also.Write(p) // ssh isn't to fail of it
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return clean(string(bytes.TrimSpace(t.buf)))
}
