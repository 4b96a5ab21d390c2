package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A benchmark is one line of a table: something that one contender does.
type benchmark struct {
	group     string // such as "Span/depth=1/attrs=0/goroutines=1", for raw results and --run
	what      string // the same in words
	contender contender

	loop       loop
	ops        int // operations that one turn of the loop makes: what times and sizes are given for
	records    int // spans that it begins and ends, or lines that it logs: what can be lost
	goroutines int
	alone      bool // in a process of its own, whose heap has nothing else: see alone.go
}

// name is the benchmark's name in raw results.
func (b *benchmark) name() string {
	kind := "tracer"
	if b.contender.logger {
		kind = "logger"
	}
	return b.group + "/" + kind + "=" + b.contender.slug()
}

// A loop does something n times with the contender that ctx belongs to.
type loop func(ctx context.Context, n int)

// A contender is a tracer or a logger in one configuration.
type contender struct {
	name   string
	rival  string // the name of the contender that its ratio refers to: our tracer that does the comparable thing, or slog's logger
	logger bool
	begin  func() (*session, error)

	// stretch is how many times as long as others it has to be measured, since another goroutine works on what the loop
	// leaves behind: ours in periods of 100 ms. 0 means 1.
	stretch int
}

// slug is the contender's name for file formats and regular expressions.
func (c contender) slug() string {
	return strings.NewReplacer(", ", "-", " ", "-", "/", "-").Replace(strings.ToLower(c.name))
}

// A session is a contender at work.
type session struct {
	// ctx is a context without a span, in which roots are started.
	ctx context.Context
	// root opens what the measured spans are children of, or what lines are logged in. It is called on the goroutine that
	// runs the loop.
	root      opener
	rootSpans int // how many spans it opens that count as records
	// flush, if there is one, brings to its destination what the loops have left on the way. It is measured with them.
	flush func() error
	// stop takes the contender down. Given how many spans ended, or lines were logged, it says how many of them were lost
	// on the way to where this contender sends them.
	stop func(records uint64) (lost uint64, err error)
}

// An opener starts something in a context.
type opener func(context.Context) (ctx context.Context, end func())

// spanLoops are the shapes of the matrix, in one API. Nested ones begin five spans inside each other, then end them.
type spanLoops struct{ plain, attrs, nested, nestedAttrs loop }

const nestedDepth = 5

// benchmarks returns all benchmarks in the order of the table. Those of one group stand together, our own ones first.
func benchmarks() []benchmark {
	return slices.Concat(spanBenchmarks(), aloneBenchmarks(), apiBenchmarks(), taskBenchmarks(), detailBenchmarks(), contextBenchmarks(), lineBenchmarks())
}

func spanBenchmarks() []benchmark {
	type entry struct {
		contender contender
		loops     spanLoops
	}
	var entries []entry
	add := func(l spanLoops, contenders ...contender) {
		for _, c := range contenders {
			entries = append(entries, entry{c, l})
		}
	}
	add(spanstackLoops, spanstackOff, spanstackIDs, spanstackRecording, spanstackPolled, spanstackCaptured)
	add(otelLoops, otelNoop, otelNever, otelBatcher, otelDefault)
	add(regionLoops, regionOff, regionOn)
	add(rtTaskLoops, rtTaskOff, rtTaskOn)

	var all []benchmark
	for _, depth := range []int{1, nestedDepth} {
		for _, attrs := range []int{0, 4} {
			for _, goroutines := range []int{1, 2} {
				for _, e := range entries {
					all = append(all, benchmark{
						group:     spanGroup(depth, attrs, goroutines),
						what:      fmt.Sprintf("span, depth %d, %s, %s", depth, count(attrs, "attribute"), count(goroutines, "goroutine")),
						contender: e.contender, loop: e.loops.shape(depth, attrs), ops: depth, records: depth, goroutines: goroutines,
					})
				}
			}
		}
	}
	return all
}

func spanGroup(depth, attrs, goroutines int) string {
	return fmt.Sprintf("Span/depth=%d/attrs=%d/goroutines=%d", depth, attrs, goroutines)
}

func (l spanLoops) shape(depth, attrs int) loop {
	switch {
	case depth == 1 && attrs == 0:
		return l.plain
	case depth == 1:
		return l.attrs
	case attrs == 0:
		return l.nested
	}
	return l.nestedAttrs
}

func count(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return fmt.Sprint(n, " ", noun, "s")
}

// taskBenchmarks begin and end what has no parent.
func taskBenchmarks() []benchmark {
	g := group{name: "Task", what: "root task, begin and end", records: 1}
	g.add(spanstackTasks, spanstackOff.bare(), spanstackIDs.bare(), spanstackRecording.bare())
	g.add(otelPlain, otelNoop.bare(), otelNever.bare(), otelBatcher.bare())
	g.add(rtTasks, rtTaskOff.bare(), rtTaskOn.bare())
	return g.benchmarks
}

// detailBenchmarks do something with a span, and include its begin and end, since an API that collects until the end
// does part of the work there.
func detailBenchmarks() []benchmark {
	set := group{name: "SetAttrs", what: "span, 4 attributes set later", records: 1}
	set.add(spanstackSetAttrs, spanstackOff, spanstackIDs, spanstackRecording)
	set.add(otelSetAttrs, otelNoop, otelNever, otelBatcher)

	event := group{name: "Event", what: "span with 4 events of 1 attribute", records: 1}
	event.add(spanstackEvents, spanstackIDs, spanstackRecording)
	event.add(otelEvents, otelNever, otelBatcher)
	event.add(regionLogs, regionOff, regionOn)

	log := group{name: "Log", what: "span with 4 log lines of 1 attribute", records: 1}
	log.add(spanstackLogs, spanstackIDs, spanstackRecording)

	stack := group{name: "Stack", what: "span at depth 5 with its IDs as text", records: 1}
	stack.add(spanstackStack, spanstackIDs.deep(nestedDepth-1, withSpanstackSpans), spanstackRecording.deep(nestedDepth-1, withSpanstackSpans))
	stack.add(otelStack, otelNever.deep(nestedDepth-1, withOTelSpans), otelBatcher.deep(nestedDepth-1, withOTelSpans))

	again := group{name: "StackAgain", what: "IDs as text, once more"}
	again.add(spanstackStackAgain, spanstackRecording.deep(nestedDepth-1, withSpanstackSpans))
	again.add(otelStackAgain, otelBatcher.deep(nestedDepth-1, withOTelSpans))
	return slices.Concat(set.benchmarks, event.benchmarks, log.benchmarks, stack.benchmarks, again.benchmarks)
}

// contextBenchmarks look things up in a context.
func contextBenchmarks() []benchmark {
	value := group{name: "ContextValue", what: "ctx.Value through 5 spans"}
	value.add(lookUpValue, spanstackOff.deep(nestedDepth-1, withSpanstackSpans), spanstackRecording.deep(nestedDepth-1, withSpanstackSpans),
		otelNoop.deep(nestedDepth-1, withOTelSpans), otelBatcher.deep(nestedDepth-1, withOTelSpans), rtTaskOff.deep(nestedDepth-1, withRTTasks))

	span := group{name: "ContextSpan", what: "innermost span, through 5 context values"}
	span.add(spanstackFromContext, spanstackRecording.deep(0, withValues))
	span.add(otelFromContext, otelBatcher.deep(0, withValues))
	return append(value.benchmarks, span.benchmarks...)
}

// A group collects benchmarks of one operation on one goroutine.
type group struct {
	name, what string
	records    int
	benchmarks []benchmark
}

func (g *group) add(l loop, contenders ...contender) {
	for _, c := range contenders {
		g.benchmarks = append(g.benchmarks, benchmark{group: g.name, what: g.what, contender: c, loop: l, ops: 1, records: g.records,
			goroutines: 1})
	}
}

// bare makes the contender's sessions run loops without a root.
func (c contender) bare() contender {
	begin := c.begin
	c.begin = func() (*session, error) {
		s, err := begin()
		if err == nil {
			s.root, s.rootSpans = func(ctx context.Context) (context.Context, func()) { return ctx, func() {} }, 0
		}
		return s, err
	}
	return c
}

// deep makes the contender's sessions run loops in the context that below, which opens a number of spans, makes of the
// root's.
func (c contender) deep(spans int, below opener) contender {
	begin := c.begin
	c.begin = func() (*session, error) {
		s, err := begin()
		if err != nil {
			return nil, err
		}
		root := s.root
		s.root = func(ctx context.Context) (context.Context, func()) {
			ctx, endRoot := root(ctx)
			ctx, end := below(ctx)
			return ctx, func() { end(); endRoot() }
		}
		s.rootSpans += spans
		return s, nil
	}
	return c
}

type valueKey int

// lookUpKey is the key of a value in every session's root context, below all spans.
const lookUpKey valueKey = -1

func withValues(ctx context.Context) (context.Context, func()) {
	for i := range 5 {
		ctx = context.WithValue(ctx, valueKey(i), i)
	}
	return ctx, func() {}
}

func lookUpValue(ctx context.Context, n int) {
	for range n {
		if ctx.Value(lookUpKey) == nil {
			panic("the value isn't found")
		}
	}
}
