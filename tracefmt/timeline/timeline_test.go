package timeline_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/timeline"
	"pgregory.net/rapid"
)

func normal(t *timeline.Timeline) (events []tracefmt.Event) {
	for e := range t.Events() {
		events = append(events, *e.Clone())
	}
	return events
}

// of returns the normal form of Chrome events, as text.
func of(t *testing.T, texts ...string) (content string, tl *timeline.Timeline) {
	t.Helper()
	tl = new(timeline.Timeline)
	for _, text := range texts {
		if _, err := tl.Read(chrome.NewReader(strings.NewReader(text))); err != nil {
			t.Fatal(err)
		}
	}
	lines := fmttest.ContentOf(normal(tl), tracefmt.KeepsAll).Timed
	for i, line := range lines {
		line = strings.ReplaceAll(line, ` id "" parent ""`, "")
		lines[i] = strings.ReplaceAll(strings.ReplaceAll(line, ` cat ""`, ""), " { }", "")
	}
	return strings.Join(lines, "\n"), tl
}

func TestOrder(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"longer slices first": {
			`[{"ph":"X","ts":1,"dur":1,"name":"a"},{"ph":"X","ts":1,"dur":3,"name":"b"},{"ph":"X","ts":0,"dur":9,"name":"c"}]`,
			"complete on 0/0 at 0 \"c\" dur 9000\ncomplete on 0/0 at 1000 \"b\" dur 3000\ncomplete on 0/0 at 1000 \"a\" dur 1000",
		},
		"begins and ends": {
			`[{"ph":"E","ts":9,"args":{"x":2,"y":3}},{"ph":"B","ts":1,"name":"a","args":{"x":1}},{"ph":"B","ts":2,"name":"open"},{"ph":"E","ts":5,"name":"nobody"},{"ph":"E","ts":4,"name":"open"},{"ph":"B","ts":20,"name":"last"}]`,
			"complete on 0/0 at 1000 \"a\" dur 8000 { \"x\":2:\"2\" \"x (begin)\":2:\"1\" \"y\":2:\"3\" }\ncomplete on 0/0 at 2000 \"open\" dur 2000\nbegin on 0/0 at 20000 \"last\"",
		},
		"an end by name ends what is inside": {
			`[{"ph":"B","ts":1,"name":"a"},{"ph":"B","ts":2,"name":"b"},{"ph":"E","ts":3,"name":"a"}]`,
			"complete on 0/0 at 1000 \"a\" dur 2000\ncomplete on 0/0 at 2000 \"b\" dur 1000",
		},
		"no slice outlives the one around it": {
			`[{"ph":"B","ts":2,"name":"b"},{"ph":"X","ts":1,"dur":9,"name":"a"}]`,
			"complete on 0/0 at 1000 \"a\" dur 9000\ncomplete on 0/0 at 2000 \"b\" dur 8000",
		},
		"marks of what is open": {
			`[{"ph":"B","ts":1,"name":"a"},{"ph":"i","cat":"open","s":"t","ts":2,"name":"open"},{"ph":"E","ts":3},` +
				`{"ph":"B","ts":4,"name":"b"},{"ph":"i","cat":"open","s":"t","ts":5,"name":"open"},{"ph":"i","s":"t","ts":6,"name":"c"}]`,
			"complete on 0/0 at 1000 \"a\" dur 2000\nbegin on 0/0 at 4000 \"b\"\ninstant on 0/0 at 6000 \"c\"\ninstant on 0/0 at 6000 \"open\" cat \"open\"",
		},
		"marks of a process whose events come last but end first": {
			`[{"ph":"i","pid":2,"s":"t","ts":9,"name":"late"},{"ph":"B","pid":1,"ts":1,"name":"a"},` +
				`{"ph":"i","pid":1,"cat":"open","s":"t","ts":3,"name":"open"},{"ph":"i","pid":1,"s":"t","ts":5,"name":"c"}]`,
			"begin on 1/1 at 1000 \"a\"\ninstant on 1/1 at 5000 \"c\"\ninstant on 1/1 at 5000 \"open\" cat \"open\"\n" +
				"instant on 2/2 at 9000 \"late\"",
		},
		"flows": {
			`[{"ph":"f","ts":1,"bp":"e","id":1},{"ph":"t","ts":1,"id":1},{"ph":"s","ts":1,"id":1},{"ph":"X","ts":1,"dur":1,"name":"a"},{"ph":"f","ts":1,"id":2}]`,
			"flow end on 0/0 at 1000 \"\" key \"2\" next true\ncomplete on 0/0 at 1000 \"a\" dur 1000\nflow start on 0/0 at 1000 \"\" key \"1\"\nflow step on 0/0 at 1000 \"\" key \"1\"\nflow end on 0/0 at 1000 \"\" key \"1\" next false",
		},
	} {
		if got, _ := of(t, c.in); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestAlign(t *testing.T) {
	anchored := func(unix, ts string) string {
		return `[{"ph":"M","name":"process_name","pid":1,"args":{"name":"p","spanstack.unix_ns":"` + unix + `"}},{"ph":"X","pid":1,"ts":` + ts + `,"dur":1,"name":"at ` + ts + `"}]`
	}
	got, tl := of(t, anchored("5000000", "10"), anchored("4000000", "11"), anchored("6000000", "-995"))
	want := "clock at 0 unix 4000000\ncomplete on 2/1 at 11000 \"at 11\" dur 1000\ncomplete on 1/1 at 1010000 \"at 10\" dur 1000\ncomplete on 3/1 at 1005000 \"at -995\" dur 1000"
	lines := strings.Split(want, "\n")
	lines[2], lines[3] = lines[3], lines[2] // the last input is between the others
	if want = strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !tl.Aligned() {
		t.Error("not aligned")
	}
	if _, tl := of(t, anchored("5", "10"), `[{"ph":"X","ts":1,"dur":1}]`); tl.Aligned() || len(tl.Losses()) != 1 {
		t.Errorf("aligned %v without an anchor, losses %v", tl.Aligned(), tl.Losses())
	}
}

// TestIdempotent checks that a normal form, written and read, has the same normal form and the same bytes.
func TestIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := fmttest.Events(t)
		shuffled := slices.Clone(events)
		for i := range shuffled {
			if j := rapid.IntRange(0, i).Draw(t, "swap"); shuffled[i].Kind == tracefmt.Complete && shuffled[j].Kind == tracefmt.Complete {
				shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
			}
		}
		write := func(tl *timeline.Timeline) []byte {
			var b bytes.Buffer
			w := chrome.NewWriter(&b)
			if _, err := tl.WriteTo(w); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
		var first timeline.Timeline
		for i := range shuffled {
			first.Add(&shuffled[i])
		}
		once := write(&first)
		var second timeline.Timeline
		if _, err := second.Read(chrome.NewReader(bytes.NewReader(once))); err != nil {
			t.Fatal(err)
		}
		if twice := write(&second); !bytes.Equal(once, twice) {
			t.Fatalf("once\n%s\ntwice\n%s", once, twice)
		}
	})
}

func TestAddAfterEvents(t *testing.T) {
	var tl timeline.Timeline
	normal(&tl)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	tl.Add(&tracefmt.Event{})
}
