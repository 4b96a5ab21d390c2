package filter_test

import (
	"bytes"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/filter"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

// FuzzReader leaves parts of whatever can be read. What is left can be written, and was there before.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`[{"ph":"M","name":"process_name","args":{"spanstack.unix_ns":"5"}},{"ph":"B","ts":5},{"ph":"E","ts":3}]`), "2", "4", "a*", "k=v", true)
	f.Add([]byte(`[{"ph":"X","ts":1,"dur":5,"cat":"task","name":"ab","args":{"spanstack.id":"a","spanstack.parent":"a","k":"v"}}]`), "10%", "-0s", "a*", "k", false)
	f.Add([]byte(`[{"ph":"s","ts":1,"id":1},{"ph":"f","ts":9e12,"id":1},{"ph":"b","ts":1,"id":"2"},{"ph":"e","ts":-1e12,"id":"2"}]`), "+1ns", "+9h", "?", "k!~v", true)
	f.Fuzz(func(t *testing.T, data []byte, from, until, glob, attr string, clip bool) {
		o := filter.Options{Clip: clip, MinDuration: int64(len(attr) % 3), MaxDepth: len(glob) % 3}
		o.From, _ = filter.ParseBound(from)
		o.To, _ = filter.ParseBound(until)
		if g, err := filter.ParseGlob(glob); err == nil && len(glob) > 3 {
			o.Tasks = append(o.Tasks, g)
		}
		if a, err := filter.ParseAttr(attr); err == nil {
			o.Attrs = append(o.Attrs, a)
		}
		absolute := filter.Options{From: o.From, To: o.To, Clip: clip}
		for _, o := range []filter.Options{o, absolute} {
			r := filter.NewReader(chrome.NewReader(bytes.NewReader(data)), o)
			events, _ := fmttest.ReadAll(r) // an error only ends the input
			w := chrome.NewWriter(&bytes.Buffer{})
			timed := int64(0)
			for i := range events {
				if e := &events[i]; e.Kind.Timed() && e.Kind != tracefmt.Clock && e.Kind != tracefmt.End && e.Kind != tracefmt.AsyncEnd {
					timed++
				}
				if err := w.Write(&events[i]); err != nil {
					t.Fatal(err)
				}
			}
			counts := r.Counts()
			if counts.Left() != timed {
				t.Fatalf("%d events, counted %v", timed, counts.String())
			}
		}
	})
}
