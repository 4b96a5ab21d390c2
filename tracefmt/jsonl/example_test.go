package jsonl_test

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/jsonl"
)

// Read what a shell script has written.
func ExampleReader() {
	const script = `{"name":"build","process":"ci","track":"main","start":"2025-07-20T08:26:40Z","end":"2025-07-20T08:26:42.5Z"}
{"name":"test","process":"ci","track":"main","start":"2025-07-20T08:26:43Z","duration_ns":1200000000,"failed tests":2,"error":"exit status 1"}
`
	r := jsonl.NewReader(strings.NewReader(script))
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			break
		}
		if ns, ok := e.Duration(); ok {
			fmt.Printf("%s took %d ms %v\n", e.Name, ns/1e6, e.Attrs)
		}
	}
	// Output:
	// build took 2500 ms []
	// test took 1200 ms [{failed tests 2} {error exit status 1}]
}

// Write a trace as a running program does, each event when it happens.
func ExampleWriter() {
	w := jsonl.NewWriter(os.Stdout)
	events := []tracefmt.Event{
		{Kind: tracefmt.Clock, Time: 1_000_000, Unix: 1_753_000_000_000_000_000},
		{Kind: tracefmt.Process, Track: 1, Name: "zferry", SourceID: tracefmt.Int64(4242)},
		{Kind: tracefmt.Track, Track: 2, Process: 1, Name: "replicate"},
		{Kind: tracefmt.Begin, Track: 2, Time: 1_000_500, Name: "replicate", ID: "aaaa"},
		{Kind: tracefmt.Complete, Track: 2, Time: 1_001_500, Dur: 2_000, Name: "zfs list", ID: "bbbb", Parent: "aaaa",
			Attrs: []tracefmt.Attr{{Key: "n", Value: tracefmt.Int64(3)}}},
		{Kind: tracefmt.End, Track: 2, Time: 1_009_000},
	}
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			fmt.Println(err)
		}
	}
	w.Close()
	// Output:
	// {"kind":"clock","time_ns":1000000,"unix_ns":1753000000000000000}
	// {"kind":"process","process":"zferry","pid":4242}
	// {"kind":"track","process":"zferry","pid":4242,"track":"replicate"}
	// {"kind":"begin","name":"replicate","start_ns":1753000000000000500,"depth":0,"process":"zferry","pid":4242,"track":"replicate","id":"aaaa"}
	// {"kind":"slice","name":"zfs list","start_ns":1753000000000001500,"duration_ns":2000,"depth":1,"process":"zferry","pid":4242,"track":"replicate","id":"bbbb","parent":"aaaa","attributes":{"n":3}}
	// {"kind":"end","start_ns":1753000000000009000,"process":"zferry","pid":4242,"track":"replicate"}
}
