// Package server uses package trace.
package server

import (
	"context"

	"github.com/spanstack/spanstack/trace"
)

type Server struct{ ctx context.Context }

func New(ctx context.Context) *Server { // want New:"keeps 0"
	return &Server{ctx: ctx}
}

func Start(ctx context.Context) { // want Start:"keeps 0"
	go func() { <-ctx.Done() }()
}

func Serve(_ string, ctx context.Context) { // want Serve:"keeps 1"
	Start(ctx)
}

func Ping(ctx context.Context) error { // want Ping:"^spans on 0$"
	_, span := trace.WithSpan(ctx, "ping")
	defer span.End()
	return ctx.Err()
}

func Timed(ctx context.Context) error { // want Timed:"^spans on 0$"
	ctx, cancel := context.WithTimeout(ctx, 1)
	defer cancel()
	return Ping(ctx)
}

func Wait(ctx context.Context) error { // want Wait:"^blind to 0$"
	<-ctx.Done()
	return ctx.Err()
}

func Asks(ctx context.Context) bool {
	return trace.FromContext(ctx) != nil
}

func Dynamic(ctx context.Context, f func(context.Context)) {
	limited, cancel := context.WithTimeout(ctx, 1)
	defer cancel()
	f(limited)
}
