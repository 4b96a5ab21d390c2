package zipkin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/zipkin"
)

// FuzzReader reads arbitrary text, in one piece and byte by byte, with a small bound for what waits. What it makes of it
// can be written, as JSON that package json takes, and that is read again without an error.
func FuzzReader(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add(write(f, fmttest.Sample()))
	f.Add([]byte(fmt.Sprintf("["+oneSpan+"]", `,"shared":true,"tags":{"spanstack.types":"{\"int\":[\"a\"]}","a":"5","spanstack.links":"[{\"span\":\"b\",\"attrs\":{\"a\":{\"otel.float\":\"NaN\"}}}]"}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := zipkin.NewReader(bytes.NewReader(data))
		r.MaxHeld = 200
		var events []tracefmt.Event
		for {
			e, err := r.Next()
			if err != nil {
				syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
				if err != io.EOF && (!ok || syntax.Offset < 0 || syntax.Offset > int64(len(data))) {
					t.Fatalf("the error isn't a SyntaxError with an offset in the text: %v", err)
				}
				break
			}
			for _, a := range e.Attrs {
				if a.Value.Kind() == tracefmt.RawValue && !json.Valid([]byte(a.Value.String())) {
					t.Fatalf("an attribute is no JSON: %q", a.Value)
				}
			}
			events = append(events, *e.Clone())
		}
		slow := zipkin.NewReader(iotest.OneByteReader(bytes.NewReader(data)))
		slow.MaxHeld = 200
		again, _ := fmttest.ReadAll(slow)
		fmttest.Diff(t, "byte by byte", fmttest.ContentOf(again, tracefmt.KeepsAll), fmttest.ContentOf(events, tracefmt.KeepsAll))
		text := write(t, events)
		if !json.Valid(text) {
			t.Fatalf("written as %q", text)
		}
		read(t, text)
		zipkin.Format.Detect(data)
	})
}
