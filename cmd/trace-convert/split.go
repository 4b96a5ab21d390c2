package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/internal/bytesize"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/split"
)

const splitHelp = `trace-convert split writes a trace as several, each of which can be loaded alone.

PATTERN is the name of the parts, with "%n" where their numbers go: 001, 002, and so on.

--every and --size cut the trace along its time; with both, whatever comes first. A slice that crosses an edge is in
each part that it has time in, whole, so that sums over parts count it several times. An arrow from one part to another
has its start only. Stretches in which nothing happens have no part. --size is about the size of the file, packed or
not; it isn't for formats that are written all at once ("whole" in the list of formats).

--by process makes a part of each process. --by trace makes one of each trace in a file of many: by OpenTelemetry's
trace ID, if there is one, else by the outermost task or span that things are below. What belongs to none is in a part
of its own. Arrows between parts are left out.

The flags that keep a part of the trace are those of trace-convert; they come first. The parts get their names when
all are complete. What is in them is told on standard error.

Exit codes are those of trace-convert.`

const splitExamples = `  trace-convert split trace.json --every 10s -o part-%n.json
  trace-convert split trace.pftrace --size 100MB -o part-%n.pftrace
  trace-convert split --by process all.json.gz -o process-%n.json.gz
  trace-convert split --by trace spans.json --task 'GET *' -o request-%n.json`

// maxParts bounds the number of parts, unless more are wanted.
const maxParts = 1000

// splitting is what one command line of split asks for.
type splitting struct {
	conversion
	every time.Duration
	size  string
	by    string
	limit int

	parts parts
}

func splitCommand(code *int, std streams) *cobra.Command {
	s := splitting{conversion: conversion{std: std}}
	cmd := &cobra.Command{
		Use:               "split [flags] -o PATTERN [INPUT...]",
		Short:             "Write a trace as several, by time, size, process or trace ID",
		Long:              splitHelp,
		Example:           splitExamples,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			*code, err = s.run(cmd.Context(), args)
			return err
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.DurationVar(&s.every, "every", 0, "begin a part after each stretch of this `DURATION`")
	flags.StringVar(&s.size, "size", "", "begin a part when one has about this `SIZE`, such as 100MB")
	flags.StringVar(&s.by, "by", "", `make a part of each "process" or "trace"`)
	flags.IntVar(&s.limit, "max-parts", maxParts, "fail if there would be more parts than this")
	s.addTraceFlags(cmd)
	flags.StringVarP(&s.output, "output", "o", "", "the parts' names: a `PATTERN` with %n in it")
	s.filter.add(cmd)
	choice := []string{"process", "trace"}
	cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(choice, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// run splits the inputs and returns the exit code.
func (s *splitting) run(ctx context.Context, inputs []string) (code int, err error) {
	options, err := s.checkSplit()
	if err != nil {
		return exitUsage, err
	}
	if err := s.check(&inputs); err != nil {
		return exitUsage, err
	}
	if options.Size > 0 && s.format.Mode != tracefmt.Streaming {
		err := fmt.Errorf("--size can't be met in format %q, which is written all at once", s.format.Name)
		return exitUsage, failure{usageError{err}, "use --every, or another format"}
	}
	defer s.parts.discard() // what is complete isn't touched
	return s.do(ctx, func(*output) error { return s.split(ctx, inputs, options) })
}

// checkSplit checks the flags that are split's own.
func (s *splitting) checkSplit() (o split.Options, err error) {
	if s.size != "" {
		if o.Size, err = bytesize.Parse(s.size); err != nil {
			return o, usageError{fmt.Errorf("--size: %w", err)}
		}
	}
	o.Every = int64(s.every)
	along := s.every != 0 || s.size != ""
	switch {
	case s.every < 0 || s.every == 0 && s.size == "0B" || s.size != "" && o.Size == 0:
		return o, usageError{errors.New("--every and --size have to be more than nothing")}
	case s.by != "" && s.by != "process" && s.by != "trace":
		return o, failure{usageError{fmt.Errorf("can't split by %q", s.by)}, "choose from process, trace"}
	case along && s.by != "":
		return o, usageError{errors.New("--by and --every or --size exclude each other")}
	case !along && s.by == "":
		return o, usageError{errors.New("split needs --every, --size or --by")}
	case !strings.Contains(s.output, "%n"):
		return o, failure{usageError{errors.New("--output needs a name with %n in it, where the parts' numbers go")},
			"such as -o part-%n.json"}
	case s.limit < 1:
		return o, usageError{errors.New("--max-parts has to be 1 at least")}
	}
	return o, nil
}

func (s *splitting) split(ctx context.Context, inputs []string, o split.Options) error {
	for i, name := range inputs {
		if err := s.read(ctx, name, len(inputs) == 1 && s.by == ""); err != nil {
			return err
		}
		if rest := s.rest; rest != nil && i == 0 {
			defer rest.close()
			return s.splitStream(ctx, rest, o)
		}
	}
	s.alignInputs()
	events, failed := s.filter.events(&s.trace)
	var err error
	if s.by != "" {
		err = s.group(events, failed)
	} else {
		err = s.along(events, o)
	}
	if err == nil {
		err = failed()
	}
	if err != nil {
		return err
	}
	s.sayPlacement()
	s.lost("put in order", s.trace.Losses())
	return s.finish()
}

// splitStream splits what is too large to be held.
func (s *splitting) splitStream(ctx context.Context, in *source, o split.Options) error {
	if err := s.leave(ctx, in); err != nil {
		return err
	}
	events, failed := eventsOf(in)
	if err := s.along(events, o); err != nil {
		return err
	}
	if err := s.ended(ctx, in, s.parts.events(), "events", failed()); err != nil {
		return err
	}
	return s.finish()
}

// finish names the parts, and tells what is in them.
func (s *splitting) finish() error {
	if err := s.complete(); err != nil {
		return err
	}
	if err := s.parts.commit(); err != nil {
		return err
	}
	s.reportFilter()
	for _, p := range s.parts.list {
		s.say("info", "%s", p.told)
	}
	return nil
}

// along splits by time or size.
func (s *splitting) along(events iter.Seq[*tracefmt.Event], o split.Options) error {
	w := split.NewWriter(o, func(n int) (split.Part, error) {
		if n > s.limit {
			return nil, s.tooMany(fmt.Sprintf("more than %d", s.limit))
		}
		return s.part(n)
	})
	for e := range events {
		if err := w.Write(e); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	s.lost("split", w.Losses())
	s.sayPartLosses()
	return nil
}

// group splits by processes or traces.
func (s *splitting) group(events iter.Seq[*tracefmt.Event], failed func() error) error {
	t := &s.trace
	if !s.filter.options.IsZero() {
		t = s.collect(events)
		defer t.Close()
		if err := cmp.Or(failed(), t.Err()); err != nil {
			return err
		}
	}
	by := split.ByProcess
	if s.by == "trace" {
		by = split.ByTrace
	}
	groups, losses := by(t)
	if err := t.Err(); err != nil {
		return err
	}
	if len(groups) > s.limit {
		return s.tooMany(fmt.Sprint(len(groups)))
	}
	for i, g := range groups {
		p, err := s.part(i + 1)
		if err != nil {
			return err
		}
		for e := range g.Events() {
			if err := p.Write(e); err != nil {
				return err
			}
		}
		if err := t.Err(); err != nil {
			return err
		}
		if err := p.Close(); err != nil {
			return err
		}
		name := s.by + " " + printable(g.Name)
		if g.Name == "" {
			name = "what belongs to no " + s.by
		}
		p.told += ", " + name
	}
	s.lost("split", losses)
	s.sayPartLosses()
	return nil
}

// part creates part n.
func (s *splitting) part(n int) (*part, error) {
	p, err := s.parts.add(s.nameOf(n), s.format)
	if err == nil {
		s.limited(p.Writer)
	}
	return p, err
}

func (s *splitting) tooMany(n string) error {
	return failure{fmt.Errorf("split: there would be %s parts", n), "let there be fewer, or allow more by --max-parts"}
}

func (s *splitting) nameOf(n int) string {
	return strings.ReplaceAll(s.output, "%n", fmt.Sprintf("%03d", n))
}

// sayPartLosses tells what the format lost in all parts together.
func (s *splitting) sayPartLosses() {
	sum := make(map[string]int64)
	for _, p := range s.parts.list {
		for _, loss := range tracefmt.LossesOf(p.Writer) {
			sum[loss.What] += loss.Count
		}
	}
	for _, what := range slices.Sorted(maps.Keys(sum)) {
		s.lost("write "+s.format.Name, []tracefmt.Loss{{What: what, Count: sum[what], Offset: -1}})
	}
}
