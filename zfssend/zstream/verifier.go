package zstream

import (
	"errors"
	"fmt"
	"math/bits"
)

// maxKeptList is the size of the largest nvlist that is kept for OnBegin: zfs receive takes no larger ones either, unless told to
// (libzfs_max_nvlist).
const maxKeptList = 64 << 20

// Verifier checks a stream that passes through it: write all of the stream into it, then Close. It keeps one header and the nvlist
// of a package, and with OnBegin the nvlists of all BEGIN records, but no other payload. The zero value is ready to use. It may be
// used by one goroutine at a time.
//
// What it makes sure of when Write and Close return no error: all records are whole and known, they are where they can be, each
// END record is there, every checksum fits, and what no checksum covers is as OpenZFS writes it. Any single wrong bit is found. A
// package may hold less than it lists, as when zfs send has failed to send one of its datasets: see Stats.Missing. One that lists
// datasets and holds no stream at all is refused by Close.
type Verifier struct {
	// OnBegin, if not nil, is called with each BEGIN record, when its nvlist has come. An error refuses the stream: Write
	// returns it as an *Error, and so it does for an nvlist of more than 64 MiB. Nothing of a BEGIN record is before Safe until then. What it says is not verified at that time:
	// the checksum comes with the next record. It must not call the Verifier.
	OnBegin func(Begin) error

	// OnRecord, if not nil, is called with each header that was accepted, BEGIN and END included.
	OnRecord func(Record) error

	// ParseOnly leaves out all checksums. What remains is structure and Stats, at almost no cost. Lengths then are
	// trusted as they come, up to the format's limits.
	ParseOnly bool

	place  place
	pack   bool // the stream is a package
	big    bool
	sum    Fletcher4
	begin  Begin // of the current stream
	header [HeaderSize]byte
	have   int   // bytes in header
	remain int64 // bytes of payload to come
	list   []byte
	listed bool // the payload is the nvlist of a BEGIN that is kept; OnBegin, if there is one, waits for it

	lacking bool                // the package has no list, or one that names datasets: without a stream it is not right
	missing map[uint64]struct{} // GUIDs of the snapshots that the package is to lead to, and that have not come

	sums      bool       // records of this substream have checksums
	first     bool       // the next record is the first one after BEGIN
	suspect   int64      // where the first record begins that may be damaged if the next checksum is wrong
	suspected RecordType // that record's type
	verified  int64      // everything before is known to be right

	offset int64
	safe   int64
	stats  Stats
	err    error
	closed bool
}

// place is where the next record is in the structure of the stream.
type place uint8

const (
	atStart   place = iota // BEGIN, of a stream or of a package
	inPackage              // the END that closes the package's own BEGIN and nvlist
	betweenOf              // in a package, BEGIN of a substream or END of all
	inStream               // any record of a stream, up to END
	afterEnd               // nothing
)

// errClosed is what Write returns after Close.
var errClosed = errors.New("verify zfs stream: write after Close")

// Write checks the next bytes of the stream. On error it returns how many of them it has accepted, and goes on returning that
// error, an *Error. After Close it returns the error of Close, or if that was nil one of its own, which is no *Error.
func (v *Verifier) Write(p []byte) (n int, err error) {
	if v.err == nil && v.closed {
		return 0, errClosed
	}
	start := v.offset
	for len(p) > 0 && v.err == nil {
		var took int
		if v.remain > 0 {
			took = v.writePayload(p)
		} else {
			took = v.writeHeader(p)
		}
		p = p[took:]
	}
	return int(max(0, v.offset-start)), v.err
}

func (v *Verifier) writePayload(p []byte) int {
	n := int(min(int64(len(p)), v.remain))
	p = p[:n]
	if !v.ParseOnly {
		v.sum.Update(p)
	}
	v.remain -= int64(n)
	v.offset += int64(n)
	if !v.listed || v.OnBegin == nil {
		v.safe = v.offset
	}
	if !v.listed {
		return n
	}
	if len(v.list)+n <= maxKeptList {
		v.list = append(v.list, p...)
	}
	if v.remain == 0 {
		v.endList()
	}
	return n
}

// endList hands a BEGIN record over, once its nvlist is there, and notes what a package is to hold.
func (v *Verifier) endList() {
	b := v.begin
	if int64(len(v.list)) == b.PayloadSize {
		b.setList(v.list)
	} else {
		b.ListErr = fmt.Errorf("%w: nvlist of %d bytes, maximum is %d", ErrUnsupported, b.PayloadSize, maxKeptList)
	}
	v.list, v.listed = nil, false
	if b.Package != nil && b.ListErr == nil {
		v.expect(b.Package)
	}
	if v.OnBegin != nil {
		v.callBegin(b)
	}
}

// expect notes which snapshots a package leads to: those by the name that it says, of each dataset that has one. Older snapshots
// are in the list whether they are sent or not.
func (v *Verifier) expect(p *Package) {
	v.lacking = len(p.Filesystems) > 0
	v.missing = map[uint64]struct{}{}
	for _, f := range p.Filesystems {
		for _, s := range f.Snapshots {
			if s.Name == p.ToSnapshot {
				v.missing[s.GUID] = struct{}{}
			}
		}
	}
	v.stats.Listed = len(v.missing)
}

func (v *Verifier) callBegin(b Begin) {
	if err := v.OnBegin(b); err != nil {
		v.fail(b.Offset, TypeBegin, b.Offset, v.offset, err)
		return
	}
	v.safe = v.offset
}

func (v *Verifier) writeHeader(p []byte) int {
	if v.place == afterEnd {
		v.fail(v.offset, TypeEnd, v.offset, v.offset+1, fmt.Errorf("%w: data after the end of the stream", ErrFormat))
		return 0
	}
	n := copy(v.header[v.have:], p)
	v.have += n
	v.offset += int64(n)
	if v.have == HeaderSize {
		v.have = 0
		at := v.offset - HeaderSize
		v.record(header{bytes: &v.header, big: v.big})
		if v.err != nil {
			v.offset = at // not accepted
		}
	}
	return n
}

// record checks a header. v.offset is behind it.
func (v *Verifier) record(h header) {
	at := v.offset - HeaderSize
	if v.place == atStart || v.place == betweenOf {
		h.big = h.bigEndianBegin()
		if v.place == atStart || h.big || (header{h.bytes, false}).u64(8) == magic {
			v.beginRecord(h, at)
			return
		}
		h.big = v.big
	}
	switch v.place {
	case inPackage:
		v.endOfList(h, at)
	case betweenOf:
		v.endOfPackage(h, at)
	default:
		v.streamRecord(h, at)
	}
}

func (v *Verifier) beginRecord(h header, at int64) {
	b, err := parseBegin(h)
	if err == nil && v.OnBegin != nil && b.PayloadSize > maxKeptList {
		err = fmt.Errorf("%w: nvlist of %d bytes, maximum is %d", ErrUnsupported, b.PayloadSize, maxKeptList)
	}
	if err == nil && b.Compound && v.place != atStart {
		err = fmt.Errorf("%w: package within a package", ErrFormat)
	}
	if err == nil && b.Compound && !h.zeroOutside([2]int{4, 24}, [2]int{nameAt, HeaderSize}) {
		err = fmt.Errorf("%w: BEGIN record of a package with the fields of a stream", ErrFormat)
	}
	if err != nil {
		v.fail(at, h.recordType(), at, v.offset, err)
		return
	}
	b.Offset = at
	v.big, v.begin = h.big, b
	v.sum = Fletcher4{BigEndian: h.big}
	v.suspect, v.suspected, v.verified = at, TypeBegin, at
	v.sums, v.first = false, true
	if !v.ParseOnly {
		v.sum.Update(h.bytes[:])
	}
	v.remain = b.PayloadSize
	v.stats.All |= b.Features
	if v.place == atStart {
		v.stats.First, v.pack, v.lacking = b, b.Compound, b.Compound
	}
	v.place = inPackage
	if !b.Compound {
		v.place = inStream
		v.stats.Last = b
		v.stats.Substreams++
		v.lacking = false
		delete(v.missing, b.ToGUID)
	}
	v.accept(h, at)
	v.listed = v.err == nil && v.remain > 0 && (b.Compound || v.OnBegin != nil)
	switch {
	case v.err != nil:
	case v.OnBegin == nil:
		v.safe = v.offset
	case !v.listed:
		v.callBegin(b)
	}
}

// ownChecksum is where records have a checksum of their own. The END records of a package's list and of the package have none from
// zfs send, but zstream redup, decompress and recompress write them as they do all others, and zfs receive looks at neither.
var ownChecksum = [2]int{checksumAt, HeaderSize}

// hasOwnChecksum tells whether a header has no checksum of its own, or the right one of what comes after sum.
func (v *Verifier) hasOwnChecksum(h header, sum Fletcher4) bool {
	stored := h.checksum(checksumAt)
	if v.ParseOnly || stored.IsZero() {
		return true
	}
	sum.Update(h.bytes[:checksumAt])
	return stored == sum.Sum()
}

// endOfList checks the END record after a package's nvlist: it has the checksum of the two, and no other field.
func (v *Verifier) endOfList(h header, at int64) {
	switch {
	case !v.ParseOnly && h.checksum(8) != v.sum.Sum():
		v.checksum(h, at)
	case h.recordType() != TypeEnd || !h.zeroOutside([2]int{0, 4}, [2]int{8, 40}, ownChecksum):
		v.fail(at, h.recordType(), at, v.offset, fmt.Errorf("%w: want the END record of a package's list", ErrFormat))
	case !v.hasOwnChecksum(h, v.sum):
		v.fail(at, TypeEnd, at, v.offset, ErrChecksum)
	default:
		v.place = betweenOf
		v.accept(h, at)
	}
}

// endOfPackage checks the last END record: its type is all that it has.
func (v *Verifier) endOfPackage(h header, at int64) {
	switch {
	case h.recordType() != TypeEnd || !h.zeroOutside([2]int{0, 4}, ownChecksum):
		v.fail(at, h.recordType(), at, v.offset, fmt.Errorf("%w: want the BEGIN record of a stream, or an END record of zeros", ErrFormat))
	case !v.hasOwnChecksum(h, Fletcher4{BigEndian: v.big}):
		v.fail(at, TypeEnd, at, v.offset, ErrChecksum)
	default:
		v.place = afterEnd
		v.accept(h, at)
	}
}

// streamRecord checks a record between BEGIN and END. First its checksum, so that nothing else in it is believed before.
func (v *Verifier) streamRecord(h header, at int64) {
	before := v.sum.Sum()
	if v.pack && h.recordType() == TypeEnd && h.zeroOutside([2]int{0, 4}, ownChecksum) && v.hasOwnChecksum(h, v.sum) {
		// libzfs writes this END also when a stream has failed
		v.refuse(h, at, fmt.Errorf("%w: the package ends within the stream of %s", ErrTruncated, v.begin.ToName))
		return
	}
	if !v.verify(h, at) {
		return
	}
	t := h.recordType()
	switch {
	case t >= NumRecordTypes:
		v.refuse(h, at, fmt.Errorf("%w: record of %v", ErrUnsupported, t))
		return
	case t == TypeBegin:
		v.refuse(h, at, fmt.Errorf("%w: BEGIN record within the stream of %s", ErrFormat, v.begin.ToName))
		return
	case t == TypeEnd:
		v.endOfStream(h, at, before)
		return
	}
	size, err := h.payloadSize()
	if err != nil {
		v.refuse(h, at, err)
		return
	}
	v.remain = size
	v.accept(h, at)
	if v.err == nil {
		v.safe = v.offset
	}
	if v.sums || v.ParseOnly {
		v.suspect, v.suspected, v.verified = at, t, v.offset
	}
}

// verify compares the checksum in a header with that of everything before it. Streams of old senders have none; in a stream
// whose first record has one, all must.
func (v *Verifier) verify(h header, at int64) bool {
	stored := h.checksum(checksumAt)
	if v.first && stored.IsZero() {
		v.stats.Unchecked++
	}
	if v.ParseOnly {
		v.first = false
		v.suspect, v.suspected, v.verified = at, h.recordType(), at
		return true
	}
	v.sum.Update(h.bytes[:checksumAt])
	switch {
	case stored.IsZero() && v.sums:
		v.fail(at, h.recordType(), at, v.offset, fmt.Errorf("%w: the record has none", ErrChecksum))
		return false
	case !stored.IsZero() && (stored != v.sum.Sum() || !v.sums && !v.first):
		v.checksum(h, at)
		return false
	case !stored.IsZero():
		v.sums = true
		v.suspect, v.suspected, v.verified = at, h.recordType(), at
	}
	v.first = false
	v.sum.Update(h.bytes[checksumAt:])
	return true
}

// endOfStream checks the END record of a stream: it has the checksum of all records before it.
func (v *Verifier) endOfStream(h header, at int64, before Checksum) {
	switch {
	case !v.ParseOnly && h.checksum(8) != before:
		v.checksum(h, at)
		return
	case h.u64(40) != v.begin.ToGUID && !v.withoutGUID(h),
		!h.zeroOutside([2]int{0, 4}, [2]int{8, 48}, [2]int{checksumAt, HeaderSize}):
		v.fail(at, TypeEnd, at, v.offset, fmt.Errorf("%w: END record is not that of the stream of %s", ErrFormat, v.begin.ToName))
		return
	}
	v.place = afterEnd
	if v.pack {
		v.place = betweenOf
	}
	v.accept(h, at)
}

// withoutGUID tells whether an END record is of an old sender, which had neither checksums of records nor a GUID there. Since no
// checksum covers it, zero must not be what one wrong bit makes of the GUID.
func (v *Verifier) withoutGUID(h header) bool {
	return !v.sums && h.u64(40) == 0 && bits.OnesCount64(v.begin.ToGUID) > 1
}

// accept counts a record that is right as far as can be said.
func (v *Verifier) accept(h header, at int64) {
	t := h.recordType()
	s := &v.stats.Records[t]
	s.Count++
	s.Payload += v.remain
	switch t {
	case TypeWrite:
		v.stats.LogicalBytes += int64(h.u64(32))
		v.stats.WireBytes += v.remain
	case TypeWriteEmbedded:
		v.stats.LogicalBytes += int64(h.u64(24))
		v.stats.WireBytes += v.remain
	}
	if v.OnRecord == nil {
		return
	}
	if err := v.OnRecord(Record{Type: t, Offset: at, PayloadSize: v.remain, header: h}); err != nil {
		v.fail(at, t, at, v.offset, err)
	}
}

// checksum reports a wrong checksum in a header: what is wrong is behind what was verified last.
func (v *Verifier) checksum(h header, at int64) {
	offset, record := v.suspect, v.suspected
	if v.verified == at { // no payload in between: it is this header
		offset, record = at, h.recordType()
	}
	v.fail(offset, record, min(v.verified, at), v.offset, ErrChecksum)
}

// refuse reports a header that can't be. Unless its checksum was right, a wrong length may have led there.
func (v *Verifier) refuse(h header, at int64, err error) {
	if v.verified >= at {
		v.fail(at, h.recordType(), at, v.offset, err)
		return
	}
	v.fail(v.suspect, v.suspected, v.verified, v.offset, err)
}

func (v *Verifier) fail(offset int64, record RecordType, from, to int64, err error) {
	if v.err == nil {
		v.err = &Error{Offset: offset, Record: record, From: from, To: to, Err: err}
	}
}

// Close tells whether the stream was whole: it returns the error of Write, or an *Error that matches ErrTruncated if more was to
// come. The streams of zfs send -S have no end and are truncated here as they are for a receiver. Close may be called again.
func (v *Verifier) Close() error {
	if v.closed || v.err != nil {
		v.closed = true
		return v.err
	}
	v.closed = true
	switch {
	case v.place == afterEnd && v.lacking: // libzfs writes the last END record also when all streams have failed
		at := v.offset - HeaderSize
		v.fail(at, TypeEnd, at, v.offset, fmt.Errorf("%w: the package to %s ends without a stream", ErrTruncated, v.stats.First.ToName))
	case v.place == afterEnd:
		v.safe = v.offset
		v.stats.Whole = true
	case v.offset == 0:
		v.fail(0, TypeBegin, 0, 0, fmt.Errorf("%w: there is no stream at all", ErrTruncated))
	case v.place == atStart && compressedBy(v.header[:v.have]) != "":
		v.fail(0, header{bytes: &v.header}.recordType(), 0, v.offset, errCompressed(v.header[:v.have]))
	case v.have > 0:
		at := v.offset - int64(v.have)
		v.truncated(at, fmt.Errorf("%w: the stream ends after %d bytes, within a header", ErrTruncated, v.offset))
	case v.remain > 0:
		v.truncated(v.offset, fmt.Errorf("%w: the stream ends after %d bytes, %d before the end of a payload", ErrTruncated, v.offset, v.remain))
	default:
		v.truncated(v.offset, fmt.Errorf("%w: the stream ends after %d bytes without an END record", ErrTruncated, v.offset))
	}
	return v.err
}

// truncated reports an end too early. A wrong length may be the reason, so it is reported at the record that isn't verified.
func (v *Verifier) truncated(at int64, err error) {
	offset, record := at, TypeEnd
	if v.verified < at {
		offset, record = v.suspect, v.suspected
	}
	v.fail(offset, record, min(v.verified, at), v.offset, err)
}

// Offset returns how many bytes of the stream were accepted.
func (v *Verifier) Offset() int64 { return v.offset }

// Safe returns how many bytes of the stream can be handed to a receiver without making it commit the snapshot that it is
// receiving last. They end before the last END records that nothing else has followed, before a header that isn't whole, and before
// a BEGIN record that OnBegin has not seen. After Close has returned nil it is all of the stream.
func (v *Verifier) Safe() int64 { return v.safe }

// Stats returns what has passed so far.
func (v *Verifier) Stats() Stats {
	s := v.stats
	s.Bytes = v.offset
	s.Missing = len(v.missing)
	return s
}
