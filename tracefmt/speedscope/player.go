package speedscope

import (
	"math"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/decimal"
)

// player turns a profile into slices, an event or a sample at a time.
type player struct {
	profile *profile
	track   tracefmt.TrackID
	places  int // from the profile's unit to ns
	next    int // event or sample
	now     int64
	open    []int32 // frames
}

// start finds the time at which samples begin.
func (p *player) start(r *Reader) {
	p.now = math.MinInt64
	if t, ok := p.time(r, p.profile.start); ok && p.profile.kind == "sampled" {
		p.now = t
	} else if p.profile.kind == "sampled" {
		p.now = r.base
	}
}

// left reports whether there is more to come.
func (p *player) left() bool { return p.profile != nil }

// step queues the next events.
func (p *player) step(r *Reader) {
	switch {
	case p.profile.kind == "evented" && p.next < len(p.profile.events):
		p.event(r, p.profile.events[p.next])
	case p.profile.kind == "sampled" && p.next < min(len(p.profile.ends), len(p.profile.weights)):
		p.sample(r)
	default:
		p.end(r)
		p.profile = nil
		return
	}
	p.next++
}

// end ends the stack of the last sample. Frames that an evented profile doesn't close stay open.
func (p *player) end(r *Reader) {
	switch p.profile.kind {
	case "sampled":
		p.close(r, 0)
		if len(p.profile.ends) != len(p.profile.weights) {
			r.losses.AddAt("profile with more samples than weights, or fewer", p.profile.offset)
		}
	case "evented":
	default:
		r.losses.AddAt("profile that is neither evented nor sampled", p.profile.offset)
	}
}

func (p *player) event(r *Reader, e event) {
	t, ok := p.time(r, e.at)
	f := r.frameAt(e.frame)
	switch {
	case !ok:
		r.losses.Add("event with a bad time")
		return
	case f == nil:
		r.losses.Add("event of a frame that isn't in the file")
		return
	case t < p.now:
		r.losses.Add("event before the one in front of it, put at that one's time")
	default:
		p.now = t
	}
	if e.open {
		p.begin(r, e.frame)
		return
	}
	for i := len(p.open) - 1; i >= 0; i-- {
		if p.open[i] == e.frame {
			if i < len(p.open)-1 {
				r.losses.Add("frame that is closed while others are open in it, which are closed as well")
			}
			p.close(r, i)
			return
		}
	}
	r.losses.Add("close of a frame that isn't open")
}

func (p *player) sample(r *Reader) {
	from := 0
	if p.next > 0 {
		from = p.profile.ends[p.next-1]
	}
	stack := p.profile.stacks[from:p.profile.ends[p.next]]
	weight, ok := p.scale(p.profile.weights[p.next])
	switch {
	case !ok || weight < 0 || weight > math.MaxInt64-max(p.now, 0):
		r.losses.Add("sample with a bad weight")
		return
	case weight == 0:
		return
	}
	for _, i := range stack {
		if r.frameAt(i) == nil {
			r.losses.Add("sample with a frame that isn't in the file")
			stack = nil
			break
		}
	}
	same := 0
	for same < min(len(stack), len(p.open)) && stack[same] == p.open[same] {
		same++
	}
	p.close(r, same)
	for _, i := range stack[same:] {
		p.begin(r, i)
	}
	p.now += weight
}

// begin opens a frame.
func (p *player) begin(r *Reader, i int32) {
	f := r.frameAt(i)
	e := r.emit(tracefmt.Begin, p.track)
	e.Time, e.Name, e.Attrs = p.now, f.name, f.attrs
	p.open = append(p.open, i)
}

// close closes all frames but the outermost n.
func (p *player) close(r *Reader, n int) {
	for len(p.open) > n {
		e := r.emit(tracefmt.End, p.track)
		e.Time, e.Name = p.now, r.frames[p.open[len(p.open)-1]].name
		p.open = p.open[:len(p.open)-1]
	}
}

// time returns the time of a number, in ns.
func (p *player) time(r *Reader, n number) (ns int64, ok bool) {
	if ns, ok = p.scale(n); !ok {
		return 0, false
	}
	sum := ns + r.base
	return sum, (sum > ns) == (r.base > 0)
}

func (p *player) scale(n number) (ns int64, ok bool) {
	return decimal.Scale(p.profile.numbers[n.from:n.from+int(n.size)], p.places)
}
