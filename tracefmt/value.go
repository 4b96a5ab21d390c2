package tracefmt

import (
	"math"
	"strconv"
)

// ValueKind is the type of a Value.
type ValueKind uint8

const (
	NoValue ValueKind = iota
	BoolValue
	Int64Value
	Uint64Value
	Float64Value
	StringValue
	RawValue // valid, compact JSON: an object, an array, null, or a number that no other kind can hold
)

// Value is an attribute's value. The zero Value is none at all. Values are comparable with ==.
type Value struct {
	kind ValueKind
	num  uint64
	str  string
}

// Attr is one attribute of an event.
type Attr struct {
	Key   string
	Value Value
}

// Bool returns a Value that holds v.
func Bool(v bool) Value {
	if v {
		return Value{kind: BoolValue, num: 1}
	}
	return Value{kind: BoolValue}
}

// Int64 returns a Value that holds v.
func Int64(v int64) Value { return Value{kind: Int64Value, num: uint64(v)} }

// Uint64 returns a Value that holds v. One that fits becomes an Int64, so that a number has one form only.
func Uint64(v uint64) Value {
	if v <= math.MaxInt64 {
		return Int64(int64(v))
	}
	return Value{kind: Uint64Value, num: v}
}

// Float64 returns a Value that holds v.
func Float64(v float64) Value { return Value{kind: Float64Value, num: math.Float64bits(v)} }

// String returns a Value that holds v.
func String(v string) Value { return Value{kind: StringValue, str: v} }

// RawJSON returns a Value that holds a JSON text. The caller answers for it being valid and on one line.
func RawJSON(v string) Value { return Value{kind: RawValue, str: v} }

// Kind returns the value's type.
func (v Value) Kind() ValueKind { return v.kind }

// IsZero reports whether there is no value.
func (v Value) IsZero() bool { return v.kind == NoValue }

// Bool returns the value of a BoolValue.
func (v Value) Bool() (b, ok bool) { return v.num != 0, v.kind == BoolValue }

// Int64 returns the value of an Int64Value.
func (v Value) Int64() (n int64, ok bool) { return int64(v.num), v.kind == Int64Value }

// Uint64 returns the value of an Uint64Value, or of an Int64Value that isn't negative.
func (v Value) Uint64() (n uint64, ok bool) {
	return v.num, v.kind == Uint64Value || v.kind == Int64Value && int64(v.num) >= 0
}

// Float64 returns a number of any kind as float64, rounded if need be.
func (v Value) Float64() (f float64, ok bool) {
	switch v.kind {
	case Float64Value:
		return math.Float64frombits(v.num), true
	case Int64Value:
		return float64(int64(v.num)), true
	case Uint64Value:
		return float64(v.num), true
	}
	return 0, false
}

// Text returns the value of a StringValue.
func (v Value) Text() (s string, ok bool) {
	if v.kind != StringValue {
		return "", false
	}
	return v.str, true
}

// String returns the value as text: a string as it is, JSON as it is, numbers in decimal, "" for no value.
func (v Value) String() string {
	switch v.kind {
	case BoolValue:
		return strconv.FormatBool(v.num != 0)
	case Int64Value:
		return strconv.FormatInt(int64(v.num), 10)
	case Uint64Value:
		return strconv.FormatUint(v.num, 10)
	case Float64Value:
		return strconv.FormatFloat(math.Float64frombits(v.num), 'g', -1, 64)
	}
	return v.str
}
