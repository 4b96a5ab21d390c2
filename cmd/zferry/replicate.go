package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/internal/terminal"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/bridge"
	"github.com/spanstack/spanstack/logging/logconfig"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/capture/captureflag"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// replicateCommand is "zferry replicate" with its flags.
type replicateCommand struct {
	snapshot string
	dryRun   bool
	verify   bool
	stall    time.Duration
	observe  captureflag.Flags
	log      logconfig.Config

	source, destination string
	stdout, stderr      io.Writer
}

func newReplicate(stdout, stderr io.Writer) *cobra.Command {
	c := &replicateCommand{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "replicate [flags] SOURCE DESTINATION",
		Short: "Copy a dataset's snapshots to another dataset",
		Long: `replicate brings all snapshots of SOURCE to DESTINATION: in full if DESTINATION doesn't exist, else all since the
newest snapshot that both have. Both are datasets of this host.

It destroys nothing and rolls nothing back. Where it can't go on without that, it says what is in the way, and with which
commands you would remove it. What it receives isn't mounted. Encrypted datasets are sent raw: they arrive encrypted, and
their keys are not needed.

` + exitCodesHelp + `

Signals:
  SIGINT, SIGTERM  stop what runs, and exit; a second one exits at once
  SIGUSR1          log everything, and at the next one as before

Environment:
  SPANSTACK_TRACE  a file to write the trace to, if there is no --trace; "%p" in it becomes the process's number,
                   and "%n" that of the file, if FILE,max_size=100MB,keep=5 makes several
  NO_COLOR         no colours in the log`,
		Example: `  zferry replicate tank/home backup/home                     bring all of its snapshots there
  zferry replicate --snapshot daily-1 tank/home backup/home  take a snapshot first
  zferry replicate --dry-run tank/home backup/home           only say what would be done
  zferry replicate --trace trace.json --log-file zferry.log --log-format logfmt tank/home backup/home
  zferry replicate --debug-listen localhost:6060 tank/home backup/home    http://localhost:6060/debug/trace/ shows it at work
  zferry replicate --log stderr,level=warn --log file:zferry.log,format=json,max_size=100MB,keep=7 tank/home backup/home`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return fmt.Errorf("replicate: want SOURCE and DESTINATION, got %d arguments", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c.source, c.destination = args[0], args[1]
			if err := c.validate(); err != nil {
				return fmt.Errorf("replicate: %w", err)
			}
			return fail(c.observed(cmd.Context()))
		},
	}
	cmd.Flags().StringVar(&c.snapshot, "snapshot", "", "take the snapshot SOURCE@`NAME` first")
	cmd.Flags().BoolVarP(&c.dryRun, "dry-run", "n", false, "say what would be done, and do nothing")
	cmd.Flags().BoolVar(&c.verify, "verify", false, "check the stream's checksums on the way, and let no snapshot arrive before zfs send has succeeded")
	cmd.Flags().DurationVar(&c.stall, "stall-timeout", 0, "give up when zfs does nothing for this `TIME`, such as 30m; 0 waits for ever")
	c.observe.AddFlags(cmd.Flags())
	c.log.AddFlags(cmd.Flags())
	completeLog(cmd)
	return cmd
}

// completeLog lets shells complete the values of the flags of a log.
func completeLog(cmd *cobra.Command) {
	for _, flag := range []string{"log", "log-level", "log-format", "log-stack"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(logconfig.Completions(flag), cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
	}
}

func (c *replicateCommand) validate() error {
	for _, s := range []string{c.source, c.destination} {
		name, err := zfssend.ParseName(s)
		if err != nil {
			return err
		}
		if name.Sigil != 0 {
			return fmt.Errorf("%s: want a dataset, not a snapshot or bookmark of it", s)
		}
	}
	if c.stall < 0 {
		return fmt.Errorf("--stall-timeout %v: want a time that isn't negative", c.stall)
	}
	if c.snapshot != "" {
		_, err := zfssend.ParseName(c.source + "@" + c.snapshot)
		return err
	}
	return nil
}

// observed runs the command with its log and its trace.
func (c *replicateCommand) observed(ctx context.Context) (err error) {
	lines, err := logconfig.Open(c.log)
	if err != nil {
		return err
	}
	defer func() {
		if err := lines.Close(); err != nil {
			fmt.Fprintf(c.stderr, "zferry: warning: the log is incomplete: %v\n", err)
		}
	}()
	defer lines.Levels.OnSignal(syscall.SIGUSR1)()
	ctx = logging.WithHandler(ctx, lines.Handler)
	logging.SetDefault(lines.Handler)
	defer bridge.TakeOver(ctx, "std")()

	observed, err := c.observe.Start(capture.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, observed.Stop()) }()
	addDebug(ctx, observed.Server, lines)
	return c.run(ctx)
}

func (c *replicateCommand) run(ctx context.Context) (err error) {
	ctx, task := trace.WithTask(ctx, "replicate",
		slog.String("source", c.source), slog.String("destination", c.destination), slog.Bool("dry_run", c.dryRun))
	defer task.EndErr(&err)
	log := logging.GetLogger(ctx, "zferry")
	log.Info("replicating", "source", c.source, "destination", c.destination, "version", version())
	defer func() {
		if err != nil {
			log.Error("replication failed", "error", err)
		}
	}()

	client := zfssend.Client{StallTimeout: c.stall}
	if c.snapshot != "" {
		if err := c.takeSnapshot(ctx, &client); err != nil {
			return err
		}
	}
	r := replicate.Replicator{Source: client, Destination: client, Verify: c.verify}
	plan, err := r.Plan(ctx, c.source, c.destination)
	if err != nil {
		return err
	}
	c.tell(ctx, plan)
	if c.dryRun || len(plan.Steps) == 0 {
		return nil
	}
	stop := func() {}
	if terminal.Is(c.stderr) {
		r.Progress, stop = newProgress(c.stderr, plan)
	}
	results, err := r.Execute(ctx, plan)
	stop()
	c.summarize(ctx, results)
	return err
}

func (c *replicateCommand) takeSnapshot(ctx context.Context, client *zfssend.Client) error {
	name := c.source + "@" + c.snapshot
	if c.dryRun {
		fmt.Fprintf(c.stdout, "would take the snapshot %s first; what follows is without it\n", name)
		return nil
	}
	if err := client.Snapshot(ctx, name); err != nil {
		return err
	}
	logging.GetLogger(ctx, "zferry").Info("took snapshot", "snapshot", name)
	return nil
}

// tell says what will be done.
func (c *replicateCommand) tell(ctx context.Context, plan *replicate.Plan) {
	log := logging.GetLogger(ctx, "zferry")
	log.Info("planned", "base", plan.Base, "steps", len(plan.Steps))
	if len(plan.Steps) == 0 {
		fmt.Fprintf(c.stdout, "%s is up to date: it has %s%s\n", c.destination, c.source, plan.Base)
	}
	for _, step := range plan.Steps {
		log.Debug("step", "kind", step.Kind(), "from", step.From, "snapshots", strings.Join(step.Snapshots, " "), "raw", step.Raw,
			"from_guid", step.FromGUID, "guids", step.GUIDs)
		if c.dryRun {
			fmt.Fprintf(c.stdout, "would send %s %s to %s\n", c.source, step, c.destination)
		}
	}
}

// summarize says what was done.
func (c *replicateCommand) summarize(ctx context.Context, results []replicate.Result) {
	log := logging.GetLogger(ctx, "zferry")
	for _, r := range results {
		if r.Warnings != "" {
			log.Warn("zfs receive succeeded with a warning", "step", r.Step, "stderr", r.Warnings)
		}
		log.Info("step done", "step", r.Step, "bytes", r.Bytes, "duration", r.Duration,
			"wait_for_sender", r.Send.ReadWait, "wait_for_receiver", r.Receive.WriteWait)
		fmt.Fprintf(c.stdout, "%s: received %s, %s in %v (%s/s)\n", c.destination, r.Step,
			byteCount(r.Bytes), r.Duration.Round(time.Millisecond), byteCount(int64(float64(r.Bytes)/max(r.Duration.Seconds(), 1e-3))))
	}
}

// byteCount renders a number of bytes with a binary prefix.
func byteCount(n int64) string {
	const prefixes = "KMGTPE"
	f, i := float64(n), -1
	for f >= 1024 && i < len(prefixes)-1 {
		f /= 1024
		i++
	}
	if i < 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %ciB", f, prefixes[i])
}
