package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// ownTags is what the tags of zferry's own holds begin with.
const ownTags = "zferry"

// holdsCommand is "zferry holds" with its flags.
type holdsCommand struct {
	recursive, any, dryRun, json bool
	release                      string
	connection                   endpoint.Connection
	observe                      observation

	at             []endpoint.Endpoint // datasets or snapshots of one host
	stdout, stderr io.Writer
}

func newHolds(stdout, stderr io.Writer) *cobra.Command {
	c := &holdsCommand{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "holds [flags] DATASET|SNAPSHOT...",
		Short: "Show or release the holds that keep snapshots from being destroyed",
		Long: `holds shows which snapshots are held, by which tag, and since when: the SNAPSHOTs that are named, and all of each DATASET, with
--recursive also of those below.

With --release TAG it releases those of this tag, as they may be left by a replication that is no more. A hold that isn't
zferry's own, whose tags begin with "zferry", is somebody else's to release: that takes --any. A snapshot for which somebody has
asked "zfs destroy -d" is destroyed when its last hold goes.

` + endpoint.Help + `

Exit codes:
    0  done; also if there was no such hold
    1  failed
    2  wrong flags or arguments
    3  partly done: some holds could not be released
  130  interrupted by SIGINT or SIGTERM`,
		Example: `  zferry holds -r tank                                    who holds what, and since when
  zferry holds tank/home@mon
  zferry holds -r root@nas:tank                           on another host, over ssh
  zferry holds --release zferry_backup --dry-run -r tank  what would be released
  zferry holds --release zferry_backup -r tank
  zferry holds --release zrepl_STEP --any tank/home       a hold of another program`,
		Args:              atLeastOne("DATASET or SNAPSHOT"),
		ValidArgsFunction: completeDatasets(anyNumber),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.validate(args, cmd.Flags().Changed("release")); err != nil {
				return fmt.Errorf("holds: %w", err)
			}
			return fail(c.observe.run(cmd.Context(), c.stderr, c.run))
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&c.recursive, "recursive", "r", false, "those of the datasets below, too")
	flags.StringVar(&c.release, "release", "", "release the holds with this `TAG`")
	flags.BoolVar(&c.any, "any", false, "TAG may be one that isn't zferry's own")
	flags.BoolVarP(&c.dryRun, "dry-run", "n", false, "say what would be released, and do nothing")
	flags.BoolVar(&c.json, "json", false, "print it as JSON")
	c.connection.AddFlags(flags)
	c.observe.addFlags(cmd)
	return cmd
}

func (c *holdsCommand) validate(args []string, release bool) (err error) {
	switch {
	case release && c.release == "":
		return errors.New("--release: the tag is empty")
	case release && !c.any && !strings.HasPrefix(c.release, ownTags):
		return fmt.Errorf("--release %s: it is no tag of zferry's own; release it nevertheless by --any", c.release)
	case !release && (c.any || c.dryRun):
		return errors.New("--any and --dry-run are about --release")
	}
	c.at, err = parseEndpoints(args, endpoint.ParseName)
	return err
}

func (c *holdsCommand) run(ctx context.Context) (err error) {
	ctx, task := trace.WithTask(ctx, "holds", slog.String("host", c.at[0].HostName()), slog.Any("names", namesOf(c.at)), slog.String("release", c.release))
	defer task.EndErr(&err)
	host, end, err := c.observe.open(ctx, c.connection, c.at[0])
	if err != nil {
		return err
	}
	defer end()
	holds, err := c.find(ctx, host)
	if err != nil {
		return err
	}
	if c.release == "" {
		return c.show(holds)
	}
	var snapshots []string
	for _, h := range holds {
		if h.Tag == c.release {
			snapshots = append(snapshots, h.Snapshot)
		}
	}
	if !c.dryRun && len(snapshots) > 0 {
		err = host.Release(ctx, c.release, snapshots...)
		snapshots, err = released(snapshots, err)
		logging.GetLogger(ctx, "zferry").Info("released holds", "tag", c.release, "snapshots", len(snapshots))
	}
	return errors.Join(err, c.tellReleased(snapshots))
}

// find returns the holds of what is named.
func (c *holdsCommand) find(ctx context.Context, host zfssend.Host) ([]zfssend.UserHold, error) {
	var held []string
	seen := make(map[string]bool)
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			held = append(held, name)
		}
	}
	for _, name := range namesOf(c.at) {
		if strings.Contains(name, "@") {
			add(name)
			continue
		}
		list, err := host.List(ctx, name, zfssend.ListOptions{Recursive: c.recursive, Holds: true})
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			for _, v := range d.Versions {
				if v.Holds > 0 {
					add(d.Name + v.Name)
				}
			}
		}
	}
	if len(held) == 0 {
		return nil, nil
	}
	return host.Holds(ctx, held...)
}

// released returns those of the snapshots that were released, and an error that tells whether these are some.
func released(snapshots []string, err error) ([]string, error) {
	if err == nil {
		return snapshots, nil
	}
	batch, ok := errors.AsType[*zfssend.BatchError](err)
	if !ok {
		return nil, err
	}
	failed := make(map[string]bool)
	for _, f := range batch.Failed {
		failed[f.Name] = true
	}
	var done []string
	for _, s := range snapshots {
		if !failed[s] {
			done = append(done, s)
		}
	}
	return done, &partialError{err, len(done)}
}

// The output of --json. Names are there to stay; new ones may come.
type (
	jsonHold struct {
		Snapshot string    `json:"snapshot"`
		Tag      string    `json:"tag"`
		Since    time.Time `json:"since"` // to the minute
	}
	jsonReleased struct {
		DryRun   bool     `json:"dry_run"`
		Tag      string   `json:"tag"`
		Released []string `json:"released"` // or those that would be
	}
)

func (c *holdsCommand) show(holds []zfssend.UserHold) error {
	if c.json {
		list := []jsonHold{}
		for _, h := range holds {
			list = append(list, jsonHold{h.Snapshot, h.Tag, h.Created})
		}
		return writeJSON(c.stdout, map[string]any{"holds": list})
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SNAPSHOT\tTAG\tSINCE")
	for _, h := range holds {
		fmt.Fprintf(w, "%s\t%s\t%s\n", h.Snapshot, printable(h.Tag), h.Created.Format("2006-01-02 15:04"))
	}
	return w.Flush()
}

// printable returns a tag, which may hold anything, as one that does no harm to a terminal.
func printable(tag string) string {
	if quoted := strconv.Quote(tag); quoted != `"`+tag+`"` {
		return quoted
	}
	return tag
}

func (c *holdsCommand) tellReleased(snapshots []string) error {
	if c.json {
		return writeJSON(c.stdout, jsonReleased{c.dryRun, c.release, listed(snapshots)})
	}
	word := "released"
	if c.dryRun {
		word = "would release"
	}
	for _, s := range snapshots {
		fmt.Fprintf(c.stdout, "%s %s of %s\n", word, c.release, s)
	}
	if len(snapshots) == 0 {
		fmt.Fprintf(c.stdout, "nothing is held by %s\n", c.release)
	}
	return nil
}
