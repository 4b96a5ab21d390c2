package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/stats"
)

const statsHelp = `trace-convert stats counts what is in a trace: events by kinds, processes and tracks, times, durations, rates, what is
open at the end, and which names and attributes take most of the room.

Each INPUT is read for itself, as it goes by, so that its size doesn't matter. What happened in the trace is told by
"trace-convert --summary", and whether something is wrong with it by "trace-convert validate".

Durations are those of slices on all levels; half of them within 3ms means that the median is 3ms. Up to 2,048 of them
are exact, and more within 0.8 %. The room is that of texts in memory, not in the file.

With --json there is an object for each INPUT, with times in nanoseconds.

Exit codes:
  0    success
  1    failed
  2    the command line is wrong
  3    an input could be read only in part; what could be read was counted
  130  interrupted`

const statsExamples = `  trace-convert stats trace.json
  trace-convert stats --top 50 huge.pftrace
  trace-convert stats --json trace.json | jq '.slices.p99_ns'`

// counting is what one command line of stats asks for.
type counting struct {
	conversion
	json bool
	top  int
}

func statsCommand(code *int, std streams) *cobra.Command {
	s := counting{conversion: conversion{std: std}}
	cmd := &cobra.Command{
		Use:               "stats [flags] [INPUT...]",
		Short:             "Count what is in a trace",
		Long:              statsHelp,
		Example:           statsExamples,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			*code, err = s.run(cmd.Context(), args)
			return err
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&s.json, "json", false, "write JSON, for programs")
	flags.IntVar(&s.top, "top", 10, "how many tracks, names and attributes to show; 0 shows all tracks")
	flags.StringVarP(&s.output, "output", "o", "-", `write to this file; "-" is standard output`)
	return cmd
}

// run counts what is in the inputs and returns the exit code.
func (s *counting) run(ctx context.Context, inputs []string) (code int, err error) {
	if err := s.checkInputs(&inputs); err != nil {
		return exitUsage, err
	}
	switch {
	case s.output == "":
		return exitUsage, usageError{errors.New("--output needs a name")}
	case s.top < 0:
		return exitUsage, usageError{fmt.Errorf("--top %d is negative", s.top)}
	}
	return s.do(ctx, func(out *output) error {
		return out.write(func(w io.Writer) error {
			for i, name := range inputs {
				if err := s.count(ctx, name, i, len(inputs), w); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// statsReport is what --json writes about an input.
type statsReport struct {
	Input  string `json:"input"`
	Format string `json:"format"`
	*stats.Report
}

// count reports about one input, which is number i of n.
func (s *counting) count(ctx context.Context, name string, i, n int, w io.Writer) error {
	in, err := s.open(ctx, name)
	if err != nil {
		return err
	}
	defer in.close()
	in.bar.start()
	var sum stats.Stats
	events, err := each(in, sum.Add)
	if err := s.ended(ctx, in, events, "events", err); err != nil {
		return err
	}
	report := sum.Report(s.top, in.Losses())
	if s.json {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(statsReport{in.shown, in.Format.Name, report})
	}
	if n > 1 {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "== %s\n", in.shown)
	}
	fmt.Fprintf(w, "format: %s (%s)\n", in.Format.Name, in.Format.Description)
	return report.WriteText(w, s.top)
}

// each calls f for all events of a trace, and returns their number. The error is nil at the regular end.
func each(r tracefmt.Reader, f func(*tracefmt.Event)) (n int64, err error) {
	for {
		e, err := r.Next()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		f(e)
		n++
	}
}
