// Package tracevet is an analyzer that finds misuse of package trace before the program runs: spans that nothing ends,
// contexts that go astray, spans on the wrong goroutine. Package trace repairs all of that and records it as an anomaly,
// but only when it happens.
//
// # Running it
//
// It is a tool for go vet, and a program by itself:
//
//	go install github.com/spanstack/spanstack/cmd/tracevet@latest
//	go vet -vettool=$(which tracevet) ./...
//	tracevet ./...
//
// In a module that requires the program as a tool (go get -tool), its version is that of go.mod:
//
//	go vet -vettool=$(go tool -n tracevet) ./...
//
// [Analyzer] fits any driver of golang.org/x/tools/go/analysis. "tracevet -fix ./..." applies the fixes that reports
// suggest; they are only suggested where they change nothing but the trace.
//
// # What must be ended
//
// A task, a span or an async span has to be ended by End or EndErr, and a task group by Wait, on all paths to a return
// and before the variable gets another value:
//
//	ctx, span := trace.WithSpan(ctx, "zfs list")
//	if err := list(ctx); err != nil {
//		return err        // span isn't ended on all paths
//	}
//	span.End()
//
// What isn't ended is seen as running for ever. Deferring End at once is the remedy, except in a loop, where it comes too
// late: then give the body of the loop a function of its own. Functions that start something and return it, as trace's
// own do, are followed: their callers have to end it.
//
// Not reported is a span that is handed on, since ending it becomes another's duty: one that is returned, sent, passed to
// a function, stored in a variable of an outer function, a field, an element, or captured by a closure that ends it or
// hands it on. So is span.End as a function value: t.Cleanup(span.End). Paths end at calls that never return, such as
// panic, os.Exit and t.Fatal, and a condition that was true stays so until something in it is assigned, as in
//
//	if verbose {
//		ctx, span = trace.WithSpan(ctx, "details")
//	}
//	…
//	if verbose {
//		span.End()
//	}
//
// # Which context to pass on
//
// The context of a span is what makes things happen in the span. To discard it and to pass on the one around it shows
// what the callee does beside the span, as if that had done nothing:
//
//	_, span := trace.WithSpan(ctx, "replicate")     // the context of span is discarded, but r.send gets ctx
//	defer span.End()
//	return r.send(ctx)
//
// A span in which nothing is called that could tell needs no context, and so these aren't reported:
//   - calls into packages that don't use package trace, such as net or os/exec; log/slog counts as one that does, since
//     lines of a log belong to spans;
//   - calls to functions that only wait for the context, or pass it to such packages;
//   - calls to functions that keep the context for later, in a field or a goroutine, when the span will be over;
//   - go statements, closures and deferred calls, for the same reason, and contexts made of the outer one, unless those
//     are passed on in turn;
//   - trace.FromContext(ctx) and trace.Stack(ctx), which are about the outer span;
//   - tasks and async spans, which may run beside what their function does, unless their End is deferred at once.
//
// # Where a span may be started
//
// The spans of a task nest, and so belong on the task's goroutine. A new goroutine needs a task of its own:
//
//	go func() {
//		defer wg.Done()
//		ctx, span := trace.WithSpan(ctx, "send")    // starts a span on ctx, the context of a task on another goroutine
//		defer span.End()
//		…
//	}()
//
// The remedy is trace.Go, a task group, or trace.WithTask, trace.Detach or trace.WithAsyncSpan as the first thing in the
// goroutine. Goroutines are those of go statements, sync.WaitGroup.Go, errgroup.Group.Go and TryGo, time.AfterFunc and
// context.AfterFunc; also the closures given to trace.Go and trace.Group.Go, if they use another context than their own.
// That a function starts spans on its parameter is known across packages: "go step(ctx)" is reported if step does.
//
// Not reported are a task that was started for the goroutine before that, what is under an async span, which has no
// goroutine, and contexts whose origin isn't seen: of fields, of variables of the package, of interface methods.
//
// # Which error a span ends with
//
// EndErr is given the address of the error, for a deferred call has to see what is returned later. That takes a named
// result. With any other variable, an error that is returned without being assigned to it goes unseen:
//
//	var err error
//	defer span.EndErr(&err)      // err is not a result of the function
//	if err := f(); err != nil {
//		return err
//	}
//
// It is only reported where a path leads to a return of something else while the variable is nil. Also reported is
// "defer span.SetError(err)" while err is nil, since the arguments of a deferred call are evaluated at once.
//
// # Silence
//
// A report is silenced by a comment in its line or in the one above it, all reports in a file by a comment anywhere in it.
// The reason is mandatory. The form is that of staticcheck:
//
//	//lint:ignore tracevet this test is about spans that are never ended
//	//lint:file-ignore tracevet misuse is what these tests are about
//
// # Limits
//
// The analyzer looks at one function at a time, and at what is known about those it calls by name. It prefers silence: a
// function with too many paths to follow isn't reported, nor is what depends on an interface or a function value. What
// it misses, package tracetest finds in tests, and [trace.Anomaly] in production.
//
// [trace.Anomaly]: https://pkg.go.dev/github.com/spanstack/spanstack/trace#Anomaly
package tracevet
