package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend/prune"
)

// pruneCommand is "zferry prune" with its flags.
type pruneCommand struct {
	pruneFlags
	recursive    bool
	exclude      []string
	targets      []string
	source       string
	cursor       string
	dryRun, json bool
	connection   endpoint.Connection
	observe      observation

	at             endpoint.Endpoint // what is pruned
	others         []other           // the other sides
	pruner         prune.Pruner
	stdout, stderr io.Writer
}

// other is the other side of a replication.
type other struct {
	at     endpoint.Endpoint
	role   prune.Role
	cursor string
}

func newPrune(stdout, stderr io.Writer) *cobra.Command {
	c := &pruneCommand{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "prune [flags] DATASET",
		Short: "Destroy old snapshots, but for those that rules keep or replications need",
		Long: `prune destroys snapshots of DATASET, and with --recursive of those below it, that no rule keeps. There has to be a rule: each
flag --keep-… is one, and a snapshot is kept if any of them keeps it. It destroys no snapshots but those whose names --match or
--template matches: without these flags, those that "zferry snapshot" takes.

GRID: intervals such as "1x1h(keep=all) | 24x1h | 30x1d", from the newest to the oldest: here all of the last hour, then one of
each hour for a day, then one of each day for thirty; with units s, m, h, d, w and y. Or by the calendar: "hourly=24 daily=30
weekly=8 monthly=12 yearly=1", the oldest of each of the last 24 hours that have a snapshot, and so on.

Whatever the rules say, it keeps the newest snapshot of a dataset, those with holds, and those that this host's clock says are
of the future. Name the other sides of replications: --target TARGET if DATASET is copied there, --source SOURCE if it is a copy.
Then it keeps the newest snapshot that both sides have, without which increments are at an end, and what an interrupted receive
needs. On the source that snapshot may go if a bookmark stays in its place, the cursor of "zferry replicate --cursor", or zrepl's.
With --recursive, what is below DATASET has its other side at the same place below TARGET or SOURCE.

--dry-run says of each snapshot why it would be kept, or go.

` + globHelp("DATASET") + `

` + endpoint.Help + `

Exit codes:
    0  done; also if there was nothing to do
    1  failed: nothing was destroyed
    2  wrong flags or arguments
    3  partly done: some snapshots could not be destroyed
    4  another zferry is at work on one of the datasets
  130  interrupted by SIGINT or SIGTERM`,
		Example: `  zferry prune --keep-last 30 tank/home                           of those that "zferry snapshot" took
  zferry prune -r --keep-grid '24x1h | 30x1d | 12x30d' --target backup/tank --dry-run tank
  zferry prune -r --keep-grid 'hourly=24 daily=30 monthly=12' --keep-unreplicated --target backup/tank tank
  zferry prune -r --keep-grid 90x1d --source tank backup/tank     on the backup
  zferry prune -r --keep-grid 90x1d --source tank root@nas:backup/tank    which is on another host
  zferry prune --match '^manual-' --keep-younger 1y tank/home     others than those of "zferry snapshot"
  zferry prune --match . --keep-match '^before-' --keep-last 5 --json tank/home
  zferry prune --template 'zrepl_%Y%m%d_%H%M%S_%3N' --keep-last 10 tank/home`,
		Args:              exactly("one DATASET"),
		ValidArgsFunction: completeDatasets(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.validate(args[0]); err != nil {
				return fmt.Errorf("prune: %w", err)
			}
			return fail(c.observe.run(cmd.Context(), c.stderr, c.run))
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&c.recursive, "recursive", "r", false, "the datasets below, too")
	flags.StringArrayVar(&c.exclude, "exclude", nil, "leave alone datasets that match `GLOB`, and what is below those; may be repeated")
	c.pruneFlags.add(flags)
	flags.StringArrayVar(&c.targets, "target", nil, "DATASET is replicated to this `DATASET`, which may be of another host; may be repeated")
	flags.StringVar(&c.source, "source", "", "DATASET is a copy of this `DATASET`")
	flags.StringVar(&c.cursor, "cursor", "", "the `NAME` of the target's cursors, as \"zferry replicate --cursor\" has it, if there are several targets")
	flags.BoolVarP(&c.dryRun, "dry-run", "n", false, "say what would be kept and destroyed, and why, and do nothing")
	flags.BoolVar(&c.json, "json", false, "print what was done, or would be, as JSON")
	for _, flag := range []string{"target", "source"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, completeDatasets(anyNumber))
	}
	completeFlag(cmd, "zone", "UTC", "local")
	c.connection.AddFlags(flags)
	c.observe.addFlags(cmd)
	return cmd
}

func (c *pruneCommand) validate(dataset string) (err error) {
	if c.at, err = endpoint.Parse(dataset); err != nil {
		return err
	}
	for _, t := range c.targets {
		if err := c.addOther(t, prune.Target, c.cursor); err != nil {
			return err
		}
	}
	if c.source != "" {
		if err := c.addOther(c.source, prune.Source, ""); err != nil {
			return err
		}
	}
	if c.cursor != "" && len(c.targets) != 1 {
		return errors.New("--cursor: want one --target with it")
	}
	if c.pruner.Policy, err = c.policy(); err != nil {
		return err
	}
	c.pruner.Exclude, err = excluder(c.exclude, []string{c.at.Dataset})
	return err
}

func (c *pruneCommand) addOther(text string, role prune.Role, cursor string) error {
	e, err := endpoint.Parse(text)
	if err == nil && e == c.at {
		err = fmt.Errorf("%s can't be the other side of itself", e)
	}
	c.others = append(c.others, other{e, role, cursor})
	return err
}

func (c *pruneCommand) run(ctx context.Context) (err error) {
	ctx, task := trace.WithTask(ctx, "prune", slog.String("dataset", c.at.String()), slog.Bool("dry_run", c.dryRun))
	defer task.EndErr(&err)
	c.announce(ctx)
	defer func() {
		if err != nil {
			logging.GetLogger(ctx, "zferry").Error("pruning failed", "error", err)
		}
	}()
	hosts := c.observe.hosts(thisHost())
	defer c.observe.disconnect(ctx, hosts)
	peers, unlock, err := c.sides(ctx, hosts)
	if err != nil {
		return err
	}
	defer unlock()
	plans, err := c.pruner.Plan(ctx, c.at.Dataset, c.recursive, peers...)
	if err != nil {
		return err
	}
	c.tellNotes(ctx, plans)
	var result prune.Result
	if !c.dryRun {
		result, err = c.pruner.Execute(ctx, plans)
	}
	return errors.Join(err, c.tell(ctx, plans, result))
}

// announce logs that something will be done, as a span: whoever reads the log may be slow.
func (c *pruneCommand) announce(ctx context.Context) {
	ctx, span := trace.WithSpan(ctx, "announce")
	defer span.End()
	var rules []string
	for _, r := range c.pruner.Policy.Rules {
		rules = append(rules, r.String())
	}
	logging.GetLogger(ctx, "zferry").Info("pruning", "dataset", c.at, "keep", strings.Join(rules, "; "), "version", version())
}

// sides connects and locks all sides: a replication that runs may need what the plan doesn't know of.
func (c *pruneCommand) sides(ctx context.Context, hosts *endpoint.Hosts) (peers []prune.Peer, unlock func(), err error) {
	if c.pruner.Host, err = hosts.Open(ctx, c.at, c.connection); err != nil {
		return nil, nil, err
	}
	places := []endpoint.Place{{Host: c.pruner.Host, Dataset: c.at.Dataset}}
	for _, o := range c.others {
		host, err := hosts.Open(ctx, o.at, c.connection)
		if err != nil {
			return nil, nil, err
		}
		places = append(places, endpoint.Place{Host: host, Dataset: o.at.Dataset})
		peers = append(peers, prune.Peer{Host: host, Dataset: o.at.Dataset, Role: o.role, Cursor: o.cursor})
	}
	if c.dryRun {
		return peers, func() {}, nil
	}
	unlock, err = endpoint.Lock(ctx, c.recursive, places...)
	return peers, unlock, err
}

// tellNotes says what is to be known of the plans, and logs them.
func (c *pruneCommand) tellNotes(ctx context.Context, plans []*prune.Plan) {
	ctx, span := trace.WithSpan(ctx, "announce")
	defer span.End()
	log := logging.GetLogger(ctx, "zferry")
	for _, p := range plans {
		for _, note := range p.Notes {
			fmt.Fprintf(c.stderr, "zferry: note: %s\n", note)
		}
		log.Debug("planned", "dataset", p.Dataset, "keep", p.Count(prune.Keep), "destroy", p.Count(prune.Destroy), "foreign", p.Count(prune.Foreign))
	}
}

// tell says what was done, or would be.
func (c *pruneCommand) tell(ctx context.Context, plans []*prune.Plan, result prune.Result) (err error) {
	ctx, span := trace.WithSpan(ctx, "report")
	defer span.EndErr(&err)
	if !c.dryRun {
		logging.GetLogger(ctx, "zferry").Info("pruned", "destroyed", len(result.Destroyed), "gone", len(result.Gone), "failed", len(result.Failed))
	}
	switch {
	case c.json:
		return writeJSON(c.stdout, pruneJSON(plans, result, c.dryRun))
	case c.dryRun:
		tellPrunePlan(c.stdout, plans)
	default:
		tellPruned(c.stdout, c.stderr, plans, result)
	}
	return nil
}

// tellPrunePlan says of each snapshot what would become of it, and why.
func tellPrunePlan(w io.Writer, plans []*prune.Plan) {
	doomed := 0
	for _, p := range plans {
		for _, d := range p.Decisions {
			fate := "keep"
			if d.Fate == prune.Destroy {
				fate = "would destroy"
			}
			fmt.Fprintf(w, "%s %s%s: %s\n", fate, p.Dataset, d.Snapshot.Name, strings.Join(d.Reasons, "; "))
		}
		names := p.Doomed()
		doomed += len(names)
		for _, v := range p.StaleCursors {
			fate := "keep"
			if len(names) > p.Count(prune.Destroy) {
				fate = "would destroy"
			}
			fmt.Fprintf(w, "%s %s%s: a newer cursor has taken its place\n", fate, p.Dataset, v.Name)
		}
	}
	fmt.Fprintf(w, "would destroy %d, and keep %s\n", doomed, keptOf(plans))
}

// keptOf says how many snapshots plans keep.
func keptOf(plans []*prune.Plan) string {
	kept, foreign := 0, 0
	for _, p := range plans {
		kept += p.Count(prune.Keep) + p.Count(prune.Foreign)
		foreign += p.Count(prune.Foreign)
	}
	text := fmt.Sprintf("%s of %s", numbered(kept, "snapshot"), numbered(len(plans), "dataset"))
	if foreign > 0 {
		text += fmt.Sprintf(", %d of them of other names", foreign)
	}
	return text
}

// tellPruned sums up what was done, and says what wasn't.
func tellPruned(stdout, stderr io.Writer, plans []*prune.Plan, result prune.Result) {
	for _, f := range result.Failed {
		fmt.Fprintf(stderr, "zferry: left: %s\n", f)
	}
	fmt.Fprintf(stdout, "destroyed %d, kept %s\n", len(result.Destroyed), keptOf(plans))
	if n := len(result.Gone); n > 0 {
		fmt.Fprintf(stdout, "%s had been destroyed by somebody else\n", numbered(n, "snapshot"))
	}
}

// The output of --json. Names are there to stay; new ones may come.
type (
	jsonPruning struct {
		DryRun    bool                 `json:"dry_run"`
		Datasets  []jsonPrunedDatasets `json:"datasets"`
		Destroyed []string             `json:"destroyed"`
		Gone      []string             `json:"gone"` // destroyed by somebody else since the plan
		Failed    []jsonFailure        `json:"failed"`
	}
	jsonPrunedDatasets struct {
		Dataset      string              `json:"dataset"`
		Snapshots    []jsonPruneDecision `json:"snapshots"` // the oldest first
		StaleCursors []string            `json:"stale_cursors,omitempty"`
		Notes        []string            `json:"notes,omitempty"`
	}
	jsonPruneDecision struct {
		Name    string     `json:"name"` // "@mon"
		GUID    uint64     `json:"guid"`
		Fate    prune.Fate `json:"fate"` // "keep", "destroy" or "foreign"
		Reasons []string   `json:"reasons"`
	}
)

func pruneJSON(plans []*prune.Plan, result prune.Result, dryRun bool) jsonPruning {
	j := jsonPruning{DryRun: dryRun, Datasets: []jsonPrunedDatasets{}, Destroyed: listed(result.Destroyed), Gone: listed(result.Gone), Failed: failuresJSON(result.Failed)}
	for _, p := range plans {
		d := jsonPrunedDatasets{Dataset: p.Dataset, Notes: p.Notes, Snapshots: []jsonPruneDecision{}}
		for _, decision := range p.Decisions {
			d.Snapshots = append(d.Snapshots, jsonPruneDecision{decision.Snapshot.Name, decision.Snapshot.GUID, decision.Fate, decision.Reasons})
		}
		for _, v := range p.StaleCursors {
			d.StaleCursors = append(d.StaleCursors, v.Name)
		}
		j.Datasets = append(j.Datasets, d)
	}
	return j
}
