package tracefmt_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
)

func TestSeverity(t *testing.T) {
	for level, want := range map[slog.Level]string{
		slog.LevelDebug: "DEBUG", slog.LevelInfo: "INFO", slog.LevelWarn: "WARN", slog.LevelError: "ERROR",
		slog.LevelInfo + 2: "INFO3", -100: "TRACE", 100: "FATAL4",
	} {
		if got := tracefmt.SeverityOf(level).String(); got != want {
			t.Errorf("SeverityOf(%d) = %s, want %s", level, got, want)
		}
	}
	for s := tracefmt.Severity(1); s <= 24; s++ {
		if got, ok := tracefmt.ParseSeverity(s.String()); got != s || !ok {
			t.Errorf("ParseSeverity(%v) = %d, %v", s, got, ok)
		}
	}
	for _, bad := range []string{"", "INFO1", "INFO5", "info", "LOUD"} {
		if _, ok := tracefmt.ParseSeverity(bad); ok {
			t.Errorf("ParseSeverity(%q) is ok", bad)
		}
	}
}

func TestFailed(t *testing.T) {
	for v, want := range map[tracefmt.Value]bool{
		{}: false, tracefmt.String(""): false, tracefmt.String("no"): true, tracefmt.Bool(false): false,
		tracefmt.Bool(true): true, tracefmt.RawJSON("null"): false, tracefmt.RawJSON("{}"): true, tracefmt.Int64(0): true,
	} {
		e := tracefmt.Event{Attrs: []tracefmt.Attr{{Key: tracefmt.AttrError, Value: v}}}
		if e.Failed() != want {
			t.Errorf("Failed with error %v (%d) = %v", v, v.Kind(), e.Failed())
		}
	}
}

func TestValue(t *testing.T) {
	for _, c := range []struct {
		v    tracefmt.Value
		kind tracefmt.ValueKind
		text string
	}{
		{tracefmt.Uint64(5), tracefmt.Int64Value, "5"},
		{tracefmt.Uint64(math.MaxUint64), tracefmt.Uint64Value, "18446744073709551615"},
		{tracefmt.Float64(0.1), tracefmt.Float64Value, "0.1"},
		{tracefmt.Bool(true), tracefmt.BoolValue, "true"},
		{tracefmt.Value{}, tracefmt.NoValue, ""},
	} {
		if c.v.Kind() != c.kind || c.v.String() != c.text {
			t.Errorf("got kind %d, %q, want %d, %q", c.v.Kind(), c.v, c.kind, c.text)
		}
	}
	if _, ok := tracefmt.String("5").Int64(); ok {
		t.Error("a string is a number")
	}
	if n, ok := tracefmt.Int64(-1).Uint64(); ok {
		t.Errorf("-1 is the unsigned %d", n)
	}
}

// TestLossesBounded checks that an input can't make the list of losses grow without end.
func TestLossesBounded(t *testing.T) {
	var l tracefmt.Losses
	for i := range 1000 {
		l.AddAt(fmt.Sprint("sort ", i), int64(i))
	}
	total := int64(0)
	for _, loss := range l.List() {
		total += loss.Count
	}
	if n := len(l.List()); n > 70 || total != 1000 {
		t.Errorf("%d sorts with %d losses", n, total)
	}
}

func TestReset(t *testing.T) {
	e := tracefmt.Event{Kind: tracefmt.Complete, Name: "n", Attrs: make([]tracefmt.Attr, 3, 8)}
	e.Reset()
	if e.Kind != tracefmt.Invalid || e.Name != "" || len(e.Attrs) != 0 || cap(e.Attrs) != 8 {
		t.Errorf("after Reset: %+v", e)
	}
}

const small = `[{"ph":"X","ts":1,"dur":1,"name":"a"},{"ph":"X","ts":2,"dur":1,"name":"b"}]`

func pack(t *testing.T, text string) []byte {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	if _, err := io.WriteString(zw, text); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func count(t *testing.T, data []byte) (slices int, err error) {
	in, err := tracefmt.NewReader(bytes.NewReader(data))
	if err != nil {
		return 0, err
	}
	for {
		e, err := in.Next()
		if err == io.EOF {
			return slices, nil
		}
		if err != nil {
			return slices, err
		}
		if e.Kind == tracefmt.Complete {
			slices++
		}
	}
}

func TestNewReader(t *testing.T) {
	packed := pack(t, small)
	twoMembers := append(pack(t, small[:20]), pack(t, small[20:])...)
	for name, data := range map[string][]byte{"plain": []byte(small), "gzip": packed, "gzip in members": twoMembers} {
		if n, err := count(t, data); n != 2 || err != nil {
			t.Errorf("%s: %d slices, %v", name, n, err)
		}
	}
	for cut := 2; cut < len(packed); cut++ {
		if _, err := count(t, packed[:cut]); !errors.Is(err, tracefmt.ErrTruncated) {
			t.Errorf("gzip cut at %d: %v, want an error that Is ErrTruncated", cut, err)
		}
	}
	broken := bytes.Clone(packed)
	broken[len(broken)-5] ^= 1 // in the checksum
	if n, err := count(t, broken); !errors.Is(err, gzip.ErrChecksum) || n != 2 {
		t.Errorf("broken gzip: %d slices, %v", n, err)
	}
	for _, text := range []string{"", "\x1f\x8b", "what", "<xml/>", "\x00\x01\x02"} {
		if _, err := tracefmt.NewReader(strings.NewReader(text)); err == nil {
			t.Errorf("%q has a format", text)
		}
	}
}

func TestByExtension(t *testing.T) {
	for path, want := range map[string]string{
		"a.json": "chrome", "/x/A.JSON": "chrome", "a.json.gz": "chrome", "a.folded": "folded", "a": "", "json": "", ".json": "", "a.gz": "",
		"a.pftrace": "perfetto", "a.perfetto-trace.gz": "perfetto", "a.pb.gz": "pprof", ".pb.gz": "", "a.pb": "",
	} {
		got := ""
		if f := tracefmt.ByExtension(path); f != nil {
			got = f.Name
		}
		if got != want {
			t.Errorf("ByExtension(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestUntil(t *testing.T) {
	for _, c := range []struct{ time, dur, want int64 }{
		{5, 0, 5}, {5, 3, 8}, {5, -1, 5}, {-5, 3, -2},
		{math.MaxInt64, 0, math.MaxInt64}, {math.MaxInt64, 1, math.MaxInt64}, {math.MaxInt64 - 1, 1, math.MaxInt64},
		{math.MinInt64, math.MaxInt64, -1}, {math.MinInt64, -1, math.MinInt64}, {1, math.MaxInt64, math.MaxInt64},
	} {
		e := tracefmt.Event{Kind: tracefmt.Complete, Time: c.time, Dur: c.dur}
		if got := e.Until(); got != c.want {
			t.Errorf("from %d, for %d: until %d, not %d", c.time, c.dur, got, c.want)
		}
	}
}
