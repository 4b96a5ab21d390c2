package main

import (
	"errors"

	"github.com/spf13/cobra"
)

const mergeHelp = `trace-convert merge puts several traces and logs on one timeline, as trace-convert does with several INPUTs anyway.

Traces are aligned by their clock anchors, and keep their processes and tracks; numbers that two of them share by chance
are told apart. Logs, as JSON or logfmt with the ID stack in each line, are aligned by the times of their lines, each of
which moves to the track of its span. If a trace doesn't have that span, because it was left out or its process died, the
line is on the nearest span around it that there is, and if there is none, on a track for its root task. A line that a
trace has already, of the same span, level, message and time, is there once. No time is changed for being outside of its
span; but where the wall clock was stepped, lines follow the clock of the trace. Logs alone give a timeline, too.

What became of the lines is told on standard error, with counts.

Exit codes are those of trace-convert.`

const mergeExamples = `  trace-convert merge trace.json zferry.log -o both.json             # log lines on their spans
  trace-convert merge sender.json receiver.json s.log r.log -o all.json.gz
  trace-convert merge --summary trace.json zferry.log`

func mergeCommand(code *int, std streams) *cobra.Command {
	c := conversion{std: std}
	cmd := &cobra.Command{
		Use:               "merge [flags] INPUT...",
		Short:             "Put traces and logs on one timeline, log lines on their spans",
		Long:              mergeHelp,
		Example:           mergeExamples,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usageError{errors.New("merge needs two inputs at least")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			*code, err = c.run(cmd.Context(), args)
			return err
		},
	}
	c.addFlags(cmd)
	return cmd
}
