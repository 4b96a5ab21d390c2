package fxt

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/lanes"
	"github.com/spanstack/spanstack/tracefmt/internal/output"
)

// flushSize is the number of buffered bytes at which the Writer doesn't wait for a Flush.
const flushSize = 64 << 10

// Writer writes a Fuchsia trace. Its memory is bounded by what is open, by the number of tracks, and by the table of
// strings.
//
// Times are written as they are, in ns. Declare processes and tracks before their events: a track that isn't declared
// is written as a thread of process 0 with its TrackID as the koid.
//
// The events of a track may come in the order of starts or of ends, except that a slice which begins at the very
// nanosecond at which the enclosing one does comes after it. Begin and End events of a track are in the order of time.
type Writer struct {
	out    io.Writer
	buf    []byte // whole records
	err    error
	closed bool
	losses tracefmt.Losses

	names   stringTable
	args    []argument // of the record that is being made
	extra   []byte     // what goes before it in blobs
	threads [maxThreads + 1]*outThread
	nextRef uint8 // of threads: the one that is given next

	processes map[tracefmt.TrackID]*process
	tracks    map[tracefmt.TrackID]*track
	koids     map[uint64]bool // of processes
	synthetic uint64          // koids that were made up
	recent    *track          // that of the event before
	recentID  tracefmt.TrackID
	kin       lanes.Kin[*outThread, openSlice]

	async map[uint64][]asyncOpen // by correlation
	spare [][]asyncOpen          // empty ones, for the next slice
}

// NewWriter returns a Writer to out. Nothing is written before the first event.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{
		out:       out,
		processes: make(map[tracefmt.TrackID]*process),
		tracks:    make(map[tracefmt.TrackID]*track),
		koids:     make(map[uint64]bool),
		async:     make(map[uint64][]asyncOpen),
	}
	w.names.init()
	w.put(magic)
	w.put(recordInit | 2<<4)
	w.put(nanosPerSecond)
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
		return fmt.Errorf("write fxt trace: it is closed")
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
	if e.Time < 0 { // it is read back, but Perfetto takes ticks for unsigned, and drops those of 2^63 and more
		w.losses.Add("event before time 0, which viewers don't show")
	}
	switch e.Kind {
	case tracefmt.Begin:
		w.begin(e)
	case tracefmt.End:
		w.end(e)
	case tracefmt.Complete:
		w.complete(e)
	case tracefmt.Instant:
		w.event(eventInstant, w.track(e.Track).thread(), e, 0)
	case tracefmt.Log:
		w.logLine(e)
	case tracefmt.Counter:
		w.counter(e)
	case tracefmt.FlowStart, tracefmt.FlowStep, tracefmt.FlowEnd:
		w.flow(e)
	case tracefmt.AsyncBegin, tracefmt.AsyncInstant, tracefmt.AsyncEnd:
		w.asyncEvent(e)
	default:
		w.losses.Add("event of unknown kind")
	}
}

// Flush writes all records so far with one call of Write.
func (w *Writer) Flush() error {
	if w.err != nil {
		return w.err
	}
	return w.flush()
}

func (w *Writer) flush() error {
	if err := output.Flush(w.out, &w.buf); err != nil {
		w.err = fmt.Errorf("write fxt trace: %w", err)
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
	return w.flush()
}

func (w *Writer) put(word uint64) { w.buf = binary.LittleEndian.AppendUint64(w.buf, word) }

var zeros [wordSize]byte

// putText adds a stream.
func (w *Writer) putText(s string) {
	w.buf = append(w.buf, s...)
	w.buf = append(w.buf, zeros[:padded(len(s))-len(s)]...)
}

// clock writes a reading of the wall clock as a blob, which other programs skip.
func (w *Writer) clock(e *tracefmt.Event) {
	w.names.begin()
	name := w.ref(blobClock)
	w.put(recordBlob | 3<<4 | uint64(name)<<16 | 2*wordSize<<32 | blobData<<48)
	w.put(uint64(e.Time))
	w.put(uint64(e.Unix))
}

// putExtra writes the blobs that go before a record for which there is more to say than it has room for.
func (w *Writer) putExtra(e *tracefmt.Event) {
	const size = maxText &^ (wordSize - 1)
	w.names.begin()
	name := uint64(w.ref(blobEvent))
	w.extra = appendExtra(w.extra[:0], e)
	for rest := w.extra; ; {
		n := min(len(rest), size)
		w.put(recordBlob | uint64(1+padded(n)/wordSize)<<4 | name<<16 | uint64(n)<<32 | blobData<<48)
		w.buf = append(w.buf, rest[:n]...)
		w.buf = append(w.buf, zeros[:padded(n)-n]...)
		if rest = rest[n:]; len(rest) == 0 {
			break
		}
	}
	if cap(w.extra) > flushSize {
		w.extra = nil
	}
}
