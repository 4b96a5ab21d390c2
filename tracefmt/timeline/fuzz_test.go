package timeline_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/spanlog"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// FuzzLogs merges arbitrary logs with an arbitrary trace. No line may get lost, and the result can be written.
func FuzzLogs(f *testing.F) {
	step := ",\n" + `{"name":"clock","cat":"clock","ph":"i","s":"g","ts":3,"args":{"spanstack.unix_ns":"-9223372036854775808"}}`
	f.Add([]byte(program(mark("4", "b", "x", "INFO"))), []byte(entry(4000, "/a.b/", "x")+entry(4000, "/a.b/c~gone/", "x")), []byte(entry(1, "none", "x")))
	f.Add([]byte(program(step)), []byte(entry(2500, "/a/", "x")+entry(1e9, "/y/", "z")), []byte(entry(2500, "/a/", "x")))
	f.Add([]byte(`[{"ph":"X","ts":9e12,"dur":1,"args":{"spanstack.id":"a","spanstack.parent":"a"}}]`), []byte(entry(0, "/a/", "x")), []byte("{"))
	f.Fuzz(func(t *testing.T, trace, log, second []byte) {
		var tl timeline.Timeline
		want := int64(0)
		for _, r := range []tracefmt.Reader{chrome.NewReader(bytes.NewReader(trace)), spanlog.NewReader(bytes.NewReader(log)),
			spanlog.NewReader(bytes.NewReader(second))} {
			tl.Read(&countingReader{r, &want}) // an error only ends the input
		}
		var out bytes.Buffer
		w := chrome.NewWriter(&out)
		got := int64(0)
		for e := range tl.Events() {
			if e.Kind == tracefmt.Log {
				got++
			}
			if err := w.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil || !json.Valid(out.Bytes()) {
			t.Fatalf("written as %q: %v", out.Bytes(), err)
		}
		p := tl.Placement()
		if got+p.Repeated != want {
			t.Fatalf("of %d lines %d are there, and %d are repeated", want, got, p.Repeated)
		}
		for e := range tl.Below(func(e *tracefmt.Event) bool { return e.ID == "a" || e.Parent == "a" }) {
			if e.Kind == tracefmt.Counter {
				t.Fatal("a counter belongs to a slice")
			}
		}
	})
}

// countingReader counts log lines.
type countingReader struct {
	tracefmt.Reader
	lines *int64
}

func (c *countingReader) Next() (*tracefmt.Event, error) {
	e, err := c.Reader.Next()
	if err == nil && e.Kind == tracefmt.Log {
		*c.lines++
	}
	return e, err
}
