package enderr

import (
	"context"
	"fmt"

	"github.com/spanstack/spanstack/trace"
)

func named(ctx context.Context) (err error) {
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.EndErr(&err)
	if err := work(ctx); err != nil {
		return err
	}
	return work(ctx)
}

func noErrorResult(ctx context.Context) {
	ctx, span := trace.WithSpan(ctx, "x")
	var err error
	defer span.EndErr(&err)
	err = work(ctx)
}

func returnsIt(ctx context.Context) error {
	ctx, span := trace.WithSpan(ctx, "x")
	var err error
	defer span.EndErr(&err)
	err = work(ctx)
	return err
}

func wraps(ctx context.Context) (int, error) {
	ctx, span := trace.WithSpan(ctx, "x")
	n, err := count(ctx)
	defer span.EndErr(&err)
	if err != nil {
		return 0, fmt.Errorf("count: %w", err)
	}
	return n, nil
}

// The span has failed, though not with that very error.
func translates(ctx context.Context) error {
	ctx, span := trace.WithSpan(ctx, "x")
	err := work(ctx)
	defer span.EndErr(&err)
	if err != nil {
		return errNotFound
	}
	return nil
}

func wrapsInVariable(ctx context.Context) error {
	ctx, span := trace.WithSpan(ctx, "x")
	var err error
	defer span.EndErr(&err)
	if err = work(ctx); err != nil {
		wrapped := fmt.Errorf("work: %w", err)
		return wrapped
	}
	return nil
}

// Whether err is nil when it returns can't be known.
func unknown(ctx context.Context) error {
	ctx, span := trace.WithSpan(ctx, "x")
	err := work(ctx)
	defer span.EndErr(&err)
	return work(ctx)
}

func setInClosure(ctx context.Context) error {
	ctx, span := trace.WithSpan(ctx, "x")
	var err error
	defer span.EndErr(&err)
	fail := func(e error) error {
		err = e
		return e
	}
	return fail(work(ctx))
}

func setByPointer(ctx context.Context) error {
	ctx, span := trace.WithSpan(ctx, "x")
	var err error
	defer span.EndErr(&err)
	return keep(&err, work(ctx))
}

func keep(to *error, err error) error {
	*to = err
	return err
}

func nilOnly(ctx context.Context) error {
	ctx, span := trace.WithSpan(ctx, "x")
	var err error
	defer span.EndErr(&err)
	if e := work(ctx); e == nil {
		return e
	}
	err = work(ctx)
	return err
}

func returnsBefore(ctx context.Context) error {
	var err error
	if e := work(ctx); e != nil {
		return e
	}
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.EndErr(&err)
	err = work(ctx)
	return err
}

func outerVariableOfGoroutine(ctx context.Context) (err error) {
	func() {
		ctx, span := trace.WithSpan(ctx, "x")
		defer span.EndErr(&err)
		err = work(ctx)
	}()
	return err
}

func outerVariableAssigned(ctx context.Context) (err error) {
	each(func() error {
		ctx, span := trace.WithSpan(ctx, "x")
		defer span.EndErr(&err)
		err = work(ctx)
		return err
	})
	return err
}

func field(ctx context.Context, o *struct{ err error }) error {
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.EndErr(&o.err)
	return work(ctx)
}

func setErrorOfWhatIsKnown(ctx context.Context) {
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.End()
	if err := work(ctx); err != nil {
		defer span.SetError(err)
	}
}

func setErrorInClosure(ctx context.Context) (err error) {
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.End()
	defer func() { span.SetError(err) }()
	return work(ctx)
}

func toldOtherwise(ctx context.Context, n int) error {
	ctx, span := trace.WithSpan(ctx, "x")
	var err error
	defer span.EndErr(&err)
	if e := work(ctx); e != nil {
		span.SetError(e)
		return e
	}
	if e := work(ctx); e != nil {
		span.EndErr(&e)
		return e
	}
	return err
}
