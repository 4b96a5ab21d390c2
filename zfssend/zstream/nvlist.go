package zstream

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// NVType is the type of a value in an [NVList] (data_type_t of include/sys/nvpair.h).
type NVType uint32

// The types of values, with OpenZFS's numbers, and what [NVPair.Value] then is.
const (
	NVBoolean      NVType = 1  // nil: that the name is there is all it says
	NVByte         NVType = 2  // uint8
	NVInt16        NVType = 3  // int16
	NVUint16       NVType = 4  // uint16
	NVInt32        NVType = 5  // int32
	NVUint32       NVType = 6  // uint32
	NVInt64        NVType = 7  // int64
	NVUint64       NVType = 8  // uint64
	NVString       NVType = 9  // string
	NVByteArray    NVType = 10 // []byte
	NVInt16Array   NVType = 11 // []int16
	NVUint16Array  NVType = 12 // []uint16
	NVInt32Array   NVType = 13 // []int32
	NVUint32Array  NVType = 14 // []uint32
	NVInt64Array   NVType = 15 // []int64
	NVUint64Array  NVType = 16 // []uint64
	NVStringArray  NVType = 17 // []string
	NVHrtime       NVType = 18 // int64, in nanoseconds
	NVNVList       NVType = 19 // NVList
	NVNVListArray  NVType = 20 // []NVList
	NVBooleanValue NVType = 21 // bool
	NVInt8         NVType = 22 // int8
	NVUint8        NVType = 23 // uint8
	NVBooleanArray NVType = 24 // []bool
	NVInt8Array    NVType = 25 // []int8
	NVUint8Array   NVType = 26 // []uint8
	NVDouble       NVType = 27 // float64
)

// NVPair is a named value.
type NVPair struct {
	Name  string
	Type  NVType
	Value any // its Go type is said at the constants of NVType
}

// NVList is a list of named values, as Solaris and ZFS keep and send them, in the order of its encoding.
type NVList []NVPair

// Lookup returns the first value of that name.
func (l NVList) Lookup(name string) (value any, ok bool) {
	for i := range l {
		if l[i].Name == name {
			return l[i].Value, true
		}
	}
	return nil, false
}

// lookup returns the value of a name if it is of type T.
func lookup[T any](l NVList, name string) (value T, ok bool) {
	v, _ := l.Lookup(name)
	value, ok = v.(T)
	return value, ok
}

// String returns the list as text, one value a line, lists within it indented.
func (l NVList) String() string {
	var s strings.Builder
	l.format(&s, "")
	return s.String()
}

func (l NVList) format(s *strings.Builder, indent string) {
	for _, p := range l {
		switch v := p.Value.(type) {
		case nil:
			fmt.Fprintf(s, "%s%q\n", indent, p.Name)
		case NVList:
			fmt.Fprintf(s, "%s%q:\n", indent, p.Name)
			v.format(s, indent+"  ")
		case []NVList:
			for i, e := range v {
				fmt.Fprintf(s, "%s%q[%d]:\n", indent, p.Name, i)
				e.format(s, indent+"  ")
			}
		case string, []string:
			fmt.Fprintf(s, "%s%q = %q\n", indent, p.Name, v)
		case uint64, []uint64:
			fmt.Fprintf(s, "%s%q = %#x\n", indent, p.Name, v)
		default:
			fmt.Fprintf(s, "%s%q = %v\n", indent, p.Name, v)
		}
	}
}

// nvDepth is how deep lists may be nested: OpenZFS's own limit is 20 in the kernel (nvpair_max_recursion).
const nvDepth = 20

// ParseNVList decodes a packed list (module/nvpair/nvpair.c), in the encodings NV_ENCODE_NATIVE of either byte order and
// NV_ENCODE_XDR. What the input claims about sizes is checked against its length before anything is allocated, and arrays grow as
// their elements are read. Zeros may follow the list. Errors match ErrFormat.
func ParseNVList(p []byte) (NVList, error) {
	if len(p) < 4 {
		return nil, fmt.Errorf("read nvlist: %w: %d bytes are too few", ErrFormat, len(p))
	}
	d := nvDecoder{p: p, at: 4, order: binary.BigEndian}
	switch {
	case p[0] == 1: // XDR is big-endian, whatever the host was
	case p[0] != 0:
		return nil, fmt.Errorf("read nvlist: %w: encoding %d is neither native (0) nor XDR (1)", ErrFormat, p[0])
	case p[1] == 1:
		d.native, d.order = true, binary.LittleEndian
	case p[1] == 0:
		d.native = true
	default:
		return nil, fmt.Errorf("read nvlist: %w: byte order %d is neither big (0) nor little (1)", ErrFormat, p[1])
	}
	d.listHeader()
	list := d.pairs(0)
	for d.err == nil && d.at < len(p) {
		if p[d.at] != 0 {
			d.fail("%d bytes follow the list", len(p)-d.at)
		}
		d.at++
	}
	if d.err != nil {
		return nil, fmt.Errorf("read nvlist: at byte %d: %w", d.at, d.err)
	}
	return list, nil
}

// nvDecoder reads values one after another. After an error it returns zeros, and d.err tells what was wrong at d.at.
type nvDecoder struct {
	p      []byte
	at     int
	native bool
	order  binary.ByteOrder
	err    error
}

func (d *nvDecoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
	}
}

// take returns the next n bytes, or nil if there are fewer.
func (d *nvDecoder) take(n int) []byte {
	if d.err != nil || n < 0 || n > len(d.p)-d.at {
		d.fail("%d bytes wanted, %d left", n, len(d.p)-d.at)
		return nil
	}
	p := d.p[d.at : d.at+n : d.at+n]
	d.at += n
	return p
}

func (d *nvDecoder) u16() uint16 {
	if p := d.take(2); p != nil {
		return d.order.Uint16(p)
	}
	return 0
}

func (d *nvDecoder) u32() uint32 {
	if p := d.take(4); p != nil {
		return d.order.Uint32(p)
	}
	return 0
}

func (d *nvDecoder) u64() uint64 {
	if p := d.take(8); p != nil {
		return d.order.Uint64(p)
	}
	return 0
}

// listHeader reads the version, which is 0, and the flags, which tell how names are unique.
func (d *nvDecoder) listHeader() {
	if version := d.u32(); version != 0 {
		d.fail("version %d of nvlist", version)
	}
	d.u32()
}

// pairs reads pairs up to the zero that ends a list.
func (d *nvDecoder) pairs(depth int) NVList {
	if depth > nvDepth {
		d.fail("more than %d lists in one another", nvDepth)
	}
	list := NVList{}
	for d.err == nil {
		start := d.at
		size := int(int32(d.u32()))
		if size == 0 {
			if !d.native {
				if decoded := d.u32(); decoded != 0 {
					d.fail("end of list with size %d", decoded)
				}
			}
			break
		}
		if size < 0 || size > len(d.p)-start {
			d.fail("pair of %d bytes, %d left", size, len(d.p)-start)
			break
		}
		var pair NVPair
		if d.native {
			pair = d.nativePair(start, size, depth)
		} else {
			pair = d.xdrPair(start, size, depth)
		}
		list = append(list, pair)
	}
	return list
}

// nativePair reads the rest of an nvpair_t: its fields, the name, the value, each aligned to 8 bytes. Embedded lists follow it.
func (d *nvDecoder) nativePair(start, size, depth int) (pair NVPair) {
	nameSize := int(int16(d.u16()))
	d.u16() // nvp_reserve
	n := int(int32(d.u32()))
	pair.Type = NVType(d.u32())
	name := d.take(nameSize)
	if d.err != nil {
		return pair
	}
	if nameSize == 0 || name[nameSize-1] != 0 {
		d.fail("name is not terminated")
		return pair
	}
	pair.Name = d.noZero(name[:nameSize-1])
	d.take((8 - (16+nameSize)%8) % 8)
	end := start + size
	if d.at > end {
		d.fail("name of %q leaves its pair of %d bytes", pair.Name, size)
		return pair
	}
	if pair.Type == NVNVList || pair.Type == NVNVListArray {
		inPair := 24 // an nvlist_t for each list, and in an array a pointer; they mean nothing outside of the memory that they were in
		if pair.Type == NVNVListArray {
			inPair += 8
		}
		if n < 0 || n > (end-d.at)/inPair {
			d.fail("%d lists in a pair of %d bytes", n, size)
			return pair
		}
		d.at = end
		lists := d.lists(n, 4, func() NVList { return d.pairs(depth + 1) })
		pair.Value = oneOrAll(d, pair.Type, lists)
		return pair
	}
	whole := d.p
	d.p = d.p[:end]
	pair.Value = d.value(pair.Type, n)
	d.p = whole
	if d.err == nil {
		d.at = end // what is left is padding
	}
	return pair
}

// xdrPair reads the rest of a pair: its decoded size, which is not needed, name, type, number of elements, value.
func (d *nvDecoder) xdrPair(start, size, depth int) (pair NVPair) {
	whole, end := d.p, start+size
	d.p = d.p[:end]
	d.u32()
	pair.Name = d.xdrString()
	pair.Type = NVType(d.u32())
	n := int(int32(d.u32()))
	if pair.Type == NVNVList || pair.Type == NVNVListArray {
		lists := d.lists(n, 16, func() NVList {
			d.listHeader()
			return d.pairs(depth + 1)
		})
		pair.Value = oneOrAll(d, pair.Type, lists)
	} else {
		pair.Value = d.value(pair.Type, n)
	}
	if d.err == nil && d.at != end {
		d.fail("%q ends %d bytes before its pair", pair.Name, end-d.at)
	}
	d.p = whole
	return pair
}

func oneOrAll(d *nvDecoder, t NVType, lists []NVList) any {
	if t == NVNVListArray {
		return lists
	}
	if len(lists) != 1 {
		d.fail("%d lists for one", len(lists))
		return NVList{}
	}
	return lists[0]
}

func (d *nvDecoder) lists(n, minSize int, next func() NVList) []NVList {
	if !d.room(n, minSize) {
		return nil
	}
	lists := []NVList{} // grows as they come: an empty one is smaller in the input than in memory
	for range n {
		if d.err != nil {
			break
		}
		lists = append(lists, next())
	}
	return lists
}

// room tells whether n elements of at least size bytes can be there.
func (d *nvDecoder) room(n, size int) bool {
	if n < 0 || n > (len(d.p)-d.at)/size {
		d.fail("%d elements in %d bytes", n, len(d.p)-d.at)
	}
	return d.err == nil
}

// value reads a value that is not a list.
func (d *nvDecoder) value(t NVType, n int) any {
	if scalar := t < NVByteArray || t == NVHrtime || t >= NVBooleanValue && t <= NVUint8 || t == NVDouble; scalar {
		want := 1
		if t == NVBoolean {
			want = 0
		}
		if n != want {
			d.fail("%d elements for one", n)
			return nil
		}
	}
	switch t {
	case NVBoolean:
		return nil
	case NVBooleanValue:
		return d.u32() != 0
	case NVByte, NVUint8:
		return uint8(d.small(1))
	case NVInt8:
		return int8(d.small(1))
	case NVInt16:
		return int16(d.small(2))
	case NVUint16:
		return uint16(d.small(2))
	case NVInt32:
		return int32(d.u32())
	case NVUint32:
		return d.u32()
	case NVInt64, NVHrtime:
		return int64(d.u64())
	case NVUint64:
		return d.u64()
	case NVDouble:
		return math.Float64frombits(d.u64())
	case NVString:
		return d.text()
	}
	return d.array(t, n)
}

func (d *nvDecoder) array(t NVType, n int) any {
	switch t {
	case NVStringArray:
		size := 4 // its length
		if d.native {
			if !d.room(n, 8) {
				return nil
			}
			d.take(8 * n) // pointers
			size = 1
		}
		return elements(d, n, size, false, d.text)
	case NVByteArray:
		p := append([]byte{}, d.take(n)...)
		if !d.native {
			d.take((4 - n%4) % 4)
		}
		return p
	case NVUint8Array:
		return elements(d, n, d.width(1), true, func() uint8 { return uint8(d.small(1)) })
	case NVInt8Array:
		return elements(d, n, d.width(1), true, func() int8 { return int8(d.small(1)) })
	case NVInt16Array:
		return elements(d, n, d.width(2), true, func() int16 { return int16(d.small(2)) })
	case NVUint16Array:
		return elements(d, n, d.width(2), true, func() uint16 { return uint16(d.small(2)) })
	case NVBooleanArray:
		return elements(d, n, 4, true, func() bool { return d.u32() != 0 })
	case NVInt32Array:
		return elements(d, n, 4, true, func() int32 { return int32(d.u32()) })
	case NVUint32Array:
		return elements(d, n, 4, true, d.u32)
	case NVInt64Array:
		return elements(d, n, 8, true, func() int64 { return int64(d.u64()) })
	case NVUint64Array:
		return elements(d, n, 8, true, d.u64)
	}
	d.fail("value of unknown type %d", t)
	return nil
}

// maxAtOnce is for how many elements of an array there is memory before they are read.
const maxAtOnce = 1024

// elements reads an array. In XDR the number comes once more before the elements, if counted.
func elements[T any](d *nvDecoder, n, size int, counted bool, next func() T) []T {
	if counted && !d.native {
		if again := d.u32(); again != uint32(n) {
			d.fail("%d and %d elements", n, again)
		}
	}
	if !d.room(n, size) {
		return nil
	}
	all := make([]T, 0, min(n, maxAtOnce)) // more grows as it comes: a string is larger in memory than it must be in the input
	for range n {
		if d.err != nil {
			break
		}
		all = append(all, next())
	}
	return all
}

// width is how many bytes a number of size bytes takes: XDR has none under 4.
func (d *nvDecoder) width(size int) int {
	if d.native {
		return size
	}
	return 4
}

// small reads a number of 1 or 2 bytes.
func (d *nvDecoder) small(size int) uint32 {
	if !d.native {
		return d.u32()
	}
	if size == 2 {
		return uint32(d.u16())
	}
	if p := d.take(1); p != nil {
		return uint32(p[0])
	}
	return 0
}

// text reads a string: in XDR its length and bytes, else bytes up to a zero.
func (d *nvDecoder) text() string {
	if !d.native {
		return d.xdrString()
	}
	for i, b := range d.p[d.at:] {
		if b == 0 {
			return string(d.take(i + 1)[:i])
		}
	}
	d.fail("string is not terminated")
	return ""
}

func (d *nvDecoder) xdrString() string {
	n := int(int32(d.u32()))
	s := d.noZero(d.take(n))
	if d.err == nil {
		d.take((4 - n%4) % 4)
	}
	return s
}

// noZero refuses what isn't a string in C.
func (d *nvDecoder) noZero(p []byte) string {
	if bytes.IndexByte(p, 0) >= 0 {
		d.fail("zero within a string")
	}
	return string(p)
}
