package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/spanlog"
)

const grepHelp = `trace-convert grep prints what belongs to a task or span and to all that is below it: what it did itself, its spans,
and the tasks that it started, in whatever process.

ID is that of the task or span: the 13 letters and digits that are in a trace and in the ID stack of a log line, or the
whole stack, of which the last member counts. OpenTelemetry's span IDs (16 hexadecimal digits) are the same in another
form; one of its trace IDs (32 digits) finds a whole trace.

If all INPUTs are logs, as JSON or logfmt, their lines are printed as they are, in the order of the INPUTs. Unlike with
plain grep, ID has to be a whole member of a line's ID stack (or, of OpenTelemetry's, its span_id or trace_id), and not
just anywhere in the line. Logs in human format can't be searched: they are not made to be read by programs.

If there is a trace among the INPUTs, they are merged as by "trace-convert merge", and what is found is listed in the
order of time, a line an event: seconds since the beginning, duration, track, and name with attributes. With --to, or an
OUTPUT whose name says so, it is written as a trace instead, of logs, too. Counters belong to no span, and are left out.

Exit codes:
  0    something was found
  1    failed; no output file was written
  2    the command line is wrong
  3    an input could be read only in part; what could be read was searched
  4    nothing was found; no output file was written
  130  interrupted; no output file was written`

const grepExamples = `  trace-convert grep m7lgfaavf2yy7 zferry.log                # the lines of one span and of all below it
  tail -f zferry.log | trace-convert grep m7lgfaavf2yy7      # and those that will come
  trace-convert grep m7lgfaavf2yy7 trace.json zferry.log     # with its spans, in the order of time
  trace-convert grep m7lgfaavf2yy7 trace.json -o part.json   # a trace of it alone`

// textFormat is the name by which --to asks for the listing.
const textFormat = "text"

// search is what one command line of grep asks for.
type search struct {
	conversion
	query query
}

func grepCommand(code *int, std streams) *cobra.Command {
	s := search{conversion: conversion{std: std}}
	cmd := &cobra.Command{
		Use:     "grep [flags] ID [INPUT...]",
		Short:   "Find what belongs to a task or span, in logs and traces",
		Long:    grepHelp,
		Example: grepExamples,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("no ID given")}
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			*code, err = s.run(cmd.Context(), args[0], args[1:])
			return err
		},
	}
	choice := append([]string{textFormat}, writable()...)
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&s.to, "to", "", `write this format ("text" unless OUTPUT's name says otherwise)`)
	flags.StringVarP(&s.output, "output", "o", "-", `write to this file; "-" is standard output`)
	s.addMemoryFlag(cmd, onDiskUsage)
	cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(choice, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// run searches the inputs and returns the exit code.
func (s *search) run(ctx context.Context, id string, inputs []string) (code int, err error) {
	if s.query, err = parseQuery(id); err != nil {
		return exitUsage, err
	}
	if err := s.checkInputs(&inputs); err != nil {
		return exitUsage, err
	}
	switch {
	case s.output == "":
		return exitUsage, usageError{errors.New("--output needs a name")}
	case s.to != "" && s.to != textFormat:
		s.format = tracefmt.Lookup(s.to)
		if err := s.checkFormat(append([]string{textFormat}, writable()...)); err != nil {
			return exitUsage, err
		}
	case s.to == "" && s.output != "-":
		if f := tracefmt.ByExtension(s.output); f != nil && f.NewWriter != nil {
			s.format = f
		}
	}
	return s.do(ctx, func(out *output) error { return s.search(ctx, inputs, out) })
}

func (s *search) search(ctx context.Context, inputs []string, out *output) error {
	var sources []*source
	defer func() {
		for _, src := range sources {
			src.close()
		}
	}()
	logs := true
	for _, name := range inputs {
		src, err := s.open(ctx, name)
		if err != nil {
			return err
		}
		sources = append(sources, src)
		logs = logs && src.Format == spanlog.Format
	}
	if logs && s.format == nil {
		return s.lines(ctx, sources, out)
	}
	for _, src := range sources {
		src.bar.start()
		n, err := s.trace.Read(src)
		if err := s.trace.Err(); err != nil {
			return err
		}
		if err := s.ended(ctx, src, n, "events", err); err != nil {
			return err
		}
	}
	s.alignInputs()
	found := s.trace.Below(s.query.matches)
	if !contains(found, func(e *tracefmt.Event) bool { return e.Kind > tracefmt.Clock }) {
		if err := s.trace.Err(); err != nil {
			return err
		}
		return s.nothing()
	}
	return out.write(func(w io.Writer) error {
		if s.format != nil {
			return s.writeTrace(w, found)
		}
		s.sayPlacement()
		s.lost("put in order", s.trace.Losses())
		if err := list(w, found, s.first()); err != nil {
			return err
		}
		return s.trace.Err()
	})
}

// contains reports whether one of the events is what is looked for.
func contains(events iter.Seq[*tracefmt.Event], is func(*tracefmt.Event) bool) bool {
	for e := range events {
		if is(e) {
			return true
		}
	}
	return false
}

// first returns the time of the first event of all.
func (s *search) first() int64 {
	for e := range s.trace.Events() {
		if e.Kind > tracefmt.Clock {
			return e.Time
		}
	}
	return 0
}

// nothing says that nothing was found.
func (s *search) nothing() error {
	s.say("info", "nothing in the input belongs to %s", s.query.text)
	return errNothing
}

// lines prints the lines of logs.
func (s *search) lines(ctx context.Context, sources []*source, out *output) error {
	return out.write(func(w io.Writer) error {
		found := false
		for _, src := range sources {
			r := src.Reader.(*spanlog.Reader)
			n := int64(0)
			for {
				e, err := r.Next()
				if err != nil {
					if err == io.EOF {
						err = nil
					}
					if err := s.ended(ctx, src, n, "lines", err); err != nil {
						return err
					}
					break
				}
				if e.Kind != tracefmt.Log {
					continue
				}
				n++
				if !s.query.matches(e) {
					continue
				}
				found = true
				if err := printLine(w, r.Line(), src.slow); err != nil {
					return err
				}
			}
		}
		if !found {
			return s.nothing()
		}
		return nil
	})
}

// printLine prints a line; at once, if the next may take its time.
func printLine(w io.Writer, line []byte, atOnce bool) error {
	if _, err := w.Write(line); err != nil {
		return err
	}
	if _, err := w.Write([]byte("\n")); err != nil {
		return err
	}
	if f, ok := w.(interface{ Flush() error }); ok && atOnce {
		return f.Flush()
	}
	return nil
}

// query is what to look for.
type query struct {
	text  string   // as given
	ids   []string // of the task or span, in the forms that formats have
	span  string   // OpenTelemetry's span ID, in hexadecimal
	trace string   // its trace ID; "" if it isn't known
}

const idHint = `an ID is 13 of the digits a-z and 2-7, as in a log line's "trace", ` +
	`or 16 or 32 hexadecimal digits, as OpenTelemetry's`

// parseQuery reads an ID in any of its forms.
func parseQuery(text string) (query, error) {
	q := query{text: text}
	id := text
	if stack := tracefmt.Stack(text); stack.Valid() {
		id = stack.Innermost()
	}
	if n, err := trace.ParseID(id); err == nil && n != 0 {
		q.add(n)
		return q, nil
	}
	b, err := hex.DecodeString(id)
	switch {
	case err == nil && len(b) == 8:
		if n := bigEndian(b); n != 0 {
			q.add(n)
			return q, nil
		}
	case err == nil && len(b) == 16 && strings.Trim(id, "0") != "":
		q.trace = strings.ToLower(id)
		if n := bigEndian(b[8:]); n != 0 {
			q.ids = []string{n.String()} // of the root, if package trace made the trace ID
		}
		return q, nil
	}
	return q, failure{usageError{fmt.Errorf("%q is not an ID", text)}, idHint}
}

func (q *query) add(id trace.ID) {
	q.span = fmt.Sprintf("%016x", uint64(id))
	q.ids = []string{id.String(), q.span}
}

func bigEndian(b []byte) (id trace.ID) {
	for _, c := range b {
		id = id<<8 | trace.ID(c)
	}
	return id
}

// matches reports whether an event is of what is looked for itself, or a log line anywhere below.
func (q *query) matches(e *tracefmt.Event) bool {
	var stack tracefmt.Stack
	if e.Kind == tracefmt.Log && e.Parent != "" {
		stack = tracefmt.Stack(e.Attr(tracefmt.AttrStack).String())
	}
	for _, id := range q.ids {
		if e.ID == id || e.Parent == id || stack.Contains(id) {
			return true
		}
	}
	return q.span != "" && e.Attr(attrSpan).String() == q.span || q.trace != "" && e.Attr(attrTrace).String() == q.trace
}

// Attributes in which OpenTelemetry's IDs are, by its "Trace context in non-OTLP log formats".
const (
	attrSpan  = "span_id"
	attrTrace = "trace_id"
)
