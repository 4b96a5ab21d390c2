package trace

import (
	"context"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
)

// Misuse is a way to use this package wrongly. Each one is repaired: nothing panics, blocks or gets lost.
type Misuse uint8

const (
	// NoTask: WithSpan on a context without a task. The span becomes a root async span.
	NoTask Misuse = iota
	// OverlappingSpan: a span was started while another child of its parent was open, or on another goroutine than
	// its task's. It becomes an async span.
	OverlappingSpan
	// StartedAfterEnd: a span was started on the context of one that had ended. It becomes an async span.
	StartedAfterEnd
	// EndedBeforeChild: a span or task was ended while spans in it were open. Those become async spans.
	EndedBeforeChild
	// ChildOutlivesParent: a task was ended while child tasks of it ran, whose contexts weren't detached from it.
	// They go on, and are shown under it.
	ChildOutlivesParent

	numMisuses = 5
)

var misuseTexts = [numMisuses]string{
	"span started without a task in its context",
	"span started while a sibling was open, or on another goroutine than its task's",
	"span started in one that had ended",
	"ended while spans in it were open",
	"task ended while child tasks of it were running",
}

// String describes the misuse.
func (m Misuse) String() string {
	if int(m) < len(misuseTexts) {
		return misuseTexts[m]
	}
	return "misuse " + strconv.Itoa(int(m))
}

// An Anomaly is one misuse. It is recorded at its moment on the span, counted, and logged once a call site.
type Anomaly struct {
	Misuse Misuse
	Span   *Span  // the one that was started or ended wrongly
	Site   string // file:line of the call
}

// String returns one line: where, what, and on which span.
func (a Anomaly) String() string {
	return a.Site + ": trace: " + a.Misuse.String() + ": " + a.Span.kind.String() + " " +
		strconv.Quote(a.Span.name) + " " + a.Span.Stack()
}

// Anomalies returns how often m has happened.
func (r *Recorder) Anomalies(m Misuse) uint64 {
	if m >= numMisuses {
		return 0
	}
	return r.anomalies[m].Load()
}

// misplaced says why s could not become its task's innermost span.
func (s *Span) misplaced() Anomaly {
	if s.parent.Ended() {
		return Anomaly{Misuse: StartedAfterEnd, Span: s}
	}
	return Anomaly{Misuse: OverlappingSpan, Span: s}
}

// withoutTask starts a span on a context without one. That is a misuse, unless the task may have been started while
// the recorder was off.
func withoutTask(ctx context.Context, name string, attrs []slog.Attr) (context.Context, *Span) {
	rec := RecorderFromContext(ctx)
	level := rec.Level()
	if level == LevelOff {
		return ctx, nil
	}
	if rec.quiet.Load() {
		s := startAsync(ctx, rec, level, rec.startedWhileOff(level), name, attrs)
		return (*spanContext)(s), s
	}
	s := startAsync(ctx, rec, level, nil, name, attrs)
	rec.anomaly(Anomaly{Misuse: NoTask, Span: s})
	return (*spanContext)(s), s
}

// startedWhileOff returns the span that takes the place of all tasks that were started at LevelOff.
func (r *Recorder) startedWhileOff(level Level) *Span {
	if s := r.offRoot.Load(); s != nil {
		return s
	}
	s := startAsync(context.Background(), r, level, nil, "started while off", nil)
	if !r.offRoot.CompareAndSwap(nil, s) {
		s.end(nil)
	}
	return r.offRoot.Load()
}

const maxSites = 1000 // call sites that are remembered; more are counted and recorded, but not logged

func (r *Recorder) anomaly(a Anomaly) {
	r.anomalies[a.Misuse].Add(1)
	pc, site := callSite()
	a.Site = site
	if r.Level() == LevelRecording {
		a.Span.instant(Record{Kind: KindAnomaly, Name: a.Misuse.String(), Start: r.now()},
			attrList{first: []slog.Attr{slog.String("span", a.Span.name), slog.String("site", site)}})
	}
	if r.config.OnAnomaly != nil {
		r.config.OnAnomaly(a)
	}
	if _, known := r.sites.LoadOrStore(pc, struct{}{}); known || r.numSites.Add(1) > maxSites {
		return
	}
	log := r.config.Logger
	if log == nil {
		log = slog.Default()
	}
	log.Warn("trace: "+a.Misuse.String(), "span", a.Span.name, "trace", a.Span.Stack(), "site", site)
}

// callSite finds the innermost caller outside of this package.
func callSite() (uintptr, string) {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, thisPackage) || strings.HasSuffix(f.File, "_test.go") {
			return f.PC, f.File + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return 0, "unknown"
		}
	}
}

const thisPackage = "github.com/spanstack/spanstack/trace."
