package fmttest

import (
	"fmt"

	"github.com/spanstack/spanstack/tracefmt"
)

// Sample returns a small trace with something of everything, in a valid order, as package trace would record it.
func Sample() []tracefmt.Event {
	str := func(k, v string) tracefmt.Attr { return tracefmt.Attr{Key: k, Value: tracefmt.String(v)} }
	num := func(k string, v int64) tracefmt.Attr { return tracefmt.Attr{Key: k, Value: tracefmt.Int64(v)} }
	return []tracefmt.Event{
		{Kind: tracefmt.Clock, Time: 0, Unix: 1753000000_123456789},
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(4242), Name: "zferry", Attrs: []tracefmt.Attr{str("host", "a")}},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "replicate", Order: 1},
		{Kind: tracefmt.Track, Track: 3, Process: 1, SourceID: tracefmt.Int64(2), Name: "step", Order: 2},
		{Kind: tracefmt.Process, Track: 4, SourceID: tracefmt.String("remote"), Name: "agent", Order: -1},
		{Kind: tracefmt.Track, Track: 5, Process: 4, SourceID: tracefmt.String("main"), Name: "main"},

		{Kind: tracefmt.Begin, Track: 2, Time: 1000, Name: "replicate", Category: tracefmt.CategoryTask, ID: "aaaa",
			Attrs: []tracefmt.Attr{str("dataset", "tank/db")}},
		{Kind: tracefmt.Log, Track: 2, Time: 1500, Name: "planning", Severity: tracefmt.SeverityInfo, Parent: "aaaa",
			Attrs: []tracefmt.Attr{str(tracefmt.AttrSubsystem, "plan")}},
		{Kind: tracefmt.Complete, Track: 2, Time: 2001, Dur: 3_000, Name: "zfs list", Category: tracefmt.CategorySpan, ID: "bbbb", Parent: "aaaa",
			Attrs: []tracefmt.Attr{{Key: "ratio", Value: tracefmt.Float64(0.25)}, {Key: "cached", Value: tracefmt.Bool(true)},
				{Key: "args", Value: tracefmt.RawJSON(`["list","-H"]`)}, {Key: "big", Value: tracefmt.Uint64(1 << 63)}}},
		{Kind: tracefmt.Begin, Track: 2, Time: 6000, Name: "steps", Category: tracefmt.CategorySpan, ID: "cccc", Parent: "aaaa",
			Attrs: []tracefmt.Attr{num("n", 1)}}, // the end has another
		{Kind: tracefmt.FlowStart, Track: 2, Time: 6100, Name: "start", Category: tracefmt.CategoryTask, Key: "dddd"},
		{Kind: tracefmt.Begin, Track: 3, Time: 6200, Name: "step", Category: tracefmt.CategoryTask, ID: "dddd", Parent: "cccc"},
		{Kind: tracefmt.FlowStep, Track: 3, Time: 6250, Name: "start", Category: tracefmt.CategoryTask, Key: "dddd"},
		{Kind: tracefmt.FlowEnd, Track: 3, Time: 6300, Name: "start", Category: tracefmt.CategoryTask, Key: "dddd"},
		{Kind: tracefmt.Counter, Track: 1, Time: 6400, Name: "bytes", Attrs: []tracefmt.Attr{num("sent", 10), num("received", 5)}},
		{Kind: tracefmt.Counter, Track: 3, Time: 6400, Name: "bytes", Key: "7", Attrs: []tracefmt.Attr{num("sent", 11)}},
		{Kind: tracefmt.AsyncBegin, Track: 3, Time: 6500, Name: "upload", Category: tracefmt.CategoryAsync, ID: "eeee", Parent: "dddd"},
		{Kind: tracefmt.AsyncInstant, Track: 3, Time: 6600, Name: "half", Category: tracefmt.CategoryAsync, Key: "eeee"},
		{Kind: tracefmt.Instant, Track: 3, Time: 6700, Name: "records lost", Category: tracefmt.CategoryLoss, Attrs: []tracefmt.Attr{num("count", 3)}},
		{Kind: tracefmt.Instant, Track: 1, Time: 6700, Name: "of the process"},
		{Kind: tracefmt.Instant, Time: 6700, Name: "of everything"},
		{Kind: tracefmt.Clock, Time: 6800, Unix: 1753000009_000000000},
		{Kind: tracefmt.AsyncEnd, Track: 3, Time: 6900, Name: "upload", Category: tracefmt.CategoryAsync, ID: "eeee"},
		{Kind: tracefmt.End, Track: 3, Time: 7000, Attrs: []tracefmt.Attr{str(tracefmt.AttrError, "zfs exited 1")}},
		{Kind: tracefmt.End, Track: 2, Time: 7100, Attrs: []tracefmt.Attr{num("n", 2)}},
		{Kind: tracefmt.Complete, Track: 5, Time: 7000, Dur: tracefmt.Open, Name: "listen"},
		// "replicate" never ends.
	}
}

// longStream writes about seven events for each round.
func longStream(w tracefmt.Writer, rounds int) error {
	const tracks = 8
	head := []tracefmt.Event{{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(1), Name: "p"}}
	for i := range tracks {
		head = append(head, tracefmt.Event{Kind: tracefmt.Track, Track: tracefmt.TrackID(2 + i), Process: 1,
			SourceID: tracefmt.Int64(int64(i)), Name: fmt.Sprint("t", i)})
	}
	for i := range head {
		if err := w.Write(&head[i]); err != nil {
			return err
		}
	}
	for i := range rounds {
		track, when := tracefmt.TrackID(2+i%tracks), int64(i)*1000
		id := fmt.Sprintf("id%d", i)
		round := [...]tracefmt.Event{
			{Kind: tracefmt.Begin, Track: track, Time: when, Name: "outer", ID: id, Attrs: []tracefmt.Attr{{Key: "i", Value: tracefmt.Int64(int64(i))}}},
			{Kind: tracefmt.Complete, Track: track, Time: when + 10, Dur: 20, Name: "inner", Parent: id},
			{Kind: tracefmt.FlowStart, Track: track, Time: when + 15, Name: "f", Key: id},
			{Kind: tracefmt.FlowEnd, Track: track, Time: when + 25, Name: "f", Key: id},
			{Kind: tracefmt.AsyncBegin, Track: track, Time: when + 30, Name: "a", Category: "c", Key: id},
			{Kind: tracefmt.AsyncEnd, Track: track, Time: when + 40, Name: "a", Category: "c", Key: id},
			{Kind: tracefmt.End, Track: track, Time: when + 50},
		}
		for i := range round {
			if err := w.Write(&round[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
