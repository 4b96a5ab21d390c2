package otelbridge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/spanstack/spanstack/internal/backoff"
	"github.com/spanstack/spanstack/internal/otlperr"
	"github.com/spanstack/spanstack/trace"
)

// ExportConfig configures an [Exporter]. Zero fields mean the defaults.
type ExportConfig struct {
	Resource *resource.Resource // what the spans are of; nil: [resource.Default]
	Interval time.Duration      // between two looks for what has ended, and for steps of the wall clock, before which times are those of the old one: 1 second
	Batch    int                // spans that are exported at once, at most: 512
	Timeout  time.Duration      // of one attempt to export a batch: 30 seconds
	Shutdown time.Duration      // how long Close tries to export what is left: 5 seconds

	// FromNow leaves out what ended before. Else, all that the flight recorder still holds is exported first.
	FromNow bool
	// Logs makes events of log lines. It is for who doesn't export logs (package logging/otlp), on the same spans.
	Logs bool
	// OnError is told of batches that were lost. nil: they are only counted.
	OnError func(error)
}

// An Exporter exports what a recorder records, by any exporter that the SDK could use. Tasks and spans are exported when
// they have ended. Those that an SDK has made are left out, and so is all of a trace that isn't sampled.
//
// It has no queue but the flight recorder: while a batch can't be exported it is tried again, and nothing is fetched;
// what leaves the recorder meanwhile is lost, and counted. The program never waits.
type Exporter struct {
	to       sdktrace.SpanExporter
	config   ExportConfig
	rec      *trace.Recorder
	consumer *trace.Consumer
	assembly *assembly
	refused  atomic.Uint64 // spans that the exporter, or the other end, didn't take
	exported atomic.Uint64

	ctx     context.Context // done: nothing is tried any more
	cancel  context.CancelFunc
	flushes chan chan struct{}
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
	err     error // of Close
}

// Export starts to export. The exporter must be closed, lest the last spans are lost.
func (b *Bridge) Export(to sdktrace.SpanExporter, c ExportConfig) *Exporter {
	if c.Resource == nil {
		c.Resource = resource.Default()
	}
	c.Interval = orDefault(c.Interval, time.Second)
	c.Timeout = orDefault(c.Timeout, 30*time.Second)
	c.Shutdown = orDefault(c.Shutdown, 5*time.Second)
	if c.Batch <= 0 {
		c.Batch = 512
	}
	x := &Exporter{to: to, config: c, rec: b.rec, consumer: b.rec.NewConsumer(trace.ConsumerConfig{FromNow: c.FromNow}),
		assembly: newAssembly(b.rec, c), flushes: make(chan chan struct{}), stop: make(chan struct{}), stopped: make(chan struct{})}
	x.ctx, x.cancel = context.WithCancel(context.Background())
	go x.run()
	return x
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

func (x *Exporter) run() {
	defer close(x.stopped)
	tick := time.NewTicker(x.config.Interval)
	defer tick.Stop()
	for {
		var done chan struct{}
		select {
		case <-tick.C:
		case done = <-x.flushes:
		case <-x.stop:
			x.fetch()
			return
		}
		x.fetch()
		if done != nil {
			close(done)
		}
	}
}

// fetch exports what has ended since the last time.
func (x *Exporter) fetch() {
	for more := true; more && x.ctx.Err() == nil; {
		var records []trace.Record
		records, more = x.consumer.Poll()
		spans := x.assembly.add(records)
		for len(spans) > 0 {
			n := min(len(spans), x.config.Batch)
			x.export(spans[:n])
			spans = spans[n:]
		}
	}
}

// export exports a batch, and tries again while that makes sense.
func (x *Exporter) export(spans tracetest.SpanStubs) {
	batch := spans.Snapshots()
	var waits backoff.Waits
	for {
		ctx, cancel := context.WithTimeout(x.ctx, x.config.Timeout)
		err := x.to.ExportSpans(ctx, batch)
		cancel()
		if err == nil {
			x.exported.Add(uint64(len(batch)))
			return
		}
		if !otlperr.Temporary(err) || !waits.Wait(x.ctx) {
			x.refused.Add(uint64(len(batch)))
			if x.config.OnError != nil {
				x.config.OnError(fmt.Errorf("export %d spans: %w", len(batch), err))
			}
			return
		}
	}
}

// Exported returns how many spans were exported.
func (x *Exporter) Exported() uint64 { return x.exported.Load() }

// Lost returns how many records were not exported that should have been: they left the flight recorder before, or were
// refused.
func (x *Exporter) Lost() uint64 {
	return x.consumer.Lost() + x.refused.Load() + x.assembly.orphans.Load()
}

// Flush exports what has ended until now. It returns an error if ctx is done before.
func (x *Exporter) Flush(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case x.flushes <- done:
	case <-x.stopped:
		return errors.New("flush spans: the exporter is closed")
	case <-ctx.Done():
		return fmt.Errorf("flush spans: %w", context.Cause(ctx))
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("flush spans: %w", context.Cause(ctx))
	}
}

// Close exports what is left, for a limited time, and shuts the exporter down. Only the first call does anything.
func (x *Exporter) Close() error {
	x.once.Do(func() {
		before := x.Lost()
		close(x.stop)
		select {
		case <-x.stopped:
		case <-time.After(x.config.Shutdown):
			x.cancel()
			<-x.stopped
		}
		x.cancel()
		ctx, cancel := context.WithTimeout(context.Background(), x.config.Shutdown)
		defer cancel()
		x.err = x.to.Shutdown(ctx)
		if lost := x.Lost() - before; lost > 0 {
			x.err = errors.Join(fmt.Errorf("export spans: %d are lost at the end", lost), x.err)
		}
	})
	return x.err
}
