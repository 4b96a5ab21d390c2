package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
)

const defaultConfig = "/etc/zferry/zferry.yml"

const daemonExitCodesHelp = `Exit codes:
    0  the daemon does it
    1  failed: no daemon answers, or it can't do that; the message says why
    2  wrong flags or arguments`

func newDaemon(stderr io.Writer) *cobra.Command {
	var path string
	var observe observation
	cmd := &cobra.Command{
		Use:   "daemon [flags]",
		Short: "Take snapshots, replicate and prune by a schedule",
		Long: `daemon runs the jobs of a configuration until it is stopped: each takes snapshots, replicates them to its targets, and
prunes both sides, at its times. "zferry config example" prints a configuration with comments.

It runs in the foreground. packaging/systemd/zferry.service is a unit for it: systemd is told when it is ready, what it does,
and that it is alive. "zferry status" shows what it does, and Prometheus finds its metrics at the address "listen".

Exit codes:
    0  stopped by a signal, after its jobs have ended
    1  failed: the configuration is wrong, or an address or a file can't be used; the message says what
    2  wrong flags or arguments

Signals:
  SIGHUP           read the configuration again: jobs that have changed are replaced when they are idle; if anything is wrong
                   with it, the old one stays in use
  SIGINT, SIGTERM  stop what runs, and exit; a second one exits at once
  SIGUSR1          log everything, and at the next one as before

Environment:
  SPANSTACK_TRACE    a file to write the trace to, if neither --trace nor the configuration's "trace" is there
  RUNTIME_DIRECTORY  where the control socket is, if the configuration has no "socket"; else /run/zferry
  STATE_DIRECTORY    where to keep what is known over restarts, if the configuration has no "state"

Files:
  ` + defaultConfig + `   the configuration
  ` + daemon.DefaultSocket + `  the control socket`,
		Example: `  zferry daemon                          with the configuration ` + defaultConfig + `
  zferry daemon --config zferry.yml
  zferry daemon run home                 let a daemon run the job "home" now
  zferry daemon reload                   let it read its configuration again, and say what is wrong with it`,
		Args: noArguments,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fail(runDaemon(cmd.Context(), path, &observe, stderr))
		},
	}
	cmd.Flags().StringVarP(&path, "config", "c", defaultConfig, "the configuration `FILE`")
	_ = cmd.MarkFlagFilename("config", "yml", "yaml")
	observe.trace.AddFlags(cmd.Flags()) // the log is in the configuration
	cmd.AddCommand(newDaemonRun(), newDaemonReload())
	return cmd
}

func newDaemonRun() *cobra.Command {
	var socket string
	cmd := &cobra.Command{
		Use:   "run [flags] JOB",
		Short: "Let a daemon run a job now",
		Long: `run makes all parts of a job due now, and doesn't wait for them: see "zferry status". A job that runs already runs
once more after that.

` + daemonExitCodesHelp,
		Example: `  zferry daemon run home`,
		Args:    exactly("one JOB"),

		ValidArgsFunction: completeJobs(&socket),
		RunE: func(cmd *cobra.Command, args []string) error {
			return fail(hinted(daemon.Client{Socket: daemon.SocketPath(socket)}.Run(cmd.Context(), args[0])))
		},
	}
	addSocket(cmd, &socket)
	return cmd
}

func newDaemonReload() *cobra.Command {
	var socket string
	cmd := &cobra.Command{
		Use:   "reload [flags]",
		Short: "Let a daemon read its configuration again",
		Long: `reload does what SIGHUP does, and says what is wrong with the configuration if the old one stays in use for that.

` + daemonExitCodesHelp,
		Example: `  zferry daemon reload`,
		Args:    noArguments,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fail(hinted(daemon.Client{Socket: daemon.SocketPath(socket)}.Reload(cmd.Context())))
		},
	}
	addSocket(cmd, &socket)
	return cmd
}

func addSocket(cmd *cobra.Command, socket *string) {
	cmd.Flags().StringVar(socket, "socket", "", "`PATH` of the daemon's control socket (default: zferry.sock in $RUNTIME_DIRECTORY, or in /run/zferry)")
}

// hinted says what to do if there is no daemon.
func hinted(err error) error {
	if errors.Is(err, daemon.ErrNoDaemon) {
		return fmt.Errorf(`%w: is it running, by this user or root? If its configuration has a "socket", name it by --socket`, err)
	}
	return err
}

// runDaemon runs a daemon with the log of its configuration, and its trace, unless flags say otherwise.
func runDaemon(ctx context.Context, path string, observe *observation, stderr io.Writer) error {
	c, err := config.Load(path)
	if err != nil {
		return err
	}
	if dir := os.Getenv("STATE_DIRECTORY"); c.State == "" && dir != "" {
		c.State = dir + "/state.json"
	}
	if c.Log != nil {
		observe.log = c.Log.Config
	}
	if c.Trace != nil && observe.trace.Trace.Path == "" {
		observe.trace.Trace = c.Trace.FileConfig
	}
	return observe.run(ctx, stderr, func(ctx context.Context) error {
		watchdog, err := daemon.Watchdog()
		if err != nil {
			return err
		}
		d, err := daemon.New(c, daemon.Options{
			Steps: daemon.Real(*thisHost(), "zferry "+version()), Version: version(), Watchdog: watchdog, Describe: describeSpan,
		})
		if err != nil {
			return err
		}
		defer reloadOnHangup(ctx, d)()
		return d.Run(ctx)
	})
}

// reloadOnHangup reads the configuration again at SIGHUP, until stop is called.
func reloadOnHangup(ctx context.Context, d *daemon.Daemon) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-signals:
				_ = d.Reload(ctx) // it is logged, and in the status
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
		<-ended
	}
}
