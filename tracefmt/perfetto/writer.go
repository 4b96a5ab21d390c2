package perfetto

import (
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/lanes"
	"github.com/spanstack/spanstack/tracefmt/internal/output"
	"google.golang.org/protobuf/encoding/protowire"
)

// flushSize is the number of buffered bytes at which the Writer doesn't wait for a Flush.
const flushSize = 64 << 10

// sequence is the trusted_packet_sequence_id of all packets. It must not be 0, or Perfetto drops track events.
const sequence = 1

// Writer writes a Perfetto trace. Its memory is bounded by what is open, by the number of tracks, and by a table of
// names that is begun anew when it is full.
//
// Times are written as they are, on the clock that Perfetto calls BOOTTIME, which is that of packets which name none.
// Declare processes and tracks before their events: those of a track that isn't declared get one that is called after
// its TrackID.
type Writer struct {
	out    io.Writer
	buf    []byte // whole packets
	err    error
	began  bool // the first packet is written
	closed bool
	last   int64 // the latest time so far
	losses tracefmt.Losses

	event    []byte // the TrackEvent that is being made
	interned []byte // InternedData of the same packet
	names    tables

	uuid      uint64 // the last that was given to a track
	processes map[tracefmt.TrackID]*track
	tracks    map[tracefmt.TrackID]*track
	pids      map[int64]*track
	synthetic int64 // pids and tids that were made up
	async     asyncSlices
	extra     extraCounters
	kin       lanes.Kin[uint64, openSlice]
}

// NewWriter returns a Writer to out. Nothing is written before the first event.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{
		out:       out,
		processes: make(map[tracefmt.TrackID]*track),
		tracks:    make(map[tracefmt.TrackID]*track),
		pids:      make(map[int64]*track),
	}
	w.names.init()
	w.async.init()
	return w
}

// Losses returns what could not be written so far.
func (w *Writer) Losses() []tracefmt.Loss { return w.losses.List() }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return fmt.Errorf("write perfetto trace: it is closed")
	}
	if !w.began {
		w.first()
	}
	switch e.Kind {
	case tracefmt.Process:
		w.setProcess(e)
	case tracefmt.Track:
		w.setTrack(e)
	case tracefmt.Clock:
		w.clock(e)
	default:
		w.timed(e)
	}
	if len(w.buf) >= flushSize {
		return w.flush()
	}
	return nil
}

func (w *Writer) timed(e *tracefmt.Event) {
	if e.Time+max(e.Dur, 0) < e.Time {
		w.losses.Add("time out of range")
		return
	}
	if e.Time < 0 { // it is read back, but trace_processor's sorter drops it (trace_sorter_negative_timestamp_dropped)
		w.losses.Add("event before time 0, which Perfetto doesn't show")
	}
	w.last = max(w.last, e.Time+max(e.Dur, 0))
	if w.names.full() { // here, since nothing may come between the two packets of a slice
		w.names.clear()
		start := w.openPacket()
		w.buf = appendUint(w.buf, packetFlags, flagCleared)
		w.buf = closeMessage(w.buf, start)
	}
	switch e.Kind {
	case tracefmt.Begin:
		w.begin(e)
	case tracefmt.End:
		w.end(e)
	case tracefmt.Complete:
		w.complete(e)
	case tracefmt.Instant, tracefmt.Log:
		w.instant(e)
	case tracefmt.Counter:
		w.counter(e)
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		w.flow(e)
	case tracefmt.AsyncBegin:
		w.asyncBegin(e)
	case tracefmt.AsyncInstant:
		w.asyncInstant(e)
	case tracefmt.AsyncEnd:
		w.asyncEnd(e)
	default:
		w.losses.Add("event of unknown kind")
	}
}

// Flush writes all packets so far with one call of Write.
func (w *Writer) Flush() error {
	if w.err != nil {
		return w.err
	}
	return w.flush()
}

func (w *Writer) flush() error {
	if err := output.Flush(w.out, &w.buf); err != nil {
		w.err = fmt.Errorf("write perfetto trace: %w", err)
	}
	return w.err
}

// Close writes what is left. A trace needs no end, so that slices which are open stay so.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	if w.err != nil {
		return w.err
	}
	if !w.began {
		w.first()
	}
	return w.flush()
}

// first writes the packet that begins the sequence, by which the format is known even if nothing else follows.
func (w *Writer) first() {
	w.began = true
	start := w.openPacket()
	w.buf = appendUint(w.buf, packetFlags, flagCleared)
	w.buf = appendUint(w.buf, packetFirst, 1)
	w.buf = closeMessage(w.buf, start)
}

func (w *Writer) openPacket() (start int) {
	w.buf, start = openMessage(w.buf, tracePacket)
	w.buf = appendUint(w.buf, packetSequence, sequence)
	return start
}

// clock writes a snapshot of the wall clock, by which Perfetto's UI tells the date and time of events.
func (w *Writer) clock(e *tracefmt.Event) {
	start := w.openPacket()
	var snapshot int
	w.buf, snapshot = openMessage(w.buf, packetClockSnapshot)
	for _, c := range [...]struct {
		id   uint64
		time int64
	}{{clockBoottime, e.Time}, {clockRealtime, e.Unix}} {
		var clock int
		w.buf, clock = openMessage(w.buf, snapshotClocks)
		w.buf = appendUint(w.buf, clockID, c.id)
		w.buf = appendUint(w.buf, clockTimestamp, uint64(c.time))
		w.buf = closeMessage(w.buf, clock)
	}
	w.buf = closeMessage(w.buf, snapshot)
	w.buf = closeMessage(w.buf, start)
}

// openEvent begins a TrackEvent in w.event.
func (w *Writer) openEvent(kind, uuid uint64) {
	w.event = appendUint(w.event[:0], eventType, kind)
	w.event = appendUint(w.event, eventTrack, uuid) // also 0, the whole trace's: without, it is a thread's of the sequence
}

// eventNames are the numbers of an event's name and category; 0 if it has none.
type eventNames struct{ name, category uint64 }

// named adds the name and category to the TrackEvent.
func (w *Writer) named(name, category string) (ids eventNames) {
	if name != "" {
		ids.name = w.intern(&w.names.names, internNames, name, 0)
	}
	if category != "" {
		ids.category = w.intern(&w.names.categories, internCategories, category, 0)
	}
	w.namedAs(ids)
	return ids
}

// namedAs adds the name and category that another TrackEvent has, too.
func (w *Writer) namedAs(ids eventNames) {
	if ids.name != 0 {
		w.event = appendUint(w.event, eventNameIID, ids.name)
	}
	if ids.category != 0 {
		w.event = appendUint(w.event, eventCategoryIIDs, ids.category)
	}
}

// packetOfEvent is how all packets of events begin: up to the tag of their time, with room for their length.
var packetOfEvent = func() []byte {
	b, _ := openMessage(nil, tracePacket)
	b = appendUint(b, packetSequence, sequence)
	b = appendUint(b, packetFlags, flagNeeds)
	return appendTag(b, packetTimestamp, protowire.VarintType)
}()

// lengthAt is where the length of a packet is, in its first bytes.
const lengthAt = 1

// closeEvent writes the packet of the TrackEvent in w.event, with the names that are new in it.
func (w *Writer) closeEvent(time int64) {
	b := w.buf
	start := len(b) + lengthAt + 1
	b = appendVarint(append(b, packetOfEvent...), uint64(time))
	if len(w.interned) > 0 {
		b = appendBytes(b, packetInterned, w.interned)
		w.interned = w.interned[:0]
	}
	b = appendBytes(b, packetTrackEvent, w.event)
	w.buf = closeMessage(b, start)
}

// duration says of the begin in w.event that its end is the next packet, in µs as Perfetto's field has it, or that
// there will be none (Open). Perfetto heeds it in events with a legacy phase only.
func (w *Writer) duration(ns int64) {
	var start int
	w.event, start = openMessage(w.event, eventLegacy)
	if ns >= 0 {
		ns /= 1000
	}
	w.event = appendUint(w.event, legacyDurationUs, uint64(ns))
	w.event = closeMessage(w.event, start)
}
