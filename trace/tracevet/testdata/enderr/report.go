package enderr

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spanstack/spanstack/trace"
)

func work(ctx context.Context) error         { return ctx.Err() }
func count(ctx context.Context) (int, error) { return 0, ctx.Err() }

var errNotFound = errors.New("not found")

func shadowed(ctx context.Context) error {
	ctx, span := trace.WithSpan(ctx, "x")
	var err error
	defer span.EndErr(&err) // want `err is not a result of the function: its value at return is not what is returned on line 22`
	if err := work(ctx); err != nil {
		return err
	}
	return nil
}

func otherVariable(ctx context.Context) (int, error) {
	ctx, span := trace.WithSpan(ctx, "x")
	var err error
	defer span.EndErr(&err) // want `returned on line 33`
	n, e := count(ctx)
	if e != nil {
		return 0, e
	}
	return n, nil
}

func resultOfCall(ctx context.Context) error {
	f, err := os.Open("x")
	if err != nil {
		return err
	}
	defer f.Close()
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.EndErr(&err) // want `returned on line 46`
	return work(ctx)
}

func resultsOfCall(ctx context.Context) (int, error) {
	ctx, span := trace.WithSpan(ctx, "x")
	var err error
	defer span.EndErr(&err) // want `err is not a result of the function`
	return count(ctx)
}

func sentinel(ctx context.Context, found bool) error {
	ctx, span := trace.WithSpan(ctx, "x")
	err := work(ctx)
	defer span.EndErr(&err) // want `returned on line 64`
	if err != nil {
		return err
	}
	if !found {
		return errNotFound
	}
	return nil
}

func inClosure(ctx context.Context) error {
	ctx, span := trace.WithSpan(ctx, "x")
	var err error
	defer func() { span.EndErr(&err) }() // want `err is not a result of the function`
	return work(ctx)
}

func outerVariable(ctx context.Context) (err error) {
	each(func() error {
		ctx, span := trace.WithSpan(ctx, "x")
		defer span.EndErr(&err) // want `err is not a result of the function: its value at return is not what is returned on line 80`
		return work(ctx)
	})
	return nil
}

func each(f func() error) {}

func shadowedResult(ctx context.Context, b bool) (err error) {
	if b {
		_, err := count(ctx)
		if err != nil {
			return err
		}
		_, span := trace.WithSpan(ctx, "x")
		defer span.EndErr(&err) // want `returned on line 95`
		return fmt.Errorf("too many")
	}
	return nil
}

func evaluatedTooEarly(ctx context.Context) (err error) {
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.End()
	defer span.SetError(err) // want `err is evaluated here, where it is nil, not when the function returns: use defer span.EndErr\(&err\) with a named result`
	err = work(ctx)
	return err
}

func evaluatedTooEarlyToo(ctx context.Context) {
	ctx, span := trace.WithSpan(ctx, "x")
	defer span.End()
	var err error
	defer span.SetError(err) // want `err is evaluated here`
	err = work(ctx)
}
