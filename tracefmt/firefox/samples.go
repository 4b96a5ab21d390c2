package firefox

import (
	"math"

	"github.com/spanstack/spanstack/tracefmt"
)

// maxDepth bounds how deep the stacks of samples are; deeper ones lose their outermost frames.
const maxDepth = 4096

var (
	sampleColumns = map[string]bool{"stack": true, "time": true, "timeDeltas": true}
	stackColumns  = map[string]bool{"prefix": true, "frame": true}
	frameColumns  = map[string]bool{"func": true, "location": true}
	funcColumns   = map[string]bool{"name": true}
)

// stacks are the tables that the stacks of samples are made of. Newer versions have them once for all threads.
type stacks struct {
	stack, frame, function *table
}

// or returns the tables of s, and where it has none, those of others.
func (s stacks) or(others stacks) stacks {
	if s.stack == nil {
		s.stack = others.stack
	}
	if s.frame == nil {
		s.frame = others.frame
	}
	if s.function == nil {
		s.function = others.function
	}
	return s
}

// sampler turns the samples of a thread into slices: frames that stay from one sample to the next are one slice.
type sampler struct {
	samples *table
	stacks  stacks
	track   tracefmt.TrackID
	open    []int64 // stacks, from the outermost, which tell frames in their places apart
	names   map[int64]string
	scratch []int64
	now     int64 // ns
	begun   bool
}

// newSampler returns a sampler of a thread, or nil if that has no samples with stacks.
func (r *Reader) newSampler(t *thread) *sampler {
	if t.samples == nil {
		return nil
	}
	s := &sampler{samples: t.samples, names: make(map[int64]string)}
	s.stacks = t.stacks.or(t.document.stacks).or(r.main.stacks)
	if s.stacks.stack == nil || s.stacks.frame == nil {
		return nil
	}
	for row := range t.samples.rows {
		if t.samples.raw("stack", row) != nil {
			return s
		}
	}
	return nil
}

// step delivers one sample.
func (s *sampler) step(r *Reader, t *thread, row int) {
	at, ok := s.samples.nanos("time", row)
	if !ok {
		delta, isDelta := s.samples.nanos("timeDeltas", row)
		if !isDelta {
			r.losses.Add("sample without a time")
			return
		}
		at = s.now - r.shift(t)
		if !s.begun {
			at = 0
		}
		at += delta
	}
	at += r.shift(t)
	if s.begun && at < s.now {
		r.losses.Add("sample before the one in front of it")
		return
	}
	if !s.begun {
		s.begun = true
		s.track = r.tracks.samples(r, t)
	}
	s.now = at
	stack := s.scratch[:0]
	if i, ok := s.samples.integer("stack", row); ok {
		stack = s.expand(r, i)
	}
	same := 0
	for same < min(len(stack), len(s.open)) && stack[same] == s.open[same] {
		same++
	}
	s.end(r, same)
	for _, i := range stack[same:] {
		e := r.emit(tracefmt.Begin, s.track)
		e.Time, e.Name = s.now, s.name(r, t, i)
		s.open = append(s.open, i)
	}
}

// expand returns the stacks that a stack goes through, the outermost first. A prefix comes before what is built on it,
// else there might be circles.
func (s *sampler) expand(r *Reader, i int64) []int64 {
	stack := s.scratch[:0]
	for ok := true; ok && len(stack) < maxDepth; {
		if i < 0 || i >= int64(s.stacks.stack.rows) {
			break
		}
		stack = append(stack, i)
		prefix, has := s.stacks.stack.integer("prefix", int(i))
		if has && prefix >= i {
			r.losses.Add("stack on top of a later one")
		}
		ok = has && prefix < i
		i = prefix
	}
	for a, b := 0, len(stack)-1; a < b; a, b = a+1, b-1 {
		stack[a], stack[b] = stack[b], stack[a]
	}
	s.scratch = stack
	return stack
}

// end ends all frames but the outermost n.
func (s *sampler) end(r *Reader, n int) {
	for len(s.open) > n {
		i := s.open[len(s.open)-1]
		s.open = s.open[:len(s.open)-1]
		e := r.emit(tracefmt.End, s.track)
		e.Time, e.Name = s.now, s.names[i]
	}
}

// finish ends everything, an interval after the last sample.
func (s *sampler) finish(r *Reader) {
	if interval := r.main.interval; interval > 0 && s.now < math.MaxInt64-interval {
		s.now += interval
	}
	s.end(r, 0)
}

// name returns the name of a stack's innermost frame: a function's, or in Gecko's own format a location.
func (s *sampler) name(r *Reader, t *thread, i int64) string {
	name, known := s.names[i]
	if known {
		return name
	}
	list := r.stringsOf(t)
	frame, _ := s.stacks.stack.integer("frame", int(i))
	at, ok := int64(-1), false
	if frame >= 0 && frame < int64(s.stacks.frame.rows) {
		if at, ok = s.stacks.frame.integer("location", int(frame)); !ok && s.stacks.function != nil {
			if f, has := s.stacks.frame.integer("func", int(frame)); has && f >= 0 && f < int64(s.stacks.function.rows) {
				at, ok = s.stacks.function.integer("name", int(f))
			}
		}
	}
	if ok && at >= 0 && at < int64(len(list)) {
		name = list[at]
	} else {
		r.losses.Add("frame without a name")
		name = "(unknown)"
	}
	s.names[i] = name
	return name
}
