package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/validate"
)

const validateHelp = `trace-convert validate tells what is wrong with traces: with the files, such as syntax errors or a missing end, and
with what they say, such as slices that overlap on a track or parents that aren't there.

Each INPUT is read for itself, as it goes by, so that its size doesn't matter. Findings are grouped by rules; each has
the number of the first event, as trace-convert reads them, or the byte at which it is. Errors are against the format,
so that programs will disagree about what is meant; warnings are of things that are possible, but perhaps not meant:
the trace of a program that still runs, or was killed, has slices without an end.

These are the rules:

%s
With --json there is an object for each INPUT, with times in nanoseconds.

Exit codes:
  0    nothing was found
  1    failed: an input doesn't exist, or is in no known format
  2    the command line is wrong
  3    something was found
  130  interrupted`

const validateExamples = `  trace-convert validate trace.json
  trace-convert validate --errors *.json
  trace-convert validate --ignore unclosed-slice,lost trace.pftrace
  trace-convert validate --json trace.json | jq '.findings[].rule'`

// validation is what one command line of validate asks for.
type validation struct {
	conversion
	json   bool
	errors bool
	ignore []string

	found bool
}

func validateCommand(code *int, std streams) *cobra.Command {
	s := validation{conversion: conversion{std: std}}
	cmd := &cobra.Command{
		Use:               "validate [flags] [INPUT...]",
		Short:             "Tell what is wrong with a trace",
		Long:              fmt.Sprintf(validateHelp, ruleTable()),
		Example:           validateExamples,
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
	flags.BoolVar(&s.errors, "errors", false, "leave out warnings")
	flags.StringSliceVar(&s.ignore, "ignore", nil, "leave out findings of these `RULES`")
	flags.StringVarP(&s.output, "output", "o", "-", `write to this file; "-" is standard output`)
	cmd.RegisterFlagCompletionFunc("ignore", cobra.FixedCompletions(ruleNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func ruleTable() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range validate.Rules() {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", r.Severity, r.Rule, r.Text)
	}
	w.Flush()
	return b.String()
}

func ruleNames() (names []string) {
	for _, r := range validate.Rules() {
		names = append(names, string(r.Rule))
	}
	return names
}

// run validates the inputs and returns the exit code.
func (s *validation) run(ctx context.Context, inputs []string) (code int, err error) {
	if err := s.checkInputs(&inputs); err != nil {
		return exitUsage, err
	}
	if s.output == "" {
		return exitUsage, usageError{errors.New("--output needs a name")}
	}
	known := strings.Join(ruleNames(), ",") + ","
	for _, rule := range s.ignore {
		if !strings.Contains(","+known, ","+rule+",") {
			return exitUsage, failure{usageError{fmt.Errorf("--ignore: there is no rule %q", rule)},
				`"trace-convert validate --help" lists them`}
		}
	}
	code, err = s.do(ctx, func(out *output) error {
		return out.write(func(w io.Writer) error {
			for _, name := range inputs {
				if err := s.validate(ctx, name, w); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err == nil && s.found {
		code = exitPartly
	}
	return code, err
}

// validateReport is what --json writes about an input.
type validateReport struct {
	Input    string             `json:"input"`
	Format   string             `json:"format"`
	Valid    bool               `json:"valid"` // nothing was found
	Events   int64              `json:"events"`
	Findings []validate.Finding `json:"findings"`
}

func (s *validation) validate(ctx context.Context, name string, w io.Writer) error {
	in, err := s.open(ctx, name)
	if err != nil {
		return err
	}
	defer in.close()
	in.bar.start()
	v := validate.Validator{Unordered: in.Format.Spans}
	n, err := each(in, v.Add)
	in.bar.stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r := validateReport{Input: in.shown, Format: in.Format.Name, Events: n, Findings: []validate.Finding{}}
	for _, f := range v.Finish(err, in.Losses()) {
		if !s.ignores(f) {
			r.Findings = append(r.Findings, f)
		}
	}
	r.Valid = len(r.Findings) == 0
	s.found = s.found || !r.Valid
	if s.json {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	return r.writeText(w)
}

func (s *validation) ignores(f validate.Finding) bool {
	if s.errors && f.Severity != validate.Error {
		return true
	}
	for _, rule := range s.ignore {
		if string(f.Rule) == rule {
			return true
		}
	}
	return false
}

func (r *validateReport) writeText(w io.Writer) error {
	for _, f := range r.Findings {
		var b strings.Builder
		fmt.Fprintf(&b, "%s: %s: %s: %s", r.Input, f.Severity, f.Rule, printable(f.Text))
		if f.Count > 1 {
			fmt.Fprintf(&b, " (%dx)", f.Count)
		}
		if f.Most > 0 {
			fmt.Fprintf(&b, ", by %s at most", summary.Duration(f.Most))
		}
		b.WriteString(example(f))
		if _, err := fmt.Fprintln(w, b.String()); err != nil {
			return err
		}
	}
	if !r.Valid {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s: nothing found in %d events, format %s\n", r.Input, r.Events, r.Format)
	return err
}

// example says where a finding is, and shows the first of several.
func example(f validate.Finding) string {
	place := ""
	switch {
	case f.Event > 0:
		place = fmt.Sprintf("event %d", f.Event)
	case f.Offset >= 0:
		place = fmt.Sprintf("at byte %d", f.Offset)
	}
	text := join(place, printable(f.Example))
	switch {
	case text == "":
		return ""
	case f.Count > 1:
		return "; the first: " + text
	}
	return "; " + text
}
