package logging

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// RepeatedKey is the attribute of a line that stands for others: how many there were, this one included, since the
// first or since the last such line.
const RepeatedKey = "repeated"

// mostCollapsed is how many different lines are remembered. While there are as many, others are all written.
const mostCollapsed = 256

// A collapser counts lines that are like another one which was written a short time ago.
type collapser struct {
	core   *core
	window time.Duration
	seed   maphash.Seed

	mu     sync.Mutex
	recent map[uint64]*repetition
	closed bool
}

// A repetition is a line that was written, and what came after it.
type repetition struct {
	lines uint64      // that weren't written
	last  frozen      // one of them
	timer *time.Timer // for the end of the window
}

// A frozen is a line that can be kept: nothing of it is the program's any more.
type frozen struct {
	subsystem string
	span      *trace.Span
	record    slog.Record
	attrs     []slog.Attr
}

func newCollapser(c *core, window time.Duration) *collapser {
	if window <= 0 {
		return nil
	}
	return &collapser{core: c, window: window, seed: maphash.MakeSeed(), recent: map[uint64]*repetition{}}
}

// repeats reports whether a line is like another one, so that it isn't to be written now.
func (c *collapser) repeats(subsystem string, span *trace.Span, line *slog.Record, attrs []slog.Attr) bool {
	key := c.key(subsystem, line, attrs)
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.recent[key]
	if r == nil {
		if !c.closed && len(c.recent) < mostCollapsed {
			c.recent[key] = &repetition{timer: time.AfterFunc(c.window, func() { c.end(key, false) })}
		}
		return false
	}
	if r.lines++; r.lines == 1 {
		r.last.attrs = freeze(attrs)
		r.last.subsystem = subsystem
	}
	r.last.span, r.last.record = span, slog.NewRecord(line.Time, line.Level, line.Message, line.PC)
	return true
}

// key is equal for lines that differ in time and trace only.
func (c *collapser) key(subsystem string, line *slog.Record, attrs []slog.Attr) uint64 {
	buf := bufferPool.Get().(*[]byte)
	defer bufferPool.Put(buf)
	*buf = appendLogfmt((*buf)[:0], &Line{Level: line.Level, Subsystem: subsystem, Message: line.Message, Attrs: attrs})
	return maphash.Bytes(c.seed, *buf)
}

// end ends a window: what was counted is written as one line, and another window begins. If there was nothing, the line
// is forgotten.
func (c *collapser) end(key uint64, final bool) {
	c.mu.Lock()
	r := c.recent[key]
	if r == nil {
		c.mu.Unlock()
		return
	}
	lines, last := r.lines, r.last
	r.lines, r.last = 0, frozen{}
	if lines == 0 || final {
		r.timer.Stop()
		delete(c.recent, key)
	} else {
		r.timer.Reset(c.window)
	}
	c.mu.Unlock()
	if lines == 0 {
		return
	}
	attrs := append(last.attrs, slog.Uint64(RepeatedKey, lines))
	_ = c.core.emit(context.Background(), last.subsystem, last.span, &last.record, attrs) // the handler's own errors have nowhere to go
}

// flush writes what was counted so far. c may be nil.
func (c *collapser) flush() {
	if c == nil {
		return
	}
	c.mu.Lock()
	keys := make([]uint64, 0, len(c.recent))
	for key := range c.recent {
		keys = append(keys, key)
	}
	c.mu.Unlock()
	for _, key := range keys {
		c.end(key, true)
	}
}

// close is flush for the last time.
func (c *collapser) close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.flush()
}

// freeze returns a copy of attributes in which values that the program may change are text.
func freeze(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, 0, len(attrs)+1)
	for _, a := range attrs {
		v := a.Value.Resolve()
		switch v.Kind() {
		case slog.KindGroup:
			v = slog.GroupValue(freeze(v.Group())...)
		case slog.KindAny:
			if v.Any() != nil || a.Key != "" {
				v = slog.StringValue(text(v.Any()))
			}
		}
		out = append(out, slog.Attr{Key: a.Key, Value: v})
	}
	return out
}
