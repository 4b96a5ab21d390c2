package otelbridge

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/spanstack/spanstack/trace"
)

// What spans of OpenTelemetry have beside attributes is in attributes of these names, as its specification has it for
// formats without a place for it ("Mapping to non-OTLP formats"). On the way back it is what it was.
const (
	statusKey        = "otel.status_code" // "OK"; an error is the span's own
	scopeKey         = "otel.scope.name"
	versionKey       = "otel.scope.version"
	schemaKey        = "otel.scope.schema_url"
	scopeAttrsKey    = "otel.scope.attributes" // a JSON object
	kindKey          = "span.kind"
	linkStateKey     = "otel.link.trace_state"
	linkUnsampledKey = "otel.link.unsampled"
	droppedKey       = "attrs.dropped" // package trace's own

	statusOK = "OK"
)

var kindNames = []string{oteltrace.SpanKindServer: "server", oteltrace.SpanKindClient: "client",
	oteltrace.SpanKindProducer: "producer", oteltrace.SpanKindConsumer: "consumer"}

// appendKind appends a span's kind, if it isn't the usual one.
func appendKind(attrs []slog.Attr, k oteltrace.SpanKind) []slog.Attr {
	if k > oteltrace.SpanKindInternal && int(k) < len(kindNames) {
		attrs = append(attrs, slog.String(kindKey, kindNames[k]))
	}
	return attrs
}

func kindOf(name string) (oteltrace.SpanKind, bool) {
	for k, n := range kindNames {
		if n == name && n != "" {
			return oteltrace.SpanKind(k), true
		}
	}
	return oteltrace.SpanKindInternal, false
}

// scopeAttrs returns the attributes that say which library made a span.
func scopeAttrs(name, version, schema string, set attribute.Set) (attrs []slog.Attr) {
	for _, a := range []slog.Attr{slog.String(scopeKey, name), slog.String(versionKey, version), slog.String(schemaKey, schema)} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	if set.Len() > 0 {
		attrs = append(attrs, slog.Any(scopeAttrsKey, trace.JSON(appendJSON(nil, attribute.MapValue(set.ToSlice()...)))))
	}
	return attrs
}

// takeScope takes the attributes of scopeAttrs out of a list.
func takeScope(kvs []attribute.KeyValue) (scope instrumentation.Scope, rest []attribute.KeyValue) {
	rest = kvs[:0]
	for _, kv := range kvs {
		switch {
		case kv.Key == scopeKey && kv.Value.Type() == attribute.STRING:
			scope.Name = kv.Value.AsString()
		case kv.Key == versionKey && kv.Value.Type() == attribute.STRING:
			scope.Version = kv.Value.AsString()
		case kv.Key == schemaKey && kv.Value.Type() == attribute.STRING:
			scope.SchemaURL = kv.Value.AsString()
		case kv.Key == scopeAttrsKey && kv.Value.Type() == attribute.MAP:
			scope.Attributes = attribute.NewSet(kv.Value.AsMap()...)
		default:
			rest = append(rest, kv)
		}
	}
	return scope, rest
}

// appendAttrs appends attributes of OpenTelemetry as ours.
func appendAttrs(attrs []slog.Attr, kvs []attribute.KeyValue) []slog.Attr {
	for i := range kvs {
		if kv := &kvs[i]; kv.Key != "" {
			attrs = append(attrs, slog.Attr{Key: string(kv.Key), Value: fromOTel(&kv.Value)})
		}
	}
	return attrs
}

func fromOTel(v *attribute.Value) slog.Value {
	switch v.Type() {
	case attribute.BOOL:
		return slog.BoolValue(v.AsBool())
	case attribute.INT64:
		return slog.Int64Value(v.AsInt64())
	case attribute.FLOAT64:
		return slog.Float64Value(v.AsFloat64())
	case attribute.STRING:
		return slog.StringValue(v.AsString())
	}
	return slog.AnyValue(trace.JSON(appendJSON(nil, *v)))
}

// Lists and maps are JSON in our records. Numbers in it are integers unless they have a point or an exponent. What JSON
// can't express is an object with one of these members.
const (
	bytesMember = "otel.bytes" // base64
	floatMember = "otel.float" // NaN, +Inf or -Inf
)

func appendJSON(b []byte, v attribute.Value) []byte {
	switch v.Type() {
	case attribute.BOOL:
		return strconv.AppendBool(b, v.AsBool())
	case attribute.INT64:
		return strconv.AppendInt(b, v.AsInt64(), 10)
	case attribute.FLOAT64:
		return appendFloat(b, v.AsFloat64())
	case attribute.STRING:
		return appendText(b, v.AsString())
	case attribute.BOOLSLICE:
		return appendList(b, v.AsBoolSlice(), strconv.AppendBool)
	case attribute.INT64SLICE:
		return appendList(b, v.AsInt64Slice(), func(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) })
	case attribute.FLOAT64SLICE:
		return appendList(b, v.AsFloat64Slice(), appendFloat)
	case attribute.STRINGSLICE:
		return appendList(b, v.AsStringSlice(), appendText)
	case attribute.BYTESLICE:
		b = append(b, `{"`+bytesMember+`":"`...)
		return append(base64.StdEncoding.AppendEncode(b, v.AsByteSlice()), `"}`...)
	case attribute.SLICE:
		return appendList(b, v.AsSlice(), appendJSON)
	case attribute.MAP:
		b = append(b, '{')
		for i, kv := range v.AsMap() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(append(appendText(b, string(kv.Key)), ':'), kv.Value)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

func appendList[T any](b []byte, list []T, one func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, v)
	}
	return append(b, ']')
}

func appendText(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can always be marshaled
	}
	return append(b, text...)
}

func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(strconv.AppendFloat(append(b, `{"`+floatMember+`":"`...), f, 'g', -1, 64), `"}`...)
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'g', -1, 64)
	if !bytes.ContainsAny(b[start:], ".e") {
		b = append(b, ".0"...)
	}
	return b
}

// toOTel returns an attribute of ours as OpenTelemetry's. Times are as otelslog has them: nanoseconds.
func toOTel(a slog.Attr) attribute.KeyValue {
	key := attribute.Key(a.Key)
	switch a.Value.Kind() {
	case slog.KindBool:
		return key.Bool(a.Value.Bool())
	case slog.KindInt64:
		return key.Int64(a.Value.Int64())
	case slog.KindUint64:
		if n := a.Value.Uint64(); n > math.MaxInt64 { // a float would be another number
			return key.String(strconv.FormatUint(n, 10))
		}
		return key.Int64(int64(a.Value.Uint64()))
	case slog.KindFloat64:
		return key.Float64(a.Value.Float64())
	case slog.KindDuration:
		return key.Int64(int64(a.Value.Duration()))
	case slog.KindTime:
		return key.Int64(a.Value.Time().UnixNano())
	case slog.KindAny:
		if raw, ok := a.Value.Any().(trace.JSON); ok {
			if v, ok := parseJSON([]byte(raw)); ok {
				return attribute.KeyValue{Key: key, Value: v}
			}
			return key.String(string(raw))
		}
	}
	return key.String(a.Value.String())
}

// parseJSON is the inverse of appendJSON.
func parseJSON(raw []byte) (attribute.Value, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := parseValue(d)
	return v, err == nil
}

func parseValue(d *json.Decoder) (attribute.Value, error) {
	token, err := d.Token()
	if err != nil {
		return attribute.Value{}, err
	}
	switch t := token.(type) {
	case bool:
		return attribute.BoolValue(t), nil
	case string:
		return attribute.StringValue(t), nil
	case json.Number:
		if n, err := strconv.ParseInt(t.String(), 10, 64); err == nil {
			return attribute.Int64Value(n), nil
		}
		f, err := t.Float64()
		return attribute.Float64Value(f), err
	case json.Delim:
		if t == '[' {
			return parseList(d)
		}
		return parseMap(d)
	}
	return attribute.Value{}, nil // null
}

func parseList(d *json.Decoder) (attribute.Value, error) {
	var list []attribute.Value
	for d.More() {
		v, err := parseValue(d)
		if err != nil {
			return v, err
		}
		list = append(list, v)
	}
	if _, err := d.Token(); err != nil {
		return attribute.Value{}, err
	}
	switch typeOfAll(list) {
	case attribute.BOOL:
		return attribute.BoolSliceValue(each(list, attribute.Value.AsBool)), nil
	case attribute.INT64:
		return attribute.Int64SliceValue(each(list, attribute.Value.AsInt64)), nil
	case attribute.FLOAT64:
		return attribute.Float64SliceValue(each(list, attribute.Value.AsFloat64)), nil
	case attribute.STRING:
		return attribute.StringSliceValue(each(list, attribute.Value.AsString)), nil
	}
	return attribute.SliceValue(list...), nil
}

// typeOfAll returns the type that all values have; that of an empty list, which isn't known, is string.
func typeOfAll(list []attribute.Value) attribute.Type {
	if len(list) == 0 {
		return attribute.STRING
	}
	t := list[0].Type()
	for _, v := range list {
		if v.Type() != t {
			return attribute.SLICE
		}
	}
	return t
}

func each[T any](list []attribute.Value, f func(attribute.Value) T) []T {
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

func parseMap(d *json.Decoder) (attribute.Value, error) {
	var members []attribute.KeyValue
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return attribute.Value{}, err
		}
		v, err := parseValue(d)
		if err != nil {
			return v, err
		}
		members = append(members, attribute.KeyValue{Key: attribute.Key(key.(string)), Value: v})
	}
	if _, err := d.Token(); err != nil {
		return attribute.Value{}, err
	}
	if len(members) == 1 && members[0].Value.Type() == attribute.STRING {
		text := members[0].Value.AsString()
		switch members[0].Key {
		case bytesMember:
			if b, err := base64.StdEncoding.DecodeString(text); err == nil {
				return attribute.ByteSliceValue(b), nil
			}
		case floatMember:
			if f, err := strconv.ParseFloat(text, 64); err == nil {
				return attribute.Float64Value(f), nil
			}
		}
	}
	return attribute.MapValue(members...), nil
}

// typeOf names an error's type, as OpenTelemetry's SDK does in exception.type.
func typeOf(err error) string {
	t := reflect.TypeOf(err)
	if t.PkgPath() == "" && t.Name() == "" { // a pointer, say
		return fmt.Sprintf("%T", err)
	}
	return t.PkgPath() + "." + t.Name()
}
