package perfetto

import "google.golang.org/protobuf/encoding/protowire"

// Tags of the fields that a whole slice of our Writer's begins with, in this order: all have one byte.
const (
	tagType       = eventType<<3 | byte(protowire.VarintType)
	tagTrack      = eventTrack<<3 | byte(protowire.VarintType)
	tagEventName  = eventNameIID<<3 | byte(protowire.VarintType)
	tagCategories = eventCategoryIIDs<<3 | byte(protowire.VarintType)
	tagLegacy     = eventLegacy<<3 | byte(protowire.BytesType)
	tagDuration   = legacyDurationUs<<3 | byte(protowire.VarintType)
)

// parseOwn reads the begin of a whole slice, which most events of large traces are, as our Writer writes it: without looking for
// fields that it never has, or has elsewhere. It reports whether it was one; if not, what it has read is to be forgotten.
func (r *Reader) parseOwn(s *sequenceState, b []byte) bool {
	if len(b) < 4 || b[0] != tagType || b[1] != typeBegin || b[2] != tagTrack {
		return false
	}
	track, at := shortVarint(b, 3)
	iid, at := shortField(b, at, tagEventName)
	name := s.names.listed(iid)
	iid, at = shortField(b, at, tagCategories)
	category := s.categories.listed(iid)
	if name == nil || category == nil || at+3 > len(b) || b[at] != tagLegacy || b[at+2] != tagDuration {
		return false
	}
	head, end := b[:at], at+2+int(b[at+1])
	duration, at := shortVarint(b, at+3)
	if at != end {
		return false
	}
	raw := &r.raw
	raw.kind, raw.hasKind, raw.track, raw.hasTrack = typeBegin, true, track, true
	raw.name, raw.category = name.text, category.text
	r.noteHead(head)
	raw.duration, raw.hasDuration = int64(duration), true
	return r.shortAnnotations(s, b[at:])
}

// shortAnnotations reads what is left of an event, if that is annotations of the sort that most are.
func (r *Reader) shortAnnotations(s *sequenceState, b []byte) bool {
	for len(b) > 0 {
		if len(b) < 2 || b[0] != tagAnnotation || b[1] >= 1<<7 || int(b[1]) > len(b)-2 {
			return false
		}
		end := 2 + int(b[1])
		if !r.shortAnnotation(s, b[2:end]) {
			return false
		}
		b = b[end:]
	}
	return true
}

// shortField returns the value of the field at a place that has a tag, and what follows it: 0 if it has another one.
func shortField(b []byte, at int, tag byte) (v uint64, next int) {
	if at == 0 || at >= len(b) || b[at] != tag {
		return 0, 0
	}
	return shortVarint(b, at+1)
}

// shortVarint returns the number at a place, and what follows it: 0 if it has more than four bytes.
func shortVarint(b []byte, at int) (v uint64, next int) {
	for shift := 0; shift < 28 && at < len(b); shift += 7 {
		c := b[at]
		v |= uint64(c&0x7f) << shift
		if at++; c < 1<<7 {
			return v, at
		}
	}
	return 0, 0
}
