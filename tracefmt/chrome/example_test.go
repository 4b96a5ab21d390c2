package chrome_test

import (
	"fmt"
	"os"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
)

// Write a trace as a running program does: what is open at a flush is a begin, what has ended is complete.
func ExampleWriter() {
	w := chrome.NewWriter(os.Stdout)
	events := []tracefmt.Event{
		{Kind: tracefmt.Clock, Time: 1_000_000, Unix: 1_753_000_000_000_000_000},
		{Kind: tracefmt.Process, Track: 1, Name: "zferry", SourceID: tracefmt.Int64(4242)},
		{Kind: tracefmt.Track, Track: 2, Process: 1, Name: "replicate", SourceID: tracefmt.Int64(1)},
		{Kind: tracefmt.Complete, Track: 2, Time: 1_001_500, Dur: 2_000, Name: "zfs list", ID: "bbbb", Parent: "aaaa"},
		{Kind: tracefmt.Begin, Track: 2, Time: 1_000_500, Name: "replicate", Category: tracefmt.CategoryTask, ID: "aaaa"},
	}
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			fmt.Println(err)
		}
	}
	w.Flush() // from here on a viewer can open it
	w.Write(&tracefmt.Event{Kind: tracefmt.End, Track: 2, Time: 1_009_000})
	w.Close()
	// Output:
	// [{"name":"process_name","ph":"M","pid":4242,"tid":0,"args":{"name":"zferry","spanstack.unix_ns":"1753000000000000000"}},
	// {"name":"thread_name","ph":"M","pid":4242,"tid":1,"args":{"name":"replicate"}},
	// {"name":"zfs list","ph":"X","ts":1.5,"dur":2,"pid":4242,"tid":1,"args":{"spanstack.id":"bbbb","spanstack.parent":"aaaa"}},
	// {"name":"replicate","cat":"task","ph":"B","ts":0.5,"pid":4242,"tid":1,"args":{"spanstack.id":"aaaa"}},
	// {"name":"replicate","cat":"task","ph":"E","ts":9,"pid":4242,"tid":1}
	// ]
}
