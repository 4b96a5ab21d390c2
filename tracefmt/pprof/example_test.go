package pprof_test

import (
	"bytes"
	"fmt"

	"github.com/google/pprof/profile"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/pprof"
)

// Write the profile of a task with a span in it. As a file, "go tool pprof -top trace.pb.gz" shows where the time went.
func Example() {
	var file bytes.Buffer
	w := pprof.NewWriter(&file)
	for _, e := range []tracefmt.Event{
		{Kind: tracefmt.Complete, Track: 1, Time: 10, Dur: 60, Name: "zfs list", ID: "b", Parent: "a"},
		{Kind: tracefmt.Complete, Track: 1, Time: 0, Dur: 100, Name: "replicate", ID: "a", Category: tracefmt.CategoryTask},
	} {
		if err := w.Write(&e); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	p, err := profile.Parse(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range p.Sample {
		fmt.Println(s.Location[0].Line[0].Function.Name, len(s.Location), "deep: spans, wall and self ns:", s.Value)
	}
	// Output:
	// replicate 1 deep: spans, wall and self ns: [1 100 40]
	// zfs list 2 deep: spans, wall and self ns: [1 60 60]
}
