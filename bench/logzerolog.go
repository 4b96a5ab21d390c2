package main

import (
	"context"
	"io"
	"log"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/diode"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// zerolog with times as precise as everybody's are here. Its file is behind the queue that zerolog has for it, of the size
// that its README gives; each line is a write(2).
var (
	zerologJSON = contender{name: "zerolog", rival: slogJSON.name, logger: true, begin: discarded(func(w io.Writer) *session {
		return zerologTo(zerolog.SyncWriter(w))
	})}
	zerologFile = contender{name: "zerolog, diode", rival: slogFile.name, logger: true, stretch: 2, begin: intoFile(zerologIntoFile)}
)

func init() { zerolog.TimeFieldFormat = time.RFC3339Nano }

func zerologTo(w io.Writer) *session {
	l := zerolog.New(w).Level(zerolog.InfoLevel).With().Timestamp().Logger()
	return lineSession(trace.LevelIDs).with(&l)
}

func zerologIntoFile(path string) (*session, func() uint64, error) {
	f, err := logging.OpenFile(path, 0o600)
	if err != nil {
		return nil, nil, err
	}
	log.SetOutput(io.Discard) // "Diode set collision", by the standard logger
	queue := diode.NewWriter(f, 1000, 10*time.Millisecond, func(int) {})
	s := zerologTo(queue)
	stop := s.stop
	s.stop = func(lines uint64) (uint64, error) {
		stop(lines)
		defer log.SetOutput(os.Stderr)
		return 0, queue.Close() // and the file
	}
	return s, nil, nil // what it is told to have missed isn't all
}

func zerologLines(ctx context.Context, n int) {
	l, span := loggerOf[*zerolog.Logger](ctx), trace.FromContext(ctx)
	for i := range n {
		l.Info().Str("subsystem", lineSubsystem).Str("trace", span.Stack()).
			Str("dataset", dataset).Int("bytes", i).Bool("resumed", resumed).Float64("compression", compression).Msg(lineMessage)
	}
}

func zerologOffTyped(ctx context.Context, n int) {
	l := loggerOf[*zerolog.Logger](ctx)
	for i := range n {
		l.Debug().Str("dataset", dataset).Int("bytes", i).Bool("resumed", resumed).Float64("compression", compression).Msg(lineMessage)
	}
}
