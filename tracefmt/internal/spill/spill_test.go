package spill

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/intern"
)

// full has something in every field.
func full() tracefmt.Event {
	return tracefmt.Event{Kind: tracefmt.FlowEnd, Track: math.MaxUint32, Time: math.MinInt64, Dur: math.MaxInt64,
		Name: "name", Category: "category", ID: "id", Parent: "parent", Key: "key", Severity: 24, BindNext: true,
		Process: 3, SourceID: tracefmt.Uint64(math.MaxUint64), Order: -1, Unix: math.MinInt64, Attrs: []tracefmt.Attr{
			{Key: "none"}, {Key: "true", Value: tracefmt.Bool(true)}, {Key: "false", Value: tracefmt.Bool(false)},
			{Key: "int", Value: tracefmt.Int64(math.MinInt64)}, {Key: "nan", Value: tracefmt.Float64(math.Inf(-1))},
			{Key: "", Value: tracefmt.String("")}, {Key: "long", Value: tracefmt.String(strings.Repeat("x", 1000))},
			{Key: "raw", Value: tracefmt.RawJSON(`{"a":[]}`)}, {Key: "twice", Value: tracefmt.String("name")},
		}}
}

// sample has events of which most fields are empty, and some that come again.
func sample() []tracefmt.Event {
	return []tracefmt.Event{full(), {}, {Kind: tracefmt.Begin, Track: 1, Time: 5, Name: "name", ID: "id"},
		{Kind: tracefmt.End, Track: 1, Time: 5}, {Kind: tracefmt.Complete, Track: 2, Dur: tracefmt.Open, Name: "name"},
		{Kind: tracefmt.Log, Time: -1, Severity: 9, Parent: "id",
			Attrs: []tracefmt.Attr{{Key: "int", Value: tracefmt.Int64(0)}}},
		{Kind: tracefmt.Track, Process: 1, SourceID: tracefmt.String("main")}, full()}
}

// same compares events, whether or not they have empty lists.
func same(a, b *tracefmt.Event) bool {
	x, y := *a, *b
	x.Attrs, y.Attrs = nil, nil
	return reflect.DeepEqual(x, y) && slices.Equal(a.Attrs, b.Attrs)
}

func TestTape(t *testing.T) {
	events := sample()
	if reflect.TypeFor[tracefmt.Event]().NumField() != 16 {
		t.Error("a field is new: is it kept?")
	}
	v := reflect.ValueOf(full())
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s isn't tested", v.Type().Field(i).Name)
		}
	}
	var texts Texts
	for _, memory := range []int64{1, 1 << 20} {
		tape, err := NewTape(Config{Memory: memory, Dir: t.TempDir()}, &texts)
		if err != nil {
			t.Fatal(err)
		}
		var places []int64
		for i := range events {
			places = append(places, tape.Len())
			if err := tape.Add(&events[i], int64(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := tape.Flush(); err != nil {
			t.Fatal(err)
		}
		for from := range events {
			c := tape.Read(places[from], tape.Len())
			n := from
			for number, e := range c.All(func(err error) { t.Error(err) }) {
				if !same(e, &events[n]) || number != int64(n) {
					t.Fatalf("event %d is %d:\n%+v, want\n%+v", n, number, e, events[n])
				}
				n++
			}
			if n != len(events) {
				t.Errorf("%d events from %d on, want %d", n-from, from, len(events)-from)
			}
		}
		tape.Close()
		if _, _, err := tape.Read(0, 10).Next(); err == nil {
			t.Error("a closed file can be read")
		}
	}
}

// TestSort compares with a stable sort in memory, with runs of few events.
func TestSort(t *testing.T) {
	dir := t.TempDir()
	class := func(e *tracefmt.Event) (int32, int64) { return int32(e.Track % 3), e.Dur }
	rapid.Check(t, func(t *rapid.T) {
		var events []tracefmt.Event
		for range rapid.IntRange(0, 200).Draw(t, "events") {
			events = append(events, tracefmt.Event{Kind: tracefmt.Complete,
				Time: rapid.Int64Range(-3, 3).Draw(t, "time"), Dur: rapid.Int64Range(0, 2).Draw(t, "dur"),
				Track: tracefmt.TrackID(rapid.IntRange(0, 4).Draw(t, "track")),
				Name:  strings.Repeat("n", rapid.IntRange(0, 3).Draw(t, "name")*200)})
		}
		want := make([]int, len(events))
		for i := range want {
			want[i] = i
		}
		slices.SortStableFunc(want, func(a, b int) int {
			ka, kb := key{time: events[a].Time}, key{time: events[b].Time}
			ka.class, ka.size = class(&events[a])
			kb.class, kb.size = class(&events[b])
			return ka.compare(&kb)
		})
		for _, memory := range []int64{0, 1, 3000, 1 << 20} {
			var texts Texts
			s := NewSorter(Config{Memory: memory, Dir: dir}, &texts, class)
			for i := range events {
				if err := s.Add(&events[i], int64(i)); err != nil {
					t.Fatal(err)
				}
			}
			sorted, err := s.Sorted()
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range want {
				e, number, err := sorted.Next()
				if err != nil || number != int64(i) || !same(e, &events[i]) {
					t.Fatalf("%d: %v %+v, want %d", number, err, e, i)
				}
			}
			for range 2 {
				if _, _, err := sorted.Next(); err != io.EOF {
					t.Fatal(err)
				}
			}
			s.Close()
		}
	})
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestErrors: what can't be done says what and where.
func TestErrors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	_, err := NewTape(Config{Memory: 1, Dir: dir}, new(Texts))
	failed, ok := errors.AsType[*Error](err)
	want := fmt.Sprintf("create temporary file in %s: no such file or directory", dir)
	if !ok || failed.Op != "create" || err.Error() != want {
		t.Errorf("%v", err)
	}
	s := NewSorter(Config{Memory: 1, Dir: dir}, new(Texts), nil)
	if err := s.Add(&tracefmt.Event{}, 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	tape, err := NewTape(Config{Memory: 1, Dir: t.TempDir()}, new(Texts))
	if err != nil {
		t.Fatal(err)
	}
	tape.f.f.Close()
	e := full()
	for range 2 {
		if err := tape.Add(&e, 0); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%v", err)
		}
	}
}

// FuzzDecode decodes arbitrary bytes, which must neither panic nor take much memory.
func FuzzDecode(f *testing.F) {
	var texts Texts
	for _, e := range sample() {
		f.Add(texts.appendEvent(nil, &e, 1))
	}
	f.Add([]byte{1, 1, 1, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := decoder{texts: &texts, strings: new(intern.Strings), b: b}
		var e tracefmt.Event
		number := d.event(&e)
		if cap(e.Attrs) > 2*len(b) {
			t.Errorf("room for %d attributes of %d bytes", cap(e.Attrs), len(b))
		}
		if d.broken {
			return
		}
		again := decoder{texts: &texts, strings: new(intern.Strings), b: texts.appendEvent(nil, &e, number)}
		var second tracefmt.Event
		if n := again.event(&second); n != number || fmt.Sprintf("%+v", second) != fmt.Sprintf("%+v", e) {
			t.Errorf("%+v became %+v", e, second)
		}
	})
}
