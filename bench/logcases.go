package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spanstack/spanstack/trace"
)

// What a line says, besides the attributes that spans have, too.
const (
	lineSubsystem = "zfs"
	lineMessage   = "sent snapshot"
)

// lineBenchmarks log lines. All loggers render the same fields as JSON: time, level, message, subsystem, the ID stack of
// a span two deep in a task, and four attributes.
func lineBenchmarks() []benchmark {
	return slices.Concat(discardedLines(), firstLines(), disabledLines(), fileLines())
}

// discardedLines go to io.Discard.
func discardedLines() (all []benchmark) {
	for _, goroutines := range []int{1, 2} {
		g := group{name: lineGroup(goroutines), what: "line, " + count(goroutines, "goroutine"), records: 1}
		g.add(spanstackLines, loggerIDs, loggerRecording)
		g.add(slogLines, slogJSON)
		g.add(zapLines, zapJSON)
		g.add(zerologLines, zerologJSON)
		for _, b := range g.benchmarks {
			b.goroutines = goroutines
			all = append(all, b)
		}
	}
	return all
}

func lineGroup(goroutines int) string { return fmt.Sprintf("Line/goroutines=%d", goroutines) }

// Groups of spans with no and with one line, whose difference is what a span's first line costs.
const (
	noLineGroup    = "LineSpan/lines=0"
	firstLineGroup = "LineSpan/lines=1"
)

// firstLines are the first ones of their spans, so that the ID stack has to be rendered. Timers that start and stop
// around each line would cost more than it, and many spans that are begun in advance would have left the processor's
// cache. So the loop begins a span, logs one line and ends the span, and the same without the line is next to it.
func firstLines() []benchmark {
	without := group{name: noLineGroup, what: "span without a line"}
	without.add(spanstackLoops.plain, loggerIDs, loggerRecording, slogJSON)
	with := group{name: firstLineGroup, what: "span with one line", records: 1}
	with.add(spanstackFirstLines, loggerIDs, loggerRecording)
	with.add(slogFirstLines, slogJSON)
	return append(without.benchmarks, with.benchmarks...)
}

// Groups of lines whose level is off, by how attributes are given.
const (
	offArgsGroup     = "Off/attrs=args"
	offConstantGroup = "Off/attrs=constants"
	offTypedGroup    = "Off/attrs=typed"
)

// disabledLines have a level that is off. What is allocated before it is known that nothing is to be done depends on how
// the attributes are given: a variable becomes an interface value on the heap.
func disabledLines() []benchmark {
	deep := []contender{loggerRecording, loggerRecording.renamed("spanstack, 5 spans deep").deep(0, spanstackSpans(3)),
		loggerRecording.renamed("spanstack, With").deep(0, withInjected)}

	args := group{name: offArgsGroup, what: "disabled line, variables as arguments"}
	args.add(spanstackOffArgs, deep...)
	args.add(slogOffArgs, slogJSON)
	args.add(zapOffArgs, zapJSON.renamed("zap, sugared"))

	constants := group{name: offConstantGroup, what: "disabled line, constants as arguments"}
	constants.add(spanstackOffConstants, deep...)
	constants.add(slogOffConstants, slogJSON)
	constants.add(zapOffConstants, zapJSON.renamed("zap, sugared"))

	typed := group{name: offTypedGroup, what: "disabled line, typed attributes"}
	typed.add(spanstackOffTyped, deep...)
	typed.add(slogOffTyped, slogJSON)
	typed.add(zapOffTyped, zapJSON)
	typed.add(zapOffChecked, zapJSON.renamed("zap, Check"))
	typed.add(zerologOffTyped, zerologJSON)
	return slices.Concat(args.benchmarks, constants.benchmarks, typed.benchmarks)
}

const fileGroup = "File"

// fileLines end up in a file.
func fileLines() []benchmark {
	g := group{name: fileGroup, what: "line into a file", records: 1}
	g.add(spanstackLines, loggerFile)
	g.add(slogLines, slogFile)
	g.add(zapLines, zapFile)
	g.add(zerologLines, zerologFile)
	return g.benchmarks
}

func (c contender) renamed(name string) contender {
	c.name = name
	return c
}

// lineSession returns a session whose lines are logged two spans deep in a task. Its records are lines, not spans.
func lineSession(level trace.Level) *session {
	s, _ := newSpanstack(level)
	task, spans := s.root, spanstackSpans(2)
	s.root = func(ctx context.Context) (context.Context, func()) {
		ctx, endTask := task(ctx)
		ctx, endSpans := spans(ctx)
		return ctx, func() { endSpans(); endTask() }
	}
	s.rootSpans = 0
	return s
}

type loggerKey struct{}

// with puts the logger into the session's context, where loops find it. Programs keep it in a variable.
func (s *session) with(logger any) *session {
	s.ctx = context.WithValue(s.ctx, loggerKey{}, logger)
	return s
}

func loggerOf[T any](ctx context.Context) T { return ctx.Value(loggerKey{}).(T) }

// discarded begins sessions whose lines are rendered in full and thrown away.
func discarded(open func(io.Writer) *session) func() (*session, error) {
	return func() (*session, error) { return open(io.Discard), nil }
}

// intoFile begins sessions whose lines go to a new file. Those that aren't in it at the end are lost. A logger that counts
// them itself, by dropped, has to agree.
func intoFile(open func(path string) (s *session, dropped func() uint64, err error)) func() (*session, error) {
	return func() (*session, error) {
		dir, err := os.MkdirTemp("", "spanstack-bench-")
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, "log")
		s, dropped, err := open(path)
		if err != nil {
			os.RemoveAll(dir)
			return nil, err
		}
		stop := s.stop
		s.stop = func(lines uint64) (lost uint64, err error) {
			defer os.RemoveAll(dir)
			_, err = stop(lines)
			found, countErr := countMessages(path)
			if err = errors.Join(err, countErr); err != nil {
				return 0, err
			}
			lost = lines - found
			if dropped != nil && dropped() != lost {
				return lost, fmt.Errorf("of %d lines, %d are in the file, and %d were dropped", lines, found, dropped())
			}
			return lost, nil
		}
		return s, nil
	}
}

// countMessages returns how many whole lines in a file are the loops'.
func countMessages(path string) (n uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	buf, have := make([]byte, 256<<10), 0
	for {
		k, err := f.Read(buf[have:])
		have += k
		whole := bytes.LastIndexByte(buf[:have], '\n') + 1
		n += uint64(bytes.Count(buf[:whole], []byte(`"`+lineMessage+`"`)))
		have = copy(buf, buf[whole:have])
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		case have == len(buf):
			return n, fmt.Errorf("read %s: a line has more than %d bytes", path, len(buf))
		}
	}
}
