package index

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/spanstack/spanstack/tracefmt"
)

// A record is what an event has beside its time and its kind:
//
//	byte 0   forms of ID and parent, bits 0-1 and 2-3; bits 4-7 say what else is there
//	byte 1   more of that
//	2-3      number of attributes
//	4-15     of a slice that has an ID or a parent: its track of the index (u32) and its start (i64), by which it is found
//	         ID, parent, key, name and category, refs of begin and end, kind, track; then the attributes
//
// Texts have their length before them. Numbers are varints, except where noted. A slice whose end says something of its
// own has a record that refers to those of its begin and its end.
const (
	hasKey   = 1 << (4 + iota)
	keyIsID  // the key is the same as the ID
	hasNames // of an event for whose kind there was no room
	hasPlace
)

const (
	hasEnds  = 1 << iota // two of u32
	hasKind              // of an end that isn't called as its begin
	hasTrack             // of the trace: where that isn't its index track's
)

const (
	placeAt  = 4
	placeLen = 12
	maxAttrs = math.MaxUint16
)

// record is what goes into a record, and comes out.
type record struct {
	id, parent     id
	key            string
	named          bool // name and category are here
	name, category string
	begin, end     uint32
	kind           uint32
	track          tracefmt.TrackID
	more           uint8 // which of the last four there are
	attrs          []tracefmt.Attr

	isSlice bool
	place   uint32 // its track in the index
	start   int64  // or the time of what isn't a slice, which isn't read back
}

// isKin reports whether other slices are found by a record, or it by them.
func (r *record) isKin() bool { return r.isSlice && r.id.form|r.parent.form != noID }

// Types of attributes in records: in bits 0-3 of a varint, with the number of the key from bit 5 on. Bit 4 says that the
// key follows as text instead.
const (
	attrNone = iota
	attrFalse
	attrTrue
	attrInt    // zigzag varint
	attrUint   // varint
	attrFloat  // 8 bytes
	attrText   // text
	attrNumber // varint: the number of a text
	attrRaw    // text

	attrOwnKey   = 1 << 4
	attrKeyShift = 5
)

// append adds a record.
func (x *Index) appendRecord(dst []byte, r *record) []byte {
	flags := byte(r.id.form) | byte(r.parent.form)<<2
	sameKey := r.key != "" && r.id.form != noID && r.key == r.id.String()
	switch {
	case sameKey:
		flags |= keyIsID
	case r.key != "":
		flags |= hasKey
	}
	if r.named {
		flags |= hasNames
	}
	if r.isKin() {
		flags |= hasPlace
	}
	if len(r.attrs) > maxAttrs {
		x.losses.Add("attributes, more than 65,535 of one event")
		r.attrs = r.attrs[:maxAttrs]
	}
	n := len(r.attrs)
	dst = append(dst, flags, r.more, byte(n), byte(n>>8))
	if flags&hasPlace != 0 {
		dst = binary.LittleEndian.AppendUint32(dst, r.place)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(r.start))
	}
	dst = r.parent.append(r.id.append(dst))
	if flags&hasKey != 0 {
		dst = appendText(dst, r.key)
	}
	if r.named {
		dst = appendText(appendText(dst, r.name), r.category)
	}
	if r.more&hasEnds != 0 {
		dst = binary.LittleEndian.AppendUint32(dst, r.begin)
		dst = binary.LittleEndian.AppendUint32(dst, r.end)
	}
	if r.more&hasKind != 0 {
		dst = binary.AppendUvarint(dst, uint64(r.kind))
	}
	if r.more&hasTrack != 0 {
		dst = binary.AppendUvarint(dst, uint64(r.track))
	}
	for i := range r.attrs {
		dst = x.appendAttr(dst, &r.attrs[i])
	}
	return dst
}

func (x *Index) appendAttr(dst []byte, a *tracefmt.Attr) []byte {
	key, known := x.texts.number(a.Key)
	tag := uint64(key) << attrKeyShift
	if !known {
		tag = attrOwnKey
	}
	head := func(sort uint64) {
		dst = binary.AppendUvarint(dst, tag|sort)
		if !known {
			dst = appendText(dst, a.Key)
		}
	}
	switch v := a.Value; v.Kind() {
	case tracefmt.BoolValue:
		if yes, _ := v.Bool(); yes {
			head(attrTrue)
		} else {
			head(attrFalse)
		}
	case tracefmt.Int64Value:
		n, _ := v.Int64()
		head(attrInt)
		dst = binary.AppendVarint(dst, n)
	case tracefmt.Uint64Value:
		n, _ := v.Uint64()
		head(attrUint)
		dst = binary.AppendUvarint(dst, n)
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		head(attrFloat)
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
	case tracefmt.StringValue:
		if n, ok := x.texts.repeated(v.String()); ok {
			head(attrNumber)
			dst = binary.AppendUvarint(dst, uint64(n))
		} else {
			head(attrText)
			dst = appendText(dst, v.String())
		}
	case tracefmt.RawValue:
		head(attrRaw)
		dst = appendText(dst, v.String())
	default:
		head(attrNone)
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func readText(b []byte) (text, rest []byte) {
	n, size := binary.Uvarint(b)
	end := size + int(n)
	return b[size:end:end], b[end:]
}

// view returns bytes of an arena as a string, which they may be since they never change.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// afterPlace returns what follows the place of a record.
func afterPlace(b []byte) []byte {
	if b[0]&hasPlace != 0 {
		return b[placeAt+placeLen:]
	}
	return b[placeAt:]
}

// idOf returns the ID of a record.
func (a *arena) idOf(ref uint32) id {
	b := a.at(ref)
	i, _ := readID(idForm(b[0]&3), afterPlace(b))
	return i
}

// hasAttrs reports whether a record has attributes.
func (a *arena) hasAttrs(ref uint32) bool {
	b := a.at(ref)
	return b[2]|b[3] != 0
}

// parentOf returns the parent of a record.
func (a *arena) parentOf(ref uint32) id {
	_, parent := a.idsOf(ref)
	return parent
}

// idsOf returns the ID and the parent of a record.
func (a *arena) idsOf(ref uint32) (own, parent id) {
	b := a.at(ref)
	own, rest := readID(idForm(b[0]&3), afterPlace(b))
	parent, _ = readID(idForm(b[0]>>2&3), rest)
	return own, parent
}

// placeOf returns where the slice of a record with an ID or a parent is.
func (a *arena) placeOf(ref uint32) (track uint32, start int64) {
	b := a.at(ref)[placeAt:]
	return binary.LittleEndian.Uint32(b), int64(binary.LittleEndian.Uint64(b[4:]))
}

// head reads a record up to its attributes, and returns these. Texts are in the arena's memory.
func (a *arena) head(ref uint32, r *record) attrs {
	b := a.at(ref)
	flags, more := b[0], b[1]
	n := int(b[2]) | int(b[3])<<8
	b = b[4:]
	*r = record{more: more, attrs: r.attrs[:0]}
	if flags&hasPlace != 0 {
		r.isSlice, r.place, r.start = true, binary.LittleEndian.Uint32(b), int64(binary.LittleEndian.Uint64(b[4:]))
		b = b[placeLen:]
	}
	r.id, b = readID(idForm(flags&3), b)
	r.parent, b = readID(idForm(flags>>2&3), b)
	var text []byte
	switch {
	case flags&hasKey != 0:
		text, b = readText(b)
		r.key = view(text)
	case flags&keyIsID != 0:
		r.key = r.id.String()
	}
	if flags&hasNames != 0 {
		r.named = true
		text, b = readText(b)
		r.name = view(text)
		text, b = readText(b)
		r.category = view(text)
	}
	if more&hasEnds != 0 {
		r.begin, r.end = binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
		b = b[8:]
	}
	if more&hasKind != 0 {
		v, size := binary.Uvarint(b)
		r.kind, b = uint32(v), b[size:]
	}
	if more&hasTrack != 0 {
		v, size := binary.Uvarint(b)
		r.track, b = tracefmt.TrackID(v), b[size:]
	}
	return attrs{b: b, n: n}
}

// ends returns the records of a slice's begin and end: mostly, that of the slice, and none.
func (a *arena) ends(ref uint32) (begin, end uint32) {
	if ref == 0 {
		return 0, 0
	}
	b := a.at(ref)
	if b[1]&hasEnds == 0 {
		return ref, 0
	}
	return binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:]) // there is nothing before them
}

// asyncKey returns the key of an async slice.
func (a *arena) asyncKey(ref uint32) string {
	begin, _ := a.ends(ref)
	if begin == 0 {
		return ""
	}
	var r record
	a.head(begin, &r)
	if r.key != "" {
		return r.key
	}
	return r.id.String()
}

// attrs goes through the attributes of a record.
type attrs struct {
	b []byte
	n int

	sort   int
	key    uint32 // or
	ownKey []byte
	num    uint64 // of numbers: their bits; of a numbered text its number
	text   []byte
}

// next goes to the next attribute, and reports whether there is one.
func (a *attrs) next() bool {
	if a.n == 0 {
		return false
	}
	a.n--
	tag, size := binary.Uvarint(a.b)
	a.b = a.b[size:]
	a.sort, a.key, a.ownKey = int(tag&15), uint32(tag>>attrKeyShift), nil
	if tag&attrOwnKey != 0 {
		a.ownKey, a.b = readText(a.b)
	}
	switch a.sort {
	case attrInt:
		v, size := binary.Varint(a.b)
		a.num, a.b = uint64(v), a.b[size:]
	case attrUint, attrNumber:
		a.num, size = binary.Uvarint(a.b)
		a.b = a.b[size:]
	case attrFloat:
		a.num = binary.LittleEndian.Uint64(a.b)
		a.b = a.b[8:]
	case attrText, attrRaw:
		a.text, a.b = readText(a.b)
	}
	return true
}

// attr returns the current attribute.
func (a *attrs) attr(texts []string) tracefmt.Attr {
	attr := tracefmt.Attr{Key: view(a.ownKey)}
	if a.ownKey == nil && a.key != 0 {
		attr.Key = texts[a.key]
	}
	switch a.sort {
	case attrFalse, attrTrue:
		attr.Value = tracefmt.Bool(a.sort == attrTrue)
	case attrInt:
		attr.Value = tracefmt.Int64(int64(a.num))
	case attrUint:
		attr.Value = tracefmt.Uint64(a.num)
	case attrFloat:
		attr.Value = tracefmt.Float64(math.Float64frombits(a.num))
	case attrText:
		attr.Value = tracefmt.String(view(a.text))
	case attrNumber:
		attr.Value = tracefmt.String(texts[a.num])
	case attrRaw:
		attr.Value = tracefmt.RawJSON(view(a.text))
	}
	return attr
}

// read reads a whole record.
func (a *arena) read(ref uint32, texts []string, r *record) {
	for list := a.head(ref, r); list.next(); {
		r.attrs = append(r.attrs, list.attr(texts))
	}
}
