package trace

import "sync/atomic"

// Level says how much a [Recorder] does. It can be changed at any time, also while spans are open.
//
//	                           LevelRecording  LevelIDs              LevelOff
//	log lines have ID stacks   yes             yes                   no
//	Active shows open spans    yes             yes                   those started before
//	captures show              everything      what has something    nothing new
//	                                           recorded in it
type Level uint8

const (
	// LevelRecording makes IDs and records. It is the default.
	LevelRecording Level = iota
	// LevelIDs makes tasks and spans with IDs, so that log lines carry ID stacks, but no records, events and log lines
	// in captures. What is open stays visible in [Recorder.Active].
	LevelIDs
	// LevelOff makes nothing: contexts come back unchanged, spans are nil, log lines have no ID stack.
	LevelOff
)

// StartedWhileOff is the name of the async span that takes the place of all tasks that were started at [LevelOff]. It is
// the parent of what is started in them at another level, and never ends.
const StartedWhileOff = "started while off"

// String returns the level's name: "recording", "ids" or "off".
func (l Level) String() string {
	switch l {
	case LevelRecording:
		return "recording"
	case LevelIDs:
		return "ids"
	}
	return "off"
}

// A mode is a level together with what else a recorder was asked to do.
type mode uint32

const (
	modeLevel  mode = 3 // mask
	modeSites  mode = 1 << 2
	modeLabels mode = 1 << 3
)

func (m mode) level() Level { return Level(m & modeLevel) }

// instrumented reports whether starting a span takes more than making it.
func (m mode) instrumented() bool { return m > modeLevel }

type atomicMode struct{ v atomic.Uint32 }

func (m *atomicMode) load() mode { return mode(m.v.Load()) }

// set replaces the bits of mask and returns the old mode.
func (m *atomicMode) set(mask, to mode) mode {
	for {
		old := m.v.Load()
		if m.v.CompareAndSwap(old, old&^uint32(mask)|uint32(to)) {
			return mode(old)
		}
	}
}

// Level returns the current level.
func (r *Recorder) Level() Level { return r.mode.load().level() }

// SetLevel switches the level. Spans that are open go on as they were started; what is started while the level is
// [LevelOff] does not exist, and spans started under it later hang under an async span named "started while off", or
// are async spans of a task around it that was started before.
func (r *Recorder) SetLevel(l Level) {
	l = min(l, LevelOff)
	crossing := l == LevelOff || r.Level() == LevelOff
	if crossing {
		r.offs.Add(1) // before anything can be missed, or start after that: neither is misuse
	}
	switch old := r.mode.set(modeLevel, mode(l)).level(); {
	case old == LevelOff && l != LevelOff:
		enabled.Add(1)
		if !crossing { // it was switched off this very moment
			r.offs.Add(1)
		}
	case old != LevelOff && l == LevelOff:
		enabled.Add(-1)
	}
}

// SetSites says whether tasks and spans note where in the source they are started, for [Record.Site]. It costs about a
// microsecond a span, so that it is off by default.
func (r *Recorder) SetSites(on bool) { r.setMode(modeSites, on) }

// SetProfileLabels says whether goroutines carry the name of their task, "task", and of their innermost span, "span",
// as labels in CPU profiles: see [runtime/pprof]. It is off by default.
func (r *Recorder) SetProfileLabels(on bool) { r.setMode(modeLabels, on) }

func (r *Recorder) setMode(m mode, on bool) {
	if on {
		r.mode.set(m, m)
	} else {
		r.mode.set(m, 0)
	}
}
