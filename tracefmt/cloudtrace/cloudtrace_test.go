package cloudtrace_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/cloudtrace"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

const file = "testdata/catapult/google_cloud_trace.json"

func read(t testing.TB, text string) (lines []string, losses []tracefmt.Loss, err error) {
	t.Helper()
	r := cloudtrace.NewReader(strings.NewReader(text))
	events, err := fmttest.ReadAll(r)
	for _, e := range events {
		if e.Kind == tracefmt.Complete {
			lines = append(lines, fmt.Sprintf("%s %s<%s %d+%d %v", e.Name, e.ID, e.Parent, e.Time, e.Dur, e.Attrs))
		}
	}
	return lines, r.Losses(), err
}

func TestConformance(t *testing.T) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fmttest.RunReader(t, cloudtrace.Format, map[string]fmttest.Input{"trace": {Data: data, More: data}})
}

func TestFile(t *testing.T) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, losses, err := read(t, string(data))
	want := []string{
		"/endpoint bcf76f9b71e58555< 1441298400841654024+14945365 [{key1 value1} {key2 value2} {trace_id 6ef9eae4acda422912f705b69539cec8} {span.kind client}]",
		"/action1 0df83275456ddd6f<bcf76f9b71e58555 1441298400842880028+8849510 [{key1 testing} {key2 more testing} {trace_id 6ef9eae4acda422912f705b69539cec8} {span.kind server}]",
		"/action2 765d9456c903795b<bcf76f9b71e58555 1441298400852484163+1254105 [{trace_id 6ef9eae4acda422912f705b69539cec8} {span.kind server}]",
		"/action3 047c89352ac18b6d<bcf76f9b71e58555 1441298400854112894+1003046 [{trace_id 6ef9eae4acda422912f705b69539cec8} {span.kind server}]",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(losses) > 0 || err != nil {
		t.Errorf("read\n%s\nwant\n%s\nlosses %v, %v", strings.Join(got, "\n"), strings.Join(want, "\n"), losses, err)
	}
}

func TestForms(t *testing.T) {
	const trace = `{"projectId":"p","traceId":"6ef9eae4acda422912f705b69539cec8","spans":[{"spanId":"1","name":"a","startTime":"2026-01-01T00:00:00Z"}]}`
	for _, tt := range []struct {
		name, text string
		spans      int
		losses     string
		broken     bool
	}{
		{"one", trace, 1, "[]", false},
		{"several", trace + "\n" + trace, 2, "[]", false},
		{"array", "[" + trace + "," + trace + "]", 2, "[]", false},
		{"answer", `{"traces":[` + trace + `],"nextPageToken":"x"}`, 1, "[]", false},
		{"something else", trace + `{"a":1}`, 1, "[object that is no trace (1x, first at byte 133)]", false},
		{"nothing", `{"a":1}`, 0, "[object that is no trace (1x, first at byte 0)]", true},
		{"odd spans", `{"projectId":"p","traceId":"6ef9eae4acda422912f705b69539cec8","spans":[{"spanId":"x"},{"spanId":2,"startTime":"soon"},` +
			`{"spanId":3,"startTime":"2026-01-01T00:00:01Z","endTime":"2026-01-01T00:00:00Z"}]}`, 1,
			"[span that ends before it starts, made to end at once (1x, first at byte 0) span without a time, or with one that is out of range (1x, first at byte 0) " +
				"span without an ID (1x, first at byte 0)]", false},
	} {
		got, losses, err := read(t, tt.text)
		_, isSyntax := errors.AsType[*tracefmt.SyntaxError](err)
		if len(got) != tt.spans || fmt.Sprint(losses) != tt.losses || isSyntax != tt.broken {
			t.Errorf("%s: %d spans, losses %v, %v", tt.name, len(got), losses, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	data, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"traces":[{"traceId":"1"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := fmttest.ReadAll(cloudtrace.NewReader(bytes.NewReader(data)))
		if err == nil && len(events) > len(data) {
			t.Errorf("%d events in %d bytes", len(events), len(data))
		}
	})
}
