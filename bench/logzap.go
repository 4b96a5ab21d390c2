package main

import (
	"context"
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// zap with its encoder for production, but for times that are text, as everybody's are here. Its file is behind the buffer
// that zap has for it, with the sizes that this has by default.
var (
	zapJSON = contender{name: "zap", rival: slogJSON.name, logger: true, begin: discarded(func(w io.Writer) *session {
		return zapTo(zapcore.Lock(zapcore.AddSync(w)))
	})}
	zapFile = contender{name: "zap, BufferedWriteSyncer", rival: slogFile.name, logger: true, stretch: 2, begin: intoFile(zapIntoFile)}
)

func zapTo(w zapcore.WriteSyncer) *session {
	config := zap.NewProductionEncoderConfig()
	config.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	return lineSession(trace.LevelIDs).with(zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(config), w, zap.InfoLevel)))
}

func zapIntoFile(path string) (*session, func() uint64, error) {
	f, err := logging.OpenFile(path, 0o600)
	if err != nil {
		return nil, nil, err
	}
	buffered := &zapcore.BufferedWriteSyncer{WS: noSync{f}}
	s := zapTo(buffered)
	s.flush = buffered.Sync
	s.closes(f)
	closeFile := s.stop
	s.stop = func(lines uint64) (uint64, error) {
		if err := buffered.Stop(); err != nil {
			return 0, err
		}
		return closeFile(lines)
	}
	return s, nil, nil
}

// noSync keeps Sync from being an fsync(2), which nobody else does.
type noSync struct{ io.Writer }

func (noSync) Sync() error { return nil }

func zapLines(ctx context.Context, n int) {
	l, span := loggerOf[*zap.Logger](ctx), trace.FromContext(ctx)
	for i := range n {
		l.Info(lineMessage, zap.String("subsystem", lineSubsystem), zap.String("trace", span.Stack()),
			zap.String("dataset", dataset), zap.Int("bytes", i), zap.Bool("resumed", resumed), zap.Float64("compression", compression))
	}
}

func zapOffArgs(ctx context.Context, n int) {
	l := loggerOf[*zap.Logger](ctx).Sugar()
	for i := range n {
		l.Debugw(lineMessage, "dataset", dataset, "bytes", i, "resumed", resumed, "compression", compression)
	}
}

func zapOffConstants(ctx context.Context, n int) {
	l := loggerOf[*zap.Logger](ctx).Sugar()
	for range n {
		l.Debugw(lineMessage, "dataset", "tank/home/alice", "bytes", 1<<20, "resumed", true, "compression", 1.75)
	}
}

func zapOffTyped(ctx context.Context, n int) {
	l := loggerOf[*zap.Logger](ctx)
	for i := range n {
		l.Debug(lineMessage, zap.String("dataset", dataset), zap.Int("bytes", i), zap.Bool("resumed", resumed), zap.Float64("compression", compression))
	}
}

func zapOffChecked(ctx context.Context, n int) {
	l := loggerOf[*zap.Logger](ctx)
	for i := range n {
		if e := l.Check(zap.DebugLevel, lineMessage); e != nil {
			e.Write(zap.String("dataset", dataset), zap.Int("bytes", i), zap.Bool("resumed", resumed), zap.Float64("compression", compression))
		}
	}
}
