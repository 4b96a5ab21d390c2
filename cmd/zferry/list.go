package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/prune"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// listCommand is "zferry list" with its flags.
type listCommand struct {
	recursive, json bool
	connection      endpoint.Connection
	observe         observation

	at             endpoint.Endpoint
	stdout, stderr io.Writer
}

func newList(stdout, stderr io.Writer) *cobra.Command {
	c := &listCommand{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "list [flags] DATASET",
		Short: "Show snapshots, cursors and interrupted receives of datasets",
		Long: `list shows of DATASET, and with --recursive of those below it, how many snapshots there are, which is the newest one, which cursors
replications have left (bookmarks from which an increment can start), and what an interrupted receive is about. It takes two zfs
processes, whatever the number of datasets.

` + endpoint.Help + `

Exit codes:
    0  done
    1  failed, as where there is no such dataset
    2  wrong flags or arguments
  130  interrupted by SIGINT or SIGTERM`,
		Example: `  zferry list tank/home
  zferry list -r tank               and all datasets below
  zferry list -r root@nas:tank      of another host, over ssh
  zferry list -r --json tank        for programs`,
		Args:              exactly("one DATASET"),
		ValidArgsFunction: completeDatasets(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if c.at, err = endpoint.Parse(args[0]); err != nil {
				return fmt.Errorf("list: %w", err)
			}
			return fail(c.observe.run(cmd.Context(), c.stderr, c.run))
		},
	}
	cmd.Flags().BoolVarP(&c.recursive, "recursive", "r", false, "the datasets below, too")
	cmd.Flags().BoolVar(&c.json, "json", false, "print it as JSON")
	c.connection.AddFlags(cmd.Flags())
	c.observe.addFlags(cmd)
	return cmd
}

func (c *listCommand) run(ctx context.Context) (err error) {
	ctx, task := trace.WithTask(ctx, "list", slog.String("dataset", c.at.String()), slog.Bool("recursive", c.recursive))
	defer task.EndErr(&err)
	host, end, err := c.observe.open(ctx, c.connection, c.at)
	if err != nil {
		return err
	}
	defer end()
	list, err := host.List(ctx, c.at.Dataset, zfssend.ListOptions{Recursive: c.recursive})
	if err != nil {
		return err
	}
	rows := make([]jsonListed, len(list))
	for i := range list {
		rows[i] = describeDataset(&list[i])
	}
	if c.json {
		return writeJSON(c.stdout, map[string]any{"datasets": rows})
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DATASET\tSNAPSHOTS\tNEWEST\tCURSORS\tRECEIVE")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", r.Name, r.Snapshots, orDash(r.Newest), orDash(r.cursors()), orDash(r.Receive.String()))
	}
	return w.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// The output of --json. Names are there to stay; new ones may come.
type (
	jsonListed struct {
		Name       string       `json:"name"`
		Type       string       `json:"type"`
		Encryption string       `json:"encryption"`
		Snapshots  int          `json:"snapshots"`
		Oldest     string       `json:"oldest,omitempty"` // "@mon"
		Newest     string       `json:"newest,omitempty"`
		NewestGUID uint64       `json:"newest_guid,omitempty"`
		Bookmarks  int          `json:"bookmarks"` // cursors included
		Cursors    []jsonCursor `json:"cursors"`
		Receive    *jsonReceive `json:"receive,omitempty"` // that was interrupted, or runs
	}
	jsonCursor struct {
		Name     string `json:"name"` // of the bookmark
		Of       string `json:"of"`   // whose it is
		GUID     uint64 `json:"guid"`
		Snapshot string `json:"snapshot,omitempty"` // of which it is, if that is still there
	}
	jsonReceive struct {
		Snapshot string `json:"snapshot"` // as the sender named it
		GUID     uint64 `json:"guid"`
		FromGUID uint64 `json:"from_guid,omitempty"`
		Bytes    uint64 `json:"bytes"` // received so far
		Raw      bool   `json:"raw"`
		Token    string `json:"token"`
	}
)

// describeDataset says what there is to know of a dataset.
func describeDataset(d *zfssend.Dataset) jsonListed {
	r := jsonListed{Name: d.Name, Type: d.Type, Encryption: d.Encryption, Cursors: []jsonCursor{}}
	names := make(map[uint64]string)
	for _, v := range d.Versions {
		if v.IsBookmark() {
			r.Bookmarks++
			continue
		}
		if r.Snapshots++; r.Oldest == "" {
			r.Oldest = v.Name
		}
		r.Newest, r.NewestGUID = v.Name, v.GUID
		names[v.GUID] = v.Name
	}
	for _, v := range d.Versions {
		if owner, ok := prune.CursorOwner(v.Name); ok {
			r.Cursors = append(r.Cursors, jsonCursor{v.Name, owner, v.GUID, names[v.GUID]})
		}
	}
	if d.ResumeToken != "" {
		r.Receive = &jsonReceive{Token: d.ResumeToken}
		if t, err := zstream.ParseToken(d.ResumeToken); err == nil {
			r.Receive = &jsonReceive{t.ToName, t.ToGUID, t.FromGUID, t.Bytes, t.Raw, d.ResumeToken}
		}
	}
	return r
}

// cursors returns the cursors in few words.
func (r *jsonListed) cursors() string {
	var list []string
	for _, c := range r.Cursors {
		at := c.Snapshot
		if at == "" {
			at = c.Name
		}
		list = append(list, c.Of+" at "+at)
	}
	return strings.Join(list, ", ")
}

// String returns what a receive is about in few words.
func (r *jsonReceive) String() string {
	switch {
	case r == nil:
		return ""
	case r.Snapshot == "":
		return "interrupted; its token can't be read"
	}
	return fmt.Sprintf("%s of %s", byteCount(int64(r.Bytes)), r.Snapshot)
}
