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
	begun    map[ID]*begunSpan
	unsure   bool        // ends of begun spans may be lost
	shown    map[ID]bool // gone ones that were delivered, whose records may still come
	gone     bool        // ancestors of open spans that ended long ago were delivered
	strings  map[string]string
	lastPoll int64
	offset   time.Duration // of the wall clock against the recorder's
	lost     uint64
	usual    int // how many records a Poll has, about: growing to that step by step would copy each of them twice
}

// maxUsual bounds what a Poll takes memory for before it has seen any record.
const maxUsual = 1 << 14

// ConsumerConfig configures [Recorder.NewConsumer].
type ConsumerConfig struct {
	// FromNow leaves out what ended before. The default starts with all that the ring still holds.
	FromNow bool
}

// NewConsumer returns a consumer. It needs no Close: an unused one costs nothing.
func (r *Recorder) NewConsumer(c ConsumerConfig) *Consumer {
	k := r.cut()
	con := &Consumer{
		rec: r, begun: map[ID]*begunSpan{}, shown: map[ID]bool{}, strings: map[string]string{}, lastPoll: k.at,
		spans: newRingReader(&r.spans, k.spans), logs: newRingReader(&r.logs, k.logs),
	}
	if c.FromNow {
		con.spans.skip(k.spans)
		con.logs.skip(k.logs)
	}
	return con
}

// Snapshot returns everything that the recorder holds, and begins of all that is open, ordered by time.
func (r *Recorder) Snapshot() []Record {
	c := r.NewConsumer(ConsumerConfig{})
	c.lastPoll = math.MaxInt64 // nothing is too young
	records, _ := c.poll(math.MaxInt)
	return records
}

// pollBytes is how much of the rings one Poll decodes at most: some ten thousand records.
const pollBytes = 1 << 20

// Poll returns what is new since the last call, ordered by time: a complete record and a begin by its start, an end
// by its end, outer begins before inner ones and inner ends before outer ones. Losses and clock snapshots are records
// in it. A consumer that is far behind gets what there is in several batches: more says that the next one is there
// already.
func (c *Consumer) Poll() (records []Record, more bool) { return c.poll(pollBytes) }

// Lost returns how many records this consumer didn't fetch in time so far. They are in its records, too, as losses.
func (c *Consumer) Lost() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

func (c *Consumer) poll(budget int) (batch []Record, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ring := range []*ring{&c.rec.spans, &c.rec.logs} {
		ring.pin()
		defer ring.unpin()
	}
	k := c.rec.cut()
	oldest := int64(math.MinInt64)
	if age := c.rec.config.MaxAge; age > 0 {
		oldest = k.at - int64(age)
	}
	aged := uint64(0)
	batch = make([]Record, 0, c.usual)
	lossAt := k.at // until when records were lost: the first one after them in their lane had come by then
	add := func(b []byte, gone uint64) {
		r := decodeRecord(b, c.intern)
		if gone > 0 {
			lossAt = min(lossAt, r.End)
		}
		if r.End >= oldest {
			if r.ID != 0 && c.shown[r.ID] {
				r.Phase = PhaseEnd
				delete(c.shown, r.ID)
			}
			batch = append(batch, r)
		} else {
			aged++
		}
	}
	lost, moreSpans := c.spans.read(k.spans, budget, add)
	lostLogs, moreLogs := c.logs.read(k.logs, budget, add)
	if lost += lostLogs; c.gone && aged > 0 {
		lost += aged // this consumer could have had them
		lossAt = min(lossAt, oldest)
	}
	batch = append(batch, c.begins(k, batch)...)
	for i := range batch {
		r := &batch[i]
		if _, ok := c.begun[r.ID]; ok && r.ID != 0 && r.Phase == PhaseComplete {
			r.Phase = PhaseEnd
			delete(c.begun, r.ID)
		}
	}
	more = moreSpans || moreLogs
	if lost > 0 {
		c.lost += lost
		c.unsure = true
		batch = append(batch, Record{Kind: KindLoss, Start: lossAt, Count: lost})
	}
	if !more && (c.unsure || len(c.begun) > 2*c.rec.config.MaxOpen) {
		batch = c.lostEnds(batch, k)
		c.unsure = false
	}
	batch = c.clock(batch)
	slices.SortStableFunc(batch, byTime)
	c.lastPoll, c.gone, c.usual = k.at, true, min(len(batch)+len(batch)/8, maxUsual)
	return batch, more
}

// byTime orders records by time. Of those at the same time ends come first, in the order in which they were recorded,
// then what lasts longest, with open ones before all others.
func byTime(a, b Record) int {
	if c := cmp.Or(cmp.Compare(a.when(), b.when()), cmp.Compare(a.rank(), b.rank())); c != 0 || a.isEnd() {
		return c
	}
	return cmp.Compare(b.until(), a.until())
}

// when is the time that a record is sorted by.
func (r *Record) when() int64 {
	if r.isEnd() {
		return r.End
	}
	return r.Start
}

func (r *Record) isEnd() bool { return r.Phase == PhaseEnd || r.Phase == PhaseLost }

func (r *Record) rank() int {
	if r.isEnd() {
		return 0
	}
	return 1
}

func (r *Record) until() int64 {
	if r.Phase == PhaseBegin || r.Phase == PhaseGone {
		return math.MaxInt64
	}
	return r.End
}

// begins returns begin records of what is open and due, outer ones first.
func (c *Consumer) begins(k recorderCut, batch []Record) []Record {
	wanted := map[ID]bool{} // parents of what is delivered
	known := ancestors{}
	for i := range batch {
		wanted[batch[i].Parent] = true
		known[batch[i].ID] = -1
	}
	due := make([]bool, len(k.open))
	for i := len(k.open) - 1; i >= 0; i-- { // inner ones first
		o := &k.open[i]
		due[i] = o.recorded && (!o.nests || wanted[o.span.id] || o.start <= c.lastPoll)
		if due[i] && o.parent != nil {
			wanted[o.parent.id] = true
		}
	}
	var begins []Record
	for i := range k.open {
		o := &k.open[i]
		b := c.begun[o.span.id]
		if b != nil {
			b.seen = max(b.seen, k.at)
		}
		if b != nil || !due[i] {
			continue
		}
		if !c.gone { // this consumer has just come
			n := len(begins)
			begins = known.add(begins, o)
			for _, r := range begins[n:] {
				if r.Phase == PhaseBegin {
					c.begin(r, k)
				} else {
					c.shown[r.ID] = true
				}
			}
		}
		r := o.record()
		begins = append(begins, r)
		c.begin(r, k)
	}
	return begins
}

// A begunSpan is one whose begin was delivered.
type begunSpan struct {
	record Record // without attributes
	seen   int64  // until when it was open for sure
}

func (c *Consumer) begin(r Record, k recorderCut) {
	r.Attrs, r.Site = nil, ""
	c.begun[r.ID] = &begunSpan{r, max(r.Start, k.at)}
}

// lostEnds appends ends of those begun spans that aren't open any more although this consumer has read everything, lest
// they look as if they hung.
func (c *Consumer) lostEnds(batch []Record, k recorderCut) []Record {
	open := make(map[ID]bool, len(k.open))
	for i := range k.open {
		open[k.open[i].span.id] = true
	}
	n := len(batch)
	for id, b := range c.begun {
		if !open[id] {
			b.record.Phase, b.record.End = PhaseLost, b.seen // what began after its end, which nobody knows, did so later
			batch = append(batch, b.record)
			delete(c.begun, id)
		}
	}
	slices.SortFunc(batch[n:], func(a, b Record) int { return cmp.Compare(b.Start, a.Start) }) // inner ones first
	return batch
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
