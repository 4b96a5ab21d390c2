package trace

import (
	"context"
	"runtime"
	"runtime/pprof"
	rtrace "runtime/trace"
	"strconv"
	"sync"
)

// instrument does for a new span what takes more than making it: noting its site, labelling its goroutine, and showing
// it in Go's execution trace. The span is still unknown to others.
func (s *Span) instrument(mode mode) {
	m := s.rarely()
	if mode&modeSites != 0 {
		m.site = callPC()
	}
	if s.kind == KindAsync {
		m.task = s.runtimeTask()
		return
	}
	if mode&modeLabels != 0 {
		s.label(m)
		s.onGoroutine()
	}
	if rtrace.IsEnabled() {
		m.region = startRegion(s.outer, s.name)
	}
}

// instrumentTask is instrument for tasks. here says that the calling goroutine is the task's own.
func (h *host) instrumentTask(mode mode, here bool) {
	m := h.rarely()
	if mode&modeSites != 0 {
		m.site = callPC()
	}
	m.task = h.runtimeTask()
	if mode&modeLabels != 0 {
		h.label(m)
		if here {
			h.onGoroutine()
		}
	}
}

// runtimeTask starts a task in Go's execution trace.
func (s *Span) runtimeTask() (t *rtrace.Task) {
	if rtrace.IsEnabled() {
		s.outer, t = rtrace.NewTask(s.outer, s.name)
	}
	return t
}

// runtimeLog writes a message to Go's execution trace.
func (s *Span) runtimeLog(category, message string) {
	if s != nil && rtrace.IsEnabled() {
		rtrace.Log(s.outer, category, message)
	}
}

// label adds profiler labels for s to its context, so that the labels of what is started in it add to them.
func (s *Span) label(m *rare) {
	m.labels = s.outer
	labels := pprof.Labels("span", s.name)
	if s.kind == KindTask {
		labels = pprof.Labels("task", s.name, "span", "")
	}
	s.outer = pprof.WithLabels(s.outer, labels)
}

// onGoroutine gives the calling goroutine the labels of s, if it has some.
func (s *Span) onGoroutine() {
	if s == nil {
		return
	}
	if m := s.rareOf(); m != nil && m.labels != nil {
		pprof.SetGoroutineLabels(s.outer)
	}
}

// leave undoes what instrument did, on the goroutine that ends the span.
func (m *rare) leave() {
	if m.region != nil {
		m.region.end()
	}
	if m.task != nil {
		m.task.End()
	}
	if m.labels != nil {
		pprof.SetGoroutineLabels(m.labels)
	}
}

// A region is a span in Go's execution trace. Readers of that refuse all of it if the regions of a goroutine don't
// nest, so that each goroutine's open ones are known here: a region that is ended too early takes those in it along, and
// one that is ended on another goroutine stays open until its own goroutine ends one around it.
type region struct {
	goroutine uintptr
	region    *rtrace.Region
	around    *region
	ended     bool
}

// regions holds the innermost open region of each goroutine. It is as global as the execution trace itself.
var regions struct {
	sync.Mutex
	innermost map[uintptr]*region
}

func startRegion(ctx context.Context, name string) *region {
	g := goroutine()
	if g == 0 {
		return nil
	}
	r := &region{goroutine: g, region: rtrace.StartRegion(ctx, name)}
	regions.Lock()
	defer regions.Unlock()
	if regions.innermost == nil {
		regions.innermost = map[uintptr]*region{}
	}
	r.around = regions.innermost[g]
	regions.innermost[g] = r
	return r
}

func (r *region) end() {
	here := goroutine() == r.goroutine
	regions.Lock()
	defer regions.Unlock()
	if r.ended {
		return // together with one around it
	}
	r.ended = true
	if !here {
		return
	}
	for top := regions.innermost[r.goroutine]; top != nil; top = top.around {
		top.ended = true
		top.region.End()
		if top == r {
			break
		}
	}
	if r.around == nil {
		delete(regions.innermost, r.goroutine)
	} else {
		regions.innermost[r.goroutine] = r.around
	}
}

// site returns the program counter where s was started, if that was noted. The shard is locked.
func (s *Span) site() uintptr {
	if m := s.rareOf(); m != nil {
		return m.site
	}
	return 0
}

// callPC returns the program counter of the innermost caller outside of this package.
func callPC() uintptr {
	var pcs [16]uintptr
	n := runtime.Callers(3, pcs[:])
	frames := runtime.CallersFrames(pcs[:n])
	for {
		f, more := frames.Next()
		if !inThisPackage(f) {
			return f.PC + 1 // as runtime.Callers returns them: see siteText
		}
		if !more {
			return 0
		}
	}
}

func siteText(pc uintptr) string {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	if f.File == "" {
		return ""
	}
	return f.File + ":" + strconv.Itoa(f.Line)
}
