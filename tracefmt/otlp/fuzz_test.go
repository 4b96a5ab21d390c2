package otlp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/otlp"
	"google.golang.org/protobuf/encoding/protojson"
)

// fuzz reads arbitrary bytes and writes back what it could read. Whatever that is, it reads without an error.
func fuzz(t *testing.T, f *tracefmt.Format, data []byte) {
	events, err := fmttest.ReadAll(f.NewReader(bytes.NewReader(data)))
	if err != nil {
		syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
		if !ok || syntax.Offset < 0 || syntax.Offset > int64(len(data)) {
			t.Fatalf("the error isn't a SyntaxError with an offset in the input: %v", err)
		}
	}
	for _, e := range events {
		for _, a := range e.Attrs {
			if a.Value.Kind() == tracefmt.RawValue && !json.Valid([]byte(a.Value.String())) {
				t.Fatalf("attribute %s isn't JSON: %s", a.Key, a.Value)
			}
		}
	}
	for _, to := range formats {
		out := write(t, to, events)
		if to != otlp.Format && !valid(out) {
			t.Fatalf("%s isn't JSON: %s", to.Name, out)
		}
		read(t, to, out)
	}
}

// valid reports whether all that is in data is JSON.
func valid(data []byte) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	for d.More() {
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return false
		}
	}
	return true
}

func FuzzReader(f *testing.F) {
	f.Add(marshal(f, everything()))
	f.Add(frame(spansOf("a", span("x"))))
	f.Add(write(f, otlp.Format, fmttest.Sample()))
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, otlp.Format, data) })
}

func FuzzJSONReader(f *testing.F) {
	files, err := filepath.Glob("testdata/otlp/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	all, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(everything())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(all)
	f.Add(write(f, otlp.FormatJSONLines, fmttest.Sample()))
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, otlp.FormatJSON, data) })
}
