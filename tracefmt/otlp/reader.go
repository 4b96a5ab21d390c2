package otlp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	firstBuffer = 16 << 10 // bytes; it grows up to the usual size with the input, and further with a long span
	usualBuffer = 256 << 10
	peekSize    = 128 << 10 // bytes of a ScopeSpans in which its schema is looked for before its spans are read
	peekFar     = 16 << 20  // the same for the scope and the resource, if they don't come first
	maxVarint   = 10
	maxIdle     = 100 // reads without a byte
)

// Reader reads spans and log records in OTLP's protobuf form. Its memory is bounded by the longest span, the number of
// resources and threads, and a cache of strings. It isn't bounded by messages around spans, of which it reads on piece
// by piece.
//
// A span that is well-formed but makes no sense is skipped and counted, and so are metrics.
type Reader struct {
	in      io.Reader
	inErr   error // from in; io.EOF at its end
	buf     []byte
	pos     int   // buf[:pos] is done with
	offset  int64 // of buf[0] in the input
	err     error
	number  int64   // of the span or log record
	records records // what those of the ScopeSpans are

	framed  bool
	began   bool
	inFrame bool
	frame   int64    // where the frame ends, if inFrame
	ends    [2]int64 // where the ResourceSpans and the ScopeSpans end that are being read
	depth   int      // how many of them

	assembly assembly
	bad      bool
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader { return &Reader{in: in} }

// Losses returns what had to be skipped so far.
func (r *Reader) Losses() []tracefmt.Loss { return r.assembly.Losses.List() }

// Next returns the next event.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for {
		if e := r.assembly.Next(); e != nil {
			return e, nil
		}
		if r.err != nil {
			return nil, r.err
		}
		r.err = r.step()
	}
}

// at returns the offset of the next byte.
func (r *Reader) at() int64 { return r.offset + int64(r.pos) }

func (r *Reader) syntax(offset int64, format string, args ...any) error {
	return syntax(name, r.number, offset, fmt.Errorf(format, args...))
}

// step reads on by a field.
func (r *Reader) step() error {
	for r.depth > 0 && r.at() == r.ends[r.depth-1] {
		if r.depth--; r.depth == 0 {
			r.assembly.leaveResource()
		}
	}
	if r.depth == 0 {
		if err := r.between(); err != nil {
			return err
		}
	}
	start := r.at()
	num, typ, err := r.tag()
	if err != nil {
		return err
	}
	if typ != protowire.BytesType {
		return r.skipScalar(num, typ, start)
	}
	size, err := r.varint()
	if err != nil {
		return err
	}
	if limit := r.limit(); limit >= 0 && size > uint64(limit-min(r.at(), limit)) {
		return r.syntax(start, "a field of %d bytes goes beyond the message that it is in", size)
	}
	return r.field(num, size, start)
}

// limit returns where the innermost message ends; -1 if the input's end is its end.
func (r *Reader) limit() int64 {
	switch {
	case r.depth > 0:
		return r.ends[r.depth-1]
	case r.inFrame:
		return r.frame
	}
	return -1
}

// between reads what may be between two messages. It returns io.EOF at the end of the input.
func (r *Reader) between() error {
	if !r.began {
		r.began = true
		if err := r.need(frameHead + 1); err != nil && err != io.EOF {
			return err
		}
		r.framed = isFramed(r.buf[r.pos:])
	}
	if r.inFrame && r.at() < r.frame {
		return nil
	}
	r.inFrame = false
	if err := r.need(1); err != nil {
		return err
	}
	for r.framed && !r.inFrame {
		if err := r.need(frameHead); err != nil {
			return r.cut(err)
		}
		size := binary.BigEndian.Uint32(r.buf[r.pos:])
		r.pos += frameHead
		r.frame, r.inFrame = r.at()+int64(size), size > 0
		if size == 0 {
			if err := r.need(1); err != nil {
				return err
			}
		}
	}
	return nil
}

// need makes sure that the next n bytes are in the buffer. It returns io.EOF if the input ends before, and its error if
// it fails.
func (r *Reader) need(n int) error {
	for idle := 0; len(r.buf)-r.pos < n; idle++ {
		if r.inErr != nil {
			return r.inErr
		}
		if idle > maxIdle {
			r.inErr = io.ErrNoProgress
			return r.inErr
		}
		if len(r.buf) == cap(r.buf) || cap(r.buf)-r.pos < min(n, firstBuffer) {
			r.makeRoom()
		}
		var got int
		got, r.inErr = r.in.Read(r.buf[len(r.buf):cap(r.buf)])
		if r.buf = r.buf[:len(r.buf)+got]; got > 0 {
			idle = 0
		}
	}
	return nil
}

// makeRoom moves what is left to the beginning of the buffer, and doubles that if it is full. So it grows with what is
// there, not with what a length says.
func (r *Reader) makeRoom() {
	left := r.buf[r.pos:]
	to := r.buf[:0]
	if len(left) > cap(r.buf)/2 || cap(r.buf) < usualBuffer {
		to = make([]byte, 0, max(firstBuffer, 2*cap(r.buf)))
	}
	r.offset += int64(r.pos)
	r.buf = append(to, left...)
	r.pos = 0
}

// cut words the end or failure of the input inside of something.
func (r *Reader) cut(err error) error {
	end := r.offset + int64(len(r.buf))
	if err == io.EOF || err == io.ErrUnexpectedEOF || errors.Is(err, tracefmt.ErrTruncated) {
		return syntax(name, r.number, end, tracefmt.ErrTruncated)
	}
	return failed(name, end, err)
}

// varint reads a number.
func (r *Reader) varint() (uint64, error) {
	if r.pos < len(r.buf) && r.buf[r.pos] < 1<<7 {
		r.pos++
		return uint64(r.buf[r.pos-1]), nil
	}
	for n := 1; n <= maxVarint; n++ {
		if err := r.need(n); err != nil {
			return 0, r.cut(err)
		}
		if r.buf[r.pos+n-1] < 1<<7 {
			break
		}
	}
	v, n := protowire.ConsumeVarint(r.buf[r.pos:])
	if n < 0 {
		return 0, r.syntax(r.at(), "a number of more than 64 bits")
	}
	r.pos += n
	return v, nil
}

func (r *Reader) tag() (protowire.Number, protowire.Type, error) {
	start := r.at()
	v, err := r.varint()
	if err != nil {
		return 0, 0, err
	}
	num, typ := protowire.DecodeTag(v)
	if num <= 0 {
		return 0, 0, r.syntax(start, "no field of a protobuf message")
	}
	return num, typ, nil
}

// skipScalar skips a field that is no message.
func (r *Reader) skipScalar(num protowire.Number, typ protowire.Type, start int64) error {
	var err error
	switch typ {
	case protowire.VarintType:
		_, err = r.varint()
	case protowire.Fixed32Type:
		err = r.skip(4)
	case protowire.Fixed64Type:
		err = r.skip(8)
	default:
		return r.syntax(start, "field %d has wire type %d", num, typ)
	}
	if limit := r.limit(); err == nil && limit >= 0 && r.at() > limit {
		return r.syntax(start, "field %d goes beyond the message that it is in", num)
	}
	return err
}

// skip skips bytes, however many.
func (r *Reader) skip(n uint64) error {
	for n > 0 {
		if have := len(r.buf) - r.pos; have > 0 {
			step := int(min(n, uint64(have)))
			r.pos += step
			n -= uint64(step)
			continue
		}
		if err := r.need(1); err != nil {
			return r.cut(err)
		}
	}
	return nil
}

// field reads a field that has a length, and all of it that isn't read piece by piece.
func (r *Reader) field(num protowire.Number, size uint64, start int64) error {
	switch {
	case r.depth == 0 && num == dataResources:
		r.assembly.enterResource()
		r.enter(size)
		r.peek(size, r.resourceField)
	case r.depth == 1 && num == resourceScopes:
		r.assembly.enterScope()
		r.enter(size)
		r.records = unknownRecords
		r.peek(size, r.scopeField)
	case r.depth == 1 && num == resourceResource, r.depth == 1 && num == resourceSchema,
		r.depth == 2 && num <= scopeSchema:
		if size > maxRecord {
			r.assembly.Losses.AddAt(fmt.Sprintf("field of more than %d bytes", maxRecord), start)
			return r.skip(size)
		}
		if err := r.need(int(size)); err != nil {
			return r.cut(err)
		}
		content := r.buf[r.pos : r.pos+int(size)]
		r.pos += int(size)
		return r.small(num, content, start)
	default:
		if r.depth == 1 && num == 1000 {
			r.assembly.Losses.AddAt("spans of an instrumentation library, from before OTLP 0.19", start)
		}
		return r.skip(size)
	}
	return nil
}

// enter begins a message that is read piece by piece.
func (r *Reader) enter(size uint64) {
	r.ends[r.depth] = r.at() + int64(size) // below 2^63: it is within a limit, or else below
	if size > 1<<62 {
		r.ends[r.depth] = 1 << 62
	}
	r.depth++
}

// small takes in a field that is in memory.
func (r *Reader) small(num protowire.Number, content []byte, start int64) error {
	a := &r.assembly
	r.bad = false
	switch {
	case r.depth == 1 && num == resourceResource:
		if !a.described {
			r.takeResource(content)
		}
	case r.depth == 1:
		a.setResourceSchema(a.text.Strings.Intern(content))
	case num == scopeScope:
		r.scope(content)
	case num == scopeSchema:
		a.setScopeSchema(a.text.Strings.Intern(content), start)
	default:
		r.number++
		r.record(content, start)
	}
	if r.bad {
		return r.syntax(start, "malformed protobuf message")
	}
	return nil
}

// peek looks at the fields of a message before it is read piece by piece: some of them say something of all spans in
// it, and come behind them. With most writers that is the schema alone, but pdata, the collector's own code, writes all
// fields from the last to the first. What comes behind more spans than that is found too late.
func (r *Reader) peek(size uint64, take func(c *cursor)) {
	limit := uint64(peekSize)
	if size > limit && r.need(1) == nil && r.buf[r.pos] != resourceResource<<3|byte(tagBytes) {
		limit = peekFar
	}
	if size > limit || r.need(int(size)) != nil {
		return
	}
	var bad bool
	c := cursor{rest: r.buf[r.pos : r.pos+int(size)], bad: &bad}
	for c.next() {
		if c.typ == protowire.BytesType {
			take(&c)
		}
	}
}

func (r *Reader) scopeField(c *cursor) {
	switch c.num {
	case scopeScope:
		r.scope(c.data)
	case scopeSchema:
		r.assembly.setScopeSchema(r.assembly.text.Strings.Intern(c.data), r.at())
	}
}

func (r *Reader) resourceField(c *cursor) {
	if c.num == resourceResource && r.assembly.process == 0 {
		r.takeResource(c.data)
	}
}

// takeResource takes in a resource.
func (r *Reader) takeResource(content []byte) {
	a := &r.assembly
	if !a.knowsResource(content) {
		a.resource.Reset()
		r.resource(content)
		a.setResource(content)
	}
}

func (r *Reader) within(content []byte) cursor { return cursor{rest: content, bad: &r.bad} }

func (r *Reader) resource(content []byte) {
	a := &r.assembly
	c := r.within(content)
	var attrs []tracefmt.Attr
	for c.next() {
		if c.num == resourceAttrs && c.typ == protowire.BytesType {
			attrs = r.attr(attrs[:0], c.data)
			a.resource.Add(attrs[0].Key, attrs[0].Value)
		}
	}
}

func (r *Reader) scope(content []byte) {
	var s spans.Scope
	text := &r.assembly.text.Strings
	json := r.assembly.value[:0]
	c := r.within(content)
	for c.next() {
		if c.typ != protowire.BytesType {
			continue
		}
		switch c.num {
		case scopeName:
			s.Name = text.Intern(c.data)
		case scopeVersion:
			s.Version = text.Intern(c.data)
		case scopeAttrs:
			json = r.appendMember(json, c.data, 0)
		}
	}
	if len(json) > 0 {
		json[0] = '{'
		s.Attrs = text.Intern(append(json, '}'))
	}
	r.assembly.value = json
	r.assembly.findScope(s, r.at())
}
