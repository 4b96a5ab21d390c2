package stats

// maxStretches bounds the number of stretches of time in which events are counted.
const maxStretches = 4096

// rate counts events by stretches of time, which become longer as the trace does.
type rate struct {
	shift  uint // a stretch is 2^shift ns
	counts map[int64]int64
}

func (r *rate) add(when int64) {
	if r.counts == nil {
		r.shift, r.counts = 20, make(map[int64]int64) // 1 ms
	}
	r.counts[when>>r.shift]++
	for len(r.counts) > maxStretches {
		longer := make(map[int64]int64, len(r.counts)/2)
		for at, n := range r.counts {
			longer[at>>1] += n
		}
		r.counts = longer
		r.shift++
	}
}

// busiest returns the stretch with the most events, the first of them if there are several.
func (r *rate) busiest() (begin, ns, events int64) {
	best := int64(0)
	for at, n := range r.counts {
		if n > events || n == events && at < best {
			best, events = at, n
		}
	}
	return best << r.shift, 1 << r.shift, events
}
