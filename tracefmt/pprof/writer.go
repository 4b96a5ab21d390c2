package pprof

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/google/pprof/profile"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/bypath"
	"github.com/spanstack/spanstack/tracefmt/summary"
)

// Writer sums up a trace and writes its profile when it is closed.
type Writer struct {
	out    io.Writer
	err    error
	closed bool
	trace  bypath.Collector
	losses tracefmt.Losses
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.closed {
		return fmt.Errorf("write profile: it is closed")
	}
	w.trace.Add(e)
	return nil
}

// Flush does nothing: the profile is known at the end.
func (w *Writer) Flush() error { return w.err }

// Losses returns what has no place in a profile, beyond the single times and attributes of slices.
func (w *Writer) Losses() []tracefmt.Loss { return slices.Concat(w.trace.Losses(), w.losses.List()) }

// Close writes the profile, packed with gzip.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	p := w.profile(w.trace.Finish())
	if err := p.CheckValid(); err != nil {
		w.err = fmt.Errorf("write profile: it isn't valid: %w", err)
		return w.err
	}
	if err := p.Write(w.out); err != nil {
		w.err = fmt.Errorf("write profile: %w", err)
	}
	return w.err
}

// profile makes the profile of a finished summary, with the time at which it begins.
func (w *Writer) profile(sum *summary.Summary) *profile.Profile {
	p, first, any := profileOf(sum)
	if clock, ok := w.trace.Anchor(); ok && any {
		p.TimeNanos = clock.Unix + (first - clock.Time)
	}
	limit(p, &w.losses)
	return p
}

// Profile returns the profile of a finished summary, without the time at which it begins, and what had to be left out.
func Profile(sum *summary.Summary) (*profile.Profile, []tracefmt.Loss) {
	var losses tracefmt.Losses
	p, _, _ := profileOf(sum)
	limit(p, &losses)
	return p, losses.List()
}

// profileOf makes the profile of a finished summary. It also returns when the first event begins, if there is any.
func profileOf(sum *summary.Summary) (made *profile.Profile, first int64, any bool) {
	b := &builder{locations: make(map[string]*profile.Location)}
	b.SampleType = []*profile.ValueType{
		{Type: "spans", Unit: "count"}, {Type: "wall", Unit: "nanoseconds"}, {Type: "self", Unit: "nanoseconds"},
	}
	b.DefaultSampleType = "self"
	// With a mapping that says that functions are known, pprof doesn't look for a program to find them in.
	b.mapping = &profile.Mapping{ID: 1, HasFunctions: true}
	b.Mapping = []*profile.Mapping{b.mapping}
	for _, p := range sum.Processes {
		b.mapping.File = cmp.Or(b.mapping.File, p.Name)
		if p.Slices > 0 && (!any || p.First < first) {
			first, any = p.First, true
		}
		for path := range p.Paths() {
			b.add(p, path)
		}
	}
	if any {
		b.DurationNanos = max(sum.End-first, 0)
	}
	return &b.Profile, first, any
}

// limit leaves out the samples of the least wall time if there are too many.
func limit(p *profile.Profile, losses *tracefmt.Losses) {
	if len(p.Sample) <= maxSamples {
		return
	}
	slices.SortStableFunc(p.Sample, func(a, b *profile.Sample) int { return cmp.Compare(b.Value[1], a.Value[1]) })
	for range len(p.Sample) - maxSamples {
		losses.Add("path with the least time, one of too many")
	}
	p.Sample = p.Sample[:maxSamples]
}

// builder adds samples to a profile.
type builder struct {
	profile.Profile
	mapping   *profile.Mapping
	locations map[string]*profile.Location // by names of frames
}

// add adds the samples of the last node of a path: one for those slices that failed, and one for the others.
func (b *builder) add(p *summary.Process, path []*summary.Node) {
	n := path[len(path)-1]
	if n.Track {
		return
	}
	b.sample(p, path, false, n.Count-n.Failed, n.Total-n.FailedTotal, n.Self-n.FailedSelf)
	b.sample(p, path, true, n.Failed, n.FailedTotal, n.FailedSelf)
}

func (b *builder) sample(p *summary.Process, path []*summary.Node, failed bool, count, wall, self int64) {
	if count == 0 && wall == 0 && self == 0 {
		return
	}
	s := &profile.Sample{Value: []int64{count, wall, self}, Label: make(map[string][]string)}
	if p.Name != "" {
		s.Label[labelProcess] = []string{p.Name}
	}
	if pid, ok := p.ID.Int64(); ok {
		s.NumLabel = map[string][]int64{labelPID: {pid}}
	}
	if failed {
		s.Label[labelError] = []string{"true"}
	}
	for _, n := range slices.Backward(path) { // the innermost frame comes first
		if n.Track {
			s.Label[labelTrack] = []string{n.Name}
			continue
		}
		if n.Task && s.Label[labelTask] == nil {
			s.Label[labelTask] = []string{frameName(n)}
		}
		s.Location = append(s.Location, b.location(frameName(n)))
	}
	b.Sample = append(b.Sample, s)
}

// frameName returns a node's name, or what stands for none: pprof would show an address.
func frameName(n *summary.Node) string { return cmp.Or(n.Name, "(no name)") }

// location returns the location, and with it the function, that a name has.
func (b *builder) location(name string) *profile.Location {
	l := b.locations[name]
	if l == nil {
		id := uint64(len(b.Location) + 1)
		f := &profile.Function{ID: id, Name: name, SystemName: name}
		l = &profile.Location{ID: id, Mapping: b.mapping, Line: []profile.Line{{Function: f}}}
		b.Function = append(b.Function, f)
		b.Location = append(b.Location, l)
		b.locations[name] = l
	}
	return l
}
