package speedscope_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/speedscope"
	"github.com/spanstack/spanstack/tracefmt/timeline"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestConformance(t *testing.T) { fmttest.Run(t, speedscope.Format) }

func write(t testing.TB, events []tracefmt.Event) ([]byte, []tracefmt.Loss) {
	var out bytes.Buffer
	w := speedscope.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), w.Losses()
}

// spans returns the slices of some events in a fixed order, as text: name, begin, and duration in ns.
func spans(events []tracefmt.Event) (list []string) {
	var tl timeline.Timeline
	for i := range events {
		tl.Add(&events[i])
	}
	end := int64(0)
	for e := range tl.Events() {
		if d, ok := e.Duration(); ok && e.Kind == tracefmt.Complete {
			list = append(list, fmt.Sprintf("%d+%d %s", e.Time, d, e.Name))
			end = max(end, e.Time+d)
		}
	}
	slices.Sort(list)
	return list
}

// TestSlices has all slices come back with their times, whatever their tracks.
func TestSlices(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var events []tracefmt.Event
		for range rapid.IntRange(0, 40).Draw(r, "slices") {
			events = append(events, tracefmt.Event{Kind: tracefmt.Complete, Track: tracefmt.TrackID(rapid.IntRange(1, 3).Draw(r, "track")),
				Time: rapid.Int64Range(-50, 50).Draw(r, "time"), Dur: rapid.Int64Range(0, 40).Draw(r, "duration"),
				Name: rapid.SampledFrom([]string{"a", "b", ""}).Draw(r, "name"),
				ID:   rapid.SampledFrom([]string{"", "", "1", "2", "3"}).Draw(r, "id"), Parent: rapid.SampledFrom([]string{"", "", "1", "2", "3"}).Draw(r, "parent")})
		}
		data, _ := write(t, events)
		wellFormed(r, data)
		back, err := fmttest.ReadAll(speedscope.NewReader(bytes.NewReader(data)))
		if err != nil {
			r.Fatal(err)
		}
		if got, want := spans(back), spans(events); !slices.Equal(got, want) {
			r.Fatalf("read back\n%v\nwant\n%v\n%s", got, want, data)
		}
	})
}

// TestRandom has anything at all become a well-formed file.
func TestRandom(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		data, _ := write(t, fmttest.Events(r))
		wellFormed(r, data)
	})
}

// wellFormed checks what speedscope insists on: order, nesting, and balance.
func wellFormed(t rapid.TB, data []byte) {
	var file struct {
		Shared   struct{ Frames []struct{ Name *string } }
		Profiles []struct {
			Type, Name, Unit     string
			StartValue, EndValue json.Number
			Events               []struct {
				Type  string
				Frame int
				At    json.Number
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Profiles) == 0 {
		t.Fatal("no profile")
	}
	number := func(n json.Number) int64 {
		i, err := n.Int64()
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	for _, p := range file.Profiles {
		now := number(p.StartValue)
		var stack []int
		for i, e := range p.Events {
			if at := number(e.At); at < now || at > number(p.EndValue) {
				t.Fatalf("profile %q: event %d at %d is out of order or beyond the end", p.Name, i, at)
			} else {
				now = at
			}
			if e.Frame < 0 || e.Frame >= len(file.Shared.Frames) || file.Shared.Frames[e.Frame].Name == nil {
				t.Fatalf("profile %q: event %d has frame %d of %d", p.Name, i, e.Frame, len(file.Shared.Frames))
			}
			switch n := len(stack); {
			case e.Type == "O":
				stack = append(stack, e.Frame)
			case e.Type != "C" || n == 0 || stack[n-1] != e.Frame:
				t.Fatalf("profile %q: event %d (%s) closes what isn't on top", p.Name, i, e.Type)
			default:
				stack = stack[:n-1]
			}
		}
		if len(stack) > 0 {
			t.Fatalf("profile %q: %d frames are left open", p.Name, len(stack))
		}
	}
}

// read returns the events of a text, in short.
func read(t *testing.T, text string) (list []string, losses string, err error) {
	r := speedscope.NewReader(strings.NewReader(text))
	events, err := fmttest.ReadAll(r)
	for _, e := range events {
		switch e.Kind {
		case tracefmt.Begin:
			list = append(list, fmt.Sprintf("%d:+%s %d", e.Track, e.Name, e.Time))
		case tracefmt.End:
			list = append(list, fmt.Sprintf("%d:-%s %d", e.Track, e.Name, e.Time))
		}
	}
	return list, fmt.Sprint(r.Losses()), err
}

func TestReader(t *testing.T) {
	const shared = `"shared":{"frames":[{"name":"a"},{"name":"b"},{"name":"c","file":"c.go","line":7,"col":null}]}`
	profile := func(text string) string { return `{` + shared + `,"profiles":[{` + text + `}]}` }
	for name, c := range map[string]struct {
		text   string
		want   string
		losses string
	}{
		"evented in ms, with the unit last": {
			profile(`"type":"evented","events":[{"type":"O","frame":0,"at":1.5},{"frame":1,"type":"O","at":1600000000000.000001},` +
				`{"type":"C","frame":1,"at":16e11,"x":[1]},{"type":"C","frame":0,"at":1600000000001}],"unit":"milliseconds"`),
			"2:+a 1500000 2:+b 1600000000000000001 2:-b 1600000000000000001 2:-a 1600000000001000000", "put at that one's time",
		},
		"frames last": {
			`{"profiles":[{"type":"sampled","unit":"seconds","name":"x","startValue":1,"samples":[[0,1],[0,1],[0,2],[],[2]],"weights":[1,1,0.5,1,2]},` +
				`{"type":"sampled","unit":"microseconds","samples":[[0]],"weights":[3]}],` + shared + `}`,
			"2:+a 1000000000 2:+b 1000000000 2:-b 3000000000 2:+c 3000000000 2:-c 3500000000 2:-a 3500000000 2:+c 4500000000 2:-c 6500000000 " +
				"3:+a 0 3:-a 3000", "[]",
		},
		"closed too early, too late, and not at all": {
			profile(`"type":"evented","unit":"nanoseconds","events":[{"type":"O","frame":0,"at":1},{"type":"O","frame":1,"at":2},` +
				`{"type":"C","frame":0,"at":3},{"type":"C","frame":1,"at":4},{"type":"O","frame":2,"at":5}]`),
			"2:+a 1 2:+b 2 2:-b 3 2:-a 3 2:+c 5", "closed as well",
		},
		"what makes no sense": {
			profile(`"type":"evented","unit":"bytes","events":[{"type":"O","frame":9,"at":1},{"type":"X","frame":1,"at":2},7,` +
				`{"type":"C","at":3},{"type":"O","frame":0,"at":"4"},{"type":"O","frame":0,"at":1e99},{"type":"O","frame":1,"at":5}]`),
			"2:+b 5", "isn't in the file",
		},
		"samples without weights": {
			profile(`"type":"sampled","unit":"none","samples":[[0],[1],[7],[2]],"weights":[1,-1,1]`),
			"2:+a 0 2:-a 1", "more samples than weights",
		},
		"another sort of profile": {profile(`"type":"heap"`), "", "neither evented nor sampled"},
		"a base":                  {strings.Replace(profile(`"type":"evented","unit":"nanoseconds","events":[{"type":"O","frame":0,"at":1}]`), `{`, `{"spanstack.base_ns":"1700000000000000000",`, 1), "2:+a 1700000000000000001", "[]"},
	} {
		got, losses, err := read(t, c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Join(got, " ") != c.want || !strings.Contains(losses, c.losses) {
			t.Errorf("%s: got\n%s\nwant\n%s\nlosses %s", name, strings.Join(got, " "), c.want, losses)
		}
	}
	for text, want := range map[string]string{
		"":                  "read speedscope trace: at byte 0: input is cut short",
		"[]":                "read speedscope trace: at byte 2: no object",
		"{}":                "read speedscope trace: at byte 2: no profiles in it",
		`{"profiles":[x]}`:  "read speedscope trace: at byte 13: invalid character 'x' at start of value",
		`{"profiles":[]} x`: "read speedscope trace: at byte 16: ",
		`{"shared":{"frames":[{"name":"a"}]},"profiles":[{"type":"evented","unit":"none","events":[{"type":"O","frame":0,"at":1},{"ty`: "read speedscope trace: event 2 at byte 124: input is cut short",
	} {
		if _, _, err := read(t, text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestWriter has what overlaps, async slices, times since 1970, and what is lost.
func TestWriter(t *testing.T) {
	const epoch = 1_753_000_000_123_456_789
	data, losses := write(t, []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7), Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "t"},
		{Kind: tracefmt.Complete, Track: 2, Time: epoch, Dur: 10, Name: "a", ID: "x",
			Attrs: []tracefmt.Attr{{Key: "file", Value: tracefmt.String("a.go")}, {Key: "line", Value: tracefmt.Int64(3)}, {Key: "k", Value: tracefmt.Bool(true)}}},
		{Kind: tracefmt.Complete, Track: 2, Time: epoch + 5, Dur: 10, Name: "b"},
		{Kind: tracefmt.Complete, Track: 2, Time: epoch + 6, Dur: 20, Name: "c"},
		{Kind: tracefmt.AsyncBegin, Track: 2, Time: epoch + 1, Name: "u", Key: "1"},
		{Kind: tracefmt.AsyncBegin, Track: 2, Time: epoch + 2, Name: "v", Key: "2"}, // inside of u, but another key
		{Kind: tracefmt.AsyncBegin, Track: 2, Time: epoch + 2, Name: "w", Key: "1"},
		{Kind: tracefmt.AsyncEnd, Track: 2, Time: epoch + 3, Name: "v", Key: "2"},
		{Kind: tracefmt.AsyncEnd, Track: 2, Time: epoch + 4, Name: "w", Key: "1"},
		{Kind: tracefmt.AsyncEnd, Track: 2, Time: epoch + 9, Name: "u", Key: "1"},
		{Kind: tracefmt.Instant, Track: 2, Time: epoch + 9, Name: "i"},
		{Kind: tracefmt.Begin, Track: 1, Time: epoch + 25, Name: "never"},
	})
	wellFormed(t, data)
	got, readLosses, err := read(t, string(data))
	want := []string{
		"2:+never E+25", "2:-never E+26",
		"3:+a E+0", "3:-a E+10", "4:+b E+5", "4:-b E+15", "5:+c E+6", "5:-c E+26",
		"6:+u E+1", "6:+w E+2", "6:-w E+4", "6:-u E+9", "7:+v E+2", "7:-v E+3",
	}
	for i, s := range want {
		name, at, _ := strings.Cut(s, " E+")
		offset := 0
		fmt.Sscan(at, &offset)
		want[i] = fmt.Sprint(name, " ", epoch+offset)
	}
	if err != nil || !slices.Equal(got, want) || readLosses != "[]" {
		t.Errorf("%v, %s; got\n%s\nwant\n%s\n%s", err, readLosses, strings.Join(got, "\n"), strings.Join(want, "\n"), data)
	}
	for _, want := range []string{`"name":"t (2)"`, `"name":"t async"`, `"name":"t async (2)"`, `{"name":"a","file":"a.go","line":3}`,
		`"startValue":0,"endValue":26`, `"name":"p"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in\n%s", want, data)
		}
	}
	for _, want := range []string{"ID or parent of a slice (1x)", "attribute of a slice (1x)", "instant (1x)", "ended with the trace (1x)"} {
		if !strings.Contains(fmt.Sprint(losses), want) {
			t.Errorf("no %q in %v", want, losses)
		}
	}
}

// TestParents has a slice on its parent's profile, although another slice is around its time, too.
func TestParents(t *testing.T) {
	data, _ := write(t, []tracefmt.Event{
		{Kind: tracefmt.Complete, Track: 1, Time: 0, Dur: 100, Name: "a", ID: "a"},
		{Kind: tracefmt.Complete, Track: 1, Time: 10, Dur: 50, Name: "b", ID: "b"},
		{Kind: tracefmt.Complete, Track: 1, Time: 20, Dur: 10, Name: "in b", ID: "c", Parent: "b"},
		{Kind: tracefmt.Complete, Track: 1, Time: 21, Dur: 10, Name: "in a", ID: "d", Parent: "a"},
	})
	wellFormed(t, data)
	got, _, err := read(t, string(data))
	want := "2:+a 0 2:+in a 21 2:-in a 31 2:-a 100 3:+b 10 3:+in b 20 3:-in b 30 3:-b 60"
	if err != nil || strings.Join(got, " ") != want {
		t.Errorf("%v; got\n%s\nwant\n%s", err, strings.Join(got, " "), want)
	}
}

// TestGolden converts traces of others.
func TestGolden(t *testing.T) {
	for _, file := range []string{"speedscope/multiprocess.json", "speedscope/invalid-x-nesting.json", "catapult/nestable_async.json", "fgtrace/fgtrace.json"} {
		data, err := os.ReadFile(filepath.Join("../chrome/testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		in, err := tracefmt.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		events, err := fmttest.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := write(t, events)
		wellFormed(t, got)
		golden := filepath.Join("testdata", strings.TrimSuffix(filepath.Base(file), ".json")+".golden.json")
		if *update {
			if err := os.WriteFile(golden, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: differs from %s, see -update:\n%.2000s", file, golden, got)
		}
	}
}

// FuzzReader writes back what it read. The result is well-formed, and stable from then on.
func FuzzReader(f *testing.F) {
	sample, _ := write(f, fmttest.Sample())
	f.Add(sample)
	f.Add([]byte(`{"profiles":[{"type":"sampled","unit":"seconds","startValue":1,"samples":[[0,1],[0],[]],"weights":[1,1.5,1]}],"shared":{"frames":[{"name":"a"},{"name":"b"}]}}`))
	f.Add([]byte(`{"shared":{"frames":[{"name":"a"},{}]},"profiles":[{"type":"evented","unit":"none","events":[{"type":"O","frame":0,"at":-5},{"type":"O","frame":1,"at":7e3},{"type":"C","frame":0,"at":7e17}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := fmttest.ReadAll(speedscope.NewReader(bytes.NewReader(data)))
		if err != nil {
			syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
			if !ok || syntax.Offset < 0 || syntax.Offset > int64(len(data)) {
				t.Fatalf("the error isn't a SyntaxError with an offset in the input: %v", err)
			}
		}
		once, _ := write(t, events)
		back, err := fmttest.ReadAll(speedscope.NewReader(bytes.NewReader(once)))
		if err != nil {
			t.Fatalf("%v\n%s", err, once)
		}
		if twice, _ := write(t, back); !bytes.Equal(once, twice) {
			t.Fatalf("not stable:\n%s\n%s", once, twice)
		}
	})
}
