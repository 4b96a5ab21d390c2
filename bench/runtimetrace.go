package main

import (
	"context"
	"io"
	rt "runtime/trace"
	"strconv"
)

// runtime/trace, off and on. On, it also records what the scheduler and the garbage collector do, since it can't be had
// without.
var (
	regionOff = contender{name: "runtime/trace region, off", rival: spanstackOff.name, begin: beginRTOff}
	regionOn  = contender{name: "runtime/trace region, on", rival: spanstackRecording.name, begin: beginRTOn}
	rtTaskOff = contender{name: "runtime/trace task, off", rival: spanstackOff.name, begin: beginRTOff}
	rtTaskOn  = contender{name: "runtime/trace task, on", rival: spanstackRecording.name, begin: beginRTOn}
)

func beginRTOff() (*session, error) {
	return rtSession(func(uint64) (uint64, error) { return 0, nil }), nil
}

func beginRTOn() (*session, error) {
	if err := rt.Start(io.Discard); err != nil {
		return nil, err
	}
	return rtSession(func(uint64) (uint64, error) { rt.Stop(); return 0, nil }), nil
}

func rtSession(stop func(uint64) (uint64, error)) *session {
	return &session{
		ctx: context.Background(),
		root: func(ctx context.Context) (context.Context, func()) {
			ctx, task := rt.NewTask(ctx, "root")
			return ctx, task.End
		},
		rootSpans: 1,
		stop:      stop,
	}
}

// Regions know their nesting from the goroutine, so that no context comes back.
var regionLoops = spanLoops{
	plain: func(ctx context.Context, n int) {
		for range n {
			rt.StartRegion(ctx, "region").End()
		}
	},
	attrs: func(ctx context.Context, n int) {
		for i := range n {
			r := rt.StartRegion(ctx, "region")
			rtAttrs(ctx, i)
			r.End()
		}
	},
	nested: func(ctx context.Context, n int) {
		for range n {
			r1 := rt.StartRegion(ctx, "region 1")
			r2 := rt.StartRegion(ctx, "region 2")
			r3 := rt.StartRegion(ctx, "region 3")
			r4 := rt.StartRegion(ctx, "region 4")
			r5 := rt.StartRegion(ctx, "region 5")
			r5.End()
			r4.End()
			r3.End()
			r2.End()
			r1.End()
		}
	},
	nestedAttrs: func(ctx context.Context, n int) {
		for i := range n {
			var open [nestedDepth]*rt.Region
			for d := range open {
				open[d] = rt.StartRegion(ctx, "region")
				rtAttrs(ctx, i)
			}
			for d := nestedDepth - 1; d >= 0; d-- {
				open[d].End()
			}
		}
	},
}

// rtAttrs attaches what the others have as attributes, as log messages, as careful programs do: with no text made while
// tracing is off.
func rtAttrs(ctx context.Context, i int) {
	if !rt.IsEnabled() {
		return
	}
	rt.Log(ctx, "dataset", dataset)
	rt.Log(ctx, "bytes", strconv.Itoa(i))
	rt.Log(ctx, "resumed", strconv.FormatBool(resumed))
	rt.Log(ctx, "compression", strconv.FormatFloat(compression, 'g', -1, 64))
}

var rtTaskLoops = spanLoops{
	plain: rtTasks,
	attrs: func(ctx context.Context, n int) {
		for i := range n {
			ctx, t := rt.NewTask(ctx, "task")
			rtAttrs(ctx, i)
			t.End()
		}
	},
	nested: func(ctx context.Context, n int) {
		for range n {
			ctx1, t1 := rt.NewTask(ctx, "task 1")
			ctx2, t2 := rt.NewTask(ctx1, "task 2")
			ctx3, t3 := rt.NewTask(ctx2, "task 3")
			ctx4, t4 := rt.NewTask(ctx3, "task 4")
			_, t5 := rt.NewTask(ctx4, "task 5")
			t5.End()
			t4.End()
			t3.End()
			t2.End()
			t1.End()
		}
	},
	nestedAttrs: func(ctx context.Context, n int) {
		for i := range n {
			var open [nestedDepth]*rt.Task
			inner := ctx
			for d := range open {
				inner, open[d] = rt.NewTask(inner, "task")
				rtAttrs(inner, i)
			}
			for d := nestedDepth - 1; d >= 0; d-- {
				open[d].End()
			}
		}
	},
}

func rtTasks(ctx context.Context, n int) {
	for range n {
		_, t := rt.NewTask(ctx, "task")
		t.End()
	}
}

// regionLogs has runtime/trace's log messages for events.
func regionLogs(ctx context.Context, n int) {
	for i := range n {
		r := rt.StartRegion(ctx, "region")
		for range 4 {
			if rt.IsEnabled() {
				rt.Log(ctx, "retry", strconv.Itoa(i))
			}
		}
		r.End()
	}
}

func withRTTasks(ctx context.Context) (context.Context, func()) {
	var open []*rt.Task
	for range nestedDepth - 1 {
		var t *rt.Task
		ctx, t = rt.NewTask(ctx, "task")
		open = append(open, t)
	}
	return ctx, func() {
		for i := len(open) - 1; i >= 0; i-- {
			open[i].End()
		}
	}
}
