package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/liveview"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/bridge"
	"github.com/spanstack/spanstack/logging/logconfig"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/capture/captureflag"
)

// observation is how a command is observed: its log, its trace, and its debug listener. All commands that run zfs have it.
type observation struct {
	trace captureflag.Flags
	log   logconfig.Config
	far   farTraces // of other hosts, for the trace
}

// addFlags adds the flags, with their completions.
func (o *observation) addFlags(cmd *cobra.Command) {
	o.trace.AddFlags(cmd.Flags())
	o.log.AddFlags(cmd.Flags())
	for _, flag := range []string{"log", "log-level", "log-format", "log-stack"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(logconfig.Completions(flag), cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
	}
}

// initialised is about when this program's own code was reached.
var initialised = time.Now()

// traceStart puts the time into the trace that has passed before it: users wait for that, too.
func traceStart(ctx context.Context) {
	_, start := trace.AsyncConfig{Root: true, Start: processStart()}.Begin(ctx, "start")
	start.End()
}

// run runs a command with its log and its trace.
func (o *observation) run(ctx context.Context, stderr io.Writer, command func(context.Context) error) (err error) {
	lines, err := logconfig.Open(o.log)
	if err != nil {
		return err
	}
	defer func() {
		if err := lines.Close(); err != nil {
			fmt.Fprintf(stderr, "zferry: warning: the log is incomplete: %v\n", err)
		}
	}()
	defer lines.Levels.OnSignal(syscall.SIGUSR1)()
	ctx = logging.WithHandler(ctx, lines.Handler)
	logging.SetDefault(lines.Handler)
	defer bridge.TakeOver(ctx, "std")()

	observed, err := o.trace.Start(capture.Config{Describe: describeSpan, UI: liveview.Handler(trace.Default())})
	if err != nil {
		return err
	}
	if c := o.trace.Trace; c.MaxSize == 0 && !strings.Contains(c.Path, "%n") { // several files can't be put together while they are written
		o.far.path = strings.ReplaceAll(c.Path, "%p", strconv.Itoa(os.Getpid()))
	}
	defer func() {
		err = errors.Join(err, observed.Stop(), o.far.merge(logging.GetLogger(ctx, "zferry")))
	}()
	traceStart(ctx)
	addDebug(ctx, observed.Server, lines)
	return command(ctx)
}
