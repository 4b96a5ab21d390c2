package jaeger_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/internal/spans/spanstest"
	"github.com/spanstack/spanstack/tracefmt/jaeger"
)

// answer is what Jaeger's UI reads.
type answer struct {
	Data []struct {
		TraceID string
		Spans   []struct {
			TraceID, SpanID, ProcessID, OperationName string
			StartTime, Duration                       uint64
			References                                []struct{ RefType, TraceID, SpanID string }
			Tags                                      []struct {
				Key, Type string
				Value     any
			}
			Logs []struct {
				Timestamp uint64
				Fields    []struct{ Key, Type string }
			}
		}
		Processes map[string]struct{ ServiceName string }
	}
}

// TestWriter looks at what Jaeger would see.
func TestWriter(t *testing.T) {
	var a answer
	if err := json.Unmarshal(write(t, fmttest.Sample()), &a); err != nil {
		t.Fatal(err)
	}
	spans := 0
	for _, trace := range a.Data {
		for _, s := range trace.Spans {
			spans++
			if s.TraceID != trace.TraceID || trace.Processes[s.ProcessID].ServiceName == "" || s.References == nil || s.Tags == nil || s.Logs == nil {
				t.Errorf("span %q isn't whole: %+v", s.OperationName, s)
			}
			if s.OperationName == "step" && (len(s.References) != 1 || s.References[0].RefType != "CHILD_OF" || s.StartTime != 1753000000123462) {
				t.Errorf("step: %+v", s)
			}
		}
	}
	if spans != 6 || len(a.Data) != 2 {
		t.Errorf("%d spans in %d traces, want 6 in 2", spans, len(a.Data))
	}
}

// TestLinks writes links that Jaeger's references can't express.
func TestLinks(t *testing.T) {
	const trace, other = "0123456789abcdef0123456789abcdee", "0123456789abcdef0123456789abcdef"
	slice := func(id, parent string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: 1000, Dur: 1, Name: "n", Category: tracefmt.CategorySpan, ID: id, Parent: parent,
			Attrs: []tracefmt.Attr{{Key: "trace_id", Value: tracefmt.String(trace)}}}
	}
	link := func(parent, id, trace string, more ...tracefmt.Attr) tracefmt.Event {
		attrs := []tracefmt.Attr{{Key: "link.span", Value: tracefmt.String(id)}, {Key: "link.trace", Value: tracefmt.String(trace)}}
		return tracefmt.Event{Kind: tracefmt.Instant, Track: 1, Time: 1000, Name: "link", Category: tracefmt.CategoryLink, Parent: parent, Attrs: append(attrs, more...)}
	}
	const a, b, c = "000000000000000a", "000000000000000b", "000000000000000c"
	for name, test := range map[string]struct {
		events []tracefmt.Event
		tagged bool
	}{
		"in its own trace, with a parent": {[]tracefmt.Event{slice(a, b), link(a, c, trace)}, false},
		"in its own trace, of a root":     {[]tracefmt.Event{slice(a, ""), link(a, c, trace)}, true},
		"in another trace, of a root":     {[]tracefmt.Event{slice(a, ""), link(a, c, other)}, false},
		"with attributes":                 {[]tracefmt.Event{slice(a, b), link(a, c, other, tracefmt.Attr{Key: "k", Value: tracefmt.Float64(2)}), link(a, c, trace)}, true},
		"with state":                      {[]tracefmt.Event{slice(a, b), link(a, c, other, tracefmt.Attr{Key: "otel.link.trace_state", Value: tracefmt.String("a=b")})}, true},
		"with an ID that is no number":    {[]tracefmt.Event{slice(a, ""), link(a, "some span", other)}, true},
		"child of":                        {[]tracefmt.Event{slice(a, b), link(a, c, other, tracefmt.Attr{Key: "opentracing.ref_type", Value: tracefmt.String("child_of")})}, false},
	} {
		events := append([]tracefmt.Event{{Kind: tracefmt.Process, Track: 2, Name: "p"}, {Kind: tracefmt.Track, Track: 1, Process: 2, Name: "spans"}}, test.events...)
		text := write(t, events)
		spanstest.Same(t, read(t, text), events)
		if got := bytes.Contains(text, []byte("spanstack.links")); got != test.tagged {
			t.Errorf("%s: a tag for links: %v", name, got)
		}
	}
}

// TestWindow writes many traces in turn into a small window.
func TestWindow(t *testing.T) {
	const traces, rounds = 20, 300
	var out bytes.Buffer
	w := jaeger.NewWriter(&out)
	w.Window = 10 << 10
	var events []tracefmt.Event
	for i := range traces * rounds {
		events = append(events, tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: int64(i) * 1000, Dur: 1, Name: "n", ID: fmt.Sprintf("%016x", i+1), Category: tracefmt.CategorySpan,
			Attrs: []tracefmt.Attr{{Key: "trace_id", Value: tracefmt.String(fmt.Sprintf("%032x", i%traces+1<<40))}}})
	}
	most := 0
	for i := range events {
		before := out.Len()
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
		most = max(most, out.Len()-before)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	spanstest.Same(t, read(t, out.Bytes()), spansOf(events))
	if losses := fmt.Sprint(w.Losses()); !strings.Contains(losses, "in several parts") {
		t.Errorf("losses: %s", losses)
	}
	if most == 0 || most > 20<<10 {
		t.Errorf("as much as %d bytes at once", most)
	}
}

// spansOf returns events on the track of a process.
func spansOf(events []tracefmt.Event) []tracefmt.Event {
	return append([]tracefmt.Event{{Kind: tracefmt.Process, Track: 2}, {Kind: tracefmt.Track, Track: 1, Process: 2, Name: "spans"}}, events...)
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
