package zfssend

import (
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// stderrDelay bounds how long the exit of a zfs process waits for the end of its stderr, which a grandchild may hold.
const stderrDelay = time.Second

// child is one zfs process.
type child struct {
	op      string // the subcommand
	object  string // what it is about
	cmd     *exec.Cmd
	wrapped bool   // the process isn't zfs itself, but has it as its child
	family  family // if it is wrapped
	stderr  stderrBuffer
	written atomic.Int64  // what writtenBy said of it when it had exited; 0 before
	reaped  chan struct{} // closed when it is gone; what Wait found may be read then
	err     error         // of Wait
}

// start starts "zfs op args...", bound if it must not outlive us. What it writes to stderr appears on the span, too. The caller
// must call wait, once, usually on a goroutine.
func (c *Client) start(span *trace.Span, op, object string, args []string, stdin, stdout *os.File, bound bool) (*child, error) {
	argv := c.argv(op, args)
	ch := &child{op: op, object: object, cmd: exec.Command(argv[0], argv[1:]...), reaped: make(chan struct{})}
	ch.wrapped = len(c.Command) > 1
	ch.cmd.Env = append(os.Environ(), "LC_ALL=C")
	if stdin != nil {
		ch.cmd.Stdin = stdin // and not a nil *os.File in an interface
	}
	if stdout != nil {
		ch.cmd.Stdout = stdout
	}
	ch.stderr.line = func(line string) { span.Log(time.Time{}, slog.LevelInfo, line, slog.String("subsystem", subsystem)) }
	ch.cmd.Stderr = &ch.stderr
	ch.cmd.WaitDelay = stderrDelay
	// A process group of its own keeps the terminal's signals away: on Ctrl-C it is up to us who ends, and in which
	// order, and a zfs send that was stopped by Ctrl-Z fails when it is continued. Not so for sudo, which may have to ask
	// for a password: the terminal stops it if it isn't in the foreground.
	ch.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: !ch.wrapped}
	start := ch.cmd.Start
	if bound {
		start = ch.startBound
	}
	if err := start(); err != nil {
		return nil, &Error{Op: op, Object: object, Args: argv, ExitCode: -1, Err: err}
	}
	if ch.wrapped {
		ch.family = familyOf(ch.cmd.Process.Pid)
	}
	return ch, nil
}

// wait waits for the process, for as long as it takes, and reports whether it succeeded.
func (ch *child) wait() bool {
	if ch.op == opSend && !ch.wrapped {
		awaitExit(ch.cmd.Process.Pid)
		ch.written.Store(writtenBy(ch.cmd.Process.Pid))
	}
	ch.err = ch.cmd.Wait()
	ch.stderr.end()
	close(ch.reaped)
	return ch.succeeded()
}

// succeeded reports whether the process exited with 0. It must be reaped.
func (ch *child) succeeded() bool {
	return ch.cmd.ProcessState != nil && ch.cmd.ProcessState.Success()
}

// exited reports whether the process is reaped.
func (ch *child) exited() bool {
	select {
	case <-ch.reaped:
		return true
	default:
		return false
	}
}

// streamed returns how many bytes zfs send has written to its stdout by itself, -1 if that isn't known: all that it wrote but its
// stderr, of which some may not have come here until it is reaped.
func (ch *child) streamed() int64 {
	written := ch.written.Load()
	if written == 0 {
		written = writtenBy(ch.cmd.Process.Pid)
	}
	if written < 0 {
		written = ch.written.Load() // it may have been reaped just now
	}
	if written <= 0 {
		return -1
	}
	return written - ch.stderr.size()
}

// look returns what the process and its descendants are doing, parents first. It is empty if they are gone.
func (ch *child) look() []ProcessStatus {
	if ch.wrapped {
		return ch.family.look()
	}
	if ch.exited() {
		return nil
	}
	list := familyOf(ch.cmd.Process.Pid).look()
	if ch.exited() { // its number may have been another one's
		return nil
	}
	return list
}

// kill sends SIGKILL to zfs. Of a wrapped zfs, the innermost processes are killed: sudo then reaps its child and ends, while
// a zfs whose sudo was killed would be nobody's. That it doesn't work is not an error here: a process that is gone already
// is just what is wanted, and one that belongs to somebody else ends by the loss of its pipe.
func (ch *child) kill() {
	if !ch.wrapped {
		_ = ch.cmd.Process.Kill()
		return
	}
	if tree := ch.family.tree(); len(tree) > 0 {
		parents := make(map[int]bool)
		for _, p := range tree {
			parents[p.Parent] = true
		}
		for _, p := range tree {
			if !parents[p.PID] {
				p.kill()
			}
		}
		return
	}
	_ = ch.cmd.Process.Kill()
}

// killOrphans sends SIGKILL to what a killed wrapper has started just before its end, after [child.kill] had looked for it.
func (ch *child) killOrphans() {
	for _, p := range ch.family.orphans() {
		p.kill()
	}
}

// killAll sends SIGKILL to zfs and to what wraps it.
func (ch *child) killAll() {
	for _, p := range ch.family.tree() {
		p.kill()
	}
	_ = ch.cmd.Process.Kill()
}

// end waits until a killed process is reaped, and reports whether it was within the bound. What wraps zfs gets half of the time
// to end by itself.
func (ch *child) end(bound time.Duration) bool {
	if ch.wrapped {
		for rest := bound / 2; rest > 0; rest -= orphanInterval {
			if ch.gone(min(rest, orphanInterval)) {
				return true
			}
			ch.killOrphans()
		}
		ch.killAll()
		bound /= 2
	}
	return ch.gone(bound)
}

// orphanInterval is how often orphans are looked for: well within stderrDelay, for which they keep a process that has ended.
const orphanInterval = stderrDelay / 10

// gone waits until the process is reaped, and reports whether it was within the bound.
func (ch *child) gone(bound time.Duration) bool {
	timer := time.NewTimer(bound)
	defer timer.Stop()
	select {
	case <-ch.reaped:
		return true
	case <-timer.C:
		return false
	}
}

// failure returns the error for a process that wasn't or can't be successful.
func (ch *child) failure() *Error {
	e := &Error{
		Op:       ch.op,
		Object:   ch.object,
		Args:     ch.cmd.Args,
		PID:      ch.cmd.Process.Pid,
		ExitCode: -1,
		Stderr:   ch.stderr.String(),
	}
	e.Cause = classify(e.Stderr)
	e.Token = tokenPattern.FindString(e.Stderr)
	if e.Cause == PermissionDenied {
		e.Needs = permissionsOf[e.Op]
	}
	if !ch.exited() {
		return e
	}
	status := ch.cmd.ProcessState
	if status == nil {
		e.Err = ch.err // somebody else has reaped it: nobody knows how it ended
		return e
	}
	e.ExitCode, e.Signal = status.ExitCode(), signalOf(status)
	return e
}

// tokenPattern finds a resume token in what zfs receive tells: "zfs send -t 1-f69e398fb-d0-789c...".
var tokenPattern = regexp.MustCompile(`\b1-[0-9a-f]+-[0-9a-f]+-[0-9a-f]{32,}\b`)

// signalOf returns the signal that ended a process, 0 if none did.
func signalOf(status *os.ProcessState) syscall.Signal {
	if ws, ok := status.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return ws.Signal()
	}
	return 0
}

// subsystem is that of this package's log lines. They tell at level debug when processes start and end. What goes wrong
// is returned, and for the caller to log.
const subsystem = "zfs"

func (ch *child) logStart(log *slog.Logger) {
	log.Debug("started", "command", commandLine(ch.cmd.Args), "pid", ch.cmd.Process.Pid)
}

// Attributes of a process's task or span are named as OpenTelemetry does, where it has a name. The command line is known
// from the start, so that a trace shows it while the process runs.

func (c *Client) commandLine(op string, args []string) slog.Attr {
	return slog.String("process.command_line", commandLine(c.argv(op, args)))
}

func (ch *child) pid() slog.Attr { return slog.Int("process.pid", ch.cmd.Process.Pid) }

// exitAttrs describe the end of the process. It must be reaped.
func (ch *child) exitAttrs() []slog.Attr {
	status := ch.cmd.ProcessState
	if status == nil {
		return nil
	}
	attrs := []slog.Attr{
		slog.Duration("process.user_time", status.UserTime()),
		slog.Duration("process.system_time", status.SystemTime()),
	}
	if sig := signalOf(status); sig != 0 {
		return append(attrs, slog.String("process.signal", sig.String()))
	}
	return append(attrs, slog.Int("process.exit.code", status.ExitCode()))
}

// commandLine returns args as a shell would understand them.
func commandLine(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\n\"'\\$`*?&|;<>()#") {
			a = strconv.Quote(a)
		}
		quoted[i] = a
	}
	return strings.Join(quoted, " ")
}
