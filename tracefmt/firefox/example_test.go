package firefox_test

import (
	"bytes"
	"fmt"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/firefox"
)

// Write a slice with an attribute, and read it back. As a file, profiler.firefox.com opens it by drag and drop.
func Example() {
	var file bytes.Buffer
	w := firefox.NewWriter(&file)
	for _, e := range []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, Name: "zferry", SourceID: tracefmt.Int64(4242)},
		{Kind: tracefmt.Track, Track: 2, Process: 1, Name: "replicate", SourceID: tracefmt.Int64(1)},
		{Kind: tracefmt.Complete, Track: 2, Time: 1_500_000, Dur: 250, Name: "zfs list",
			Attrs: []tracefmt.Attr{{Key: "dataset", Value: tracefmt.String("tank/db")}}},
	} {
		if err := w.Write(&e); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}

	r := firefox.NewReader(&file)
	for {
		e, err := r.Next()
		if err != nil {
			break // io.EOF
		}
		fmt.Printf("%v %q %d+%d %q\n", e.Kind, e.Name, e.Time, e.Dur, e.Attr("dataset"))
	}
	// Output:
	// process "zferry" 0+0 ""
	// track "replicate" 0+0 ""
	// complete "zfs list" 1500000+250 "tank/db"
}
