package zfssend

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
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

// run runs a command that only answers, as a span of the caller's task, and returns its stdout. It returns in bounded
// time after ctx is done, even if the process can't be killed because its pool hangs.
func (c *Client) run(ctx context.Context, op, object string, args ...string) (out []byte, err error) {
	ctx, span := startSpan(ctx, "zfs "+op, slog.String("dataset", object), c.commandLine(op, args))
	defer func() {
		if op == opList && errors.Is(err, NotFound) {
			span.SetAttrs(slog.Bool("found", false)) // an answer, not a failure
			span.End()
			return
		}
		span.EndErr(&err)
	}()
	if ctx.Err() != nil {
		return nil, &Error{Op: op, Object: object, ExitCode: -1, Cause: Canceled, Err: context.Cause(ctx)}
	}
	var stdout bytes.Buffer
	ch, err := c.start(span, op, object, args, nil, &stdout)
	if err != nil {
		return nil, err
	}
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
			return nil, e
		}
	}
	span.SetAttrs(ch.exitAttrs()...)
	log.Debug("ended", "status", ch.cmd.ProcessState)
	if ch.succeeded() {
		return stdout.Bytes(), nil
	}
	e := ch.failure()
	if ctx.Err() != nil {
		e.Cause, e.Err = Canceled, context.Cause(ctx)
	}
	return nil, e
}

// startSpan starts a span, or a task where there is none to have it: programs that don't use package trace are
// welcome, too.
func startSpan(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, *trace.Span) {
	if trace.FromContext(ctx) == nil {
		return trace.WithTask(ctx, name, attrs...)
	}
	return trace.WithSpan(ctx, name, attrs...)
}
