package catapult_test

import (
	"strings"
	"testing"

	"github.com/spanstack/spanstack/browsertest/catapult"
	"github.com/spanstack/spanstack/browsertest/catapult/catapulttest"
)

// fact is one observation about the viewer. The package documentation cites
// it by name.
type fact struct {
	name string

	// events is the content of the array, one event a line, without commas.
	// Missing keys are pid 1, tid 1, cat "c". The array is left open.
	events string

	// text replaces events: the whole file.
	text string

	// want is the outline of the report.
	want string

	// fails, if not empty, is a part of the importer's exception.
	fails string
}

func TestFacts(t *testing.T) {
	v := catapulttest.Start(t, catapult.Options{})
	for _, list := range [][]fact{openSliceFacts, orderFacts, flowFacts, asyncFacts, metadataFacts, instantFacts, valueFacts, fileFacts} {
		for _, f := range list {
			t.Run(f.name, func(t *testing.T) {
				text := f.text
				if text == "" {
					text = arrayOf(f.events)
				}
				report, err := v.Load(t.Context(), []byte(text))
				if f.fails != "" {
					if err == nil || !strings.Contains(err.Error(), f.fails) {
						t.Errorf("import error is %v, want one with %q", err, f.fails)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got, want := outline(report), dedent(f.want); got != want {
					t.Errorf("the viewer shows\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

// arrayOf makes an open array of events. JSON.parse keeps the last of equal
// keys, so the defaults go first.
func arrayOf(events string) string {
	var b strings.Builder
	b.WriteString("[\n")
	for line := range strings.Lines(strings.TrimSpace(events)) {
		line = strings.TrimSpace(line)
		b.WriteString(`{"pid":1,"tid":1,"cat":"c",` + strings.TrimPrefix(line, "{") + ",\n")
	}
	return b.String()
}

var openSliceFacts = []fact{{
	name: "open B is drawn to the end of its lane, not of the trace",
	events: `
		{"ph":"B","name":"stuck","ts":10}
		{"ph":"i","s":"t","name":"log","ts":60}
		{"ph":"X","name":"other","ts":0,"dur":100,"tid":2}`,
	want: `
		process 1
		  lane 1
		    stuck 10+50 open
		      log 60+0
		  lane 2
		    other 0+100`,
}, {
	name: "open B that is last in its lane has no length",
	events: `
		{"ph":"B","name":"stuck","ts":10}
		{"ph":"X","name":"other","ts":0,"dur":100,"tid":2}`,
	want: `
		process 1
		  lane 1
		    stuck 10+0 open
		  lane 2
		    other 0+100`,
}, {
	name: "X without dur is an open slice",
	events: `
		{"ph":"X","name":"stuck","ts":10}
		{"ph":"i","s":"t","name":"log","ts":60}`,
	want: `
		process 1
		  lane 1
		    stuck 10+50 open
		      log 60+0`,
}, {
	name: "what follows an open B in its lane is drawn inside",
	events: `
		{"ph":"B","name":"stuck","ts":0}
		{"ph":"X","name":"next task","ts":50,"dur":20}`,
	want: `
		process 1
		  lane 1
		    stuck 0+70 open
		      next task 50+20`,
}, {
	name: "E ends the last written open B",
	events: `
		{"ph":"B","name":"inner","ts":10}
		{"ph":"B","name":"outer","ts":1}
		{"ph":"E","ts":20}
		{"ph":"E","ts":30}`,
	want: `
		process 1
		  lane 1
		    outer 1+19
		    inner 10+20`,
}, {
	name: "E with another name warns",
	events: `
		{"ph":"B","name":"a","ts":10}
		{"ph":"E","name":"z","ts":20}`,
	want: `
		! title_match_error
		process 1
		  lane 1
		    a 10+10`,
}, {
	name: "E without B warns",
	events: `
		{"ph":"X","name":"a","ts":10,"dur":4}
		{"ph":"E","ts":20}`,
	want: `
		! duration_parse_error
		process 1
		  lane 1
		    a 10+4`,
}, {
	name: "E in another lane does not end B and warns",
	events: `
		{"ph":"B","name":"a","ts":10}
		{"ph":"E","ts":20,"tid":2}`,
	want: `
		! duration_parse_error
		process 1
		  lane 1
		    a 10+0 open`,
}, {
	name: "E before its B fails",
	events: `
		{"ph":"B","name":"a","ts":10}
		{"ph":"E","ts":9.999}`,
	fails: "end time is before its start",
}, {
	name: "E that repeats a key of args warns",
	events: `
		{"ph":"B","name":"a","ts":10,"args":{"k":1}}
		{"ph":"E","ts":20,"args":{"k":1}}`,
	want: `
		! arg_merge_error
		process 1
		  lane 1
		    a 10+10`,
}, {
	name: "X and instants do not disturb B and E around them",
	events: `
		{"ph":"B","name":"task","ts":1,"args":{"spanstack.id":"a"}}
		{"ph":"B","name":"span","ts":5}
		{"ph":"i","s":"t","name":"flush","ts":50}
		{"ph":"X","name":"inner","ts":20,"dur":40}
		{"ph":"E","ts":70}
		{"ph":"X","name":"span 2","ts":71,"dur":2}
		{"ph":"E","ts":90,"args":{"error":"x"}}`,
	want: `
		process 1
		  lane 1
		    task 1+89 a
		      span 5+65
		        inner 20+40
		          flush 50+0
		      span 2 71+2`,
}}

var orderFacts = []fact{{
	name: "slices may be written in any order",
	events: `
		{"ph":"X","name":"c","ts":30,"dur":5}
		{"ph":"X","name":"b","ts":20,"dur":20}
		{"ph":"B","name":"a","ts":10}
		{"ph":"i","s":"t","name":"log","ts":2}
		{"ph":"E","ts":60}`,
	want: `
		process 1
		  lane 1
		    log 2+0
		    a 10+50
		      b 20+20
		        c 30+5`,
}, {
	name: "of slices with equal start the first in the file is the outer one",
	events: `
		{"ph":"X","name":"parent","ts":10,"dur":20}
		{"ph":"X","name":"child","ts":10,"dur":20}`,
	want: `
		process 1
		  lane 1
		    parent 10+20
		      child 10+20`,
}, {
	name: "child written before a parent of equal start is not nested",
	events: `
		{"ph":"X","name":"child","ts":10,"dur":5}
		{"ph":"X","name":"parent","ts":10,"dur":20}`,
	want: `
		process 1
		  lane 1
		    child 10+5
		    parent 10+20`,
}, {
	name: "one ns between the starts is enough for any order",
	events: `
		{"ph":"X","name":"child","ts":10.002,"dur":5}
		{"ph":"X","name":"parent","ts":10.001,"dur":20}`,
	want: `
		process 1
		  lane 1
		    parent 10.001+20
		      child 10.002+5`,
}, {
	name: "child may end after its parent within a rounded µs",
	events: `
		{"ph":"X","name":"parent","ts":10,"dur":20.100}
		{"ph":"X","name":"child","ts":20,"dur":10.101}`,
	want: `
		process 1
		  lane 1
		    parent 10+20.1
		      child 20+10.101`,
}, {
	name: "child that ends one ns and a rounded µs later is not nested",
	events: `
		{"ph":"X","name":"parent","ts":10,"dur":20.499}
		{"ph":"X","name":"child","ts":20,"dur":10.500}`,
	want: `
		process 1
		  lane 1
		    parent 10+20.499
		    child 20+10.5`,
}, {
	name: "siblings within a rounded µs are drawn nested",
	events: `
		{"ph":"X","name":"parent","ts":1,"dur":20}
		{"ph":"X","name":"first","ts":10.000,"dur":0.400}
		{"ph":"X","name":"second","ts":10.410,"dur":0.050}`,
	want: `
		process 1
		  lane 1
		    parent 1+20
		      first 10+0.4
		        second 10.41+0.05`,
}, {
	name: "object form with displayTimeUnit ns nests exactly",
	text: `{"displayTimeUnit":"ns","traceEvents":[
		{"ph":"X","pid":1,"tid":1,"name":"parent","ts":1,"dur":20},
		{"ph":"X","pid":1,"tid":1,"name":"first","ts":10.000,"dur":0.400},
		{"ph":"X","pid":1,"tid":1,"name":"second","ts":10.410,"dur":0.050}]}`,
	want: `
		process 1
		  lane 1
		    parent 1+20
		      first 10+0.4
		      second 10.41+0.05`,
}}
