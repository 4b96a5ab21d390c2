package main

import (
	"errors"

	"github.com/spf13/cobra"
)

const mergeHelp = `trace-convert merge puts several traces and logs on one timeline, as trace-convert does with several INPUTs anyway.

Traces are aligned by their clock anchors, which say what the wall clock was, and by the messages between them: a span
whose parent is in another trace ran while that did, and an arrow doesn't end before it began. Where the wall clocks of
two machines differ by more than that allows, a warning tells so, and the messages are heeded; so they are for traces
without an anchor, and for all with --align=pairs. Told is by how much times were moved, and the greatest error that
this can have. --offset moves an input by a time that is known, besides what its anchor says; the others stay for it.

Traces keep their processes and tracks; numbers that two of them share by chance are told apart. Logs, as JSON or logfmt
with the ID stack in each line, are aligned by the times of their lines, each of which moves to the track of its span.
If a trace doesn't have that span, because it was left out or its process died, the line is on the nearest span around
it that there is, and if there is none, on a track for its root task. A line that a trace has already, of the same span,
level, message and time, is there once. No time is changed for being outside of its span; but where the wall clock was
stepped, or was wrong, lines follow the clock of the trace. Logs alone give a timeline, too.

What became of the lines is told on standard error, with counts.

Exit codes are those of trace-convert.`

const mergeExamples = `  trace-convert merge trace.json zferry.log -o both.json             # log lines on their spans
  trace-convert merge sender.json receiver.json s.log r.log -o all.json.gz
  trace-convert merge --summary trace.json zferry.log
  trace-convert merge --align=pairs client.json server.json -o both.json
  trace-convert merge --offset server.json=-137ms client.json server.json -o both.json`

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
			if err := c.setOffsets(args); err != nil {
				return err
			}
			*code, err = c.run(cmd.Context(), args)
			return err
		},
	}
	c.addFlags(cmd)
	c.addAlignFlags(cmd)
	return cmd
}
