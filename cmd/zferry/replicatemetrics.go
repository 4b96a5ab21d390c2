package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// writeMetrics writes the file of --metrics-file. The report is nil if nothing was tried, and cause what went wrong.
func (c *replicateCommand) writeMetrics(ctx context.Context, source zfssend.Host, report *replicate.Report, cause error) error {
	if c.metricsFile == "" || c.dryRun {
		return nil
	}
	// Both sides are in the name, since two files of a directory must not have the same metrics.
	r := metrics.Report{Version: version(), Job: fmt.Sprintf("%s %s", c.source, c.destination), Ended: time.Now(), Err: cause}
	if cause != nil {
		r.Failed = map[string]uint64{"replicate": 1}
	}
	if report != nil {
		list, err := daemon.Results(context.WithoutCancel(ctx), source, c.source.Dataset, c.recursive, report)
		if err != nil {
			fmt.Fprintf(c.stderr, "zferry: warning: metrics don't say how old the newest snapshots are: %v\n", err)
		}
		for _, d := range list {
			d.Target = c.destination.String()
			r.Datasets = append(r.Datasets, d)
		}
		if cause == nil {
			r.Whole = []string{c.destination.String()}
		}
	}
	return metrics.WriteTextfile(c.metricsFile, r)
}
