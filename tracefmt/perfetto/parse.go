package perfetto

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"google.golang.org/protobuf/encoding/protowire"
)

// parseEvent reads a TrackEvent into r.raw.
func (r *Reader) parseEvent(s *sequenceState, data []byte) {
	r.resetRaw()
	if r.parseOwn(s, data) {
		return
	}
	if r.raw.hasKind { // it seemed to be one, up to some place
		r.resetRaw()
	}
	r.parseFields(s, data)
}

// parseFields reads a TrackEvent field by field.
func (r *Reader) parseFields(s *sequenceState, data []byte) {
	raw := &r.raw
	if s.hasTrack {
		raw.track, raw.hasTrack = s.track, true
	}
	c := cursor{b: data, bad: &r.bad}
	for at := 0; c.next(); at = c.at {
		switch c.num {
		case eventType:
			raw.kind, raw.hasKind = c.varint(), true
		case eventTrack:
			raw.track, raw.hasTrack = c.varint(), true
		case eventNameIID:
			raw.name = r.lookup(&s.names, c.varint())
		case eventName:
			raw.name = r.values.Strings.Intern(c.content())
		case eventCategoryIIDs:
			if c.typ == protowire.VarintType {
				raw.addCategory(r.lookup(&s.categories, c.v))
				continue
			}
			for _, iid := range c.numbers(nil, protowire.VarintType) {
				raw.addCategory(r.lookup(&s.categories, iid))
			}
		case eventCategories:
			raw.addCategory(r.values.Strings.Intern(c.content()))
		case eventAnnotations:
			if !r.shortAnnotation(s, c.content()) {
				r.annotation(s, c.within())
			}
		case eventLegacy:
			r.noteHead(data[:at])
			r.parseLegacy(s, c.within())
		case eventLog:
			r.parseLog(s, c.within())
		default:
			r.parseRest(&c)
		}
	}
}

// head is what an event has before its duration, if that is what its end has, too: where it is, and its names.
type head struct {
	bytes          []byte
	track          uint64
	name, category string
}

// noteHead takes note of what comes before an event's duration.
func (r *Reader) noteHead(b []byte) {
	raw, h := &r.raw, &r.head
	h.bytes = h.bytes[:0]
	if !raw.hasDuration && !raw.hasRare && len(raw.attrs) == 0 && raw.id == "" && raw.parent == "" && raw.key == "" {
		h.bytes = append(h.bytes, b...)
		h.track, h.name, h.category = raw.track, raw.name, raw.category
	}
}

func (r *Reader) resetRaw() {
	raw := &r.raw
	clear(raw.attrs)
	raw.common = common{attrs: raw.attrs[:0]}
	if raw.hasLegacy {
		raw.legacy, raw.hasLegacy = legacyEvent{}, false
	}
	if raw.hasRare {
		raw.rare = rare{
			flows: raw.flows[:0], endFlows: raw.endFlows[:0],
			extraTracks: raw.extraTracks[:0], extra: raw.extra[:0], dblTracks: raw.dblTracks[:0], dblExtra: raw.dblExtra[:0],
		}
		raw.hasRare = false
	}
}

// parseRest reads the fields that are about counters, flows and older times.
func (r *Reader) parseRest(c *cursor) {
	raw := &r.raw
	raw.hasRare = true
	switch c.num {
	case eventCounter:
		raw.value, raw.hasValue, raw.isDouble = c.v, true, false
	case eventDouble:
		raw.value, raw.hasValue, raw.isDouble = c.v, true, true
	case eventExtraTracks:
		raw.extraTracks = c.numbers(raw.extraTracks, protowire.VarintType)
	case eventExtraValues:
		raw.extra = c.numbers(raw.extra, protowire.VarintType)
	case eventExtraDblTracks:
		raw.dblTracks = c.numbers(raw.dblTracks, protowire.VarintType)
	case eventExtraDoubles:
		raw.dblExtra = c.numbers(raw.dblExtra, protowire.Fixed64Type)
	case eventFlows:
		raw.flows = c.numbers(raw.flows, protowire.Fixed64Type)
	case eventFlowsOld:
		raw.flows = c.numbers(raw.flows, protowire.VarintType)
	case eventEndFlows:
		raw.endFlows = c.numbers(raw.endFlows, protowire.Fixed64Type)
	case eventEndFlowsOld:
		raw.endFlows = c.numbers(raw.endFlows, protowire.VarintType)
	case eventDeltaUs:
		raw.micros, raw.hasDelta, raw.isAbsolute = int64(c.v), true, false
	case eventAbsoluteUs:
		raw.micros, raw.hasDelta, raw.isAbsolute = int64(c.v), true, true
	default:
		what := lostFields[c.num]
		if what == "" {
			what = "typed argument"
		}
		r.losses.AddAt(fmt.Sprintf("%s (field %d of an event)", what, c.num), r.start)
	}
}

func (raw *rawEvent) addCategory(name string) {
	if raw.category == "" {
		raw.category = name
		return
	}
	raw.category += "," + name
}

// lookup returns an interned string.
func (r *Reader) lookup(table *internedTexts, iid uint64) string {
	s, ok := table.get(iid)
	if !ok && iid != 0 {
		r.losses.AddAt("name that was never interned", r.start)
	}
	return s
}

func (r *Reader) parseLog(s *sequenceState, c cursor) {
	r.raw.isLog, r.raw.hasRare = true, true
	for c.next() {
		switch c.num {
		case logBodyIID:
			r.raw.body = r.lookup(&s.logs, c.varint())
		case logPriority:
			r.raw.priority = c.varint()
		}
	}
}

// annotation reads a DebugAnnotation: one of our own, or an attribute.
func (r *Reader) annotation(s *sequenceState, c cursor) {
	raw := &r.raw
	name, v := r.annotationValue(s, c, 0)
	if len(name) >= len(ownPrefix) && name[:len(ownPrefix)] == ownPrefix {
		flow := func(kind tracefmt.Kind) { raw.flowKind, raw.key, raw.hasRare = kind, v.String(), true }
		switch name {
		case argID:
			raw.id = v.String()
			return
		case argParent:
			raw.parent = v.String()
			return
		case argKey:
			raw.key = v.String()
			return
		case argFlowStart:
			flow(tracefmt.FlowStart)
			return
		case argFlowStep:
			flow(tracefmt.FlowStep)
			return
		case argFlowEnd:
			flow(tracefmt.FlowEnd)
			return
		case argFlowNext:
			flow(tracefmt.FlowEnd)
			raw.flowNext = true
			return
		}
	}
	raw.attrs = append(raw.attrs, tracefmt.Attr{Key: name, Value: v})
}

// ownTexts makes strings that nobody else has, such as IDs: several with one allocation, in whose memory all of them are.
type ownTexts struct{ b strings.Builder }

const ownTextsSize = 128 // bytes: one string keeps so much

func (t *ownTexts) text(text []byte) string {
	if len(text) > ownTextsSize/4 {
		return string(text)
	}
	if t.b.Cap()-t.b.Len() < len(text) {
		t.b.Reset()
		t.b.Grow(ownTextsSize)
	}
	at := t.b.Len()
	t.b.Write(text)
	return t.b.String()[at:]
}

// shortAnnotation reads an annotation as most of ours are, see appendShort: its name has a number of one byte, and its
// value is a short string or an integer. It reports whether it was one.
func (r *Reader) shortAnnotation(s *sequenceState, b []byte) bool {
	if len(b) < 4 || b[0] != tagName || b[1] >= 1<<7 {
		return false
	}
	name := s.annotations.listed(uint64(b[1]))
	raw := &r.raw
	switch {
	case name == nil:
		return false
	case b[2] == tagString && int(b[3]) == len(b)-4:
		text := b[4:]
		switch name.own {
		case notOwn:
			raw.attrs = append(raw.attrs, tracefmt.Attr{Key: name.text, Value: tracefmt.String(r.values.Strings.Intern(text))})
		case ownID:
			raw.id = r.ids.text(text)
		case ownParent:
			if r.parent != string(text) { // that of its sibling
				r.parent = r.ids.text(text)
			}
			raw.parent = r.parent
		default:
			return false
		}
		return true
	case b[2] == tagInt && name.own == notOwn:
		v, n := protowire.ConsumeVarint(b[3:])
		if n != len(b)-3 {
			return false
		}
		raw.attrs = append(raw.attrs, tracefmt.Attr{Key: name.text, Value: tracefmt.Int64(int64(v))})
		return true
	}
	return false
}

// annotationValue returns the name and the value of a DebugAnnotation. Nested ones become JSON.
func (r *Reader) annotationValue(s *sequenceState, c cursor, depth int) (name string, v tracefmt.Value) {
	var nested []byte
	for c.next() {
		switch c.num {
		case annotationNameIID:
			name = r.lookup(&s.annotations, c.varint())
		case annotationName:
			name = r.values.Strings.Intern(c.content())
		case annotationBool:
			v = tracefmt.Bool(c.varint() != 0)
		case annotationUint:
			v = tracefmt.Uint64(c.varint())
		case annotationInt:
			v = tracefmt.Int64(int64(c.varint()))
		case annotationDouble:
			v = tracefmt.Float64(c.double())
		case annotationString:
			v = tracefmt.String(r.values.Strings.Intern(c.content()))
		case annotationStrIID:
			v = tracefmt.String(r.lookup(&s.strings, c.varint()))
		case annotationPointer:
			v = tracefmt.String("0x" + strconv.FormatUint(c.varint(), 16))
		case annotationJSON:
			if text, ok := jsontext.AppendCompact(nil, string(c.content())); ok {
				v = tracefmt.RawJSON(string(text))
			} else {
				v = tracefmt.String(string(c.content()))
			}
		case annotationNested:
			v = tracefmt.RawJSON(string(r.appendOldNested(nil, c.within(), depth)))
		case annotationDict, annotationArray:
			nested = r.appendEntry(s, nested, &c, depth)
		default:
			r.losses.AddAt(fmt.Sprintf("message in an annotation (field %d)", c.num), r.start)
		}
	}
	if nested != nil {
		nested = append(nested, nested[0]+2) // the bracket that closes it, in ASCII
		v = tracefmt.RawJSON(string(nested))
	}
	return name, v
}

// tooDeep says that annotations nest deeper than what is read.
const tooDeep = "annotation that nests too deep"

const maxReadNesting = 128

// appendEntry adds an entry of a dictionary or array to the JSON text of it.
func (r *Reader) appendEntry(s *sequenceState, dst []byte, c *cursor, depth int) []byte {
	if depth >= maxReadNesting {
		r.losses.AddAt(tooDeep, r.start)
		return dst
	}
	opening := byte('[')
	if c.num == annotationDict {
		opening = '{'
	}
	switch {
	case dst == nil:
		dst = append(dst, opening)
	case dst[0] != opening:
		r.losses.AddAt("annotation that is both a dictionary and an array", r.start)
		return dst
	default:
		dst = append(dst, ',')
	}
	name, v := r.annotationValue(s, c.within(), depth+1)
	if opening == '{' {
		dst = append(jsontext.AppendString(dst, name), ':')
	}
	return appendNested(dst, v)
}

// appendOldNested adds the JSON text of a DebugAnnotation.NestedValue, as written up to 2021.
func (r *Reader) appendOldNested(dst []byte, c cursor, depth int) []byte {
	if depth >= maxReadNesting {
		r.losses.AddAt(tooDeep, r.start)
		return append(dst, "null"...)
	}
	var kind uint64
	var keys, values [][]byte
	v := tracefmt.Value{}
	for c.next() {
		switch c.num {
		case nestedType:
			kind = c.varint()
		case nestedKeys:
			keys = append(keys, c.content())
		case nestedDict, nestedArray:
			values = append(values, c.content())
		case nestedInt:
			v = tracefmt.Int64(int64(c.varint()))
		case nestedDouble:
			v = tracefmt.Float64(c.double())
		case nestedBool:
			v = tracefmt.Bool(c.varint() != 0)
		case nestedString:
			v = tracefmt.String(string(c.content()))
		}
	}
	if kind == 0 {
		return appendNested(dst, v)
	}
	brackets := "[]"
	if kind == 1 {
		brackets = "{}"
	}
	dst = append(dst, brackets[0])
	for i, value := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		if kind == 1 {
			key := []byte(nil)
			if i < len(keys) {
				key = keys[i]
			}
			dst = append(jsontext.AppendString(dst, string(key)), ':')
		}
		dst = r.appendOldNested(dst, cursor{b: value, bad: c.bad}, depth+1)
	}
	return append(dst, brackets[1])
}
