// Package silent doesn't use package trace, but has functions that look like its.
package silent

import "context"

type Span struct{}

func (*Span) End() {}

func WithSpan(ctx context.Context, name string) (context.Context, *Span) { return ctx, nil }

func work(ctx context.Context) {
	_, span := WithSpan(ctx, "x")
	_ = span
	WithSpan(ctx, "x")
	go work(ctx)
}
