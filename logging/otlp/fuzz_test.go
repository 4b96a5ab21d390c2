package otlp_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/otlp"
)

// kept is an exporter that keeps records.
type kept struct{ records []sdklog.Record }

func (k *kept) Export(_ context.Context, records []sdklog.Record) error {
	k.records = append(k.records, records...)
	return nil
}
func (*kept) Shutdown(context.Context) error   { return nil }
func (*kept) ForceFlush(context.Context) error { return nil }

// FuzzRecord checks that whatever is logged becomes a record of the same that protobuf can carry.
func FuzzRecord(f *testing.F) {
	f.Add("message", "key", "value", "group", int64(1))
	f.Add("\xff\n\x00", "trace\xff", "\u2028\x1b[31m", "", int64(-1))
	f.Add("", "", "", "subsystem", int64(0))
	f.Add(strings.Repeat("é", 9000), "trace", strings.Repeat("x", 17000), "g.h", int64(5))
	f.Fuzz(func(t *testing.T, message, key, v, group string, n int64) {
		var out kept
		h := otlp.NewHandler(&out, otlp.Config{})
		logging.GetLogger(logging.WithHandler(context.Background(), h), v).Info(message, key, v, slog.Group(group, key, n, "error", errors.New(v)))
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		if len(out.records) != 1 {
			t.Fatalf("%d records", len(out.records))
		}
		r := &out.records[0]
		if got := r.Body().AsString(); !carries(got, message) {
			t.Errorf("message %q is %q", message, got)
		}
		all := map[string]attribute.Value{}
		r.WalkAttributes(func(a attribute.KeyValue) bool {
			flatten(t, all, "", a)
			return true
		})
		if got := all[logging.TraceKey]; got.AsString() != "none" {
			t.Errorf("trace is %q", got.AsString())
		}
		if v != "" && !carries(all[logging.SubsystemKey].AsString(), v) {
			t.Errorf("subsystem %q is %q", v, all[logging.SubsystemKey].AsString())
		}
		found := false
		for _, got := range all {
			found = found || got.Type() == attribute.STRING && carries(got.AsString(), v)
		}
		if !found {
			t.Errorf("value %q is nowhere in %v", v, all)
		}
	})
}

// carries reports whether got is s, as far as it can be in protobuf, and bounded.
func carries(got, s string) bool {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if before, _, cut := strings.Cut(got, "…(+"); cut && len(s) > logging.MaxValue/3 {
		return strings.HasPrefix(s, before) && len(got) < logging.MaxValue*3+100
	}
	return got == s
}

// flatten adds an attribute and those within it, each checked to be valid text with a key.
func flatten(t *testing.T, all map[string]attribute.Value, prefix string, a attribute.KeyValue) {
	key := string(a.Key)
	if !utf8.ValidString(key) || a.Value.Type() == attribute.STRING && !utf8.ValidString(a.Value.AsString()) {
		t.Errorf("%q: %q is no UTF-8", key, a.Value.AsString())
	}
	if a.Value.Type() != attribute.MAP {
		all[prefix+key] = a.Value
		return
	}
	for _, member := range a.Value.AsMap() {
		flatten(t, all, prefix+key+".", member)
	}
}
