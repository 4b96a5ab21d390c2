package perfetto

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"google.golang.org/protobuf/encoding/protowire"
)

// Limits of what an input can make the Reader hold.
const (
	maxPacket    = 256 << 20 // bytes of one packet
	maxSequences = 1 << 16
	maxInterned  = 1 << 20 // strings of one field of one sequence
	maxTracks    = 1 << 20
	maxFlows     = 1 << 20 // flows that have begun
)

// maxUnpacked bounds the bytes of the packets in one compressed one. Perfetto's own have less than 512 KiB. Tests change it.
var maxUnpacked int64 = 64 << 20

// Reader reads a Perfetto trace. Its memory is bounded by the number of tracks, by what is interned and by what is
// open.
type Reader struct {
	in     *bufio.Reader
	ahead  []byte // what follows, as far as it is in the buffer of in, which goes on before that by passed bytes
	passed int
	offset int64 // of the next byte
	packet []byte
	number int64 // of the packet, from 1
	start  int64 // where it begins
	err    error
	losses tracefmt.Losses
	bad    bool // a field of the packet is malformed

	inner []byte // packets of a compressed one that are still to be read
	zin   bytes.Reader
	zlib  io.ReadCloser
	zstd  io.Reader
	zout  bytes.Buffer

	queue   []tracefmt.Event
	next    int
	held    []tracefmt.Event // memory for queue between two calls of ReadEvents
	pending *sequenceState   // whose last event waits for the packet with its end
	waiting uint64           // the track of that
	head    head             // of the last event with a duration

	sequences map[uint64]*sequenceState
	recent    *sequenceState // that of the packet before
	clocks    clocks
	tracks    trackTable
	flows     map[uint64]struct{}
	raw       rawEvent
	packets   int64 // handled ones, those in compressed ones included

	seriesOf    int64 // the packet that seriesIndex is about
	seriesIndex []int // of the last counter's series in it

	values jsontext.Decoder
	ids    ownTexts
	parent string // the last one: siblings have the same
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	r := &Reader{
		in:        bufio.NewReaderSize(in, 64<<10),
		sequences: make(map[uint64]*sequenceState),
		flows:     make(map[uint64]struct{}),
	}
	r.clocks.init()
	r.tracks.init()
	return r
}

// Losses returns what could not be expressed so far.
func (r *Reader) Losses() []tracefmt.Loss { return r.losses.List() }

// Next returns the next event.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for {
		ready := len(r.queue)
		if r.pending != nil {
			ready--
		}
		if r.next < ready {
			r.next++
			return &r.queue[r.next-1], nil
		}
		if r.err != nil {
			return nil, r.err
		}
		r.forget()
		r.readNext()
	}
}

// readNext reads the next packet, or sets the error.
func (r *Reader) readNext() {
	if r.err = r.read(); r.err == io.EOF && r.pending != nil {
		r.err = r.syntax(r.offset, tracefmt.ErrTruncated) // before the end of a slice
	}
}

// ReadEvents implements [tracefmt.BatchReader]: packets queue their events in buf.
func (r *Reader) ReadEvents(buf []tracefmt.Event) ([]tracefmt.Event, error) {
	left, atOnce := r.queue[r.next:], cap(buf)
	r.queue = buf[:0]
	r.take(left)
	const most = 16 // events of a packet, mostly
	for {
		if r.next = len(r.queue); r.pending != nil {
			r.next--
		}
		if r.err != nil || r.next > 0 && len(r.queue)+most > atOnce {
			break
		}
		r.readNext()
	}
	events, left := r.queue[:r.next], r.queue[r.next:]
	r.queue, r.next = r.held[:0], 0
	r.take(left)
	r.held = r.queue
	return events, r.err
}

// take moves events into the queue. It leaves other ones in their places, so that none have memory in common.
func (r *Reader) take(events []tracefmt.Event) {
	for i := range events {
		e := r.emit(tracefmt.Invalid, 0, 0)
		*e, events[i] = events[i], *e
	}
}

// forget empties the queue, but for an event that waits.
func (r *Reader) forget() {
	if r.pending == nil {
		r.queue, r.next = r.queue[:0], 0
		return
	}
	if r.next = len(r.queue) - 1; r.next >= maxForgotten {
		r.queue[0], r.queue[r.next] = r.queue[r.next], r.queue[0]
		r.queue, r.next = r.queue[:1], 0
	}
}

// maxForgotten is how many events may be in the queue that were returned. To keep them costs less than to move what is
// behind them.
const maxForgotten = 16

// emit adds an event to the queue. It is valid until the next is added.
func (r *Reader) emit(kind tracefmt.Kind, track tracefmt.TrackID, time int64) *tracefmt.Event {
	if len(r.queue) < cap(r.queue) {
		r.queue = r.queue[:len(r.queue)+1]
	} else {
		r.queue = append(r.queue, tracefmt.Event{})
	}
	e := &r.queue[len(r.queue)-1]
	e.Reset()
	e.Kind, e.Track, e.Time = kind, track, time
	return e
}

func (r *Reader) syntax(offset int64, err error) error {
	return &tracefmt.SyntaxError{Format: Format.Name, Event: r.number, Offset: offset, Err: err}
}

// failed words an error of the input.
func (r *Reader) failed(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF || errors.Is(err, tracefmt.ErrTruncated) {
		return r.syntax(r.offset, tracefmt.ErrTruncated)
	}
	return fmt.Errorf("read perfetto trace: at byte %d: %w", r.offset, err)
}

// read reads the next packet, and queues its events.
func (r *Reader) read() error {
	if len(r.inner) > 0 {
		return r.readInner()
	}
	r.start = r.offset
	r.number++
	if done, err := r.readAhead(); done {
		return err
	}
	_, _ = r.in.Discard(r.passed) // it is in the buffer
	r.passed = 0
	switch _, err := r.in.Peek(1); {
	case err == io.EOF:
		return io.EOF
	case err != nil:
		return r.failed(err)
	}
	r.ahead, _ = r.in.Peek(r.in.Buffered())
	if done, err := r.readAhead(); done {
		return err
	}
	tag, err := r.uvarint()
	if err != nil {
		return err
	}
	num, typ := protowire.DecodeTag(tag)
	if num <= 0 {
		return r.syntax(r.start, errors.New("no field of a protobuf message"))
	}
	switch typ {
	case protowire.VarintType:
		_, err = r.uvarint()
		return err
	case protowire.Fixed32Type:
		return r.skip(4)
	case protowire.Fixed64Type:
		return r.skip(8)
	case protowire.BytesType:
	default:
		return r.syntax(r.start, fmt.Errorf("a field of wire type %d", typ))
	}
	size, err := r.uvarint()
	if err != nil {
		return err
	}
	if size > maxPacket {
		return r.syntax(r.start, fmt.Errorf("a packet of %d bytes", size))
	}
	if num != tracePacket {
		return r.skip(int(size))
	}
	if err := r.fill(int(size)); err != nil {
		return err
	}
	return r.handle(r.packet, true)
}

// readAhead reads the next packet where it is in the buffer, if all of it is there.
func (r *Reader) readAhead() (done bool, err error) {
	b := r.ahead
	r.ahead = nil
	if len(b) < 2 || b[0] != tracePacket<<3|byte(protowire.BytesType) {
		return false, nil
	}
	size, n := uint64(b[1]), 1
	if size >= 1<<7 {
		size, n = protowire.ConsumeVarint(b[1:])
	}
	head := 1 + n
	if n < 0 || size > uint64(len(b)-head) {
		return false, nil
	}
	whole := head + int(size)
	r.offset += int64(whole)
	r.passed += whole
	r.ahead = b[whole:]
	return true, r.handle(b[head:whole:whole], true)
}

func (r *Reader) uvarint() (uint64, error) {
	var v uint64
	for shift := uint(0); ; shift += 7 {
		c, err := r.in.ReadByte()
		if err != nil {
			return 0, r.failed(err)
		}
		r.offset++
		if shift > 63 || shift == 63 && c > 1 {
			return 0, r.syntax(r.start, errors.New("a number of more than 64 bits"))
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, nil
		}
	}
}

func (r *Reader) skip(n int) error {
	done, err := r.in.Discard(n)
	r.offset += int64(done)
	if err != nil {
		return r.failed(err)
	}
	return nil
}

// fill reads the content of a packet. Its memory grows with what is there, not with what the length says.
func (r *Reader) fill(size int) error {
	const step = 1 << 20
	r.packet = r.packet[:0]
	for len(r.packet) < size {
		have := len(r.packet)
		want := min(size-have, step)
		r.packet = append(r.packet, make([]byte, want)...)
		n, err := io.ReadFull(r.in, r.packet[have:])
		r.offset += int64(n)
		if err != nil {
			return r.failed(err)
		}
	}
	return nil
}

// readInner takes the next packet from those that were compressed.
func (r *Reader) readInner() error {
	num, typ, n := protowire.ConsumeTag(r.inner)
	m := -1
	if n > 0 {
		m = protowire.ConsumeFieldValue(num, typ, r.inner[n:])
	}
	if m < 0 {
		return r.syntax(r.start, errors.New("malformed packets in a compressed one"))
	}
	field := r.inner[n : n+m]
	r.inner = r.inner[n+m:]
	if num != tracePacket || typ != protowire.BytesType {
		return nil
	}
	_, n = binary.Uvarint(field)
	return r.handle(field[n:], false)
}

// unpack makes the packets of a compressed one ready to be read.
func (r *Reader) unpack(data []byte, isZstd bool) error {
	r.zin.Reset(data)
	unpacker := r.unzlib
	if isZstd {
		unpacker = r.unzstd
	}
	zr, err := unpacker()
	if err == nil && zr == nil {
		r.losses.AddAt("packets compressed with zstd, which this program doesn't have", r.start)
		return nil
	}
	if err == nil {
		r.zout.Reset()
		var n int64
		n, err = io.Copy(&r.zout, io.LimitReader(zr, maxUnpacked+1))
		if n > maxUnpacked {
			err = fmt.Errorf("more than %d bytes", maxUnpacked)
		}
	}
	if err != nil {
		return r.syntax(r.start, fmt.Errorf("compressed packets: %w", err))
	}
	r.inner = r.zout.Bytes()
	return nil
}

// unzlib returns a reader of what is in zin.
func (r *Reader) unzlib() (zr io.Reader, err error) {
	if r.zlib == nil {
		r.zlib, err = zlib.NewReader(&r.zin)
	} else {
		err = r.zlib.(zlib.Resetter).Reset(&r.zin, nil)
	}
	return r.zlib, err
}

// unzstd returns a reader of what is in zin, or nil if nobody imports package tracefmt/compress: programs that only
// write their own traces don't need it.
func (r *Reader) unzstd() (zr io.Reader, err error) {
	if again, ok := r.zstd.(interface{ Reset(io.Reader) error }); ok {
		return r.zstd, again.Reset(&r.zin)
	}
	for _, c := range tracefmt.Compressions() {
		if c.Name == "zstd" {
			r.zstd, err = c.NewReader(&r.zin)
			return r.zstd, err
		}
	}
	return nil, nil
}
