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
	// TooDeep: more than 4,096 spans of one task are open, almost always because they are never ended. The span becomes
	// an async span, and the oldest of those are forgotten: see Config.MaxOpen.
	TooDeep

	numMisuses
)

var misuseTexts = [numMisuses]string{
	"span started without a task in its context",
	"span started while a sibling was open, or on another goroutine than its task's",
	"span started in one that had ended",
	"ended while spans in it were open",
	"task ended while child tasks of it were running",
	"span started in too many open ones",
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
		strconv.Quote(a.Span.Name()) + " " + a.Span.Stack()
}

// Anomalies returns how often m has happened.
func (r *Recorder) Anomalies(m Misuse) uint64 {
	if m >= numMisuses {
		return 0
	}
	return r.anomalies[m].Load()
}

// withoutTask starts a span on a context without a task in this process. That is a misuse, unless the task may have been
// started while the recorder was off.
func withoutTask(ctx context.Context, remote *Span, name string, attrs []slog.Attr) (context.Context, *Span) {
	rec := recorderOf(ctx, remote)
	mode := rec.mode.load()
	if mode.level() == LevelOff {
		return ctx, nil
	}
	if remote == nil && rec.offs.Load() != 0 {
		s := startAsync(ctx, rec, mode, rec.startedWhileOff(mode), name, nil, attrs)
		return (*spanContext)(s), s
	}
	s := startAsync(ctx, rec, mode, remote, name, nil, attrs)
	if rec.offs.Load() == 0 {
		rec.anomaly(Anomaly{Misuse: NoTask, Span: s})
	}
	return (*spanContext)(s), s
}

// startedWhileOff returns the span that takes the place of all tasks that were started at LevelOff.
func (r *Recorder) startedWhileOff(mode mode) *Span {
	if s := r.offRoot.Load(); s != nil {
		return s
	}
	s := startAsync(context.Background(), r, mode, nil, StartedWhileOff, nil, nil)
	if !r.offRoot.CompareAndSwap(nil, s) {
		s.end(StatusUnset, nil, 0)
	}
	return r.offRoot.Load()
}

const maxSites = 1000 // call sites that are remembered; more are counted and recorded, but not logged

// anomaly records, counts and logs a misuse, unless it only looks like one, since the recorder was off for a time: what was
// started then is missing.
func (r *Recorder) anomaly(a Anomaly) {
	if a.Misuse != NoTask && a.Span.host.offs != r.offs.Load() {
		return
	}
	r.anomalies[a.Misuse].Add(1)
	pc, site := callSite()
	a.Site = site
	if r.Level() == LevelRecording {
		a.Span.instant(instant{kind: KindAnomaly, name: a.Misuse.String()},
			[]slog.Attr{slog.String("span", a.Span.Name()), slog.String("site", site)})
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
	log.Warn("trace: "+a.Misuse.String(), "span", a.Span.Name(), "trace", a.Span.Stack(), "site", site)
}

// callSite finds the innermost caller outside of this package.
func callSite() (pc uintptr, fileLine string) {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !inThisPackage(f) {
			return f.PC, f.File + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return 0, "unknown"
		}
	}
}

const thisPackage = "github.com/spanstack/spanstack/trace."

func inThisPackage(f runtime.Frame) bool {
	return strings.HasPrefix(f.Function, thisPackage) && !strings.HasSuffix(f.File, "_test.go")
}
