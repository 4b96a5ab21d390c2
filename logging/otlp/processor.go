package otlp

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/spanstack/spanstack/internal/backoff"
	"github.com/spanstack/spanstack/internal/otlperr"
	"github.com/spanstack/spanstack/logging"
)

// Sizes of batches, and how long the first record of one waits for others, as OpenTelemetry's batch processor has them.
const (
	maxBatch   = 512
	batchDelay = time.Second
)

// A processor is the end of the log: a bounded queue of records, and a goroutine that exports them, which exists only
// while there are any. OpenTelemetry's batch processor overwrites what doesn't fit, and counts it nowhere.
type processor struct {
	exporter sdklog.Exporter
	config   logging.QueueConfig
	ctx      context.Context // done: nothing is tried any more
	cancel   context.CancelFunc

	mu      sync.Mutex
	queue   []item
	bytes   int            // in queue
	model   *sdklog.Record // of reports: it has the logger's resource and scope
	lost    uint64         // lines that no report tells yet
	cause   error          // of lost
	dropped uint64         // lines that were lost ever
	onLoss  []func(n uint64, cause error)

	accepted, finished uint64        // records that came in, and that were exported or lost
	changed            chan struct{} // closed when finished or running changes; nil if nobody waits for it
	hurry              chan struct{} // has one element if the goroutine needn't wait for more records
	running            bool
	failing            bool // the last batch was refused
	closed             bool
}

// An item is a record in the queue.
type item struct {
	record sdklog.Record
	bytes  int
	report uint64 // lines whose loss it reports; 0 if it is a line
}

func newProcessor(e sdklog.Exporter, c logging.QueueConfig) *processor {
	if c.Bytes <= 0 {
		c.Bytes = 4 << 20
	}
	if c.FlushTimeout <= 0 {
		c.FlushTimeout = 2 * time.Second
	}
	p := &processor{exporter: e, config: c, hurry: make(chan struct{}, 1)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Enabled implements sdklog.Processor.
func (*processor) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }

// OnEmit implements sdklog.Processor.
func (p *processor) OnEmit(_ context.Context, r *sdklog.Record) error {
	size := sizeOf(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.model == nil {
		model := r.Clone()
		model.SetAttributes()
		p.model = &model
	}
	switch {
	case p.closed:
		p.dropped++
		return nil // the SDK would only print an error
	case p.bytes+size > p.config.Bytes:
		p.lose(1, logging.ErrBlocked)
	default:
		p.report()
		p.push(item{record: r.Clone(), bytes: size})
	}
	if len(p.queue) >= maxBatch {
		p.wake()
	}
	if !p.running {
		p.running = true
		go p.drain()
	}
	return nil
}

func (p *processor) push(it item) {
	p.queue = append(p.queue, it)
	p.bytes += it.bytes
	p.accepted++
}

func (p *processor) lose(lines uint64, cause error) {
	if lines == 0 {
		return
	}
	p.lost += lines
	p.dropped += lines
	p.cause = cause
	for _, f := range p.onLoss {
		f(lines, cause)
	}
}

// report queues a record about what was lost at this place.
func (p *processor) report() {
	if p.lost == 0 || p.model == nil {
		return
	}
	r := p.model.Clone()
	now := time.Now()
	r.SetTimestamp(now)
	r.SetObservedTimestamp(now)
	r.SetSeverity(log.SeverityWarn)
	r.SetSeverityText("WARN")
	r.SetBody(attribute.StringValue("log lines were lost"))
	r.SetTraceID(oteltrace.TraceID{})
	r.SetSpanID(oteltrace.SpanID{})
	r.SetTraceFlags(0)
	r.SetAttributes(attribute.String(logging.SubsystemKey, "logging"), attribute.String(logging.TraceKey, logging.NoTrace),
		attribute.Int64("lines", int64(p.lost)), attribute.String("error", p.cause.Error()))
	p.push(item{record: r, bytes: sizeOf(&r), report: p.lost})
	p.lost, p.cause = 0, nil
}

// wake makes the goroutine export what there is.
func (p *processor) wake() {
	select {
	case p.hurry <- struct{}{}:
	default:
	}
}

// drain exports until nothing is left.
func (p *processor) drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if len(p.queue) == 0 && !p.failing {
			p.report()
		}
		if len(p.queue) == 0 {
			p.running = false
			p.notify()
			return
		}
		if len(p.queue) < maxBatch && !p.closed {
			p.mu.Unlock()
			p.gather()
			p.mu.Lock()
		}
		batch := p.take()
		p.mu.Unlock()
		rejected, err := p.export(batch)
		p.mu.Lock()
		p.finished += uint64(len(batch))
		p.failing = err != nil
		if err != nil {
			p.refused(batch, rejected, err)
		}
		p.notify()
	}
}

// gather waits for more records.
func (p *processor) gather() {
	t := time.NewTimer(batchDelay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.hurry:
	case <-p.ctx.Done():
	}
}

// take takes a batch off the queue.
func (p *processor) take() []item {
	n := min(len(p.queue), maxBatch)
	batch := append([]item(nil), p.queue[:n]...)
	rest := copy(p.queue, p.queue[n:])
	clear(p.queue[rest:])
	p.queue = p.queue[:rest]
	for i := range batch {
		p.bytes -= batch[i].bytes
	}
	return batch
}

// refused counts what is lost of a batch: all, or as many as the collector said.
func (p *processor) refused(batch []item, rejected uint64, cause error) {
	lines := uint64(0)
	for i := range batch {
		if batch[i].report == 0 {
			lines++
		} else if rejected == 0 {
			p.lost += batch[i].report
			p.cause = cause
		}
	}
	if rejected > 0 {
		lines = min(lines, rejected)
	}
	p.lose(lines, cause)
}

// export exports a batch, and tries again until it is through, or refused for good, or there is no more time. If only
// some of it was rejected, it returns how many.
func (p *processor) export(batch []item) (rejected uint64, err error) {
	records := make([]sdklog.Record, len(batch))
	for i := range batch {
		records[i] = batch[i].record
	}
	var waits backoff.Waits
	for {
		err := p.exporter.Export(p.ctx, records)
		if err == nil {
			return 0, nil
		}
		if n, ok := partlyRejected(err); ok {
			if n == 0 {
				return 0, nil // it was a warning
			}
			return n, err
		}
		if !otlperr.Temporary(err) || !waits.Wait(p.ctx) {
			return 0, err
		}
	}
}

func (p *processor) notify() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// await waits until done, which is called with the lock held, and reports whether it was before ctx was.
func (p *processor) await(ctx context.Context, done func() bool) bool {
	for {
		p.mu.Lock()
		if done() {
			p.mu.Unlock()
			return true
		}
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		p.mu.Unlock()
		p.wake()
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// Flush implements [logging.Outlet].
func (p *processor) Flush(ctx context.Context) error {
	p.mu.Lock()
	target := p.accepted
	p.mu.Unlock()
	if !p.await(ctx, func() bool { return p.finished >= target }) {
		return fmt.Errorf("flush log: %w", context.Cause(ctx))
	}
	return nil
}

// Close implements [logging.Outlet].
func (p *processor) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), p.config.FlushTimeout)
	defer cancel()
	flushed := p.await(ctx, func() bool { return !p.running })
	p.cancel()
	unsent := p.giveUp()
	_ = p.exporter.Shutdown(ctx) // all that it has left to do is to close connections
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !flushed:
		return fmt.Errorf("flush log: the collector has not taken %d lines for %v", unsent, p.config.FlushTimeout)
	case p.lost > 0:
		return fmt.Errorf("flush log: %d lines are lost: %w", p.lost, p.cause)
	}
	return nil
}

// giveUp counts what waits as lost, and waits for the goroutine, whose context is done. It returns how many lines were
// not exported.
func (p *processor) giveUp() uint64 {
	before := p.Dropped()
	p.mu.Lock()
	p.failing = true
	lines := uint64(0)
	for i := range p.queue {
		if p.queue[i].report == 0 {
			lines++
		}
	}
	p.finished += uint64(len(p.queue))
	p.queue, p.bytes = nil, 0
	p.lose(lines, logging.ErrBlocked)
	p.mu.Unlock()
	p.await(context.Background(), func() bool { return !p.running })
	return p.Dropped() - before
}

// Shutdown implements sdklog.Processor.
func (p *processor) Shutdown(context.Context) error { return p.Close() }

// ForceFlush implements sdklog.Processor.
func (p *processor) ForceFlush(ctx context.Context) error { return p.Flush(ctx) }

// Dropped implements [logging.Outlet].
func (p *processor) Dropped() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
}

// OnLoss implements [logging.Outlet].
func (p *processor) OnLoss(f func(n uint64, cause error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onLoss = append(p.onLoss, f)
}

// sizeOf estimates how many bytes a record takes in memory.
func sizeOf(r *sdklog.Record) int {
	size := 768 + len(r.Body().AsString()) // of which the record itself is most
	r.WalkAttributes(func(a attribute.KeyValue) bool {
		size += 72 + sizeOfValue(a)
		return true
	})
	return size
}

func sizeOfValue(a attribute.KeyValue) int {
	size := len(a.Key)
	switch a.Value.Type() {
	case attribute.STRING:
		size += len(a.Value.AsString())
	case attribute.MAP:
		for _, member := range a.Value.AsMap() {
			size += 72 + sizeOfValue(member)
		}
	}
	return size
}
