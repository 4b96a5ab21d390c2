package logging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// QueueConfig configures a [Queue]. Zero fields mean the defaults.
type QueueConfig struct {
	// Bytes is how much may wait, apart from as much again that may be in the middle of being written: 4 MiB.
	Bytes int
	// Chunk is how many bytes are written at most with one call, unless a single line has more: 64 KiB.
	Chunk int
	// Wait is how long Write waits for its line to be written: not at all. Once that was in vain, no Write waits until
	// the outlet works again.
	Wait time.Duration
	// FlushTimeout is how long Close waits: 2 seconds.
	FlushTimeout time.Duration
	// Report appends a line which says that n lines were lost, to be written as soon as the outlet works again, at the
	// place where they are missing. cause is ErrBlocked or the outlet's own error. Without it, that is left to the
	// handler which the queue is given to.
	Report func(b []byte, n uint64, cause error) []byte
}

type reporter = func(b []byte, n uint64, cause error) []byte

// ErrBlocked is why lines are lost that a [Queue] has no room for.
var ErrBlocked = errors.New("the outlet was blocked")

// A Queue keeps a blocked outlet from blocking the program: it takes whole lines, and writes them in order on a
// goroutine of its own, which exists only while there is something to write. If the outlet doesn't keep up, lines above
// a bound are dropped, counted and reported.
//
// Each call of the outlet's Write has whole lines, so that lines of several programs that append to one file don't mix.
// All methods may be called concurrently.
type Queue struct {
	w      io.Writer
	config QueueConfig

	mu      sync.Mutex
	pending []byte   // whole lines
	reports []report // that are part of pending
	spare   []byte   // the buffer that pending changes places with
	lost    uint64   // lines that no report tells yet
	cause   error    // of lost
	dropped uint64   // lines that were lost ever
	onLoss  []func(n uint64, cause error)

	accepted, finished uint64        // bytes that came in, and that were written or lost
	changed            chan struct{} // closed when finished or writing changes; nil if nobody waits for it
	writing            bool          // the goroutine runs
	failing            bool          // the last Write of the outlet failed
	stalled            bool          // a Write waited in vain
	closed             bool

	torn bool // the outlet's last line is incomplete; only used by the goroutine
}

// A report is a line in the queue that tells a loss.
type report struct {
	end   int // in pending
	count uint64
}

// NewQueue returns a queue of lines that are written to w.
func NewQueue(w io.Writer, c QueueConfig) *Queue {
	if c.Bytes <= 0 {
		c.Bytes = 4 << 20
	}
	if c.Chunk <= 0 {
		c.Chunk = 64 << 10
	}
	if c.FlushTimeout <= 0 {
		c.FlushTimeout = 2 * time.Second
	}
	return &Queue{w: w, config: c}
}

// reportBy sets Report if there is none.
func (q *Queue) reportBy(r reporter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.config.Report == nil {
		q.config.Report = r
	}
}

// Write queues p, which must be one or more whole lines with their line feeds. The only error is [os.ErrClosed].
func (q *Queue) Write(p []byte) (int, error) {
	q.mu.Lock()
	if q.closed {
		q.dropped += countLines(p)
		q.mu.Unlock()
		return 0, os.ErrClosed
	}
	if len(q.pending)+len(p) > q.config.Bytes {
		q.lose(countLines(p), ErrBlocked)
	} else {
		q.report()
		q.pending = append(q.pending, p...)
		q.accepted += uint64(len(p))
	}
	target, wait := q.accepted, q.config.Wait > 0 && !q.stalled
	if !q.writing {
		q.writing = true
		go q.drain()
	}
	q.mu.Unlock()
	if wait {
		q.wait(target)
	}
	return len(p), nil
}

// wait gives the outlet some time to write everything up to target.
func (q *Queue) wait(target uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), q.config.Wait)
	defer cancel()
	if !q.await(ctx, func() bool { return q.finished >= target }) {
		q.mu.Lock()
		q.stalled = q.finished < target
		q.mu.Unlock()
	}
}

func (q *Queue) lose(lines uint64, cause error) {
	q.lost += lines
	q.dropped += lines
	q.cause = cause
	for _, f := range q.onLoss {
		if lines > 0 {
			f(lines, cause)
		}
	}
}

// OnLoss makes f be called whenever n lines are lost. f must neither wait nor use the queue.
func (q *Queue) OnLoss(f func(n uint64, cause error)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.onLoss = append(q.onLoss, f)
}

// report queues a line about what was lost at this place.
func (q *Queue) report() {
	if q.lost == 0 || q.config.Report == nil {
		return
	}
	before := len(q.pending)
	q.pending = q.config.Report(q.pending, q.lost, q.cause)
	q.accepted += uint64(len(q.pending) - before)
	q.reports = append(q.reports, report{end: len(q.pending), count: q.lost})
	q.lost, q.cause = 0, nil
}

// drain writes until nothing is left.
func (q *Queue) drain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if len(q.pending) == 0 && !q.failing {
			q.report()
		}
		if len(q.pending) == 0 {
			q.writing = false
			q.notify()
			return
		}
		batch, reports := q.pending, q.reports
		q.pending, q.reports = q.spare[:0], nil
		q.mu.Unlock()
		n, err := q.writeLines(batch)
		q.mu.Lock()
		q.finished += uint64(len(batch))
		q.stalled, q.failing = false, err != nil
		if err != nil {
			q.unwritten(batch, n, reports, err)
		}
		if q.spare = nil; cap(batch) <= 256<<10 {
			q.spare = batch
		}
		q.notify()
	}
}

// unwritten counts the lines of batch that end after n bytes. Losses which a line among them was to report are
// unreported again. All that is to be reported before the lines that are pending by now.
func (q *Queue) unwritten(batch []byte, n int, reports []report, cause error) {
	later, laterReports, laterLost, laterCause := q.pending, q.reports, q.lost, q.cause
	q.pending, q.reports, q.lost = nil, nil, 0
	lines := countLines(batch[n:])
	for _, r := range reports {
		if r.end > n {
			lines--
			q.lost += r.count
		}
	}
	q.lose(lines, cause)
	if len(later) == 0 {
		q.lost += laterLost
		return
	}
	q.report()
	first := len(q.pending)
	q.pending = append(q.pending, later...)
	for _, r := range laterReports {
		q.reports = append(q.reports, report{end: first + r.end, count: r.count})
	}
	q.lost, q.cause = q.lost+laterLost, laterCause
}

func (q *Queue) notify() {
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
}

// writeLines writes batch in chunks of whole lines. It returns how many bytes were written before it failed.
func (q *Queue) writeLines(batch []byte) (n int, err error) {
	if q.torn {
		if _, err := q.w.Write([]byte{'\n'}); err != nil {
			return 0, err
		}
		q.torn = false
	}
	for n < len(batch) && err == nil {
		var w int
		w, err = q.w.Write(firstLines(batch[n:], q.config.Chunk))
		n += w
		if errors.Is(err, syscall.EAGAIN) { // another process made the shared descriptor non-blocking
			time.Sleep(10 * time.Millisecond)
			err = nil
		} else if w == 0 && err == nil {
			err = io.ErrShortWrite
		}
	}
	q.torn = n > 0 && batch[n-1] != '\n'
	return n, err
}

// firstLines returns as many lines as fit into max bytes, but at least one.
func firstLines(b []byte, max int) []byte {
	if len(b) <= max {
		return b
	}
	if i := bytes.LastIndexByte(b[:max], '\n'); i >= 0 {
		return b[:i+1]
	}
	return b[:bytes.IndexByte(b, '\n')+1]
}

func countLines(b []byte) uint64 { return uint64(bytes.Count(b, []byte{'\n'})) }

// await waits until done, which is called with the lock held, and reports whether it was before ctx was.
func (q *Queue) await(ctx context.Context, done func() bool) bool {
	for {
		q.mu.Lock()
		if done() {
			q.mu.Unlock()
			return true
		}
		if q.changed == nil {
			q.changed = make(chan struct{})
		}
		changed := q.changed
		q.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// Flush waits until everything that was queued before is written or lost, or until ctx is done, whose cause it then
// returns.
func (q *Queue) Flush(ctx context.Context) error {
	q.mu.Lock()
	target := q.accepted
	q.mu.Unlock()
	if !q.await(ctx, func() bool { return q.finished >= target }) {
		return fmt.Errorf("flush log: %w", context.Cause(ctx))
	}
	return nil
}

// Close flushes within FlushTimeout. It returns an error if lines were lost at the end, and doesn't close the outlet.
// Lines that are queued later are lost.
func (q *Queue) Close() error {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), q.config.FlushTimeout)
	defer cancel()
	flushed := q.await(ctx, func() bool { return !q.writing })
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case !flushed:
		return fmt.Errorf("flush log: outlet has blocked for %v with %d bytes unwritten", q.config.FlushTimeout,
			q.accepted-q.finished)
	case q.lost > 0:
		return fmt.Errorf("flush log: %d lines are lost: %w", q.lost, q.cause)
	}
	return nil
}

// Dropped returns how many lines were lost so far.
func (q *Queue) Dropped() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
