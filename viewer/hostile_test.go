package viewer_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

const script = `<script>alert("1")</script><img src=x onerror=alert(2)>`

// hostile returns a trace with markup, and so many bytes of it, in all texts.
func hostile(size int) []tracefmt.Event {
	long := script + strings.Repeat("é<b>", size/5)
	attrs := []tracefmt.Attr{{Key: long, Value: tracefmt.String(long)}, {Key: "json", Value: tracefmt.RawJSON(`["` + strings.Repeat("x", size) + `"]`)},
		{Key: "nan", Value: tracefmt.Float64(math.NaN())}, {Key: "bad\xff", Value: tracefmt.String("\xff\xfe\x00")}}
	return []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, Name: long, SourceID: tracefmt.String(long), Attrs: attrs},
		{Kind: tracefmt.Track, Track: 2, Process: 1, Name: long, SourceID: tracefmt.String(long), Order: math.MinInt64},
		{Kind: tracefmt.Begin, Track: 2, Time: 0, Name: long, Category: tracefmt.CategoryTask, ID: long, Parent: long + "x", Attrs: attrs},
		{Kind: tracefmt.Begin, Track: 2, Time: 1, Name: script, Category: long, ID: "b", Parent: long, Attrs: attrs},
		{Kind: tracefmt.Log, Track: 2, Time: 2, Name: long, Severity: tracefmt.SeverityError, Parent: long,
			Attrs: []tracefmt.Attr{{Key: tracefmt.AttrStack, Value: tracefmt.String(long)}, {Key: tracefmt.AttrSubsystem, Value: tracefmt.String(long)}}},
		{Kind: tracefmt.Instant, Track: 2, Time: 3, Name: long, Category: tracefmt.CategoryLoss, Attrs: attrs},
		{Kind: tracefmt.FlowStart, Track: 2, Time: 3, Name: long, Category: long, Key: long},
		{Kind: tracefmt.FlowEnd, Track: 2, Time: 4, Name: long, Category: long, Key: long},
		{Kind: tracefmt.Counter, Track: 1, Time: 4, Name: long, Key: long, Attrs: []tracefmt.Attr{{Key: long, Value: tracefmt.Float64(math.Inf(1))}}},
		{Kind: tracefmt.AsyncBegin, Track: 2, Time: 5, Name: long, Category: long, Key: long, Attrs: attrs},
		{Kind: tracefmt.Complete, Track: 2, Time: 6, Dur: math.MaxInt64 - 10, Name: long, Attrs: attrs},
		{Kind: tracefmt.End, Track: 2, Time: 7, Attrs: []tracefmt.Attr{{Key: tracefmt.AttrError, Value: tracefmt.String(long)}}},
	}
}

// TestHostile: whatever is in a trace is text in JSON, without a character that begins markup, and of a bounded length.
func TestHostile(t *testing.T) {
	for format, size := range map[string]int{"perfetto": 1 << 20, "chrome": 100 << 10} { // for readers of JSON, megabytes take long under the race detector
		_, c := view(t, write(t, format, hostile(size)))
		var keys struct{ Hits []struct{ Key string } }
		c.get(&keys, "search", "q", "alert")
		if len(keys.Hits) == 0 {
			t.Fatal("nothing is found")
		}
		targets := []string{"trace", "tracks", "kinds", "logs", "search?q=alert", "aggregate", "aggregate?by=path", "flows", "waits", "diff?a=0&b=0", "formats"}
		for i, h := range keys.Hits {
			if h.Key != "" && i < 10 {
				targets = append(targets, "slice"+query("key", h.Key), "critical"+query("slice", h.Key), "logs"+query("slice", h.Key), "flows"+query("slice", h.Key))
			}
		}
		for _, target := range targets {
			w := c.ask("GET", "/api/"+target, "")
			if w.Code != http.StatusOK && w.Code != http.StatusNotFound { // of a critical path of an async slice
				t.Errorf("%s, %s: %d %.300s", format, target, w.Code, w.Body)
			}
			if !json.Valid(w.Body.Bytes()) || strings.ContainsAny(w.Body.String(), "<>") || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s, %s: the answer isn't JSON without markup: %.300s", format, target, w.Body)
			}
			if w.Body.Len() > 2<<20 {
				t.Errorf("%s, %s: the answer has %d bytes", format, target, w.Body.Len())
			}
		}
		for _, name := range []string{"chrome", "csv", "folded", "perfetto", "otlp"} {
			if size == 1<<20 && name != "perfetto" {
				continue
			}
			w := c.ask("GET", "/api/download?format="+name, "")
			if w.Code != 200 || strings.Contains(w.Header().Get("Content-Type"), "html") || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
				t.Errorf("%s as %s: %d %v", format, name, w.Code, w.Header())
			}
		}
		if got := shown(c, 0); got.slices != 4 {
			t.Errorf("%s: tiles show %+v", format, got)
		}
	}
}

// TestDeep: slices that are deeper than parsers of JSON would follow, or than there are rows.
func TestDeep(t *testing.T) {
	const depth = 20_000
	var events []tracefmt.Event
	for i := range depth {
		events = append(events, tracefmt.Event{Kind: tracefmt.Begin, Track: 1, Time: int64(i), Name: fmt.Sprint("level ", i%100), ID: fmt.Sprint("s", i), Parent: fmt.Sprint("s", i-1)})
	}
	_, c := view(t, write(t, "perfetto", events))
	var found struct{ Hits []struct{ Key string } }
	c.get(&found, "search", "q", "s0", "in", "ids")
	for _, target := range []string{"aggregate?by=path", "waits", "critical" + query("slice", found.Hits[0].Key)} {
		w := c.ask("GET", "/api/"+target, "")
		if w.Code != 200 || nesting(w.Body.Bytes()) > 1000 {
			t.Errorf("%s: %d, nested %d deep", target, w.Code, nesting(w.Body.Bytes()))
		}
	}
	if got := shown(c, 0); got.slices != depth {
		t.Errorf("tiles show %+v", got)
	}
}

// nesting returns how deep objects and lists in JSON are nested.
func nesting(text []byte) (deepest int) {
	depth, inString, escaped := 0, false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case inString && c == '\\':
			escaped = true
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}
