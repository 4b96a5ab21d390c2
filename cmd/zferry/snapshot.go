package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/snapshot"
)

// snapshotCommand is "zferry snapshot" with its flags.
type snapshotCommand struct {
	recursive, ifWritten bool
	name, zone           string
	exclude              []string
	dryRun, json         bool
	before, after        string
	connection           endpoint.Connection
	observe              observation

	at             endpoint.Endpoint // the first of them
	options        snapshot.Options
	template       *snapshot.Template
	stdout, stderr io.Writer
}

func newSnapshot(stdout, stderr io.Writer) *cobra.Command {
	c := &snapshotCommand{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "snapshot [flags] DATASET...",
		Short: "Take snapshots of datasets, all at the same moment",
		Long: `snapshot takes a snapshot of each DATASET, and with --recursive of those below them. In each pool, all are taken at the same
moment, or none is. A dataset below DATASET that is just being received, or of which a receive was interrupted, is left out.

TEMPLATE makes the name: %Y year, %m month, %d day, %H hour, %M minute, %S second (%3N and %6N: parts of it), %j day of the
year, %F for %Y-%m-%d, %T for %H:%M:%S, %s seconds since 1970, and %z the zone: Z for UTC, _0200 or -0330, since zfs takes no
plus sign. All else stands for itself. Where clocks are set back in autumn, a name without %z or %s comes twice, and the
second snapshot fails: use UTC, or %z.

With --if-written, datasets are left out to which nothing was written since their newest snapshot. What a program wrote within
the last seconds may not count yet; then it does for the next snapshot, which has it, too.

PROGRAM is run without arguments. Its environment has ZFERRY_SNAPSHOT, the name, and ZFERRY_DATASETS, one in a line; at the end
also ZFERRY_TAKEN, the snapshots, and ZFERRY_ERROR.

` + globHelp("DATASET") + `

` + endpoint.Help + `

Exit codes:
    0  done; also if all were left out
    1  failed: no snapshot was taken
    2  wrong flags or arguments
    3  partly done: some snapshots were taken, but not those of another pool, or the program at the end failed
  130  interrupted by SIGINT or SIGTERM`,
		Example: `  zferry snapshot tank/home                                  take tank/home@zferry_2026-03-01_06:00:00Z
  zferry snapshot -r --if-written tank                       of all datasets of the pool to which something was written
  zferry snapshot -r --exclude 'tmp*' --exclude vm/swap tank tank/home
  zferry snapshot -r root@nas:tank/home                      on another host, over ssh
  zferry snapshot --name 'daily-%F' --zone Europe/Berlin tank/home
  zferry snapshot --name before-upgrade -r tank              any name will do
  zferry snapshot -r --if-written --dry-run --json tank      only say what would be done, for programs`,
		Args:              atLeastOne("DATASET"),
		ValidArgsFunction: completeDatasets(anyNumber),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.validate(args); err != nil {
				return fmt.Errorf("snapshot: %w", err)
			}
			return fail(c.observe.run(cmd.Context(), c.stderr, c.run))
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&c.recursive, "recursive", "r", false, "of the datasets below, too")
	flags.StringVar(&c.name, "name", snapshot.DefaultTemplate, "name the snapshots by this `TEMPLATE`")
	flags.StringVar(&c.zone, "zone", "UTC", "the time `ZONE` of names: UTC, local, or one such as Europe/Berlin")
	flags.StringArrayVar(&c.exclude, "exclude", nil, "leave out datasets that match `GLOB`, and what is below those; may be repeated")
	flags.BoolVar(&c.ifWritten, "if-written", false, "leave out datasets to which nothing was written since their newest snapshot")
	flags.BoolVarP(&c.dryRun, "dry-run", "n", false, "say what would be done, and do nothing")
	flags.BoolVar(&c.json, "json", false, "print what was done, or would be, as JSON")
	flags.StringVar(&c.before, "before", "", "run the `PROGRAM` first, such as one that halts a database, and do nothing if it fails")
	flags.StringVar(&c.after, "after", "", "run the `PROGRAM` at the end, also after a failure")
	completeFlag(cmd, "zone", "UTC", "local")
	c.connection.AddFlags(flags)
	c.observe.addFlags(cmd)
	return cmd
}

func (c *snapshotCommand) validate(args []string) error {
	list, err := parseEndpoints(args, endpoint.Parse)
	if err != nil {
		return err
	}
	c.at = list[0]
	datasets := namesOf(list)
	zone, err := snapshot.LoadZone(c.zone)
	if err != nil {
		return fmt.Errorf("--zone: %w", err)
	}
	if c.template, err = snapshot.ParseTemplate(c.name, zone); err != nil {
		return fmt.Errorf("--name: %w", err)
	}
	exclude, err := excluder(c.exclude, datasets)
	c.options = snapshot.Options{Datasets: datasets, Recursive: c.recursive, IfWritten: c.ifWritten, Exclude: exclude, DryRun: c.dryRun}
	return err
}

func (c *snapshotCommand) run(ctx context.Context) (err error) {
	ctx, task := trace.WithTask(ctx, "snapshots", slog.String("host", c.at.HostName()), slog.Any("datasets", c.options.Datasets), slog.Bool("dry_run", c.dryRun))
	defer task.EndErr(&err)
	c.announce(ctx, time.Now())
	result, err := c.take(ctx)
	if err != nil {
		err = &partialError{err, len(result.Taken)}
	}
	return errors.Join(err, c.tell(ctx, result, err))
}

// announce makes the snapshots' name, and says what will be done.
func (c *snapshotCommand) announce(ctx context.Context, now time.Time) {
	ctx, span := trace.WithSpan(ctx, "announce")
	defer span.End()
	c.options.Name = c.template.Name(now)
	logging.GetLogger(ctx, "zferry").Info("taking snapshots", "name", c.options.Name, "datasets", c.options.Datasets, "version", version())
	if from, to, ok := c.template.Repeats(now); ok {
		fmt.Fprintf(c.stderr, "zferry: warning: names such as @%s come twice: those of %s until %s, and again until %s; add %%z to the template, or use UTC\n",
			c.template.Name(from), from.Format(time.RFC3339), to.Format(time.RFC3339), to.Add(to.Sub(from)).Format(time.RFC3339))
	}
}

// take takes the snapshots, between the hooks.
func (c *snapshotCommand) take(ctx context.Context) (result snapshot.Result, err error) {
	host, end, err := c.observe.open(ctx, c.connection, c.at)
	if err != nil {
		return result, err
	}
	defer end()
	if c.dryRun {
		return snapshot.Take(ctx, host, c.options)
	}
	env := []string{"ZFERRY_SNAPSHOT=" + c.options.Name, "ZFERRY_DATASETS=" + strings.Join(c.options.Datasets, "\n")}
	defer func() { // whatever happens: what was halted has to go on
		env = append(env, "ZFERRY_TAKEN="+strings.Join(result.Taken, "\n"), "ZFERRY_ERROR="+errorText(err))
		if hook := runHook(context.WithoutCancel(ctx), c.stderr, c.after, "after", env); hook != nil {
			err = errors.Join(err, hook)
		}
	}()
	if err := runHook(ctx, c.stderr, c.before, "before", env); err != nil {
		return result, err
	}
	return snapshot.Take(ctx, host, c.options)
}

// tell says and logs what was done, and what failed.
func (c *snapshotCommand) tell(ctx context.Context, result snapshot.Result, failed error) (err error) {
	ctx, span := trace.WithSpan(ctx, "report")
	defer span.EndErr(&err)
	log := logging.GetLogger(ctx, "zferry")
	for _, s := range result.Skipped {
		log.Debug("left out", "dataset", s.Dataset, "reason", s.Reason)
	}
	if failed != nil {
		log.Error("taking snapshots failed", "error", failed, "taken", len(result.Taken))
	} else {
		log.Info("took snapshots", "name", c.options.Name, "taken", len(result.Taken), "left_out", len(result.Skipped))
	}
	if c.json {
		return writeJSON(c.stdout, snapshotJSON(result, c.dryRun))
	}
	taken, skipped := "took", "left out"
	if c.dryRun {
		taken, skipped = "would take", "would leave out"
	}
	for _, name := range result.Taken {
		fmt.Fprintf(c.stdout, "%s %s\n", taken, name)
	}
	for _, s := range result.Skipped {
		fmt.Fprintf(c.stdout, "%s %s: %s\n", skipped, s.Dataset, s.Reason)
	}
	return nil
}

// partialError is an error of work of which so much was done.
type partialError struct {
	error
	done int
}

func (e *partialError) Unwrap() error { return e.error }

// Partly reports whether some of it was done.
func (e *partialError) Partly() bool { return e.done > 0 }

// The output of --json. Names are there to stay; new ones may come.
type (
	jsonSnapshots struct {
		DryRun  bool          `json:"dry_run"`
		Taken   []string      `json:"taken"` // or those that would be
		Skipped []jsonSkipped `json:"skipped"`
	}
	jsonSkipped struct {
		Dataset string          `json:"dataset"`
		Reason  snapshot.Reason `json:"reason"`
	}
	jsonFailure struct {
		Name      string `json:"name"`
		Cause     string `json:"cause"`
		Message   string `json:"message"`
		Uncertain bool   `json:"uncertain,omitempty"` // it may have been done nevertheless
	}
)

func snapshotJSON(result snapshot.Result, dryRun bool) jsonSnapshots {
	j := jsonSnapshots{DryRun: dryRun, Taken: listed(result.Taken), Skipped: []jsonSkipped{}}
	for _, s := range result.Skipped {
		j.Skipped = append(j.Skipped, jsonSkipped(s))
	}
	return j
}

// listed returns a list that JSON shows as one also if it is empty.
func listed(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func failuresJSON(list []zfssend.Failure) []jsonFailure {
	j := []jsonFailure{}
	for _, f := range list {
		j = append(j, jsonFailure{Name: f.Name, Cause: f.Cause.String(), Message: f.Message, Uncertain: f.Uncertain})
	}
	return j
}
