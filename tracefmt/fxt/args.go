package fxt

import (
	"encoding/base64"
	"math"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
)

// ownArgs is what the arguments of a record say that are no attributes.
type ownArgs struct {
	object                 bool // the record is of a kernel object
	id, parent, key, scope string
	hasKey, open, next     bool
	hasLane, hasProcess    bool
	laneOf, process        uint64
	order                  int64
	source                 tracefmt.Value
}

// args reads n arguments ("Arguments") of an event, or of a kernel object, into r.attrs and r.own. It reports whether
// they are well-formed.
func (r *Reader) args(c *cursor, n int, object bool) bool {
	r.attrs, r.own = r.attrs[:0], ownArgs{object: object}
	for range n {
		start := c.pos
		header, ok := c.word()
		size := int(header>>4&maxWords) * wordSize
		if !ok || size == 0 || size > len(c.b)-start {
			return false
		}
		arg := cursor{b: c.b[:start+size], pos: c.pos}
		name, ok := r.text(&arg, uint16(header>>16))
		if !ok || !r.arg(&arg, header, name) {
			return false
		}
		c.pos = start + size
	}
	return true
}

// arg reads the value of an argument. It reports whether that is well-formed.
func (r *Reader) arg(c *cursor, header uint64, name text) bool {
	var v tracefmt.Value
	var n uint64
	ok := true
	kind := header & 15
	switch kind {
	case argNull:
		v = tracefmt.RawJSON("null")
	case argInt32:
		v = tracefmt.Int64(int64(int32(header >> 32)))
	case argUint32:
		v = tracefmt.Int64(int64(header >> 32))
	case argInt64:
		n, ok = c.word()
		v = tracefmt.Int64(int64(n))
	case argUint64, argKoid:
		n, ok = c.word()
		v = tracefmt.Uint64(n)
	case argDouble:
		n, ok = c.word()
		v = tracefmt.Float64(math.Float64frombits(n))
	case argString:
		var t text
		t, ok = r.text(c, uint16(header>>32))
		v = tracefmt.String(t.text)
	case argPointer:
		n, ok = c.word()
		v = tracefmt.String("0x" + strconv.FormatUint(n, 16))
	case argBool:
		v = tracefmt.Bool(header>>32&1 != 0)
	case argBlob:
		size := header >> 32
		var b []byte
		if ok = size <= uint64(len(c.b)); ok {
			b, ok = c.bytes(int(size))
		}
		v = tracefmt.String(base64.StdEncoding.EncodeToString(b))
	default:
		r.losses.AddAt("argument of unknown type "+strconv.Itoa(int(kind)), r.at)
		return true
	}
	if ok && (name.own == notOwn || !r.ownArg(name, kind, v, n)) {
		r.attrs = append(r.attrs, tracefmt.Attr{Key: name.text, Value: v})
	}
	return ok
}

// ownArg notes an argument that has a meaning of its own, and reports whether it is one, by its name and type.
func (r *Reader) ownArg(name text, kind uint64, v tracefmt.Value, n uint64) bool {
	if name.own == ownJSON && kind == argString {
		r.attrs = append(r.attrs, tracefmt.Attr{Key: name.text[len(keyJSON):], Value: rawJSON(v.String())})
		return true
	}
	if r.own.object {
		return r.own.ofObject(name.own, kind, v, n)
	}
	return r.own.ofEvent(name.own, kind, v)
}

func (o *ownArgs) ofEvent(name own, kind uint64, v tracefmt.Value) bool {
	switch {
	case name == ownID && kind == argString:
		o.id = v.String()
	case name == ownParent && kind == argString:
		o.parent = v.String()
	case name == ownKey && kind == argString:
		o.key, o.hasKey = v.String(), true
	case name == ownOpen && kind == argBool:
		o.open, _ = v.Bool()
	case name == ownNext && kind == argBool:
		o.next, _ = v.Bool()
	default:
		return false
	}
	return true
}

func (o *ownArgs) ofObject(name own, kind uint64, v tracefmt.Value, n uint64) bool {
	switch {
	case name == ownProcess && kind == argKoid:
		o.process, o.hasProcess = n, true
	case name == ownLaneOf && kind == argKoid:
		o.laneOf, o.hasLane = n, true
	case name == ownScope && kind == argString:
		o.scope = v.String()
	case name == ownOrder && (kind == argInt32 || kind == argInt64):
		o.order, _ = v.Int64()
	case name == ownSource:
		o.source = v
	default:
		return false
	}
	return true
}
