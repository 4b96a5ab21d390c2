package perfetto_test

import (
	"bytes"
	"fmt"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/perfetto"
)

// Write a slice that has ended and one that hasn't, as a file that ui.perfetto.dev opens, and read them back.
func Example() {
	var file bytes.Buffer
	w := perfetto.NewWriter(&file)
	for _, e := range []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(754), Name: "zferry"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "replicate"},
		{Kind: tracefmt.Complete, Track: 2, Time: 1000, Dur: 2500, Name: "zfs list"},
		{Kind: tracefmt.Begin, Track: 2, Time: 4000, Name: "zfs send"},
	} {
		if err := w.Write(&e); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Flush(); err != nil { // from here on the file is readable, whatever becomes of the program
		fmt.Println(err)
	}
	events, err := fmttest.ReadAll(perfetto.NewReader(&file))
	if err != nil {
		fmt.Println(err)
	}
	for _, e := range events {
		fmt.Println(e.Kind, e.Name, e.Time, e.Dur)
	}
	// Output:
	// process zferry 0 0
	// track replicate 0 0
	// complete zfs list 1000 2500
	// begin zfs send 4000 0
}
