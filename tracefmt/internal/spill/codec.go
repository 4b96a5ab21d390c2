package spill

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/intern"
)

// An event is its number, its kind, its track, the fields that it has, by a bit for each, and these fields: integers as
// varints, texts as their length and bytes, or as the number of a text that comes often.
const (
	hasTime = 1 << iota
	hasName
	hasCategory
	hasAttrs
	hasDur
	hasID
	hasParent
	hasKey
	hasSeverity
	bindsNext
	hasProcess
	hasSource
	hasOrder
	hasUnix
)

// Texts numbers texts that come often, for all files of a trace. The zero value is ready for use.
type Texts struct {
	names, keys, values often
}

// often numbers the first texts that it meets. IDs would fill it, and are left out.
type often struct {
	numbers map[string]uint64
	list    []string
}

const (
	mostOften    = 1 << 11 // texts that have numbers
	longestOften = 64      // bytes
)

// number returns the number of a text, if it has one.
func (o *often) number(s string) (n uint64, ok bool) {
	if len(s) > longestOften {
		return 0, false
	}
	if n, ok = o.numbers[s]; ok || len(o.list) == mostOften {
		return n, ok
	}
	if o.numbers == nil {
		o.numbers = make(map[string]uint64)
	}
	s, n = strings.Clone(s), uint64(len(o.list)) // it may be a piece of something large
	o.numbers[s] = n
	o.list = append(o.list, s)
	return n, true
}

// append adds a text: an even number is twice the length of what follows, an odd one stands for what comes often.
func (o *often) append(dst []byte, s string) []byte {
	if n, ok := o.number(s); ok {
		return binary.AppendUvarint(dst, n<<1|1)
	}
	return appendText(dst, s)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))<<1), s...)
}

// appendEvent adds an event with its number.
func (t *Texts) appendEvent(dst []byte, e *tracefmt.Event, number int64) []byte {
	dst = binary.AppendUvarint(dst, uint64(number))
	dst = append(dst, byte(e.Kind))
	dst = binary.AppendUvarint(dst, uint64(e.Track))
	has := fieldsOf(e)
	dst = binary.AppendUvarint(dst, has)
	if has&hasTime != 0 {
		dst = binary.AppendVarint(dst, e.Time)
	}
	if has&hasName != 0 {
		dst = t.names.append(dst, e.Name)
	}
	if has&hasCategory != 0 {
		dst = t.keys.append(dst, e.Category)
	}
	if has&hasAttrs != 0 {
		dst = binary.AppendUvarint(dst, uint64(len(e.Attrs)))
		for i := range e.Attrs {
			dst = t.keys.append(dst, e.Attrs[i].Key)
			dst = t.appendValue(dst, e.Attrs[i].Value)
		}
	}
	if has&^(hasTime|hasName|hasCategory|hasAttrs) != 0 {
		dst = t.appendRest(dst, e, has)
	}
	return dst
}

// appendRest adds the fields that most events don't have.
func (t *Texts) appendRest(dst []byte, e *tracefmt.Event, has uint64) []byte {
	if has&hasDur != 0 {
		dst = binary.AppendVarint(dst, e.Dur)
	}
	if has&hasID != 0 {
		dst = appendText(dst, e.ID)
	}
	if has&hasParent != 0 {
		dst = appendText(dst, e.Parent)
	}
	if has&hasKey != 0 {
		dst = appendText(dst, e.Key)
	}
	if has&hasSeverity != 0 {
		dst = append(dst, byte(e.Severity))
	}
	if has&hasProcess != 0 {
		dst = binary.AppendUvarint(dst, uint64(e.Process))
	}
	if has&hasSource != 0 {
		dst = t.appendValue(dst, e.SourceID)
	}
	if has&hasOrder != 0 {
		dst = binary.AppendVarint(dst, e.Order)
	}
	if has&hasUnix != 0 {
		dst = binary.AppendVarint(dst, e.Unix)
	}
	return dst
}

func fieldsOf(e *tracefmt.Event) (has uint64) {
	for bit, is := range [...]bool{e.Time != 0, e.Name != "", e.Category != "", len(e.Attrs) > 0, e.Dur != 0,
		e.ID != "", e.Parent != "", e.Key != "", e.Severity != 0, e.BindNext, e.Process != 0, !e.SourceID.IsZero(),
		e.Order != 0, e.Unix != 0} {
		if is {
			has |= 1 << bit
		}
	}
	return has
}

func (t *Texts) appendValue(dst []byte, v tracefmt.Value) []byte {
	dst = append(dst, byte(v.Kind()))
	switch v.Kind() {
	case tracefmt.BoolValue:
		b, _ := v.Bool()
		if b {
			return append(dst, 1)
		}
		return append(dst, 0)
	case tracefmt.Int64Value:
		n, _ := v.Int64()
		return binary.AppendVarint(dst, n)
	case tracefmt.Uint64Value:
		n, _ := v.Uint64()
		return binary.AppendUvarint(dst, n)
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
	case tracefmt.StringValue, tracefmt.RawValue:
		return t.values.append(dst, v.String())
	}
	return dst
}

// decoder takes an event apart.
type decoder struct {
	texts   *Texts
	strings *intern.Strings // of what has no number
	b       []byte
	broken  bool // b isn't what was written
}

// event decodes an event into e, whose Attrs it uses again, and returns its number.
func (d *decoder) event(e *tracefmt.Event) (number int64) {
	attrs := e.Attrs[:0]
	number = int64(d.uvarint())
	*e = tracefmt.Event{Kind: tracefmt.Kind(d.byte()), Track: tracefmt.TrackID(d.uvarint())}
	has := d.uvarint()
	if has&hasTime != 0 {
		e.Time = d.varint()
	}
	if has&hasName != 0 {
		e.Name = d.often(&d.texts.names)
	}
	if has&hasCategory != 0 {
		e.Category = d.often(&d.texts.keys)
	}
	if has&hasAttrs != 0 {
		for range d.length(2) { // a key and a value take two bytes at least
			attrs = append(attrs, tracefmt.Attr{Key: d.often(&d.texts.keys), Value: d.value()})
		}
		e.Attrs = attrs
	}
	if has&^(hasTime|hasName|hasCategory|hasAttrs) != 0 {
		d.rest(e, has)
	}
	if e.Attrs == nil {
		e.Attrs = attrs
	}
	d.broken = d.broken || len(d.b) > 0
	return number
}

func (d *decoder) rest(e *tracefmt.Event, has uint64) {
	if has&hasDur != 0 {
		e.Dur = d.varint()
	}
	if has&hasID != 0 {
		e.ID = d.text()
	}
	if has&hasParent != 0 {
		e.Parent = d.text()
	}
	if has&hasKey != 0 {
		e.Key = d.text()
	}
	if has&hasSeverity != 0 {
		e.Severity = tracefmt.Severity(d.byte())
	}
	e.BindNext = has&bindsNext != 0
	if has&hasProcess != 0 {
		e.Process = tracefmt.TrackID(d.uvarint())
	}
	if has&hasSource != 0 {
		e.SourceID = d.value()
	}
	if has&hasOrder != 0 {
		e.Order = d.varint()
	}
	if has&hasUnix != 0 {
		e.Unix = d.varint()
	}
}

func (d *decoder) value() tracefmt.Value {
	switch tracefmt.ValueKind(d.byte()) {
	case tracefmt.NoValue:
	case tracefmt.BoolValue:
		return tracefmt.Bool(d.byte() != 0)
	case tracefmt.Int64Value:
		return tracefmt.Int64(d.varint())
	case tracefmt.Uint64Value:
		return tracefmt.Uint64(d.uvarint())
	case tracefmt.Float64Value:
		if b := d.bytes(8); b != nil {
			return tracefmt.Float64(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	case tracefmt.StringValue:
		return tracefmt.String(d.often(&d.texts.values))
	case tracefmt.RawValue:
		return tracefmt.RawJSON(d.often(&d.texts.values))
	default:
		d.broken = true
	}
	return tracefmt.Value{}
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.broken = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.broken, d.b = true, nil
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) varint() int64 {
	n := d.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

// length returns a number of things that take some bytes each at least.
func (d *decoder) length(each int) int {
	n := d.uvarint()
	if n > uint64(len(d.b)/each) {
		d.broken, d.b = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.b) {
		d.broken, d.b = true, nil
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) often(o *often) string {
	n := d.uvarint()
	if n&1 == 0 {
		return d.inline(n >> 1)
	}
	if n >>= 1; n < uint64(len(o.list)) {
		return o.list[n]
	}
	d.broken, d.b = true, nil
	return ""
}

func (d *decoder) text() string {
	n := d.uvarint()
	d.broken = d.broken || n&1 != 0
	return d.inline(n >> 1)
}

func (d *decoder) inline(n uint64) string {
	if n > uint64(len(d.b)) {
		d.broken, d.b = true, nil
		return ""
	}
	return d.strings.Intern(d.bytes(int(n)))
}
