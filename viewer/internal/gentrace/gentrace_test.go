package gentrace_test

import (
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/validate"
	"github.com/spanstack/spanstack/viewer/internal/gentrace"
)

func TestReader(t *testing.T) {
	for _, config := range []gentrace.Config{{Spans: 10_000, Tasks: 10}, {Spans: 999, Tasks: 7, Plain: true}, {Spans: 5}} {
		once, err := fmttest.ReadAll(gentrace.NewReader(config))
		if err != nil {
			t.Fatal(err)
		}
		again, _ := fmttest.ReadAll(gentrace.NewReader(config))
		same := func(a, b tracefmt.Event) bool {
			x, y := a.Attrs, b.Attrs
			a.Attrs, b.Attrs = nil, nil
			return slices.Equal(x, y) && a.Name == b.Name && a.ID == b.ID && a.Time == b.Time && a.Dur == b.Dur && a.Track == b.Track
		}
		if !slices.EqualFunc(once, again, same) {
			t.Errorf("%+v: not the same twice", config)
		}
		spans, attrs := 0, 0
		ids := map[string]bool{}
		var v validate.Validator
		for i := range once {
			e := &once[i]
			v.Add(e)
			if e.Kind == tracefmt.Complete {
				spans++
				if (e.ID == "") != config.Plain || e.ID != "" && ids[e.ID] {
					t.Fatalf("%+v: ID %q of span %d", config, e.ID, spans)
				}
				ids[e.ID] = true
			}
			attrs += len(e.Attrs)
		}
		for _, f := range v.Finish(nil, nil) {
			if f.Severity == validate.Error {
				t.Errorf("%+v: %s: %s", config, f.Text, f.Example)
			}
		}
		tasks := max(config.Tasks, 1)
		if want := config.Spans / (10 * tasks) * 10 * tasks; spans != want {
			t.Errorf("%+v: %d spans, want %d", config, spans, want)
		}
		if attrs > 0 == config.Plain && spans > 0 {
			t.Errorf("%+v: %d attributes", config, attrs)
		}
	}
}
