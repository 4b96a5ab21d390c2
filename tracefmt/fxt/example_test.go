package fxt_test

import (
	"bytes"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fxt"
)

// A program that dies leaves a file that ends anywhere. What was written whole is read.
func Example() {
	var file bytes.Buffer
	w := fxt.NewWriter(&file)
	for _, e := range []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, Name: "zferry", SourceID: tracefmt.Int64(4242)},
		{Kind: tracefmt.Track, Track: 2, Process: 1, Name: "replicate", SourceID: tracefmt.Int64(1)},
		{Kind: tracefmt.Complete, Track: 2, Time: 1500, Dur: 2000, Name: "zfs list", ID: "bbbb"},
		{Kind: tracefmt.Complete, Track: 2, Time: 4000, Dur: 1000, Name: "zfs send", ID: "cccc"},
	} {
		w.Write(&e)
	}
	w.Flush()
	file.Truncate(file.Len() - 8)

	r := fxt.NewReader(&file)
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Printf("%v %q at %d\n", e.Kind, e.Name, e.Time)
	}
	// Output:
	// process "zferry" at 0
	// track "replicate" at 0
	// complete "zfs list" at 1500
	// read fxt trace: event 13 at byte 280: input is cut short
}
