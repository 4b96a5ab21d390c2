package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/internal/terminal"
	"github.com/spanstack/spanstack/tracefmt/diff"
	"github.com/spanstack/spanstack/tracefmt/summary"
)

const diffHelp = `trace-convert diff compares two traces of the same program, A from before and B from after a change, by the paths of
their slices' names. Listed are the paths whose numbers are different, those with the greatest change of self time
first: by how much their self time, their total time, their number, and the median and 95th percentile of their
durations changed. Lines of paths that are new begin with "+", those of paths that are gone with "-". Self time is that
in which nothing below a slice was running, on whatever track, so a change is told where it happened, and neither in all
slices around nor in those that waited for it.

Processes and tracks are no part of a path; what several of them have of one path is added up. With --normalize, each
number in a name becomes "#", so that "request 17" and "request 18" are one path.

--min-change leaves out paths whose self time changed less: a part of what it was, such as 5%, a time, such as 100us, or
both, such as 5%,100us. --fail-above is for automatic tests: exit code 1 says that the total, of all outermost slices,
became longer by more than that.

--to=pprof writes one profile, which "go tool pprof" shows as it would two with -diff_base: B's samples, and A's as
negative ones with the label pprof::base.

Exit codes:
  0    success
  1    failed; or the total became longer by more than --fail-above says
  2    the command line is wrong
  3    an input could be read only in part; what could be read was compared
  130  interrupted; no output file was written`

const diffExamples = `  trace-convert diff before.json after.json                        # what became slower, and what faster
  trace-convert diff --normalize --min-change 5%,1ms a.json b.json
  trace-convert diff --fail-above 10% baseline.json.gz now.json    # in CI
  trace-convert diff --to pprof -o diff.pb.gz a.json b.json        # go tool pprof -http=: diff.pb.gz`

const profileFormat = "pprof"

// comparison is what one command line of diff asks for.
type comparison struct {
	conversion
	json      bool
	normalize bool
	min       threshold
	max       threshold
	slower    bool // than is allowed
}

// threshold is a flag with a threshold. Its zero value isn't set.
type threshold struct {
	diff.Threshold
	set bool
}

func (t *threshold) Type() string { return "CHANGE" }

func (t *threshold) String() string {
	if !t.set {
		return ""
	}
	return t.Threshold.String()
}

func (t *threshold) Set(text string) (err error) {
	t.Threshold, err = diff.ParseThreshold(text)
	t.set = err == nil
	return err
}

func diffCommand(code *int, std streams) *cobra.Command {
	c := comparison{conversion: conversion{std: std, lossy: lossyWarn}}
	cmd := &cobra.Command{
		Use:               "diff [flags] A B",
		Short:             "Compare two traces: what became slower or faster, is new, or gone",
		Long:              diffHelp,
		Example:           diffExamples,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError{fmt.Errorf("diff compares two traces, not %d", len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			*code, err = c.run(cmd.Context(), args)
			return err
		},
	}
	choice := []string{textFormat, profileFormat}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&c.normalize, "normalize", false, `take numbers in names for "#": digits, hexadecimal IDs, UUIDs`)
	flags.Var(&c.min, "min-change", "leave out paths whose self time changed less than `CHANGE`, such as 5% or 100us")
	flags.Var(&c.max, "fail-above", "exit with 1 if the total is longer by more than `CHANGE`, such as 10%")
	flags.BoolVar(&c.json, "json", false, "write JSON instead of a table")
	flags.StringVar(&c.to, "to", textFormat, `write "text", or a profile for "pprof"`)
	flags.StringVarP(&c.output, "output", "o", "-", `write to this file; "-" is standard output`)
	c.addMemoryFlag(cmd, onDiskUsage)
	cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(choice, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// run compares the inputs and returns the exit code.
func (c *comparison) run(ctx context.Context, inputs []string) (code int, err error) {
	if err := c.checkInputs(&inputs); err != nil {
		return exitUsage, err
	}
	choice := []string{textFormat, profileFormat}
	switch {
	case !slices.Contains(choice, c.to):
		return exitUsage, failure{usageError{fmt.Errorf("can't write a difference as %q", c.to)},
			"choose from " + strings.Join(choice, ", ")}
	case c.json && c.to != textFormat:
		return exitUsage, usageError{errors.New("--json and --to exclude each other")}
	case c.output == "":
		return exitUsage, usageError{errors.New("--output needs a name")}
	}
	code, err = c.do(ctx, func(out *output) error { return c.compare(ctx, inputs, out) })
	if err == nil && c.slower {
		code = exitFailed
	}
	return code, err
}

func (c *comparison) compare(ctx context.Context, inputs []string, out *output) error {
	var sums [2]*summary.Summary
	for i, name := range inputs {
		c.begin() // one at a time in memory
		if err := c.read(ctx, name, false); err != nil {
			return err
		}
		sum, losses := diff.Sum(c.trace.Events(), c.normalize)
		if err := c.trace.Err(); err != nil {
			return err
		}
		c.lost("put "+name+" in order", c.trace.Losses())
		c.lost("sum up "+name, losses)
		sums[i] = sum
	}
	c.begin()
	d := diff.Compare(sums[0], sums[1], c.min.Threshold)
	if err := out.write(func(w io.Writer) error { return c.report(w, d, inputs) }); err != nil {
		return err
	}
	if c.max.set && d.Slower(c.max.Threshold) {
		c.slower = true
		c.say("slower", "the total grew from %s to %s, by more than %v",
			summary.Duration(d.A.Total), summary.Duration(d.B.Total), &c.max)
	}
	return nil
}

func (c *comparison) report(w io.Writer, d *diff.Diff, inputs []string) error {
	switch {
	case c.json:
		return d.WriteJSON(w)
	case c.to == profileFormat:
		losses, err := d.WriteProfile(w)
		c.lost("write profile", losses)
		return err
	}
	return d.WriteText(w, diff.Style{NameA: inputs[0], NameB: inputs[1], Colour: c.colour()})
}

// colour reports whether what is written is looked at by a person who wants colours.
func (c *conversion) colour() bool {
	return c.output == "-" && terminal.Is(c.std.out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
