package index_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/timeline"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// events is a Reader of a list of events, which come in one that is used again, as those of other readers.
type events struct {
	list  []tracefmt.Event
	event tracefmt.Event
}

func (r *events) Next() (*tracefmt.Event, error) {
	if len(r.list) == 0 {
		return nil, io.EOF
	}
	attrs := append(r.event.Attrs[:0], r.list[0].Attrs...)
	r.event = r.list[0]
	r.event.Attrs = attrs
	r.list = r.list[1:]
	return &r.event, nil
}

func load(t testing.TB, list []tracefmt.Event) *index.Snapshot {
	t.Helper()
	x, err := index.Load(context.Background(), &events{list: list}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return x.Snapshot()
}

// live loads a trace as one that grows, with a snapshot after each step events.
func live(list []tracefmt.Event, step int) *index.Snapshot { return growing(list, step).Finish() }

// published returns the newest snapshot of a trace that goes on, with one after each step events before it.
func published(list []tracefmt.Event, step int) *index.Snapshot { return growing(list, step).Publish() }

func growing(list []tracefmt.Event, step int) *index.Index {
	x := index.New(index.Config{})
	for i := range list {
		x.Add(&list[i])
		if (i+1)%step == 0 {
			x.Publish()
		}
	}
	return x
}

// content returns what a trace says, in an order that doesn't depend on that of what happens at one time.
func content(t testing.TB, r tracefmt.Reader) fmttest.Content {
	t.Helper()
	var line timeline.Timeline
	if _, err := line.Read(r); err != nil {
		t.Fatal(err)
	}
	return contentOf(&line)
}

func contentOf(line *timeline.Timeline) fmttest.Content {
	var normal []tracefmt.Event
	var times []int64
	open := map[string][]string{}
	for e := range line.Events() {
		key := fmt.Sprintf("%q %q", e.Category, e.AsyncKey())
		switch e.Kind {
		case tracefmt.AsyncBegin:
			open[key] = append(open[key], e.Name)
		case tracefmt.AsyncEnd:
			i := len(open[key]) - 1
			for i >= 0 && e.Name != "" && open[key][i] != e.Name {
				i--
			}
			if i < 0 {
				continue // an end without a begin, which is counted as a loss
			}
			open[key] = slices.Delete(open[key], i, i+1)
		}
		normal = append(normal, *e.Clone())
		if e.Kind.Timed() {
			times = append(times, e.Time)
		}
	}
	c := fmttest.ContentOf(normal, tracefmt.KeepsAll)
	numbers := make([]int, len(times))
	for i := range numbers {
		numbers[i] = i
	}
	slices.SortFunc(numbers, func(a, b int) int {
		return cmp.Or(cmp.Compare(times[a], times[b]), cmp.Compare(c.Timed[a], c.Timed[b]))
	})
	sorted := make([]string, len(times))
	for i, n := range numbers {
		sorted[i] = c.Timed[n]
	}
	c.Timed = sorted
	return c
}

// process and thread declare what most tests need.
func header() []tracefmt.Event {
	return []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7), Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "a"},
	}
}

func slice(start, dur int64, name string) tracefmt.Event {
	return tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: start, Dur: dur, Name: name}
}

func begin(at int64, name string) tracefmt.Event {
	return tracefmt.Event{Kind: tracefmt.Begin, Track: 2, Time: at, Name: name}
}

func end(at int64, name string) tracefmt.Event {
	return tracefmt.Event{Kind: tracefmt.End, Track: 2, Time: at, Name: name}
}

// trackNamed returns the id of the track of a name.
func trackNamed(t testing.TB, s *index.Snapshot, name string) uint32 {
	t.Helper()
	for _, info := range s.Tracks() {
		if info.Name == name {
			return info.ID
		}
	}
	t.Fatalf("there is no track %q", name)
	return 0
}

// picture writes the slices of a track: each with its row, and its absolute start and end.
func picture(t testing.TB, s *index.Snapshot, name string) (lines []string) {
	t.Helper()
	id := trackNamed(t, s, name)
	info, _ := s.Track(id)
	for pos := range info.Slices {
		v, ok := s.Slice(index.Pos{Track: id, Pos: uint32(pos)})
		if !ok {
			t.Fatalf("slice %d of %d isn't there", pos, info.Slices)
		}
		text := fmt.Sprintf("%d: %s %d-%d", v.Row, v.Name, v.Start+s.Zero(), v.End+s.Zero())
		if v.Open {
			text += " open"
		}
		if v.Failed {
			text += " failed"
		}
		lines = append(lines, text)
	}
	return lines
}
