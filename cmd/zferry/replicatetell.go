package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// announce logs that something will be done, as a span: whoever reads the log may be slow.
func (c *replicateCommand) announce(ctx context.Context) {
	ctx, span := trace.WithSpan(ctx, "announce")
	defer span.End()
	logging.GetLogger(ctx, "zferry").Info("replicating", "source", c.source, "destination", c.destination, "version", version())
}

// logPlan logs what will be done.
func (c *replicateCommand) logPlan(ctx context.Context, plan *replicate.Plan) {
	ctx, span := trace.WithSpan(ctx, "announce")
	defer span.End()
	log := logging.GetLogger(ctx, "zferry")
	log.Info("planned", "datasets", len(plan.Datasets), "steps", plan.Steps(), "conflicts", len(plan.Conflicts()))
	for _, d := range plan.Datasets {
		for _, step := range d.Steps {
			log.Debug("step", "source", d.Source, "destination", d.Destination, "kind", step.Kind(), "from", step.From,
				"snapshots", strings.Join(step.Snapshots, " "), "raw", step.Raw, "from_guid", step.FromGUID, "guids", step.GUIDs)
		}
	}
}

// tellPlan says what would be done, and how much it is. The error is that of the conflicts.
func (c *replicateCommand) tellPlan(ctx context.Context, r *replicate.Replicator, plan *replicate.Plan) error {
	if err := r.Estimate(ctx, plan); err != nil && ctx.Err() != nil {
		return err
	}
	conflicts := plan.Conflicts()
	if c.json {
		if err := writeJSON(c.stdout, planJSON(plan)); err != nil {
			return err
		}
	} else {
		tellSteps(c.stdout, plan)
	}
	switch {
	case len(conflicts) == 0:
		return nil
	case len(plan.Datasets) == 1:
		return conflicts[0]
	}
	c.tellConflicts(conflicts)
	return &conflictsError{conflicts, len(plan.Datasets)}
}

// conflictsError says that some datasets of a plan can't be replicated.
type conflictsError struct {
	conflicts []*replicate.Conflict
	datasets  int
}

func (e *conflictsError) Error() string {
	return fmt.Sprintf("%d of %d datasets can't be replicated", len(e.conflicts), e.datasets)
}

// Partly reports whether others can.
func (e *conflictsError) Partly() bool { return len(e.conflicts) < e.datasets }

// tellSteps prints what would be done.
func tellSteps(w io.Writer, plan *replicate.Plan) {
	upToDate := 0
	for _, d := range plan.Datasets {
		if d.UpToDate() {
			upToDate++
		}
		if d.Placeholder {
			fmt.Fprintf(w, "would make %s, an empty filesystem for what is below it\n", d.Destination)
		}
		if d.AbortReceive {
			fmt.Fprintf(w, "would discard what an interrupted receive has left of %s, since it can't be resumed\n", d.Destination)
		}
		for _, name := range d.Destroy {
			fmt.Fprintf(w, "would destroy %s%s\n", d.Destination, name)
		}
		if len(d.Own) > 0 {
			fmt.Fprintf(w, "%s has snapshots of its own since %s: %s; they stay, and are in the way only if it was changed, too\n",
				d.Destination, d.Base, strings.Join(d.Own, ", "))
		}
		if d.RollbackTo != "" {
			fmt.Fprintf(w, "would roll %s back to %s\n", d.Destination, d.RollbackTo)
		}
		for _, step := range d.Steps {
			size := ""
			if step.Estimate.Known() {
				size = ", about " + byteCount(step.Estimate.Bytes)
			}
			fmt.Fprintf(w, "would send %s %s to %s%s\n", d.Source, step, d.Destination, size)
		}
	}
	tellUpToDate(w, plan.Datasets, upToDate)
}

// tellUpToDate says for how many datasets nothing is to be done.
func tellUpToDate(w io.Writer, all []*replicate.DatasetPlan, n int) {
	switch {
	case n == 0:
	case len(all) == 1:
		fmt.Fprintf(w, "%s is up to date: it has %s%s\n", all[0].Destination, all[0].Source, all[0].Base)
	default:
		fmt.Fprintf(w, "%s %s up to date\n", numbered(n, "dataset"), map[bool]string{true: "is", false: "are"}[n == 1])
	}
}

// tellReport says what was done. The error is that of writing it.
func (c *replicateCommand) tellReport(ctx context.Context, report *replicate.Report) (err error) {
	ctx, span := trace.WithSpan(ctx, "report")
	defer span.EndErr(&err)
	log := logging.GetLogger(ctx, "zferry")
	for _, w := range report.Warnings {
		log.Warn("the replication is done, but for this", "error", w)
	}
	var plans []*replicate.DatasetPlan
	var conflicts []*replicate.Conflict
	upToDate, many := 0, len(report.Datasets) > 1
	for _, d := range report.Datasets {
		plans = append(plans, d.Plan)
		if d.Err == nil && len(d.Steps) == 0 && !d.Plan.Placeholder {
			upToDate++
		}
		if d.Err != nil {
			log.Error("dataset failed", "destination", d.Plan.Destination, "error", d.Err, "retries", d.Retries)
		}
		if !c.json {
			tellDataset(c.stdout, d)
		}
		conflict, isConflict := errors.AsType[*replicate.Conflict](d.Err)
		switch {
		case isConflict && many:
			conflicts = append(conflicts, conflict)
		case d.Err != nil && many:
			fmt.Fprintf(c.stderr, "zferry: failed: %v\n", d.Err)
		}
	}
	c.tellConflicts(conflicts)
	if c.json {
		return writeJSON(c.stdout, reportJSON(report))
	}
	tellUpToDate(c.stdout, plans, upToDate)
	if many && report.Bytes() > 0 {
		fmt.Fprintf(c.stdout, "received %s in %v (%s/s)\n", byteCount(report.Bytes()), report.Duration.Round(time.Millisecond), perSecond(report.Bytes(), report.Duration))
	}
	return nil
}

// tellDataset says what was received of a dataset.
func tellDataset(w io.Writer, d *replicate.DatasetResult) {
	if d.Plan.Placeholder && d.Err == nil {
		fmt.Fprintf(w, "%s: made, an empty filesystem for what is below it\n", d.Plan.Destination)
	}
	for _, r := range d.Steps {
		fmt.Fprintf(w, "%s: received %s, %s in %v (%s/s)\n", d.Plan.Destination, r.Step,
			byteCount(r.Bytes), r.Duration.Round(time.Millisecond), perSecond(r.Bytes, r.Duration))
	}
}

// tellConflicts says of several datasets what is in the way, and what to do.
func (c *replicateCommand) tellConflicts(conflicts []*replicate.Conflict) {
	for _, conflict := range conflicts {
		fmt.Fprintf(c.stderr, "zferry: conflict: %v\n", conflict)
		if hint := conflict.Hint(); hint != "" {
			fmt.Fprintf(c.stderr, "zferry: hint: %s\n", hint)
		}
	}
}

// numbered returns a number with its noun.
func numbered(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func perSecond(n int64, d time.Duration) string {
	return byteCount(int64(float64(n) / max(d.Seconds(), 1e-3)))
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

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
