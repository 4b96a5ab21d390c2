package chrome_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
)

// TestConcurrentSpans writes spans of one track that overlap, and of another process. The same file is opened in chrome://tracing's viewer, by
// browsertest.
func TestConcurrentSpans(t *testing.T) {
	var out bytes.Buffer
	w := chrome.NewWriter(&out)
	write := func(e tracefmt.Event) {
		t.Helper()
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	on := tracefmt.TrackID(2)
	span := func(start, end int64, id, parent string) {
		t.Helper()
		write(tracefmt.Event{Kind: tracefmt.Complete, Track: on, Time: start * 1000, Dur: (end - start) * 1000, Name: id,
			Category: tracefmt.CategorySpan, ID: id, Parent: parent})
	}
	write(tracefmt.Event{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7), Name: "shop"})
	write(tracefmt.Event{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "spans"})
	span(0, 100, "GET /cart", "")
	span(10, 40, "price", "GET /cart")
	span(20, 60, "stock", "GET /cart") // overlaps its sibling
	span(25, 35, "query", "stock")
	span(30, 90, "GET /help", "") // in the time of the first one, and none of its business
	span(70, 120, "mail", "GET /cart")
	write(tracefmt.Event{Kind: tracefmt.Process, Track: 3, SourceID: tracefmt.Int64(8), Name: "mailer"})
	write(tracefmt.Event{Kind: tracefmt.Track, Track: 4, Process: 3, SourceID: tracefmt.Int64(1), Name: "mails"})
	on = 4
	span(80, 110, "send", "mail")
	span(130, 150, "report", "mail") // after its parent
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/concurrent.golden.json"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("written:\n%s\nwant:\n%s", out.Bytes(), want)
	}
}
