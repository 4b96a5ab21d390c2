package csv_test

import (
	"fmt"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/csv"
)

// Write a trace whose slices begin and end: "replicate" began first, and its row comes last.
func ExampleWriter() {
	var out strings.Builder
	w := csv.NewWriter(&out)
	events := []tracefmt.Event{
		{Kind: tracefmt.Clock, Time: 1_000_000, Unix: 1_753_000_000_000_000_000},
		{Kind: tracefmt.Process, Track: 1, Name: "zferry", SourceID: tracefmt.Int64(4242)},
		{Kind: tracefmt.Track, Track: 2, Process: 1, Name: "replicate", SourceID: tracefmt.Int64(1)},
		{Kind: tracefmt.Begin, Track: 2, Time: 1_000_500, Name: "replicate", Category: tracefmt.CategoryTask, ID: "aaaa"},
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
	fmt.Print(strings.ReplaceAll(out.String(), "\r\n", "\n"))
	// Output:
	// kind,trace_id,id,parent,process,pid,track,tid,name,category,start_ns,clock,duration_ns,depth,error,severity,series,value,attributes
	// slice,,bbbb,aaaa,zferry,4242,replicate,1,zfs list,,1753000000000001500,unix,2000,1,,,,,"{""n"":3}"
	// slice,,aaaa,,zferry,4242,replicate,1,replicate,task,1753000000000000500,unix,8500,0,,,,,
}
