package folded_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/folded"
)

func TestConformance(t *testing.T) { fmttest.Run(t, folded.Format) }

func TestWriter(t *testing.T) {
	slice := func(track tracefmt.TrackID, start, end int64, name, id, parent string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: start, Dur: end - start, Name: name, ID: id, Parent: parent}
	}
	process := func(id tracefmt.TrackID, name string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Process, Track: id, SourceID: tracefmt.Int64(int64(id)), Name: name}
	}
	track := func(id, process tracefmt.TrackID, name string) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Track, Track: id, Process: process, Name: name}
	}
	for name, c := range map[string]struct {
		events []tracefmt.Event
		want   string
	}{
		"one process, one track": {
			[]tracefmt.Event{process(1, "p"), track(2, 1, "t"), slice(2, 0, 10, "a", "", ""), slice(2, 2, 5, "b", "", ""), slice(2, 20, 21, "a", "", "")},
			"a 8\na;b 3\n",
		},
		"names": {
			[]tracefmt.Event{process(1, "p"), slice(1, 0, 10, "#a;b\n%3B%", "", "")},
			"%23a%3Bb%0A%253B% 10\n",
		},
		"names that end in numbers": {
			[]tracefmt.Event{process(1, "p"), slice(1, 0, 10, "a 7", "", ""), slice(1, 10, 15, "b\t0.5", "", ""), slice(1, 15, 16, "c%20 d", "", "")},
			"a%207 10\nb%090.5 5\nc%2520 d 1\n",
		},
		"tracks": {
			[]tracefmt.Event{process(1, "p"), track(2, 1, "one"), track(3, 1, "two"), slice(2, 0, 10, "a", "", ""), slice(3, 0, 10, "a", "", "")},
			"one;a 10\ntwo;a 10\n",
		},
		"tasks by their IDs": {
			[]tracefmt.Event{process(1, "p"), process(4, ""), track(2, 1, "one"), track(3, 1, "two"), slice(2, 0, 10, "a", "x", ""),
				slice(3, 1, 30, "b", "y", "x"), slice(4, 0, 5, "c", "z", "")},
			"p;a 10\np;a;b 29\nprocess 4;c 5\n",
		},
		"nothing": {nil, ""},
	} {
		var out bytes.Buffer
		w := folded.NewWriter(&out)
		for i := range c.events {
			if err := w.Write(&c.events[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, out.String(), c.want)
		}
	}
}

func TestReader(t *testing.T) {
	events, err := fmttest.ReadAll(folded.NewReader(strings.NewReader("# comment\n\nmain;run it 5\r\nmain;%23x%3By 0\n")))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		if e.Kind == tracefmt.Complete {
			got = append(got, fmt.Sprint(e.Name, " ", e.Time, "+", e.Dur))
		}
	}
	if want := "main 0+5|run it 0+5|main 5+0|#x;y 5+0"; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", strings.Join(got, "|"), want)
	}
	r := folded.NewReader(strings.NewReader("a;b 5 7\na;b%205 7\na 2.5\na 2.49 0.\n"))
	if events, err = fmttest.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	got = nil
	for _, e := range events[2:] {
		got = append(got, fmt.Sprint(e.Name, "+", e.Dur))
	}
	if want := "a+7|b+7|a+7|b 5+7|a+3|a+0"; strings.Join(got, "|") != want || len(r.Losses()) != 2 {
		t.Errorf("got %q, want %q; losses %v", strings.Join(got, "|"), want, r.Losses())
	}
	for text, want := range map[string]string{
		"a 1\nb\n":                     "read folded trace: event 2 at byte 4: a line without a number at its end",
		"a 1\nb -1\n":                  "read folded trace: event 2 at byte 4: a line without a number at its end",
		"a 1\nb 2":                     "read folded trace: event 2 at byte 7: input is cut short",
		"a 9223372036854775807\nb 1\n": "read folded trace: event 2 at byte 22: the numbers add up to more than 64 bits hold",
	} {
		if _, err := fmttest.ReadAll(folded.NewReader(strings.NewReader(text))); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzReader writes back what it read, and expects the same stacks from then on.
func FuzzReader(f *testing.F) {
	f.Add("a;b 5\na 3\n# x\n")
	f.Add("a;b 1 2\na 7 0.5\na\t7.\n% 20%2020 1\n")
	f.Add("%23a%3B 1\n%2523 2\n; 7\n 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		write := func(text string) string {
			events, _ := fmttest.ReadAll(folded.NewReader(strings.NewReader(text)))
			var out bytes.Buffer
			w := folded.NewWriter(&out)
			for i := range events {
				if err := w.Write(&events[i]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
		once := write(text)
		if twice := write(once); once != twice {
			t.Fatalf("%q becomes\n%swhich becomes\n%s", text, once, twice)
		}
	})
}
