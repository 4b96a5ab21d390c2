package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/cmd/zferry/internal/steplog"
	"github.com/spanstack/spanstack/internal/terminal"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// replicateCommand is "zferry replicate" or "zferry plan" with its flags.
type replicateCommand struct {
	replicateFlags
	snapshot      string
	dryRun, json  bool
	before, after string
	metricsFile   string
	observe       observation

	connection          endpoint.Connection
	source, destination endpoint.Endpoint
	options             replicate.Options
	stdout, stderr      io.Writer
}

func newReplicate(stdout, stderr io.Writer) *cobra.Command {
	c := &replicateCommand{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "replicate [flags] SOURCE DESTINATION",
		Short: "Copy a dataset's snapshots to another dataset",
		Long: `replicate brings all snapshots of SOURCE to DESTINATION: in full if DESTINATION doesn't exist, else all since the
newest snapshot that both have. With --recursive, the datasets below SOURCE are replicated, too. "zferry plan" says beforehand what
that would be.

` + endpoint.Help + `

It destroys nothing and rolls nothing back, unless a flag of that name says so. Where it can't go on without that, it says
what is in the way, and with which commands you would remove it. What it receives isn't mounted, and new filesystems get
canmount=noauto. Encrypted datasets are sent raw: they arrive encrypted, and their keys are not needed. A receive that was
interrupted is resumed.

` + globHelp("SOURCE") + `

` + exitCodesHelp + `

Signals:
  SIGINT, SIGTERM  stop what runs, and exit; a second one exits at once
  SIGUSR1          log everything, and at the next one as before

Environment:
  SPANSTACK_TRACE  a file to write the trace to, if there is no --trace; "%p" in it becomes the process's number,
                   and "%n" that of the file, if FILE,max_size=100MB,keep=5 makes several
  ZFERRY_LOCK_DIR  the directory for locks of destinations, by default /var/run/zferry for root
  ZFERRY_…         what hooks get to know: ZFERRY_HOOK (before or after), ZFERRY_SOURCE, ZFERRY_DESTINATION; at the end also
                   ZFERRY_DATASETS and ZFERRY_BYTES, how many were replicated, ZFERRY_FAILED, one in a line, and ZFERRY_ERROR
  NO_COLOR         no colours in the log`,
		Example: `  zferry replicate tank/home backup/home                     bring all of its snapshots there
  zferry replicate -r tank backup/tank                       and those of all datasets below
  zferry replicate -r tank root@nas:backup/tank              to another host, over ssh
  zferry replicate -r --exclude 'tmp*' --exclude-property zferry:replicate=off tank backup/tank
  zferry replicate --snapshot daily-1 tank/home backup/home  take a snapshot first
  zferry replicate --metrics-file /var/lib/node_exporter/home.prom tank/home backup/home
  zferry replicate --dry-run tank/home backup/home           only say what would be done, and how much it is
  zferry replicate --limit 50MB --deadline 8h -r tank root@nas:backup/tank    slowly, and only until the morning
  zferry replicate --trace trace.json --log-file zferry.log --log-format logfmt tank/home backup/home
  zferry replicate --debug-listen localhost:6060 tank/home backup/home    http://localhost:6060/debug/trace/ shows it at work
  zferry replicate --log stderr,level=warn --log file:zferry.log,format=json,max_size=100MB,keep=7 tank/home backup/home`,
	}
	c.complete(cmd)
	cmd.Flags().BoolVarP(&c.dryRun, "dry-run", "n", false, "say what would be done, and do nothing: see also \"zferry plan\"")
	return cmd
}

// complete gives the command its arguments, what it runs, and all flags but --dry-run.
func (c *replicateCommand) complete(cmd *cobra.Command) {
	cmd.Args = exactly("SOURCE", "DESTINATION")
	cmd.ValidArgsFunction = completeDatasets(2)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.validate(args); err != nil {
			return fmt.Errorf("%s: %w", commandName(cmd), err)
		}
		return fail(c.observe.run(cmd.Context(), c.stderr, c.run))
	}
	c.replicateFlags.add(cmd.Flags())
	cmd.Flags().StringVar(&c.snapshot, "snapshot", "", "take the snapshot SOURCE@`NAME` first")
	cmd.Flags().BoolVar(&c.json, "json", false, "print what was done, or would be, as JSON")
	cmd.Flags().StringVar(&c.before, "before", "", "run the `PROGRAM` first, and do nothing if it fails")
	cmd.Flags().StringVar(&c.after, "after", "", "run the `PROGRAM` at the end, also after a failure")
	cmd.Flags().StringVar(&c.metricsFile, "metrics-file", "", "write metrics to this `FILE`, whose name ends with .prom, for node_exporter's textfile collector")
	c.connection.AddFlags(cmd.Flags())
	c.observe.addFlags(cmd)
}

func (c *replicateCommand) validate(args []string) (err error) {
	if c.source, err = endpoint.Parse(args[0]); err != nil {
		return err
	}
	if c.destination, err = endpoint.Parse(args[1]); err != nil {
		return err
	}
	if c.metricsFile != "" && filepath.Ext(c.metricsFile) != ".prom" {
		return fmt.Errorf("--metrics-file %s: want a name that ends with .prom", c.metricsFile)
	}
	if c.snapshot != "" {
		if _, err := zfssend.ParseName(c.source.Dataset + "@" + c.snapshot); err != nil {
			return err
		}
	}
	c.options, err = c.replicateFlags.options()
	return err
}

// errDeadline is the cause of a cancellation by --deadline.
var errDeadline = errors.New("--deadline is over")

func (c *replicateCommand) run(ctx context.Context) (err error) {
	ctx, task := trace.WithTask(ctx, "replicate",
		slog.String("source", c.source.String()), slog.String("destination", c.destination.String()), slog.Bool("dry_run", c.dryRun))
	defer task.EndErr(&err)
	c.announce(ctx)
	defer func() {
		if errors.Is(err, errInterrupted) || errors.Is(err, errDeadline) {
			err = &stoppedError{err}
		}
		if err != nil {
			logging.GetLogger(ctx, "zferry").Error("replication failed", "error", err)
		}
	}()
	if c.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.deadline, errDeadline)
		defer cancel()
	}
	r, end, err := c.replicator(ctx)
	if err != nil {
		return errors.Join(err, c.writeMetrics(ctx, nil, nil, err))
	}
	defer end()
	report, err := c.locked(ctx, r)
	return errors.Join(err, c.writeMetrics(ctx, r.Source, report, err))
}

// locked does it all while the destination is locked. The report is nil if nothing was tried.
func (c *replicateCommand) locked(ctx context.Context, r *replicate.Replicator) (*replicate.Report, error) {
	if !c.dryRun {
		unlock, err := endpoint.Lock(ctx, c.recursive, endpoint.Place{Host: r.Destination, Dataset: c.destination.Dataset})
		if err != nil {
			return nil, err
		}
		defer unlock()
	}
	if err := c.hook(ctx, c.before, "before", nil); err != nil {
		return nil, err
	}
	report, err := c.replicate(ctx, r)
	if hook := c.hook(context.WithoutCancel(ctx), c.after, "after", append(resultEnv(report), "ZFERRY_ERROR="+errorText(err))); hook != nil {
		err = errors.Join(err, hook)
	}
	return report, err
}

// replicator connects both hosts. What it returns ends the connections. Each side has its own, also where both are one host, whose
// agent limits the streams of a connection.
func (c *replicateCommand) replicator(ctx context.Context) (r *replicate.Replicator, end func(), err error) {
	here := thisHost()
	here.StallTimeout = c.stall
	sources, destinations := c.observe.hosts(here), c.observe.hosts(here)
	end = func() { c.observe.disconnect(ctx, sources, destinations) }
	r = &replicate.Replicator{Options: c.options, OnStep: steplog.Log}
	if r.Source, err = sources.Open(ctx, c.source, c.connection); err == nil {
		r.Destination, err = destinations.Open(ctx, c.destination, c.connection)
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return r, end, nil
}

// replicate takes the snapshots, plans and replicates. The report is nil if nothing was tried.
func (c *replicateCommand) replicate(ctx context.Context, r *replicate.Replicator) (*replicate.Report, error) {
	if c.snapshot != "" {
		if err := c.takeSnapshots(ctx, r); err != nil {
			return nil, err
		}
	}
	look := r.QuickPlan
	if c.dryRun {
		look = r.Plan
	}
	plan, err := look(ctx, c.source.Dataset, c.destination.Dataset)
	if err != nil {
		return nil, err
	}
	if c.dryRun {
		return nil, c.tellPlan(ctx, r, plan)
	}
	c.logPlan(ctx, plan)
	stop := func() {}
	if terminal.Is(c.stderr) {
		stop = newProgress(ctx, c.stderr, r, plan).stop
	}
	report, err := r.Execute(ctx, plan)
	stop()
	return report, errors.Join(c.tellReport(ctx, report), err)
}

// takeSnapshots takes a snapshot of all datasets that are replicated, at the same moment.
func (c *replicateCommand) takeSnapshots(ctx context.Context, r *replicate.Replicator) error {
	datasets, err := r.Datasets(ctx, c.source.Dataset, c.destination.Dataset)
	if err != nil {
		return err
	}
	names := make([]string, len(datasets))
	for i, d := range datasets {
		names[i] = d + "@" + c.snapshot
	}
	if c.dryRun {
		if !c.json {
			fmt.Fprintf(c.stdout, "would take the snapshot %s of %s first; what follows is without it\n", "@"+c.snapshot, numbered(len(names), "dataset"))
		}
		return nil
	}
	if err := r.Source.Snapshot(ctx, names...); err != nil {
		return err
	}
	logging.GetLogger(ctx, "zferry").Info("took snapshots", "snapshot", c.snapshot, "datasets", len(names))
	return nil
}
