package viewer

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/viewer/internal/index"
)

// Limits of parameters.
const (
	maxTracks = 5000 // in one request: package url takes 10,000 parameters
	maxText   = 4096 // bytes of a text to search for, and of a key
)

// params are the parameters of a request. The first that is wrong makes all others their zero values: err is looked at when
// all were asked for.
type params struct {
	values url.Values
	err    error
}

// parseParams reads parameters, all of which must be known, and, but for tracks, there once.
func parseParams(raw string, known []string) (*params, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("the parameters can't be read: %v", err)
	}
	for key, list := range values {
		switch {
		case !slices.Contains(known, key):
			return nil, badRequest("unknown parameter %.100q: want %s", key, strings.Join(known, " or "))
		case len(list) > 1 && key != "track":
			return nil, badRequest("the parameter %s is there %d times", key, len(list))
		}
	}
	return &params{values: values}, nil
}

func (p *params) fail(format string, args ...any) {
	if p.err == nil {
		p.err = badRequest(format, args...)
	}
}

func (p *params) has(key string) bool { return p.err == nil && p.values.Has(key) }

// text returns a text.
func (p *params) text(key string) string {
	s := p.values.Get(key)
	if len(s) > maxText {
		p.fail("%s: want %d bytes at most, not %d", key, maxText, len(s))
	}
	if p.err != nil {
		return ""
	}
	return s
}

// number returns a whole number within bounds.
func (p *params) number(key string, usual, lowest, highest int64) int64 {
	if !p.has(key) {
		return usual
	}
	n, err := strconv.ParseInt(p.values.Get(key), 10, 64)
	if err != nil || n < lowest || n > highest {
		p.fail("%s=%.100q: want a whole number from %d to %d", key, p.values.Get(key), lowest, highest)
		return usual
	}
	return n
}

// flag returns whether something is switched on.
func (p *params) flag(key string, usual bool) bool {
	switch p.text(key) {
	case "":
		return usual
	case "0":
		return false
	case "1":
		return true
	}
	p.fail("%s=%.100q: want 0 or 1", key, p.values.Get(key))
	return usual
}

// choice returns one of some words, the first of which is the usual one.
func (p *params) choice(key string, words ...string) string {
	s := p.text(key)
	switch {
	case s == "" && !p.has(key):
		return words[0]
	case slices.Contains(words, s):
		return s
	}
	p.fail("%s=%.100q: want %s", key, p.values.Get(key), strings.Join(words, " or "))
	return words[0]
}

// maxTime is beyond all times that can be asked for, in ns: 73 years before or after the trace's first event.
const maxTime = 1 << 61

// time returns a time in ns. Pages calculate in floating point, so it may have a fraction, which is left out.
func (p *params) time(key string, usual int64) int64 {
	if !p.has(key) {
		return usual
	}
	f, err := strconv.ParseFloat(p.values.Get(key), 64)
	if err != nil || !(math.Abs(f) <= maxTime) { // NaN isn't
		p.fail("%s=%.100q: want a time in nanoseconds since the trace's first event", key, p.values.Get(key))
		return usual
	}
	return int64(math.Floor(f))
}

// window returns the stretch of time from "from" to "to", which is all of it without them.
func (p *params) window() index.Window {
	w := index.Window{From: p.time("from", index.Everything.From), To: p.time("to", index.Everything.To)}
	if w.From > w.To {
		p.fail("from=%.100s is later than to=%.100s", p.values.Get("from"), p.values.Get("to"))
	}
	return w
}

// tracks returns the tracks that are asked for, without the same twice; nil is all.
func (p *params) tracks() []uint32 {
	list := p.values["track"]
	if p.err != nil || len(list) == 0 {
		return nil
	}
	if len(list) > maxTracks {
		p.fail("there are %d tracks: want %d at most", len(list), maxTracks)
		return nil
	}
	tracks := make([]uint32, 0, len(list))
	for _, s := range list {
		tracks = append(tracks, p.trackID(s))
	}
	slices.Sort(tracks)
	return slices.Compact(tracks)
}

// track returns the one track that is asked for.
func (p *params) track() uint32 {
	if list := p.values["track"]; len(list) != 1 {
		p.fail("want one track, not %d", len(list))
		return 0
	}
	return p.trackID(p.values.Get("track"))
}

func (p *params) trackID(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		p.fail("track=%.100q: want the number of a track", s)
	}
	return uint32(n)
}
