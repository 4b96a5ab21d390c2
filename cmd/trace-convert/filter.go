package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/filter"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

const filterHelp = `--from, --until, --task, --span, --attr, --min-duration and --max-depth keep a part of the trace: what meets all of
them. Log lines, instants and arrows share the fate of the slice that they belong to; what belongs to none stays unless
slices are chosen by --task, --span or --attr. How much is left is told on standard error.

A TIME is 2026-01-31T09:05:00Z (RFC 3339) or 1769850300.5 (Unix seconds), if the trace says what the wall clock was;
+1.5s counts from its first event, -2s from its end, and 40% is a part of its duration. In a PATTERN "*" stands for any
text and "?" for a character. A CONDITION is key (there is such an attribute), key=value, key!=value, key~regexp or
key!~regexp. Several --task or --span are alternatives; several --attr have to be met all.

Only if nothing is asked for but times can a large trace be converted as a stream; otherwise it goes through temporary
files, and some 500 bytes of each slice stay in memory, whatever --memory says. A file is read twice if times depend on
its beginning or its end.`

const filterExamples = `  trace-convert trace.json --from 10% --until 40% -o part.json
  trace-convert trace.json --task 'replicate tank/*' --min-duration 10ms -o slow.json
  trace-convert trace.json --attr error --attr dataset~^tank/ --summary`

// filterFlags are the flags that keep a part of a trace.
type filterFlags struct {
	from, until         string
	tasks, spans, attrs []string
	clip                bool
	minDuration         time.Duration
	maxDepth            int

	options filter.Options
	reader  *filter.Reader                        // of the last wrap
	after   func(tracefmt.Reader) tracefmt.Reader // what is done to what is left; nil if nothing is
}

func (f *filterFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "leave out what is before this `TIME`")
	flags.StringVar(&f.until, "until", "", "leave out what is after this `TIME`")
	flags.BoolVar(&f.clip, "clip", false, "cut slices at --from and --until, instead of keeping them whole")
	flags.StringArrayVar(&f.tasks, "task", nil, "keep only tasks of names with this `PATTERN`, and all that is below them")
	flags.StringArrayVar(&f.spans, "span", nil, "keep only slices of names with this `PATTERN`")
	flags.StringArrayVar(&f.attrs, "attr", nil, "keep only slices whose attributes meet this `CONDITION`")
	flags.DurationVar(&f.minDuration, "min-duration", 0, "keep only slices that last this long at least")
	flags.IntVar(&f.maxDepth, "max-depth", 0, "keep only slices up to this depth on their track; 1 are the outermost")
}

// check reads what the flags say.
func (f *filterFlags) check() (err error) {
	o := filter.Options{Clip: f.clip, MinDuration: int64(f.minDuration), MaxDepth: f.maxDepth}
	if f.from != "" {
		if o.From, err = filter.ParseBound(f.from); err != nil {
			return usageError{fmt.Errorf("--from: %w", err)}
		}
	}
	if f.until != "" {
		if o.To, err = filter.ParseBound(f.until); err != nil {
			return usageError{fmt.Errorf("--until: %w", err)}
		}
	}
	if o.Tasks, err = parseEach("--task", f.tasks, filter.ParseGlob); err != nil {
		return err
	}
	if o.Spans, err = parseEach("--span", f.spans, filter.ParseGlob); err != nil {
		return err
	}
	if o.Attrs, err = parseEach("--attr", f.attrs, filter.ParseAttr); err != nil {
		return err
	}
	switch {
	case f.minDuration < 0:
		return usageError{fmt.Errorf("--min-duration %v is negative", f.minDuration)}
	case f.maxDepth < 0:
		return usageError{fmt.Errorf("--max-depth %d is negative", f.maxDepth)}
	case f.clip && f.from == "" && f.until == "":
		return usageError{errors.New("--clip needs --from or --until")}
	}
	f.options = o
	return nil
}

func parseEach[T any](flag string, texts []string, parse func(string) (T, error)) (list []T, err error) {
	for _, text := range texts {
		v, err := parse(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", flag, err)}
		}
		list = append(list, v)
	}
	return list, nil
}

// wrap returns a reader of what the flags leave of r: r itself, if there are none.
func (f *filterFlags) wrap(r tracefmt.Reader) tracefmt.Reader {
	if !f.options.IsZero() {
		f.reader = filter.NewReader(r, f.options)
		r = f.reader
	}
	if f.after != nil {
		r = f.after(r)
	}
	return r
}

// events yields what the flags leave of a trace, if it can be told. The error is there when all were yielded.
func (f *filterFlags) events(t *timeline.Timeline) (events iter.Seq[*tracefmt.Event], failed func() error) {
	events, ended := eventsOf(f.wrap(t.NewReader()))
	return events, func() error { return f.explain(ended()) }
}

// eventsOf yields the events of a reader. The error is there when all were yielded: nil at the regular end.
func eventsOf(r tracefmt.Reader) (events iter.Seq[*tracefmt.Event], failed func() error) {
	var err error
	return func(yield func(*tracefmt.Event) bool) {
			for {
				var e *tracefmt.Event
				if e, err = r.Next(); err != nil || !yield(e) {
					return
				}
			}
		}, func() error {
			if err == io.EOF {
				return nil
			}
			return err
		}
}

// explain gives an error of the filter a hint.
func (f *filterFlags) explain(err error) error {
	switch {
	case errors.Is(err, filter.ErrNoClock):
		return failure{fmt.Errorf("find --from and --until: %w", err),
			"count from its beginning, as in --from +1.5s, or in per cent"}
	case errors.Is(err, filter.ErrOrder):
		return failure{fmt.Errorf("find --from and --until: %w", err), "--from has to be before --until"}
	}
	return err
}

// reportFilter tells how much is left.
func (c *conversion) reportFilter() {
	r := c.filter.reader
	if r == nil {
		return
	}
	counts := r.Counts()
	c.say("info", "left of the trace: %s", &counts)
	if counts.Left() == 0 {
		c.say("warning", "nothing is left of the trace")
	}
}

// collect puts events that are in normal form into a Timeline.
func (c *conversion) collect(events iter.Seq[*tracefmt.Event]) *timeline.Timeline {
	t := &timeline.Timeline{Memory: c.trace.Memory}
	for e := range events {
		t.Add(e)
	}
	return t
}
