package spans

import (
	"encoding/binary"
	"strings"
)

// ID is a span's ID; 0 is none. Its text is 16 hex digits in lower case.
type ID uint64

// TraceID is a trace's ID; all zeros is none. Its text is 32 hex digits in lower case.
type TraceID [16]byte

const hexDigits = "0123456789abcdef"

// hexPairs has the two digits of each byte.
var hexPairs = func() (t [256][2]byte) {
	for i := range t {
		t[i] = [2]byte{hexDigits[i>>4], hexDigits[i&15]}
	}
	return t
}()

// Append appends the ID's 16 hex digits.
func (id ID) Append(b []byte) []byte {
	for shift := 56; shift >= 0; shift -= 8 {
		pair := &hexPairs[byte(id>>shift)]
		b = append(b, pair[0], pair[1])
	}
	return b
}

func (id ID) String() string { return string(id.Append(make([]byte, 0, 16))) }

// Append appends the ID's 32 hex digits.
func (t *TraceID) Append(b []byte) []byte {
	for _, c := range t {
		pair := &hexPairs[c]
		b = append(b, pair[0], pair[1])
	}
	return b
}

func (t TraceID) String() string { return string(t.Append(make([]byte, 0, 32))) }

// IsZero reports whether t is no trace's ID.
func (t TraceID) IsZero() bool { return t == TraceID{} }

// traceOf returns the ID that the trace of a root span gets if it has none: the root's, twice.
func traceOf(root ID) (t TraceID) {
	binary.BigEndian.PutUint64(t[:8], uint64(root))
	binary.BigEndian.PutUint64(t[8:], uint64(root))
	return t
}

// made reports whether t is what traceOf makes.
func (t *TraceID) made() bool { return [8]byte(t[:8]) == [8]byte(t[8:]) }

// unhex has the value of each hex digit, and 0xff for everything else.
var unhex = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte(hexDigits) {
		t[c] = byte(i)
		if c >= 'a' {
			t[c-'a'+'A'] = byte(i)
		}
	}
	return t
}()

// ParseID returns the ID with the given 16 hex digits, in any case.
func ParseID[T string | []byte](text T) (id ID, ok bool) {
	if len(text) != 16 {
		return 0, false
	}
	for i := range len(text) {
		d := unhex[text[i]]
		if d > 15 {
			return 0, false
		}
		id = id<<4 | ID(d)
	}
	return id, true
}

// ParseTraceID returns the ID with the given 32 hex digits, or 16 for its second half, in any case.
func ParseTraceID[T string | []byte](text T) (t TraceID, ok bool) {
	if len(text) != 32 && len(text) != 16 {
		return t, false
	}
	from := 16 - len(text)/2
	for i := from; i < 16; i++ {
		high, low := unhex[text[2*(i-from)]], unhex[text[2*(i-from)+1]]
		if high > 15 || low > 15 {
			return TraceID{}, false
		}
		t[i] = high<<4 | low
	}
	return t, true
}

// Number returns the ID for a text of any form, and whether the ID's own text is the same: it is for 16 hex digits in
// lower case. Those of package trace, 13 digits of base32, keep their 64 bits. All others are hashed.
func Number(text string) (id ID, exact bool) {
	if id, ok := ParseID(text); ok && id != 0 {
		return id, !strings.ContainsAny(text, "ABCDEF")
	}
	if id, ok := parseBase32(text); ok && id != 0 {
		return id, false
	}
	return hash(text), false
}

// parseBase32 returns the number of an ID of package trace: base32's digits in lower case (RFC 4648, section 6), most
// significant first.
func parseBase32(text string) (id ID, ok bool) {
	if len(text) != 13 || text[0] > 'p' { // 65 bits are one too many
		return 0, false
	}
	for i := range len(text) {
		c := text[i]
		switch {
		case 'a' <= c && c <= 'z':
			c -= 'a'
		case '2' <= c && c <= '7':
			c = c - '2' + 26
		default:
			return 0, false
		}
		id = id<<5 | ID(c)
	}
	return id, true
}

// hash is FNV-1a with 64 bits (RFC 9923), but never 0.
func hash(text string) ID {
	h := uint64(0xcbf29ce484222325)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 0x100000001b3
	}
	return ID(max(h, 1))
}

// texts makes the texts of IDs. Those that were made lately are the same strings again.
type texts struct {
	spans  [1 << idSlots]idText
	traces [1 << 6]traceText
	block  strings.Builder // room for some texts, so that not each is allocated by itself
}

const idSlots = 8

type idText struct {
	id   ID
	text string
}

type traceText struct {
	id   TraceID
	text string
}

// blockSize is small, since a text that is kept keeps its block.
const blockSize = 512

func (t *texts) add(text []byte) string {
	if t.block.Cap()-t.block.Len() < len(text) {
		t.block = strings.Builder{}
		t.block.Grow(blockSize)
	}
	start := t.block.Len()
	t.block.Write(text)
	return t.block.String()[start:]
}

// span returns the text of a span's ID; "" for none.
func (t *texts) span(id ID) string {
	if id == 0 {
		return ""
	}
	slot := &t.spans[uint64(id)*0x9e3779b97f4a7c15>>(64-idSlots)]
	if slot.id != id {
		var b [16]byte
		*slot = idText{id, t.add(id.Append(b[:0]))}
	}
	return slot.text
}

// trace returns the text of a trace's ID.
func (t *texts) trace(id *TraceID) string {
	slot := &t.traces[(id[15]^id[7])%(1<<6)]
	if slot.id != *id || slot.text == "" {
		var b [32]byte
		*slot = traceText{*id, t.add(id.Append(b[:0]))}
	}
	return slot.text
}
