package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// The standard library's handler, which is given the subsystem and the ID stack as two more attributes of each line. The
// file gets a write(2) a line.
var (
	slogJSON = contender{name: "slog.JSONHandler", rival: "slog.JSONHandler", logger: true, begin: discarded(slogTo)}
	slogFile = contender{name: "slog.JSONHandler", rival: "slog.JSONHandler", logger: true, stretch: 2, begin: intoFile(slogIntoFile)}
)

func slogTo(w io.Writer) *session {
	return lineSession(trace.LevelIDs).with(slog.New(slog.NewJSONHandler(w, nil)))
}

func slogIntoFile(path string) (*session, func() uint64, error) {
	f, err := logging.OpenFile(path, 0o600)
	if err != nil {
		return nil, nil, err
	}
	s := slogTo(f)
	s.closes(f)
	return s, nil, nil
}

// closes makes the session close a file in the end.
func (s *session) closes(f *os.File) {
	stop := s.stop
	s.stop = func(lines uint64) (uint64, error) {
		stop(lines)
		return 0, f.Close()
	}
}

func slogLines(ctx context.Context, n int) {
	l, span := loggerOf[*slog.Logger](ctx), trace.FromContext(ctx)
	for i := range n {
		l.Info(lineMessage, "subsystem", lineSubsystem, "trace", span.Stack(),
			"dataset", dataset, "bytes", i, "resumed", resumed, "compression", compression)
	}
}

func slogFirstLines(ctx context.Context, n int) {
	l := loggerOf[*slog.Logger](ctx)
	for i := range n {
		_, s := trace.WithSpan(ctx, "span")
		l.Info(lineMessage, "subsystem", lineSubsystem, "trace", s.Stack(),
			"dataset", dataset, "bytes", i, "resumed", resumed, "compression", compression)
		s.End()
	}
}

// Lines that are off have neither subsystem nor ID stack, which no program would look up in advance.

func slogOffArgs(ctx context.Context, n int) {
	l := loggerOf[*slog.Logger](ctx)
	for i := range n {
		l.Debug(lineMessage, "dataset", dataset, "bytes", i, "resumed", resumed, "compression", compression)
	}
}

func slogOffConstants(ctx context.Context, n int) {
	l := loggerOf[*slog.Logger](ctx)
	for range n {
		l.Debug(lineMessage, "dataset", "tank/home/alice", "bytes", 1<<20, "resumed", true, "compression", 1.75)
	}
}

func slogOffTyped(ctx context.Context, n int) {
	l := loggerOf[*slog.Logger](ctx)
	for i := range n {
		l.LogAttrs(ctx, slog.LevelDebug, lineMessage, slog.String("dataset", dataset), slog.Int("bytes", i), slog.Bool("resumed", resumed),
			slog.Float64("compression", compression))
	}
}
