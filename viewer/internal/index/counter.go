package index

import (
	"math"

	"github.com/spanstack/spanstack/tracefmt"
)

// counterKey is what tells counters apart.
type counterKey struct {
	process             tracefmt.TrackID
	name, key, category string
}

// counter is the values of a track of type CounterTrack.
type counter struct {
	events column[counterEvent]
	series []series
	fresh  []counterEvent
	kind   uint32
}

// counterEvent is an event, with all that it says in its record.
type counterEvent struct {
	time int64
	ref  uint32
}

func (e *counterEvent) before(o *counterEvent) bool { return e.time <= o.time }

// series is the values of one of a counter's attributes.
type series struct {
	name    string
	samples column[sample]
	spans   column[extent] // of 64 samples each
	off     int            // samples that have left from the first of spans
}

type sample struct {
	time  int64
	value float64
}

// extent is the least and the greatest of several values.
type extent struct{ min, max float64 }

func (e *extent) add(o extent) {
	e.min, e.max = min(e.min, o.min), max(e.max, o.max)
}

// noExtent is that of no values.
var noExtent = extent{math.Inf(1), math.Inf(-1)}

func (c *counter) share() *counter {
	s := &counter{events: c.events.share(), kind: c.kind, series: make([]series, len(c.series))}
	for i := range c.series {
		s.series[i] = c.series[i]
		s.series[i].samples, s.series[i].spans = c.series[i].samples.share(), c.series[i].spans.share()
	}
	return s
}

// addCounter takes in values of a counter.
func (x *Index) addCounter(e *tracefmt.Event) {
	key := counterKey{x.processOf(e.Track), e.Name, e.Key, e.Category}
	b := x.counters[key]
	if b == nil {
		b = x.newCounter(key)
	}
	r := x.recordOf(e)
	r.track, r.more = e.Track, hasTrack
	b.counter.kind = x.kindOf(e, r)
	b.counter.fresh = append(b.counter.fresh, counterEvent{e.Time, x.add(r)})
	b.happens(e.Time, e.Time)
}

func (x *Index) newCounter(key counterKey) *building {
	if x.counters == nil {
		x.counters = make(map[counterKey]*building)
	}
	b := x.newTrack(CounterTrack, key.process)
	b.meta.name = key.name
	if key.key != "" {
		b.meta.name += "[" + key.key + "]"
	}
	b.counter = &counter{}
	x.counters[key] = b
	return b
}

// takeCounter brings the values that came into the order of the track.
func (b *building) takeCounter(x *Index) {
	c := b.counter
	if c == nil || len(c.fresh) == 0 {
		return
	}
	from := c.fresh[0].time
	for i := range c.fresh {
		from = min(from, c.fresh[i].time)
	}
	at := c.events.search(func(e *counterEvent) bool { return e.time > from })
	list := append(c.events.appendTo(nil, at), c.fresh...)
	c.fresh = nil
	sortStable(list, nil)
	c.events.cut(at)
	for i := range c.series {
		c.series[i].cut(from)
	}
	for _, e := range list {
		c.events.append(e)
		for a := x.arena.head(e.ref, &record{}); a.next(); {
			attr := a.attr(x.texts.list)
			if v, ok := attr.Value.Float64(); ok {
				c.of(attr.Key).append(sample{e.time, v})
			}
		}
	}
}

// maxSeries bounds the series of a counter. Further ones are drawn as one.
const maxSeries = 256

func (c *counter) of(name string) *series {
	for i := range c.series {
		if c.series[i].name == name {
			return &c.series[i]
		}
	}
	if len(c.series) == maxSeries {
		return &c.series[maxSeries-1]
	}
	c.series = append(c.series, series{name: name})
	return &c.series[len(c.series)-1]
}

func (s *series) append(v sample) {
	s.samples.append(v)
	if n := s.samples.len(); (s.off+n)%blockLen == 0 {
		e := noExtent
		for i := max(n-blockLen, 0); i < n; i++ {
			e.add(s.samples.at(i).extent())
		}
		s.spans.append(e)
	}
}

func (v *sample) extent() extent { return extent{v.value, v.value} }

// cut takes away what comes after a time.
func (s *series) cut(time int64) {
	n := s.samples.search(func(v *sample) bool { return v.time > time })
	s.samples.cut(n)
	s.spans.cut((s.off + n) / blockLen)
}

// drop takes away what comes before a time, all but the last value: it holds until the next.
func (s *series) drop(before int64) {
	n := max(s.samples.search(func(v *sample) bool { return v.time >= before })-1, 0)
	s.samples.drop(n)
	s.off += n
	s.spans.drop(s.off / blockLen)
	s.off %= blockLen
}
