package zipkin_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/internal/spans/spanstest"
	"github.com/spanstack/spanstack/tracefmt/zipkin"
)

func TestConformance(t *testing.T) { fmttest.Run(t, zipkin.Format) }

func write(t testing.TB, events []tracefmt.Event) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zipkin.NewWriter(&out)
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

func read(t testing.TB, text []byte) []tracefmt.Event {
	t.Helper()
	events, err := fmttest.ReadAll(zipkin.NewReader(bytes.NewReader(text)))
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, text)
	}
	return events
}

func TestRoundTrip(t *testing.T) { spanstest.RoundTrip(t, zipkin.Format) }

// TestFiles reads Zipkin's files and compares with golden texts; what is written of them is read as the same.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := tracefmt.Detect(text[:min(len(text), tracefmt.DetectBytes)]); got != zipkin.Format {
				t.Errorf("taken for %v", got)
			}
			r := zipkin.NewReader(bytes.NewReader(text))
			events, err := fmttest.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, file+".golden", fmt.Sprintf("%v\n\nlosses: %v\n", fmttest.ContentOf(events, tracefmt.KeepsAll), r.Losses()))
			once := write(t, events)
			back := read(t, once)
			fmttest.Diff(t, "written and read back", fmttest.ContentOf(back, tracefmt.KeepsAll), fmttest.ContentOf(events, tracefmt.KeepsAll))
			golden(t, file+".written", string(once))
		})
	}
}
