package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

// flushInterval is how often new records are written. A span that is open shows up in the file after at most two of
// them.
const flushInterval = 100 * time.Millisecond

// A pump moves what a recorder records to a writer, until it is told to stop.
type pump struct {
	rec     *trace.Recorder
	con     *trace.Consumer
	x       *exporter
	w       tracefmt.Writer
	flushed func() error  // is called after each flush, if it isn't nil
	from    int64         // what was over before isn't written
	room    int           // how many more records may be written; others are counted, as lost
	final   time.Duration // how long what is left may take in the end, about
}

func newPump(w tracefmt.Writer, rec *trace.Recorder, config trace.ConsumerConfig) *pump {
	return &pump{rec: rec, con: rec.NewConsumer(config), x: newExporter(w, rec), w: w, from: math.MinInt64, room: math.MaxInt, final: math.MaxInt64}
}

// run writes what is new at each interval. When stop is closed, it writes what is left; closing the writer is up to the
// caller.
func (p *pump) run(stop <-chan struct{}) error {
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			for began, n := time.Now(), 0; n < 24 && time.Since(began) < p.final; n++ {
				if more, err := p.flush(1); err != nil || !more {
					return err
				}
			}
			return nil
		default:
		}
		more, err := p.flush(4)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		select {
		case <-stop:
		case <-tick.C:
		}
	}
}

// flush writes what is new, in at most so many batches: a program may make records faster than anybody can write them.
func (p *pump) flush(batches int) (more bool, err error) {
	for more = true; more && batches > 0; batches-- {
		var records []trace.Record
		records, more = p.con.Poll()
		records = notBefore(records, p.from)
		if err := p.x.export(p.limit(records), p.rec.Now()); err != nil {
			return false, err
		}
		if err := p.w.Flush(); err != nil {
			return false, err
		}
		if p.flushed != nil {
			if err := p.flushed(); err != nil {
				return false, err
			}
		}
	}
	return more, nil
}

// limit replaces records for which there is no room by a loss.
func (p *pump) limit(records []trace.Record) []trace.Record {
	n := min(p.room, len(records))
	p.room -= n
	if n == len(records) {
		return records
	}
	loss := trace.Record{Kind: trace.KindLoss, Start: records[n].Start, Count: uint64(len(records) - n)}
	return append(records[:n:n], loss)
}

// Stream writes to out what rec records, live, until ctx ends: first what is open, then what is new, every 100 ms,
// a span as soon as it was open for as long or has ended. If out has a method Flush() error, as those of bufio and
// compress/gzip have, that is called then.
//
// The program isn't delayed by an out that blocks: what it is too late for is lost, and the output says where, and how
// much. When ctx ends, an out that is slow gets about a second of what is left. The output can be loaded wherever it is
// cut between two writes, and is complete when Stream returns nil. The format must be [tracefmt.Streaming].
func Stream(ctx context.Context, out io.Writer, format *tracefmt.Format, rec *trace.Recorder) error {
	return StreamLast(ctx, out, format, rec, 0)
}

// StreamLast is Stream, but begins with what the flight recorder holds of a time before now, as far as it goes.
func StreamLast(ctx context.Context, out io.Writer, format *tracefmt.Format, rec *trace.Recorder, last time.Duration) error {
	if format.NewWriter == nil || format.Mode != tracefmt.Streaming {
		return fmt.Errorf("stream trace: the format %s can't be streamed", format.Name)
	}
	return pumpLast(format.NewWriter(out), rec, last).record(ctx, out)
}

// pumpLast returns the pump of a stream that begins with what there is of a time before now.
func pumpLast(w tracefmt.Writer, rec *trace.Recorder, last time.Duration) *pump {
	p := newPump(w, rec, trace.ConsumerConfig{FromNow: last <= 0})
	if now := rec.Now(); last > 0 && int64(last) < now {
		p.from = now - int64(last)
	}
	p.final = time.Second
	return p
}

// OpenStream returns what StreamLast writes, for who reads it within the program. Whoever has it closes it.
func OpenStream(ctx context.Context, format *tracefmt.Format, rec *trace.Recorder, last time.Duration) io.ReadCloser {
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	s := &openStream{PipeReader: r, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		_ = w.CloseWithError(StreamLast(ctx, w, format, rec, last)) // nil becomes io.EOF
	}()
	return s
}

type openStream struct {
	*io.PipeReader
	cancel context.CancelFunc
	ended  chan struct{}
}

// Close ends the stream, and waits until nothing of it is left. It may be called while Read blocks, and twice.
func (s *openStream) Close() error {
	s.cancel()
	_ = s.PipeReader.Close() // never fails
	<-s.ended
	return nil
}

// record runs until ctx ends, and completes what goes to out.
func (p *pump) record(ctx context.Context, out io.Writer) error {
	if f, ok := out.(interface{ Flush() error }); ok {
		p.flushed = f.Flush
	}
	err := p.run(ctx.Done())
	if err == nil {
		err = p.w.Close()
	}
	if err == nil && p.flushed != nil {
		err = p.flushed()
	}
	if err != nil {
		return fmt.Errorf("stream trace: %w", err)
	}
	return nil
}

// Write writes what rec holds now, open tasks and spans included, to out: a snapshot of the flight recorder.
func Write(out io.Writer, format *tracefmt.Format, rec *trace.Recorder) error {
	return write(out, format, rec, rec.Snapshot())
}

func write(out io.Writer, format *tracefmt.Format, rec *trace.Recorder, records []trace.Record) error {
	w := format.NewWriter(out)
	err := newExporter(w, rec).export(records, rec.Now())
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("write trace: %w", err)
	}
	return nil
}
