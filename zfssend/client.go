package zfssend

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// Client runs zfs commands. The zero value runs "zfs" from PATH. It may be used concurrently, and copied.
type Client struct {
	// Command is the command line that the subcommand is appended to, such as {"sudo", "-n", "zfs"}; nil means
	// {"zfs"}. It is never interpreted by a shell.
	//
	// When a wrapped command is cancelled, zfs is killed and the wrapper ends by itself, or is killed, too, if it doesn't.
	// What may not be killed, since it belongs to another user, ends by the loss of its pipe. Unlike zfs alone, a wrapped
	// command gets the terminal's signals, such as that of Ctrl-C.
	Command []string

	// Grace bounds how long a cancelled zfs process is waited for before it is abandoned; 0 means DefaultGrace.
	// Even in the openzfs#12500 state, zfs ends within a fraction of a second; it takes longer where a pool hangs.
	Grace time.Duration

	// StallTimeout bounds how long a stream waits for zfs without a byte passing; 0 means for ever. What takes longer is
	// cancelled, and the error Is [ErrStalled]. It has to be long: zfs send reads much and writes nothing where little has
	// changed, and zfs receive may have to wait for its pool.
	StallTimeout time.Duration
	// LockDir is the directory for the files of [Client.Lock], which has to be on a filesystem of this host. "" means
	// /var/run/zferry for root, and $XDG_RUNTIME_DIR/zferry, or one below [os.TempDir], for others.
	LockDir string
}

// DefaultGrace is the default of [Client.Grace].
const DefaultGrace = 10 * time.Second

const (
	opSend    = "send"
	opReceive = "receive"
	opList    = "list"
)

func (c *Client) command() []string {
	if len(c.Command) > 0 {
		return c.Command
	}
	return []string{"zfs"}
}

// argv returns the whole command line of a subcommand.
func (c *Client) argv(op string, args []string) []string {
	return append(append(slices.Clone(c.command()), op), args...)
}

func (c *Client) grace() time.Duration {
	if c.Grace > 0 {
		return c.Grace
	}
	return DefaultGrace
}

// command is a zfs process that only answers.
type command struct {
	op     string // the subcommand
	object string // what it is about
	args   []string
	stdin  string // what it reads, at most a few KiB
	task   bool   // it runs beside others, so it is a task and not a span
	// settled tells of a failure that it isn't one: that what was asked for is so already.
	settled func(*Error, reply) bool
	// on and needs are what denied permissions were needed on, a dataset or snapshot, and which; needs defaults to what op
	// needs. Without on, which are missing isn't looked up: a batch does that for all of its processes.
	on    string
	needs []string
}

// reply is what a command wrote.
type reply struct {
	out    []byte
	stderr string // all of it, unlike that of an Error
	cut    bool   // it is the beginning only: it was longer than stderrMost
}

// run runs a command that only answers, as a span of the caller's task, and returns its stdout.
func (c *Client) run(ctx context.Context, op, object string, args ...string) ([]byte, error) {
	r, err := c.answer(ctx, command{op: op, object: object, args: args})
	return r.out, err
}

// answer runs a command, as a span of the caller's task, and returns what it wrote, which may be worth a look also if it
// fails. It returns in bounded time after ctx is done, even if the process can't be killed because its pool hangs. The
// error is an *Error.
func (c *Client) answer(ctx context.Context, cmd command) (r reply, err error) {
	start := trace.WithSpanOrTask
	if cmd.task {
		start = trace.WithTask
	}
	ctx, span := start(ctx, "zfs "+cmd.op, slog.String("dataset", cmd.object), c.commandLine(cmd.op, cmd.args))
	defer func() {
		if cmd.op == opList && errors.Is(err, NotFound) {
			span.SetAttrs(slog.Bool("found", false)) // an answer, not a failure
			span.End()
			return
		}
		span.EndErr(&err)
	}()
	if ctx.Err() != nil {
		return r, &Error{Op: cmd.op, Object: cmd.object, ExitCode: -1, Cause: Canceled, Err: context.Cause(ctx)}
	}
	var stdin *os.File
	if cmd.stdin != "" {
		if stdin, err = filled(cmd.stdin); err != nil {
			return r, &Error{Op: cmd.op, Object: cmd.object, ExitCode: -1, Err: err}
		}
		defer stdin.Close()
	}
	stdout, w, err := newOutput()
	if err != nil {
		return r, &Error{Op: cmd.op, Object: cmd.object, ExitCode: -1, Err: err}
	}
	defer stdout.close()
	ch, err := c.start(span, cmd.op, cmd.object, cmd.args, stdin, w, false)
	w.Close()
	if err != nil {
		return r, err
	}
	ch.stderr.keep()
	span.SetAttrs(ch.pid())
	log := logging.GetLogger(ctx, subsystem)
	ch.logStart(log)
	go ch.wait()
	select {
	case <-ch.reaped:
	case <-ctx.Done():
		ch.kill()
		if !ch.end(c.grace()) {
			e := ch.failure()
			e.Cause, e.Err, e.Abandoned = Canceled, context.Cause(ctx), true
			return r, e
		}
	}
	out, whole := stdout.wait(outputDelay)
	r.out = out
	r.stderr, r.cut = ch.stderr.whole()
	span.SetAttrs(ch.exitAttrs()...)
	log.Debug("ended", "status", ch.cmd.ProcessState)
	if ch.succeeded() && whole {
		return r, nil
	}
	e := ch.failure()
	switch {
	case ctx.Err() != nil:
		e.Cause, e.Err = Canceled, context.Cause(ctx)
	case ch.succeeded():
		e.Err = errOutputHeld
	case cmd.settled != nil && cmd.settled(e, r):
		span.SetAttrs(slog.Bool("settled", true))
		return r, nil
	case e.Cause == PermissionDenied:
		c.explainDenied(ctx, cmd, e)
	}
	return r, e
}

// filled returns a pipe that holds a text, which must fit into the smallest of pipes: 4 KiB.
func filled(text string) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if _, err := w.WriteString(text); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}
