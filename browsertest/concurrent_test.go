package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/browsertest/catapult"
	"github.com/spanstack/spanstack/browsertest/catapult/catapulttest"
)

// TestConcurrentSpans opens a trace whose spans overlap on one track, and that has a child in another process: the viewer
// draws them on lanes, each inside of its parent or with an arrow from it, and warns of nothing.
func TestConcurrentSpans(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "tracefmt", "chrome", "testdata", "concurrent.golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	v := catapulttest.Start(t, catapult.Options{Width: 1000, Height: 400})
	report, err := v.Load(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Warnings) > 0 {
		t.Errorf("the viewer warns: %v", report.Warnings)
	}
	var got []string
	for _, thread := range report.Threads() {
		for _, s := range thread.Slices {
			got = append(got, fmt.Sprintf("%s: %d %s", thread.Name, s.Depth, s.Title))
		}
	}
	want := []string{"mails: 0 send", "mails: 0 report", "spans: 0 GET /cart", "spans: 1 price", "spans (overlap 1): 0 stock",
		"spans (overlap 1): 1 query", "spans (overlap 1): 0 mail", "spans (overlap 2): 0 GET /help"}
	if !slices.Equal(got, want) {
		t.Errorf("the viewer shows\n%q, want\n%q", got, want)
	}
	var arrows []string
	for _, f := range report.Flows {
		arrows = append(arrows, f.From.Title+" -> "+f.To.Title)
	}
	if want := []string{"GET /cart -> stock", "GET /cart -> mail", "mail -> send", "mail -> report"}; !slices.Equal(arrows, want) {
		t.Errorf("arrows %q, want %q", arrows, want)
	}
	screenshot(t, v, report, filepath.Join(t.TempDir(), "concurrent.png"))
}
