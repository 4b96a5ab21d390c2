package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/anonymize"
)

const anonymizeHelp = `trace-convert anonymize writes a trace that can be shown to others: what happened when stays, and what it was called
goes.

Names of slices, processes, hosts and tracks, log messages, and attributes with their names are replaced word by word,
by pseudonyms such as "k3b-xe2-m0l"; slashes and other punctuation stay, so that paths are still paths. Words that are
equal stay equal. Numbers keep their first digit only, pids and tids are numbered anew, IDs are made anew and still
join what belongs together. Times begin at zero, and the wall clock is left out. No word of four characters or more is
in the output unless it is kept, or is one of the few that all traces have: categories such as "task", "error",
"subsystem".

--keep leaves things as they are: name, category, message, process, track, key (names of attributes), id, or attr:KEY
for an attribute with its name. It can be given several times, and takes lists.

The pseudonyms are different each time, unless there is a --key: then they are the same for all traces with that key.
Whoever knows the key can try out guesses, and the command line can be seen by other users of the machine.

It is no proof against those who know much about what the trace is of: durations and numbers of things can be
recognised.

The flags that keep a part of the trace are those of trace-convert; they see the trace as it was.

Exit codes are those of trace-convert.`

const anonymizeExamples = `  trace-convert anonymize trace.json -o public.json.gz
  trace-convert anonymize --keep name,category,attr:error --keep-numbers trace.json -o public.json
  trace-convert anonymize --key "$(cat secret)" monday.json -o a.json
  trace-convert anonymize trace.json --task 'replicate *' -o public.json`

// hiding is what one command line of anonymize asks for.
type hiding struct {
	conversion
	options anonymize.Options
	key     string
	keep    []string
}

func anonymizeCommand(code *int, std streams) *cobra.Command {
	s := hiding{conversion: conversion{std: std}}
	cmd := &cobra.Command{
		Use:               "anonymize [flags] [INPUT...]",
		Short:             "Write a trace without what it tells about those whom it is from",
		Long:              anonymizeHelp,
		Example:           anonymizeExamples,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			*code, err = s.run(cmd, args)
			return err
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&s.keep, "keep", nil, "leave these `PARTS` as they are")
	flags.BoolVar(&s.options.KeepNumbers, "keep-numbers", false, "leave numbers as they are, pids too")
	flags.BoolVar(&s.options.KeepTime, "keep-time", false, "leave times as they are, and the wall clock")
	flags.StringVar(&s.key, "key", "", "make the same pseudonyms for all traces with this `TEXT`")
	s.addTraceFlags(cmd)
	flags.StringVarP(&s.output, "output", "o", "-", `write to this file; "-" is standard output`)
	s.filter.add(cmd)
	cmd.RegisterFlagCompletionFunc("keep", cobra.FixedCompletions(anonymousParts(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func anonymousParts() (names []string) {
	for _, p := range anonymize.Parts() {
		names = append(names, string(p))
	}
	return append(names, "attr:KEY")
}

// run anonymizes the inputs and returns the exit code.
func (s *hiding) run(cmd *cobra.Command, inputs []string) (code int, err error) {
	for _, text := range s.keep {
		if err := s.options.ParseKeep(text); err != nil {
			return exitUsage, failure{usageError{fmt.Errorf("--keep: %w", err)},
				"choose from " + strings.Join(anonymousParts(), ", ")}
		}
	}
	if s.key == "" && cmd.Flags().Changed("key") {
		return exitUsage, usageError{errors.New("--key is empty")}
	}
	s.options.Key = []byte(s.key)
	s.filter.after = func(r tracefmt.Reader) tracefmt.Reader { return anonymize.NewReader(r, s.options) }
	return s.conversion.run(cmd.Context(), inputs)
}
