package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/spanstack/spanstack/logging"
)

func number(s string) json.Number { return json.Number(s) }

// An attrFuzz turns the fuzzer's bytes into attributes.
type attrFuzz struct{ data []byte }

func (f *attrFuzz) byte() byte {
	if len(f.data) == 0 {
		return 0
	}
	c := f.data[0]
	f.data = f.data[1:]
	return c
}

func (f *attrFuzz) string() string {
	n := min(int(f.byte()), len(f.data))
	s := string(f.data[:n])
	f.data = f.data[n:]
	return s
}

type named struct{ V string }

// An object is what a named becomes in JSON; in logfmt it is text.
type object map[string]any

func (f *attrFuzz) attrs(depth int) (attrs []slog.Attr) {
	for len(f.data) > 0 && len(attrs) < 20 {
		key := f.string()
		switch kind := f.byte() % 8; {
		case kind == 0 && depth < 4:
			attrs = append(attrs, slog.Attr{Key: key, Value: slog.GroupValue(f.attrs(depth + 1)...)})
		case kind == 1 && depth > 0:
			return attrs
		case kind == 2:
			attrs = append(attrs, slog.Int(key, int(f.byte())))
		case kind == 3:
			attrs = append(attrs, slog.Any(key, named{f.string()}))
		case kind == 4:
			attrs = append(attrs, slog.Any(key, fmt.Errorf("%s", f.string())))
		default:
			attrs = append(attrs, slog.String(key, f.string()))
		}
	}
	return attrs
}

// want returns what a strict reader should find for attributes: the innermost of each name, as nested maps.
func want(into map[string]any, attrs []slog.Attr, top bool, clean func(string) string) map[string]any {
	for _, a := range attrs {
		key := clean(a.Key)
		if top {
			switch a.Key {
			case "time", "level", "msg", "subsystem", "trace", "span_ended", "attrs_dropped":
				key = "fields." + key
			}
		}
		switch v := a.Value; v.Kind() {
		case slog.KindGroup:
			if a.Key == "" {
				want(into, v.Group(), top, clean)
				continue
			}
			inner, ok := into[key].(map[string]any)
			if !ok {
				inner = map[string]any{}
			}
			if len(want(inner, v.Group(), false, clean)) > 0 {
				into[key] = inner
			}
		case slog.KindString:
			into[key] = clean(v.String())
		case slog.KindInt64:
			into[key] = number(v.String())
		case slog.KindAny:
			if n, ok := v.Any().(named); ok {
				into[key] = object{"V": clean(n.V)}
			} else {
				into[key] = clean(v.Any().(error).Error())
			}
		}
	}
	return into
}

// replaceInvalid is what JSON makes of invalid UTF-8.
func replaceInvalid(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}

func seeds(f *testing.F) {
	f.Add("sent", "zfs", []byte("\x04name\x05\x05value\x01n\x02\x07"))
	f.Add("a\nb\r\x00\x1b[31m\u009b\u202e\u2028\x7f\xff", "\"s=\n", []byte("\x03a\nb\x05\x06\x1b]0;\x07\xff\x00\x05\x00"))
	f.Add("", "", []byte("\x05trace\x05\x01x\x03msg\x05\x01y\x00\x00\x05level\x05\x01z"))
	f.Add("groups", "g", []byte("\x01g\x00\x01a\x05\x01b\x01x\x01\x01g\x00\x01a\x05\x01c\x01d\x03\x02\"\n"))
	f.Add("\\x", "x y", []byte("\x03\\ =\x04\x03\xc2\x9b=\x01\xc0\x05\x02\\\""))
}

func fuzzLine(format logging.Format, message, subsystem string, attrs []slog.Attr) []byte {
	var buf bytes.Buffer
	ctx := logging.WithHandler(context.Background(), logging.NewHandler(&buf, logging.Options{Format: format}))
	logging.GetLogger(ctx, subsystem).LogAttrs(ctx, slog.LevelInfo, message, attrs...)
	return buf.Bytes()
}

func FuzzJSON(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, message, subsystem string, data []byte) {
		attrs := (&attrFuzz{data}).attrs(0)
		out := fuzzLine(logging.FormatJSON, message, subsystem, attrs)
		checkRaw(t, out, hiddenInJSON)
		if sameAfterCleaning(attrs) {
			if !json.Valid(out) {
				t.Errorf("invalid JSON: %q", out)
			}
			return
		}
		got := parseLine(t, logging.FormatJSON, string(out))
		delete(got, "time")
		expect := want(map[string]any{}, attrs, true, replaceInvalid)
		expect["level"], expect["msg"], expect["trace"] = "INFO", replaceInvalid(message), "none"
		if subsystem != "" {
			expect["subsystem"] = replaceInvalid(subsystem)
		}
		if g, w := fmt.Sprint(got), fmt.Sprint(expect); g != w {
			t.Errorf("line %q\nparses to %q\nwant      %q", out, g, w)
		}
	})
}

// sameAfterCleaning reports whether replacing invalid UTF-8 makes one name of several, which then may occur twice.
func sameAfterCleaning(attrs []slog.Attr) bool {
	for _, a := range attrs {
		if !utf8.ValidString(a.Key) || a.Value.Kind() == slog.KindGroup && sameAfterCleaning(a.Value.Group()) {
			return true
		}
	}
	return false
}

func FuzzLogfmt(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, message, subsystem string, data []byte) {
		attrs := (&attrFuzz{data}).attrs(0)
		out := fuzzLine(logging.FormatLogfmt, message, subsystem, attrs)
		checkRaw(t, out, func(r rune) bool { return !unicode.IsPrint(r) })
		pairs, err := parseLogfmt(strings.TrimSuffix(string(out), "\n"))
		if err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		expect := []pair{{"level", "INFO"}}
		if subsystem != "" {
			expect = append(expect, pair{"subsystem", subsystem})
		}
		expect = append(expect, pair{"trace", "none"}, pair{"msg", message})
		head := pairs[1:min(len(pairs), 1+len(expect))]
		if pairs[0].key != "time" || fmt.Sprint(head) != fmt.Sprint(expect) {
			t.Fatalf("line %q\nbegins with %q\nwant %q", out, head, expect)
		}
		got := map[string]string{}
		for _, p := range pairs[1+len(expect):] {
			got[p.key] = p.value
		}
		flat := map[string]string{}
		flatten(flat, "", want(map[string]any{}, attrs, true, func(s string) string { return s }))
		if g, w := fmt.Sprint(got), fmt.Sprint(flat); g != w && !hasDots(attrs) {
			t.Errorf("line %q\nparses to %q\nwant      %q", out, g, w)
		}
	})
}

// flatten makes dotted keys of nested maps, as logfmt has them.
func flatten(into map[string]string, prefix string, m map[string]any) {
	for k, v := range m {
		key := prefix + k
		if key == "" {
			key = "_"
		}
		switch v := v.(type) {
		case map[string]any:
			flatten(into, key+".", v)
		case object:
			into[key] = fmt.Sprintf("%+v", named{fmt.Sprint(v["V"])})
		default:
			into[key] = fmt.Sprint(v)
		}
	}
}

// hasDots reports whether flattening is ambiguous because of dots or underscores in names.
func hasDots(attrs []slog.Attr) bool {
	for _, a := range attrs {
		if strings.ContainsAny(a.Key, "._") || a.Value.Kind() == slog.KindGroup && hasDots(a.Value.Group()) {
			return true
		}
	}
	return false
}

func FuzzHuman(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, message, subsystem string, data []byte) {
		attrs := (&attrFuzz{data}).attrs(0)
		out := fuzzLine(logging.FormatHuman, message, subsystem, attrs)
		checkRaw(t, out, func(r rune) bool { return !unicode.IsPrint(r) })
		if !bytes.HasSuffix(out, []byte(" trace=none\n")) {
			t.Errorf("%q doesn't end with the trace", out)
		}
	})
}

// checkRaw checks that out is one line of valid UTF-8 without any character that must not reach a terminal.
func checkRaw(t *testing.T, out []byte, forbidden func(rune) bool) {
	t.Helper()
	line, ok := bytes.CutSuffix(out, []byte("\n"))
	if !ok || !utf8.Valid(line) {
		t.Fatalf("no line feed at the end, or invalid UTF-8: %q", out)
	}
	for _, r := range string(line) {
		if forbidden(r) {
			t.Fatalf("%q in %q", r, line)
		}
	}
}

func hiddenInJSON(r rune) bool {
	return r < ' ' || unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
