package fmttest

import (
	"fmt"
	"math"

	"github.com/spanstack/spanstack/tracefmt"
	"pgregory.net/rapid"
)

// Events draws a valid stream of events: slices nest, flows lie in open slices, async slices begin before they end,
// times grow, metadata comes first. Strings are valid UTF-8, and numbers are finite.
func Events(t *rapid.T) []tracefmt.Event {
	g := &generator{T: t}
	g.metadata()
	for range rapid.IntRange(0, 60).Draw(t, "length") {
		g.now += rapid.Int64Range(1, 1e7).Draw(t, "step")
		g.event()
	}
	return g.events
}

type generator struct {
	*rapid.T
	now    int64
	events []tracefmt.Event
	tracks []*genTrack
	flows  []string
	async  []tracefmt.Event
	serial int
}

type genTrack struct {
	id   tracefmt.TrackID
	open int
	last int64 // when something last began or ended on it
}

func (g *generator) metadata() {
	g.now = rapid.Int64Range(0, 1e18).Draw(g.T, "start")
	if rapid.Bool().Draw(g.T, "anchored") {
		g.now = 0
		g.add(tracefmt.Event{Kind: tracefmt.Clock, Unix: rapid.Int64().Draw(g.T, "unix")})
	}
	id := tracefmt.TrackID(0)
	for p := range rapid.IntRange(1, 3).Draw(g.T, "processes") {
		id++
		process := id
		g.add(tracefmt.Event{Kind: tracefmt.Process, Track: process, SourceID: tracefmt.Int64(int64(100 + p)),
			Name: text1.Draw(g.T, "process name"), Order: rapid.Int64Range(-9, 9).Draw(g.T, "order")})
		for n := range rapid.IntRange(1, 3).Draw(g.T, "tracks") {
			id++
			source := tracefmt.Int64(int64(n + 1))
			if n == 2 {
				source = tracefmt.String("worker")
			}
			g.add(tracefmt.Event{Kind: tracefmt.Track, Track: id, Process: process, SourceID: source,
				Name: text1.Draw(g.T, "track name"), Order: rapid.Int64Range(-9, 9).Draw(g.T, "order")})
			g.tracks = append(g.tracks, &genTrack{id: id, last: math.MinInt64})
		}
	}
}

func (g *generator) add(e tracefmt.Event) { g.events = append(g.events, e) }

var (
	text0 = rapid.String()           // perhaps empty
	text1 = rapid.StringN(1, 20, 60) // not empty
	word  = rapid.StringMatching(`[a-z_.]{1,12}`)
)

func (g *generator) attrs() []tracefmt.Attr {
	var attrs []tracefmt.Attr
	seen := map[string]bool{}
	for range rapid.IntRange(0, 3).Draw(g.T, "attributes") {
		key := rapid.OneOf(word, text1).Draw(g.T, "key")
		if !seen[key] {
			seen[key] = true
			attrs = append(attrs, tracefmt.Attr{Key: key, Value: value.Draw(g.T, "value")})
		}
	}
	return attrs
}

var value = rapid.OneOf(
	rapid.Map(rapid.Bool(), tracefmt.Bool),
	rapid.Map(rapid.Int64(), tracefmt.Int64),
	rapid.Map(rapid.Uint64(), tracefmt.Uint64),
	rapid.Map(rapid.Float64(), tracefmt.Float64),
	rapid.Map(text0, tracefmt.String),
	rapid.Map(rapid.SampledFrom([]string{"null", "[]", `{"a":[1,{"b":"c d"}]}`, `["x",-1.5e+300]`}), tracefmt.RawJSON),
)

// event adds an event of some kind that is possible now.
func (g *generator) event() {
	track := rapid.SampledFrom(g.tracks).Draw(g.T, "track")
	e := tracefmt.Event{Track: track.id, Time: g.now, Name: text0.Draw(g.T, "name"), Category: rapid.OneOf(rapid.Just(""), word).Draw(g.T, "category")}
	switch rapid.IntRange(0, 9).Draw(g.T, "kind") {
	case 0, 1:
		e.Kind, e.ID, e.Parent, e.Attrs = tracefmt.Begin, text0.Draw(g.T, "id"), text0.Draw(g.T, "parent"), g.attrs()
		track.open++
		track.last = g.now
	case 2, 3:
		if track.open == 0 {
			return
		}
		track.open--
		track.last = g.now
		e = tracefmt.Event{Kind: tracefmt.End, Track: track.id, Time: g.now, Attrs: g.attrs()}
	case 4:
		e.Kind, e.ID, e.Attrs = tracefmt.Complete, text0.Draw(g.T, "id"), g.attrs()
		e.Dur = rapid.Int64Range(0, max(0, min(g.now-max(track.last, 0), 1e6))).Draw(g.T, "duration")
		e.Time = g.now - e.Dur
		track.last = g.now
	case 5:
		e.Kind, e.Attrs = tracefmt.Instant, g.attrs()
		e.Track = rapid.SampledFrom([]tracefmt.TrackID{0, 1, track.id}).Draw(g.T, "scope")
	case 6:
		e.Kind, e.Parent, e.Attrs = tracefmt.Log, text0.Draw(g.T, "parent"), g.attrs()
		e.Severity = tracefmt.Severity(rapid.IntRange(1, 24).Draw(g.T, "severity"))
	case 7:
		e.Kind, e.Key = tracefmt.Counter, rapid.OneOf(rapid.Just(""), word).Draw(g.T, "instance")
		e.Attrs = []tracefmt.Attr{{Key: word.Draw(g.T, "series"), Value: tracefmt.Float64(rapid.Float64().Draw(g.T, "number"))}}
	case 8:
		if track.open == 0 {
			return
		}
		g.flow(&e)
	case 9:
		g.asyncSlice(&e)
	}
	if e.Category == "log" || e.Category == "clock" { // some formats mark log lines and clocks by these
		e.Category = ""
	}
	g.add(e)
}

func (g *generator) flow(e *tracefmt.Event) {
	e.Name, e.Category = "flow", "task"
	if len(g.flows) > 0 && rapid.Bool().Draw(g.T, "end a flow") {
		e.Kind, e.Key = tracefmt.FlowEnd, g.flows[0]
		if rapid.Bool().Draw(g.T, "step") {
			e.Kind = tracefmt.FlowStep
		} else {
			g.flows = g.flows[1:]
		}
		return
	}
	g.serial++
	e.Kind, e.Key, e.Attrs = tracefmt.FlowStart, fmt.Sprintf("f%d", g.serial), g.attrs()
	g.flows = append(g.flows, e.Key)
}

func (g *generator) asyncSlice(e *tracefmt.Event) {
	if n := len(g.async); n > 0 && rapid.Bool().Draw(g.T, "end an async slice") {
		begin := g.async[n-1]
		g.async = g.async[:n-1]
		*e = tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: begin.Track, Time: g.now, Name: begin.Name,
			Category: begin.Category, ID: begin.ID, Key: begin.Key, Attrs: g.attrs()}
		return
	}
	g.serial++
	e.Kind, e.Category, e.Attrs = tracefmt.AsyncBegin, "async", g.attrs()
	if rapid.Bool().Draw(g.T, "has an id") {
		e.ID = fmt.Sprintf("a%d", g.serial)
	} else {
		e.Key = fmt.Sprintf("0x%x", g.serial)
	}
	g.async = append(g.async, *e)
}
