package chrome_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

// FuzzReader reads arbitrary text and writes back what it could read. Whatever that is, the output is valid JSON, reads
// without an error, and is stable from then on.
func FuzzReader(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 8<<10 {
			f.Add(data)
		}
	}
	var sample bytes.Buffer
	w := chrome.NewWriter(&sample)
	for _, e := range fmttest.Sample() {
		w.Write(&e)
	}
	w.Close()
	f.Add(sample.Bytes())
	for _, text := range []string{
		`[{"ph":"X","ts":1e-3,"dur":"2.5","pid":"a","tid":"\u0000\ud83d\ude00\ud800","name":"\u2028","bind_id":1,"flow_out":1,"id2":{"local":"1"}}]`,
		`{"traceEvents":[{},1,null,{"ph":"M","name":"hz"}],"x":{"y":[]},"stackFrames":{}}`,
		`[{"ph":"i","s":"p","cat":"log,x","args":{"level":"WARN2","spanstack.parent":1},"ts":0}`,
		`[{"ph":"M","name":"thread_name","pid":1,"tid":9,"args":{"spanstack.lane_of":1}},{"ph":"X","pid":1,"tid":9,"ts":1}]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := fmttest.ReadAll(chrome.NewReader(bytes.NewReader(data)))
		if err != nil {
			syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
			if !ok || syntax.Offset < 0 || syntax.Offset > int64(len(data)) {
				t.Fatalf("the error isn't a SyntaxError with an offset in the text: %v", err)
			}
		}
		once := writeAll(t, events)
		if !json.Valid(once) {
			t.Fatalf("written from %q, not valid JSON: %q", data, once)
		}
		back, err := fmttest.ReadAll(chrome.NewReader(bytes.NewReader(once)))
		if err != nil {
			t.Fatalf("written from %q, not readable: %v\n%q", data, err, once)
		}
		if twice := writeAll(t, back); !bytes.Equal(once, twice) {
			back, _ = fmttest.ReadAll(chrome.NewReader(bytes.NewReader(twice)))
			if thrice := writeAll(t, back); !bytes.Equal(twice, thrice) {
				t.Fatalf("not stable:\n%s\n%s\n%s", once, twice, thrice)
			}
		}
	})
}

func writeAll(t testing.TB, events []tracefmt.Event) []byte {
	var out bytes.Buffer
	w := chrome.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
