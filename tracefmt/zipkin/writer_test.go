package zipkin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/internal/spans/spanstest"
	"github.com/spanstack/spanstack/tracefmt/zipkin"
)

// span is what Zipkin reads.
type span struct {
	TraceID, ID, ParentID, Name, Kind string
	Timestamp, Duration               *uint64
	LocalEndpoint                     struct{ ServiceName string }
	Annotations                       []struct {
		Timestamp uint64
		Value     string
	}
	Tags map[string]string // and nothing but strings
}

// TestWriter looks at what Zipkin would see: it wants IDs of 16 digits, and times of at least 1 µs.
func TestWriter(t *testing.T) {
	var list []span
	if err := json.Unmarshal(write(t, fmttest.Sample()), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 6 {
		t.Errorf("%d spans, want 6", len(list))
	}
	for _, s := range list {
		if len(s.ID) != 16 || len(s.TraceID) != 32 && len(s.TraceID) != 16 || s.LocalEndpoint.ServiceName == "" {
			t.Errorf("span %q isn't whole: %+v", s.Name, s)
		}
		if s.Timestamp != nil && *s.Timestamp == 0 || s.Duration != nil && *s.Duration == 0 {
			t.Errorf("span %q has a time of 0", s.Name)
		}
		if open := s.Name == "replicate" || s.Name == "listen"; open != (s.Duration == nil) {
			t.Errorf("span %q has a duration: %v", s.Name, s.Duration != nil)
		}
	}
	if got := list[2].Tags["error"]; got != "zfs exited 1" {
		t.Errorf("error %q", got)
	}
}

func TestLossesOfWriter(t *testing.T) {
	attr := func(key string, v tracefmt.Value) tracefmt.Attr { return tracefmt.Attr{Key: key, Value: v} }
	w := zipkin.NewWriter(io.Discard)
	e := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Dur: 1, Name: "n", Attrs: []tracefmt.Attr{
		attr("k", tracefmt.Int64(1)), attr("error", tracefmt.Bool(false)), attr("k", tracefmt.Int64(2))}}
	if err := w.Write(&e); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := `["error" that is false, which Zipkin takes for an error (1x) attribute with the name of a later one (1x)]`
	if got := fmt.Sprint(w.Losses()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestEndpoints writes attributes that are members of endpoints, and such that only look like it.
func TestEndpoints(t *testing.T) {
	attr := func(key string, v tracefmt.Value) tracefmt.Attr { return tracefmt.Attr{Key: key, Value: v} }
	str := tracefmt.String
	for _, c := range []struct {
		attrs []tracefmt.Attr
		want  string
	}{
		{[]tracefmt.Attr{attr("peer.service", str("db")), attr("net.peer.ip", str("1.2.3.4")), attr("net.peer.ipv6", str("::1")), attr("net.peer.port", tracefmt.Int64(5))},
			`"remoteEndpoint":{"serviceName":"db","ipv4":"1.2.3.4","ipv6":"::1","port":5}`},
		{[]tracefmt.Attr{attr("net.peer.ip", str("::1"))}, `"remoteEndpoint":{"ipv6":"::1"}`},
		{[]tracefmt.Attr{attr("net.peer.ip", str("localhost"))}, `"net.peer.ip":"localhost"`},
		{[]tracefmt.Attr{attr("net.peer.ipv6", str("::1"))}, `"net.peer.ipv6":"::1"`},
		{[]tracefmt.Attr{attr("net.peer.port", tracefmt.Int64(70000))}, `"net.peer.port":"70000"`},
		{[]tracefmt.Attr{attr("net.peer.port", str("80"))}, `"net.peer.port":"80"`},
		{[]tracefmt.Attr{attr("peer.service", str(""))}, `"peer.service":""`},
		{[]tracefmt.Attr{attr("net.host.port", tracefmt.Int64(80))}, `"localEndpoint":{"serviceName":"p","ipv4":"1.1.1.1","port":80}`},
	} {
		events := []tracefmt.Event{
			{Kind: tracefmt.Process, Track: 2, Name: "p", SourceID: tracefmt.Int64(7), Attrs: []tracefmt.Attr{attr("net.host.ip", str("1.1.1.1")), attr("f", tracefmt.Float64(2))}},
			{Kind: tracefmt.Track, Track: 1, Process: 2, Name: "spans"},
			{Kind: tracefmt.Complete, Track: 1, Time: 5000, Dur: 1, Name: "n", Category: tracefmt.CategorySpan, ID: "000000000000000a", Attrs: c.attrs},
		}
		text := write(t, events)
		if !bytes.Contains(text, []byte(c.want)) {
			t.Errorf("%v: %s, want %s in it", c.attrs, text, c.want)
		}
		back := read(t, text)
		spanstest.Same(t, back, events)
		fmttest.Diff(t, "metadata", fmttest.Content{Meta: fmttest.ContentOf(back, tracefmt.KeepsAll).Meta}, fmttest.Content{Meta: fmttest.ContentOf(events, tracefmt.KeepsAll).Meta})
	}
}

// TestWriterMemory writes a long trace.
func TestWriterMemory(t *testing.T) {
	w := zipkin.NewWriter(io.Discard)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 200_000 {
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: int64(i) * 1000, Dur: 10, Name: "n", ID: fmt.Sprintf("%016x", i+1),
			Attrs: []tracefmt.Attr{{Key: "k", Value: tracefmt.String(strings.Repeat("v", 100))}}}
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 48<<20 {
		t.Errorf("the writer holds %d KiB", grown>>10)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLateProcess: what is found out about a process after its first span is written, too.
func TestLateProcess(t *testing.T) {
	events := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 2},
		{Kind: tracefmt.Track, Track: 1, Process: 2, Name: "spans"},
		{Kind: tracefmt.Complete, Track: 1, Time: 5000, Dur: 1, Name: "n", Category: tracefmt.CategorySpan, ID: "000000000000000a"},
		{Kind: tracefmt.Process, Track: 2, Name: "p", SourceID: tracefmt.Int64(7), Attrs: []tracefmt.Attr{{Key: "host.name", Value: tracefmt.String("h")}}},
		{Kind: tracefmt.Complete, Track: 1, Time: 6000, Dur: 1, Name: "n", Category: tracefmt.CategorySpan, ID: "000000000000000b"},
	}
	got := fmttest.ContentOf(read(t, write(t, events)), tracefmt.KeepsAll).Meta
	if want := fmttest.ContentOf(events, tracefmt.KeepsAll).Meta; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
