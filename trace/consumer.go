package trace

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

// A Consumer reads a recorder's records at its own pace, with no influence on the program: what it doesn't fetch in
// time leaves the ring, and is counted. Its methods may be called concurrently.
//
// Every record is delivered once. What is open is delivered as a begin, and once more as an end: a task with the
// first Poll that sees it, a span with the first one after it was open for one whole interval between two Polls, or
// as soon as something in it is delivered. So a file written from a consumer's records shows, wherever it is cut,
// the tasks and spans that were open then, under their parents.
type Consumer struct {
	rec *Recorder

	mu       sync.Mutex
	spans    *ringReader
	logs     *ringReader
	begun    map[ID]struct{}
	strings  map[string]string
	lastPoll int64
	offset   time.Duration // of the wall clock against the recorder's
}

// ConsumerConfig configures [Recorder.NewConsumer].
type ConsumerConfig struct {
	// FromNow leaves out what ended before. The default starts with all that the ring still holds.
	FromNow bool
}

// NewConsumer returns a consumer. It needs no Close: an unused one costs nothing.
func (r *Recorder) NewConsumer(c ConsumerConfig) *Consumer {
	con := &Consumer{
		rec: r, begun: map[ID]struct{}{}, strings: map[string]string{}, lastPoll: r.now(),
		spans: newRingReader(&r.spans), logs: newRingReader(&r.logs),
	}
	if c.FromNow {
		_, spans, logs := r.cut()
		con.spans.skip(spans)
		con.logs.skip(logs)
	}
	return con
}

// Snapshot returns everything that the recorder holds, and begins of all that is open, ordered by time.
func (r *Recorder) Snapshot() []Record {
	c := r.NewConsumer(ConsumerConfig{})
	c.lastPoll = math.MaxInt64 // nothing is too young
	return c.Poll()
}

// cut notes at one moment a shard what is open and what is written.
func (r *Recorder) cut() (open []*Span, spans, logs map[*lane]cut) {
	spans, logs = map[*lane]cut{}, map[*lane]cut{}
	for _, sh := range r.shards {
		sh.mu.Lock()
		for s := range sh.open {
			open = append(open, s)
		}
		spans[&sh.spans], logs[&sh.logs] = sh.spans.cut(), sh.logs.cut()
		sh.mu.Unlock()
	}
	slices.SortFunc(open, func(a, b *Span) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.id, b.id)) })
	return open, spans, logs
}

// Poll returns what is new since the last call, ordered by time: a complete record and a begin by its start, an end
// by its end, outer begins before inner ones and inner ends before outer ones. Losses and clock snapshots are records
// in it.
func (c *Consumer) Poll() []Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	open, spans, logs := c.rec.cut()
	now := c.rec.now()

	var batch []Record
	add := func(b []byte) { batch = append(batch, decodeRecord(b, c.intern)) }
	lost := c.spans.read(spans, add) + c.logs.read(logs, add)
	batch = append(batch, c.begins(open, batch)...)
	for i := range batch {
		r := &batch[i]
		if _, ok := c.begun[r.ID]; ok && r.ID != 0 && r.Phase == PhaseComplete {
			r.Phase = PhaseEnd
			delete(c.begun, r.ID)
		}
	}
	if lost > 0 {
		batch = append(batch, Record{Kind: KindLoss, Start: c.lossTime(batch, now), Count: lost})
	}
	batch = c.clock(batch)
	slices.SortStableFunc(batch, byTime)
	c.lastPoll = now
	return batch
}

// byTime orders records by time. Of those at the same time ends come first, in the order in which they were recorded,
// then what lasts longest, with open ones before all others.
func byTime(a, b Record) int {
	if c := cmp.Or(cmp.Compare(a.when(), b.when()), cmp.Compare(a.rank(), b.rank())); c != 0 || a.Phase == PhaseEnd {
		return c
	}
	return cmp.Compare(b.until(), a.until())
}

// when is the time that a record is sorted by.
func (r *Record) when() int64 {
	if r.Phase == PhaseEnd {
		return r.End
	}
	return r.Start
}

func (r *Record) rank() int {
	if r.Phase == PhaseEnd {
		return 0
	}
	return 1
}

func (r *Record) until() int64 {
	if r.Phase == PhaseBegin {
		return math.MaxInt64
	}
	return r.End
}

// begins returns begin records of what is open and due, outer ones first.
func (c *Consumer) begins(open []*Span, batch []Record) []Record {
	wanted := map[ID]bool{} // parents of what is delivered
	for i := range batch {
		wanted[batch[i].Parent] = true
	}
	for _, s := range open {
		if s.parent != nil {
			wanted[s.parent.id] = true
		}
	}
	var due []Record
	for _, s := range open {
		if c.begin(s) {
			due = append(due, s.beginRecord())
		}
		if s == &s.host.Span {
			due = append(due, c.strictBegins(s.host, wanted)...)
		}
	}
	return due
}

// strictBegins returns the begins of a task's open strict spans that are wanted, old enough, or around such a one.
func (c *Consumer) strictBegins(h *host, wanted map[ID]bool) []Record {
	var due []Record
	need := false
	for s := h.top.Load(); s != nil && s != &h.Span; s = s.below {
		need = need || s.start <= c.lastPoll || wanted[s.id]
		if s.parent != nil && need {
			wanted[s.parent.id] = true
		}
		if need && c.begin(s) {
			due = append(due, s.beginRecord())
		}
	}
	slices.Reverse(due)
	return due
}

// begin reports whether a recorded span's begin is still to be delivered, and notes that it now is.
func (c *Consumer) begin(s *Span) bool {
	if s.state.Load()&stateRecorded == 0 {
		return false
	}
	if _, ok := c.begun[s.id]; ok {
		return false
	}
	c.begun[s.id] = struct{}{}
	return true
}

// beginRecord describes an open span. Attributes that only user code can render are left to the end record, since
// this is not the span's goroutine.
func (s *Span) beginRecord() Record {
	r := s.record()
	r.Phase = PhaseBegin
	attrs, err := s.attributes()
	attrs.plain = true
	r.Attrs = decodeAttrs(attrs.append(nil), func(b []byte) string { return string(b) })
	if err != nil {
		r.Status = StatusError
	}
	return r
}

// Active returns the open tasks and spans as begin records, ordered by start, each after its parent. Their age is the
// recorder's [Recorder.Now] minus Start.
func (r *Recorder) Active() []Record {
	open, _, _ := r.cut()
	var all []Record
	for _, s := range open {
		all = append(all, s.beginRecord())
		if s == &s.host.Span {
			var strict []Record
			for x := s.host.top.Load(); x != nil && x != s; x = x.below {
				strict = append(strict, x.beginRecord())
			}
			slices.Reverse(strict)
			all = append(all, strict...)
		}
	}
	slices.SortStableFunc(all, byTime)
	return all
}

// Now returns the time on the recorder's clock: ns since [Recorder.Epoch], monotonic.
func (r *Recorder) Now() int64 { return r.now() }

// lossTime places a loss before the first record that survived it.
func (c *Consumer) lossTime(batch []Record, now int64) int64 {
	t := now
	for i := range batch {
		if batch[i].Phase != PhaseBegin {
			t = min(t, batch[i].when())
		}
	}
	return t
}

const maxDrift = time.Millisecond

// clock adds a snapshot of the wall clock when that has moved against the recorder's clock. The first one is
// [Recorder.Epoch].
func (c *Consumer) clock(batch []Record) []Record {
	wall := time.Now()
	mono := wall.Sub(c.rec.epoch)
	drift := wall.Round(0).Sub(c.rec.epoch.Round(0)) - mono // Round strips the monotonic reading
	if d := drift - c.offset; d.Abs() <= maxDrift {
		return batch
	}
	c.offset = drift
	return append(batch, Record{Kind: KindClock, Start: int64(mono), End: int64(mono), Unix: wall.UnixNano()})
}

const maxInterned = 4096 // distinct names and keys that a consumer keeps one copy of

func (c *Consumer) intern(b []byte) string {
	if s, ok := c.strings[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(c.strings) < maxInterned {
		c.strings[s] = s
	}
	return s
}
