package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// Our logger, whose lines also go to the flight recorder when that records.
var (
	loggerIDs = contender{name: "spanstack, IDs", rival: slogJSON.name, logger: true, begin: discarded(func(w io.Writer) *session {
		return spanstackTo(trace.LevelIDs, w)
	})}
	loggerRecording = contender{name: "spanstack, recording", rival: slogJSON.name, logger: true, begin: discarded(func(w io.Writer) *session {
		return spanstackTo(trace.LevelRecording, w)
	})}
	loggerFile = contender{name: "spanstack, recording", rival: slogFile.name, logger: true, stretch: 2, begin: intoFile(spanstackIntoFile)}
)

func spanstackTo(level trace.Level, w io.Writer) *session {
	s := lineSession(level)
	s.ctx = logging.WithHandler(s.ctx, logging.NewHandler(w, logging.Options{Format: logging.FormatJSON}))
	return s
}

func spanstackIntoFile(path string) (*session, func() uint64, error) {
	h, err := logging.Open(logging.Config{Format: logging.FormatJSON, File: path})
	if err != nil {
		return nil, nil, err
	}
	s := lineSession(trace.LevelRecording)
	s.ctx = logging.WithHandler(s.ctx, h)
	s.flush = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		return h.Flush(ctx)
	}
	off := s.stop
	s.stop = func(lines uint64) (uint64, error) {
		off(lines)
		return 0, h.Close()
	}
	return s, h.Dropped, nil
}

// withInjected injects attributes into the context.
func withInjected(ctx context.Context) (context.Context, func()) {
	ctx = logging.With(ctx, slog.String("job", "nightly"), slog.Int("attempt", 1))
	return logging.With(ctx, slog.String("peer", "backup.example.org")), func() {}
}

func spanstackLines(ctx context.Context, n int) {
	for i := range n {
		logging.GetLogger(ctx, lineSubsystem).Info(lineMessage, "dataset", dataset, "bytes", i, "resumed", resumed, "compression", compression)
	}
}

func spanstackFirstLines(ctx context.Context, n int) {
	for i := range n {
		ctx, s := trace.WithSpan(ctx, "span")
		logging.GetLogger(ctx, lineSubsystem).Info(lineMessage, "dataset", dataset, "bytes", i, "resumed", resumed, "compression", compression)
		s.End()
	}
}

func spanstackOffArgs(ctx context.Context, n int) {
	for i := range n {
		logging.GetLogger(ctx, lineSubsystem).Debug(lineMessage, "dataset", dataset, "bytes", i, "resumed", resumed, "compression", compression)
	}
}

func spanstackOffConstants(ctx context.Context, n int) {
	for range n {
		logging.GetLogger(ctx, lineSubsystem).Debug(lineMessage, "dataset", "tank/home/alice", "bytes", 1<<20, "resumed", true, "compression", 1.75)
	}
}

func spanstackOffTyped(ctx context.Context, n int) {
	for i := range n {
		logging.GetLogger(ctx, lineSubsystem).LogAttrs(ctx, slog.LevelDebug, lineMessage, slog.String("dataset", dataset), slog.Int("bytes", i),
			slog.Bool("resumed", resumed), slog.Float64("compression", compression))
	}
}
