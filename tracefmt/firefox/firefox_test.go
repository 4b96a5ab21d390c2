package firefox_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/tracefmt/firefox"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestConformance(t *testing.T) { fmttest.Run(t, firefox.Format) }

func write(t testing.TB, events []tracefmt.Event) ([]byte, []tracefmt.Loss) {
	var out bytes.Buffer
	w := firefox.NewWriter(&out)
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

// read returns the events of a profile as text, a line each.
func read(t testing.TB, data []byte) (text, losses string, err error) {
	in, err := tracefmt.NewReader(bytes.NewReader(data))
	if err != nil {
		return "", "", err
	}
	if in.Format != firefox.Format {
		t.Fatalf("taken for %s", in.Format.Name)
	}
	events, err := fmttest.ReadAll(in)
	var b strings.Builder
	for _, e := range events {
		switch e.Kind {
		case tracefmt.Clock:
			fmt.Fprintf(&b, "clock %d is %d\n", e.Time, e.Unix)
		case tracefmt.Process:
			fmt.Fprintf(&b, "process %d: %q pid %v\n", e.Track, e.Name, e.SourceID)
		case tracefmt.Track:
			fmt.Fprintf(&b, "track %d of %d: %q tid %v\n", e.Track, e.Process, e.Name, e.SourceID)
		case tracefmt.End:
			fmt.Fprintf(&b, "%d: end %d %s\n", e.Track, e.Time, e.Name)
		default:
			fmt.Fprintf(&b, "%d: %v %d+%d %s", e.Track, e.Kind, e.Time, e.Dur, e.Name)
			if e.Category != "" {
				fmt.Fprintf(&b, " (%s)", e.Category)
			}
			for _, a := range e.Attrs {
				fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
			}
			b.WriteString("\n")
		}
	}
	return b.String(), fmt.Sprint(in.Losses()), err
}

// TestGolden reads profiles of several versions.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/firefox/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files (%v)", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, losses, err := read(t, data)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		got += "losses: " + losses + "\n"
		golden := strings.TrimSuffix(file, ".json") + ".golden.txt"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: differs from %s, see -update:\n%s", file, golden, got)
		}
	}
}

// newer is a processed profile with everything shared, strings last, times as differences, and marker fields that are
// indexes of strings.
const newer = `{"meta":{"version":33,"preprocessedProfileVersion":62,"interval":2,"startTime":1700000000000.5,"processType":0,"product":"app",
 "categories":[{"name":"Other","color":"grey"},{"name":"Disk","color":"blue"}],
 "markerSchema":[{"name":"T","fields":[{"key":"u","format":"unique-string"},{"key":"n","format":"integer"}]}]},
"threads":[{"name":"main","pid":"12","tid":13,"processType":"default","processName":"server",
 "samples":{"length":4,"stack":[1,2,null,0],"timeDeltas":[1.5,1,1,1]},
 "markers":{"length":9,"name":[3,3,4,3,4,3,5,9,3],"startTime":[1,2,3,null,null,5,6,7,8],"endTime":[null,4,null,6,null,null,null,null,7],
  "phase":[0,1,2,3,3,7,2,0,1],"category":[0,1,1,1,1,0,99,0,0],
  "data":[{"type":"T","u":2,"n":2,"cause":{"stack":1}},null,{"type":"T","x":1,"y":[1, 2]},{"x":9},{"x":2,"z":null},null,7,null,null]}}],
"shared":{"stackTable":{"prefix":[null,0,0],"frame":[0,1,2],"length":3},"frameTable":{"func":[0,1,9]},"funcTable":{"name":[0,1]},
 "stringArray":["f","g","text","a","b","never"]}}`

// gecko is a profile of Firefox with another process, which started half a second later.
const gecko = `{"meta":{"version":31,"startTime":1000,"interval":1,"processType":0,"stackwalk":1,"product":"Firefox","categories":[{"name":"Other"},{"name":"DOM"}]},
"libs":[],"pages":[],"threads":[{"name":"GeckoMain","processType":"default","pid":5,"tid":5,"stringTable":["paint"],
 "markers":{"schema":{"name":0,"startTime":1,"endTime":2,"phase":3,"category":4,"data":5},"data":[[0,1,2.000001,1,1],[0,3,null,0,0,{"type":"x"}]]},
 "samples":{"schema":{"stack":0,"time":1},"data":[]}}],
"processes":[{"meta":{"version":31,"startTime":1500,"categories":[{"name":"Other"},{"name":"Net"}]},"threads":[{"name":"GeckoMain","processType":"tab","pid":6,"tid":6,
 "stringTable":["load","0x12"],"markers":{"schema":{"name":0,"startTime":1,"endTime":2,"phase":3,"category":4},"data":[[0,1,2,1,1]]},
 "samples":{"schema":{"stack":0,"time":1},"data":[[0,1],[0,2]]},
 "stackTable":{"schema":{"prefix":0,"frame":1},"data":[[null,0]]},"frameTable":{"schema":{"location":0},"data":[[1]]}}],"processes":[]}]}`

func TestReader(t *testing.T) {
	for name, c := range map[string]struct{ text, want, losses string }{
		"processed": {newer, `clock 0 is 1700000000000500000
process 1: "server" pid 12
track 2 of 1: "main" tid 13
2: instant 1000000+0 a type=T u=text n=2
2: complete 2000000+2000000 a (Disk)
2: begin 3000000+0 b (Disk) type=T x=1 y=[1,2]
2: begin 6000000+0 never
track 3 of 1: "main (samples)" tid 13 samples
3: begin 1500000+0 f
3: begin 1500000+0 g
3: end 2500000 g
3: begin 2500000+0 (unknown)
3: end 3500000 (unknown)
3: end 3500000 f
3: begin 4500000+0 f
3: end 6500000 f
`, "ends an interval that hasn't begun (1x), that ends before it begins (1x), of an unknown phase (1x), marker without a name (1x), frame without a name (1x), without a time (1x), stack of a marker (1x)"},
		"gecko": {gecko, `clock 0 is 1000000000
process 1: "Firefox" pid 5
track 2 of 1: "GeckoMain" tid 5
2: complete 1000000+1000001 paint (DOM)
2: instant 3000000+0 paint type=x
process 3: "tab" pid 6
track 4 of 3: "GeckoMain" tid 6
4: complete 501000000+1000000 load (Net)
track 5 of 3: "GeckoMain (samples)" tid 6 samples
5: begin 501000000+0 0x12
5: end 503000000 0x12
`, ""},
		"starts and ends of one name": {`{"meta":{"preprocessedProfileVersion":30},"threads":[{"name":"t","stringArray":["a"],"markers":{` +
			`"name":[0,0,0,0],"startTime":[1,2,null,null],"endTime":[null,null,3,5],"phase":[2,2,3,3],"data":[{"x":1},{"x":2},{"x":3,"y":4},null]}}]}`,
			"process 1: \"\" pid \ntrack 2 of 1: \"t\" tid 2\n2: complete 2000000+1000000 a x=3 y=4\n2: complete 1000000+4000000 a x=1\n", ""},
		"stacks in a circle": {`{"meta":{"version":31,"startTime":0,"interval":1,"processType":0,"stackwalk":1},"threads":[{"name":"t","stringTable":["a","b"],
 "samples":{"stack":[1],"time":[1]},"stackTable":{"prefix":[1,0],"frame":[0,0]},"frameTable":{"location":[0]}}]}`,
			"process 1: \"\" pid \ntrack 2 of 1: \"t\" tid 2\ntrack 3 of 1: \"t (samples)\" tid 3 samples\n3: begin 1000000+0 a\n3: begin 1000000+0 a\n3: end 2000000 a\n3: end 2000000 a\n",
			"stack on top of a later one (1x)"},
	} {
		got, losses, err := read(t, []byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
		}
		for loss := range strings.SplitSeq(c.losses, ", ") {
			if !strings.Contains(losses, loss) {
				t.Errorf("%s: no %q in the losses %s", name, loss, losses)
			}
		}
	}
	if _, losses, _ := read(t, []byte(gecko)); losses != "[]" {
		t.Errorf("losses %s", losses)
	}
	cut := strings.Index(gecko, `"processes"`)
	got, _, err := read(t, []byte(gecko[:cut]))
	if !errors.Is(err, tracefmt.ErrTruncated) || !strings.Contains(got, "paint") {
		t.Errorf("cut off: %v, and\n%s", err, got)
	}
	for text, want := range map[string]string{
		`{"meta":{"version":1,"startTime":0,"interval":1,"processType":0,"stackwalk":1}}`: "no threads in it",
		`{"meta":{"preprocessedProfileVersion":57},"threads":[}`:                          "read firefox trace: at byte 53: ",
	} {
		if _, _, err := read(t, []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestWriter looks at what a loader sees.
func TestWriter(t *testing.T) {
	data, losses := write(t, fmttest.Sample())
	if len(losses) > 0 {
		t.Errorf("losses: %v", losses)
	}
	var p struct {
		Meta struct {
			PreprocessedProfileVersion int
			Categories                 []struct{ Name, Color string }
			MarkerSchema               []struct {
				Name   string
				Fields []struct{ Key, Label, Format string }
				Graphs []struct{ Key string }
			}
		}
		Shared  struct{ StringArray []string }
		Threads []struct {
			Name, Pid    string
			IsMainThread bool
			Samples      struct {
				Length int
				Time   []float64
			}
			Markers struct {
				Length             int
				Name               []int
				StartTime, EndTime []*float64
				Phase, Category    []int
				Data               []map[string]any
			}
		}
	}
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	schemas := map[string]bool{}
	for _, s := range p.Meta.MarkerSchema {
		schemas[s.Name] = true
		if s.Name == "spanstack.counter: bytes" && len(s.Graphs) != 2 {
			t.Errorf("the counter has %d graphs", len(s.Graphs))
		}
	}
	var names []string
	for _, th := range p.Threads {
		names = append(names, fmt.Sprint(th.Pid, " ", th.Name, " ", th.IsMainThread))
		m := th.Markers
		for _, n := range []int{len(m.Name), len(m.StartTime), len(m.EndTime), len(m.Phase), len(m.Category), len(m.Data)} {
			if n != m.Length {
				t.Errorf("thread %s: a column of %d, want %d", th.Name, n, m.Length)
			}
		}
		if th.Samples.Length == 0 || len(th.Samples.Time) != th.Samples.Length {
			t.Errorf("thread %s: no sample", th.Name)
		}
		for i := range m.Length {
			if kind, _ := m.Data[i]["type"].(string); !schemas[kind] {
				t.Errorf("marker of the type %q, which has no schema", kind)
			}
			if m.Name[i] >= len(p.Shared.StringArray) || m.Category[i] >= len(p.Meta.Categories) || m.StartTime[i] == nil || (m.EndTime[i] != nil) != (m.Phase[i] == 1) {
				t.Errorf("thread %s: bad marker %d", th.Name, i)
			}
		}
	}
	if want := "remote agent true, remote main false, 4242 zferry true, 4242 replicate false, 4242 step false"; strings.Join(names, ", ") != want {
		t.Errorf("threads are %s, want %s", strings.Join(names, ", "), want)
	}
	if p.Meta.PreprocessedProfileVersion != 57 || p.Meta.Categories[0].Color != "grey" {
		t.Errorf("version %d, first category %v", p.Meta.PreprocessedProfileVersion, p.Meta.Categories[0])
	}
}

// TestEpoch has times since 1970, too many categories, and too many counters. All comes back.
func TestEpoch(t *testing.T) {
	const epoch = 1_753_000_000_123_456_789
	events := []tracefmt.Event{{Kind: tracefmt.Process, Track: 1, Name: "p", SourceID: tracefmt.Int64(1)}}
	for i := range int64(200) {
		events = append(events,
			tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: epoch + i*100, Dur: 7, Name: "a", Category: fmt.Sprint("c", i)},
			tracefmt.Event{Kind: tracefmt.Counter, Track: 1, Time: epoch + i*100 + 1, Name: fmt.Sprint("n", i), Attrs: []tracefmt.Attr{{Key: "json.x", Value: tracefmt.Float64(float64(i))}}})
	}
	data, losses := write(t, events)
	back, err := fmttest.ReadAll(firefox.NewReader(bytes.NewReader(data)))
	if err != nil || len(losses) > 0 {
		t.Fatal(err, losses)
	}
	fmttest.Diff(t, "read back", fmttest.ContentOf(back, tracefmt.KeepsAll), fmttest.ContentOf(events, tracefmt.KeepsAll))
	if !bytes.Contains(data, []byte(`"startTime":[0,0.000001,0.0001,`)) || !bytes.Contains(data, []byte(`"time":[0,0.019907]`)) {
		t.Errorf("times aren't from the first event on:\n%.600s", data)
	}
}

// FuzzReader writes back what it read. Whatever that is, it reads without an error, and is stable from then on.
func FuzzReader(f *testing.F) {
	sample, _ := write(f, fmttest.Sample())
	f.Add(sample)
	f.Add([]byte(newer))
	f.Add([]byte(gecko))
	for _, file := range []string{"gecko-1", "processed-1"} {
		data, err := os.ReadFile("testdata/firefox/" + file + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := fmttest.ReadAll(firefox.NewReader(bytes.NewReader(data)))
		if err != nil {
			syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
			if !ok || syntax.Offset < 0 || syntax.Offset > int64(len(data)) {
				t.Fatalf("the error isn't a SyntaxError with an offset in the input: %v", err)
			}
		}
		again := func(events []tracefmt.Event) []byte {
			once, _ := write(t, events)
			return once
		}
		readBack := func(data []byte) []tracefmt.Event {
			events, err := fmttest.ReadAll(firefox.NewReader(bytes.NewReader(data)))
			if err != nil {
				t.Fatalf("%v\n%s", err, data)
			}
			return events
		}
		once := again(events)
		twice := again(readBack(once))
		if !bytes.Equal(once, twice) {
			if thrice := again(readBack(twice)); !bytes.Equal(twice, thrice) {
				t.Fatalf("not stable:\n%s\n%s\n%s", once, twice, thrice)
			}
		}
	})
}
