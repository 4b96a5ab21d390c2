package speedscope_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/speedscope"
)

// Write a slice with another one in it. speedscope opens the file by drag and drop.
func Example() {
	w := speedscope.NewWriter(os.Stdout)
	for _, e := range []tracefmt.Event{
		{Kind: tracefmt.Track, Track: 1, Name: "replicate"},
		{Kind: tracefmt.Complete, Track: 1, Time: 10, Dur: 60, Name: "zfs list"},
		{Kind: tracefmt.Complete, Track: 1, Time: 0, Dur: 100, Name: "plan"},
	} {
		if err := w.Write(&e); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"$schema":"https://www.speedscope.app/file-format-schema.json","exporter":"spanstack","activeProfileIndex":0,"name":"trace","shared":{"frames":[
	// {"name":"plan"},
	// {"name":"zfs list"}
	// ]},"profiles":[
	// {"type":"evented","name":"replicate","unit":"nanoseconds","startValue":0,"endValue":100,"events":[{"type":"O","frame":0,"at":0},{"type":"O","frame":1,"at":10},{"type":"C","frame":1,"at":70},{"type":"C","frame":0,"at":100}]}
	// ]}
}

func ExampleReader() {
	r := speedscope.NewReader(strings.NewReader(`{"shared":{"frames":[{"name":"main"},{"name":"sort","line":7}]},
		"profiles":[{"type":"sampled","name":"cpu","unit":"milliseconds","startValue":0,"endValue":3,"samples":[[0],[0,1]],"weights":[1,2]}]}`))
	for {
		e, err := r.Next()
		if err != nil {
			break // io.EOF
		}
		fmt.Printf("%v %d %q\n", e.Kind, e.Time, e.Name)
	}
	// Output:
	// process 0 ""
	// track 0 "cpu"
	// begin 0 "main"
	// begin 1000000 "sort"
	// end 3000000 "sort"
	// end 3000000 "main"
}
