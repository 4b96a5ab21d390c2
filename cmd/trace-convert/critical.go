package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/critical"
)

const criticalHelp = `trace-convert critical-path tells which slices determined how long a slice took, across tracks, tasks and processes. To
make it faster, one of these has to become faster; what ran beside them doesn't matter.

The path is found from the end backwards: before a slice could go on, the one that it had waited for last had to finish.
A slice waits for its children, by their IDs, for slices inside of it on its track, and for those from which arrows
come. Each moment of the slice is in one segment of the path. In a segment, its slice was at work itself, on behalf of
those that it is indented below.

The slice is the longest of those that have no parent, unless --span says otherwise: by its ID, or by a pattern for its
name, of which the longest is taken. "*" stands for any text, "?" for any character.

With --to or an OUTPUT whose name says so, the trace is converted, with a track "critical path" more: it has a slice for
each segment, and an arrow to there from the slice that was at work.

Several INPUTs are merged as by "trace-convert merge". What is outside of its parent in another process, by the clocks,
is clipped and counted.

Exit codes:
  0    success
  1    failed; no output file was written
  2    the command line is wrong
  3    an input could be read only in part; what could be read was searched
  4    there is no such slice; no output file was written
  130  interrupted; no output file was written`

const criticalExamples = `  trace-convert critical-path trace.json                         # of the longest task
  trace-convert critical-path --span 'replicate*' a.json b.json
  trace-convert critical-path trace.json -o marked.pftrace       # as a track, for ui.perfetto.dev`

// pathFinding is what one command line of critical-path asks for.
type pathFinding struct {
	conversion
	span string
	json bool
}

func criticalCommand(code *int, std streams) *cobra.Command {
	c := pathFinding{conversion: conversion{std: std, lossy: lossyWarn}}
	cmd := &cobra.Command{
		Use:               "critical-path [flags] [INPUT...]",
		Short:             "Find the chain of slices that determined how long a slice took",
		Long:              criticalHelp,
		Example:           criticalExamples,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			*code, err = c.run(cmd.Context(), args)
			return err
		},
	}
	choice := append([]string{textFormat}, writable()...)
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&c.span, "span", "", "the `SLICE`: its ID, or a pattern for its name, such as 'send *'")
	flags.BoolVar(&c.json, "json", false, "write JSON instead of tables")
	flags.StringVar(&c.to, "to", "",
		`write the trace in this format, with the path marked ("text" unless OUTPUT's name says otherwise)`)
	flags.StringVarP(&c.output, "output", "o", "-", `write to this file; "-" is standard output`)
	c.addMemoryFlag(cmd, onDiskUsage)
	cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(choice, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// run finds the path and returns the exit code.
func (c *pathFinding) run(ctx context.Context, inputs []string) (code int, err error) {
	if err := c.checkInputs(&inputs); err != nil {
		return exitUsage, err
	}
	switch {
	case c.output == "":
		return exitUsage, usageError{errors.New("--output needs a name")}
	case c.json && c.to != "":
		return exitUsage, usageError{errors.New("--json and --to exclude each other")}
	case c.json, c.to == textFormat:
	case c.to != "":
		c.format = tracefmt.Lookup(c.to)
		if err := c.checkFormat(append([]string{textFormat}, writable()...)); err != nil {
			return exitUsage, err
		}
	case c.output != "-":
		if f := tracefmt.ByExtension(c.output); f != nil && f.NewWriter != nil {
			c.format = f
		}
	}
	return c.do(ctx, func(out *output) error { return c.find(ctx, inputs, out) })
}

func (c *pathFinding) find(ctx context.Context, inputs []string, out *output) error {
	for _, name := range inputs {
		if err := c.read(ctx, name, false); err != nil {
			return err
		}
	}
	c.alignInputs()
	var t critical.Trace
	for e := range c.trace.Events() {
		t.Add(e)
	}
	if err := c.trace.Err(); err != nil {
		return err
	}
	s := t.Longest()
	if c.span != "" {
		s = t.Find(c.span)
	}
	if s == nil {
		what := "slice"
		if c.span != "" {
			what = fmt.Sprintf("slice with the ID or name %q", c.span)
		}
		c.say("info", "there is no %s in the input", what)
		return errNothing
	}
	path := t.Path(s)
	c.lost("find the critical path", t.Losses())
	return out.write(func(w io.Writer) error {
		switch {
		case c.format != nil:
			return c.writeTrace(w, t.Mark(c.trace.Events(), path))
		case c.json:
			return t.WriteJSON(w, path)
		}
		return t.WriteText(w, path)
	})
}
