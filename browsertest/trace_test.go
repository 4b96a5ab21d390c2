package browsertest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"

	"strings"
	"testing"

	"github.com/spanstack/spanstack/browsertest/catapult"
	"github.com/spanstack/spanstack/browsertest/catapult/catapulttest"
)

// load opens a trace in the viewer and reads it independently.
func load(t *testing.T, v *catapult.Viewer, data []byte) (*traceFile, *catapult.Report) {
	t.Helper()
	file, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	report, err := v.Load(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	return file, report
}

// assertSame fails for every difference, but prints only the first few.
func assertSame(t *testing.T, file *traceFile, report *catapult.Report) {
	t.Helper()
	differences := compare(file, report)
	for i, d := range differences {
		if i == 20 {
			t.Errorf("and %d more differences", len(differences)-i)
			break
		}
		t.Error(d)
	}
}

func TestGeneratedTrace(t *testing.T) {
	v := catapulttest.Start(t, catapult.Options{})
	g, data := generate(40)
	file, report := load(t, v, data)
	assertSame(t, file, report)

	if got := len(report.Slices()); got != g.slices || got < 5000 {
		t.Errorf("the viewer shows %d slices, %d were written (at least 5000)", got, g.slices)
	}
	if got := len(report.Flows); got != g.flows {
		t.Errorf("the viewer shows %d arrows, %d were written", got, g.flows)
	}
	if got := len(report.AsyncSlices()); got != g.async || got == 0 {
		t.Errorf("the viewer shows %d async slices, %d were written", got, g.async)
	}
	if got := len(report.Threads()); got != generatedLanes+1 {
		t.Errorf("the viewer shows %d lanes, %d were written", got, generatedLanes+1)
	}
	screenshot(t, v, report, filepath.Join(t.TempDir(), "generated.png"))
}

// Every way to break a trace that is named here must be noticed by compare or
// by the importer: otherwise the tests above would prove nothing.
func TestBrokenTraceIsNoticed(t *testing.T) {
	v := catapulttest.Start(t, catapult.Options{})
	_, good := generate(2)
	text := string(good)
	once := func(old, new string) string {
		t.Helper()
		if !strings.Contains(text, old) {
			t.Fatalf("the generated trace has no %s", old)
		}
		return strings.Replace(text, old, new, 1)
	}
	const event = `"pid":7,"tid":2,"cat":"span",`
	for _, test := range []struct{ name, text, want string }{
		{"E without B", text + `{"ph":"E","pid":7,"tid":99,"ts":1},`, "duration_parse_error"},
		{"E closes the wrong B", text + `{"ph":"B",` + event + `"name":"a","ts":9e6},{"ph":"E",` + event + `"name":"b","ts":9.1e6},`, "title_match_error"},
		{"time moves backward", text + `{"ph":"i","s":"t","dur":0,` + event + `"name":"a","ts":0},`, "moving backward"},
		{"E before its B", text + `{"ph":"E","pid":7,"tid":2,"ts":-1},`, "end time is before its start"},
		{"invented metadata", text + `{"ph":"M","pid":7,"name":"clock_anchor","args":{}},`, "Unrecognized metadata name"},
		{"f without s", once(`"name":"step","cat":"task","bp":"e"`, `"name":"stop","cat":"task","bp":"e"`), "no flow start"},
		{"arrow from nowhere", once(`{"ph":"s","pid":7,"tid":1,`, `{"ph":"s","pid":7,"tid":55,`), "does not start"},
		{"arrow from the wrong span", once(`"spanstack.parent":"id00000000001"`, `"spanstack.parent":"id99999999999"`), "its parent is id99999999999"},
		{"open async span", once(`{"ph":"e",`, `{"ph":"n",`), "async_slice_parse_error"},
		{"span outside of its parent", text + `{"ph":"X",` + event + `"name":"late","ts":9e6,"dur":5,"args":{"spanstack.parent":"id00000000002"}},`, "not inside of its parent"},
		{"overlapping tasks in a lane", text + `{"ph":"X","pid":7,"tid":2,"cat":"task","name":"second","ts":1.1e6,"dur":1e7},`, "draws task"},
		{"cut inside of an event", text[:len(text)-20], "JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var noticed []string
			report, err := v.Load(t.Context(), []byte(test.text))
			if err != nil {
				noticed = append(noticed, err.Error())
			} else if file, err := parse([]byte(test.text)); err != nil {
				t.Fatal(err)
			} else {
				noticed = compare(file, report)
			}
			if all := strings.Join(noticed, "\n"); !strings.Contains(all, test.want) {
				t.Errorf("noticed %q, want %q", all, test.want)
			}
		})
	}

	// What the file says and what the viewer shows are made to differ.
	file, report := load(t, v, good)
	assertSame(t, file, report)
	for _, test := range []struct {
		name, want string
		breakIt    func(*traceFile)
	}{
		{"missing slice", "slices, the file has", func(f *traceFile) { f.slices[lane{7, 2}] = f.slices[lane{7, 2}][1:] }},
		{"other time", "the file has span", func(f *traceFile) { f.slices[lane{7, 2}][3].start += 0.001 }},
		{"other duration", "the file says", func(f *traceFile) { f.slices[lane{7, 2}][0].dur += 0.001 }},
		{"other name of a slice", `"renamed"`, func(f *traceFile) { f.slices[lane{7, 2}][0].name = "renamed" }},
		{"other name of a lane", `"renamed"`, func(f *traceFile) { f.names[lane{7, 2}] = "renamed" }},
		{"other name of the process", `"renamed"`, func(f *traceFile) { f.processes[7] = "renamed" }},
		{"missing lane", "is not shown", func(f *traceFile) { f.slices[lane{8, 1}] = f.slices[lane{7, 2}] }},
		{"other end of an arrow", "is not in the file", func(f *traceFile) { f.flows[0].to = lane{7, 5} }},
		{"arrow in the file only", "is not shown", func(f *traceFile) { f.flows = append(f.flows, f.flows[0]) }},
		{"async slice in the file only", "async slices, the file has", func(f *traceFile) { f.async[lane{7, 3}] = append(f.async[lane{7, 3}], fileSlice{}) }},
		{"slice that is not open", "open slices, the file has", func(f *traceFile) { f.ends[lane{7, 2}]++ }},
	} {
		t.Run(test.name, func(t *testing.T) {
			file, err := parse(good)
			if err != nil {
				t.Fatal(err)
			}
			test.breakIt(file)
			if all := strings.Join(compare(file, report), "\n"); !strings.Contains(all, test.want) {
				t.Errorf("noticed %q, want %q", all, test.want)
			}
		})
	}
}

// screenshot draws the trace, checks that bars are in the picture, and writes
// it to path.
func screenshot(t *testing.T, v *catapult.Viewer, report *catapult.Report, path string) {
	t.Helper()
	data, err := v.Screenshot(t.Context(), catapult.ScreenshotOptions{MaxHeight: 3000})
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if n := colouredPixels(img); n < 5000 {
		t.Errorf("the screenshot has %d coloured pixels, too few for %d bars", n, len(report.Slices()))
	}
	if err := writeFile(path, data); err != nil {
		t.Fatal(err)
	}
}

// colouredPixels counts pixels that are not grey: the viewer's frame has none.
func colouredPixels(img image.Image) (n int) {
	bounds := img.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			if max(c.R, c.G, c.B)-min(c.R, c.G, c.B) > 24 {
				n++
			}
		}
	}
	return n
}

// writeFile writes to a temporary name first, so that path is never half a
// picture.
func writeFile(path string, data []byte) error {
	if err := os.WriteFile(path+".tmp", data, 0o666); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}
