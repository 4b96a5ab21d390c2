package trace

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Level says how much a [Recorder] does. It can be changed at any time, also while spans are open.
type Level int32

const (
	// LevelRecording makes IDs and records. It is the default.
	LevelRecording Level = iota
	// LevelIDs makes spans with IDs, so that log lines carry ID stacks, but no records and no log lines in captures.
	// What is open stays visible in [Recorder.Active].
	LevelIDs
	// LevelOff makes nothing: contexts come back unchanged, spans are nil, log lines have no ID stack.
	LevelOff
)

// String returns the level's name.
func (l Level) String() string {
	switch l {
	case LevelRecording:
		return "recording"
	case LevelIDs:
		return "ids"
	}
	return "off"
}

// Config configures a [Recorder]. Zero fields mean the defaults.
type Config struct {
	Bytes    int          // of finished tasks, spans and events that are kept: 16 MiB
	LogBytes int          // of log lines that are kept, apart from those: 4 MiB
	MaxOpen  int          // open tasks and async spans that are known at a time: 65,536; above, the oldest are forgotten
	Logger   *slog.Logger // gets a warning for each call site that misuses this package: slog.Default()

	// OnAnomaly, if not nil, is called for every misuse, on the goroutine that did it. No lock is held.
	OnAnomaly func(Anomaly)
}

// A Recorder keeps the newest records of a program in bounded memory: the flight recorder. Tasks and spans belong to
// the recorder of their root task, which is the one that [WithRecorder] put into its context, else [Default].
// All methods may be called concurrently.
type Recorder struct {
	level atomic.Int32
	quiet atomic.Bool // it has been at another level than LevelRecording, so that spans may be missing

	epoch  time.Time
	ids    *idSource
	shards []*shard
	nextSh atomic.Uint32
	spans  ring
	logs   ring

	config    Config
	maxShard  int
	forgotten atomic.Uint64
	anomalies [numMisuses]atomic.Uint64
	sites     sync.Map // call sites that were warned about: uintptr → struct{}
	numSites  atomic.Int32
	offRoot   atomic.Pointer[Span]
}

// A shard is the part of a recorder that one task writes to. Tasks are spread over shards, so that few goroutines
// meet at one lock; and all records of a task pass through one shard, so that a reader which holds its lock sees a
// task either open or ended, never neither.
type shard struct {
	mu    sync.Mutex
	open  map[*Span]struct{} // tasks and async spans; strict spans hang on their task
	spans lane
	logs  lane
}

var enabled atomic.Int32 // recorders that aren't off; while it is 0, starting a span is one load

var defaultRecorder = sync.OnceValue(func() *Recorder { return newRecorder(Config{}) })

func init() { enabled.Add(1) } // the default recorder is on before its first use makes it

// Default returns the process's recorder.
func Default() *Recorder { return defaultRecorder() }

// SetLevel sets the level of the [Default] recorder.
func SetLevel(l Level) { Default().SetLevel(l) }

// Active returns what is open in the [Default] recorder: see [Recorder.Active].
func Active() []Record { return Default().Active() }

// NewRecorder returns a recorder of its own, at [LevelRecording]. It has no goroutine and needs no Close.
func NewRecorder(c Config) *Recorder {
	enabled.Add(1)
	return newRecorder(c)
}

func newRecorder(c Config) *Recorder {
	setDefault(&c.Bytes, 16<<20)
	setDefault(&c.LogBytes, 4<<20)
	setDefault(&c.MaxOpen, 1<<16)
	r := &Recorder{epoch: time.Now(), ids: newIDSource(), config: c}
	r.spans.limit, r.logs.limit = c.Bytes, c.LogBytes
	r.shards = make([]*shard, 4*runtime.GOMAXPROCS(0))
	for i := range r.shards {
		s := &shard{open: map[*Span]struct{}{}}
		s.spans.ring, s.logs.ring = &r.spans, &r.logs
		r.shards[i] = s
	}
	r.maxShard = max(1, c.MaxOpen/len(r.shards))
	return r
}

func setDefault(n *int, to int) {
	if *n <= 0 {
		*n = to
	}
}

type recorderKey struct{}

// WithRecorder returns a context whose root tasks belong to r. Tasks and spans under an existing one stay with the
// recorder of that one.
func WithRecorder(ctx context.Context, r *Recorder) context.Context {
	return context.WithValue(ctx, recorderKey{}, r)
}

// RecorderFromContext returns the recorder that a task or span started with ctx would belong to.
func RecorderFromContext(ctx context.Context) *Recorder {
	if s := FromContext(ctx); s != nil {
		return s.host.rec
	}
	if r, ok := ctx.Value(recorderKey{}).(*Recorder); ok && r != nil {
		return r
	}
	return Default()
}

// Level returns the current level.
func (r *Recorder) Level() Level { return Level(r.level.Load()) }

// SetLevel switches the level. Spans that are open go on as they were started; what is started while the level is
// [LevelOff] does not exist, and spans started under it later hang under an async span named "started while off".
func (r *Recorder) SetLevel(l Level) {
	if l != LevelRecording {
		r.quiet.Store(true)
	}
	old := Level(r.level.Swap(int32(l)))
	switch {
	case old == LevelOff && l != LevelOff:
		enabled.Add(1)
	case old != LevelOff && l == LevelOff:
		enabled.Add(-1)
	}
}

// Epoch returns the wall-clock time at 0 ns of the recorder's clock.
func (r *Recorder) Epoch() time.Time { return r.epoch }

// now returns ns since the epoch on the monotonic clock.
func (r *Recorder) now() int64 { return int64(time.Since(r.epoch)) }

func (r *Recorder) pickShard() *shard {
	return r.shards[int(r.nextSh.Add(1))%len(r.shards)]
}

// register makes s visible to readers as open, unless it ended meanwhile.
func (sh *shard) register(r *Recorder, s *Span) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.state.Load()&stateEnded != 0 {
		return
	}
	if len(sh.open) >= r.maxShard {
		sh.forgetOldest()
		r.forgotten.Add(1)
	}
	sh.open[s] = struct{}{}
}

func (sh *shard) forgetOldest() {
	var oldest *Span
	for s := range sh.open {
		if oldest == nil || s.start < oldest.start {
			oldest = s
		}
	}
	delete(sh.open, oldest)
}

// Forgotten returns how many open tasks and async spans left the tree of open work since there were more than
// Config.MaxOpen: almost always spans that are never ended.
func (r *Recorder) Forgotten() uint64 { return r.forgotten.Load() }

// writeEnd stores a finished span's record and takes it out of the open ones, in one step for every reader.
func (sh *shard) writeEnd(s *Span, rec []byte) {
	listed := s.kind != KindSpan || s.state.Load()&stateStray != 0
	if !listed && rec == nil {
		return
	}
	sh.mu.Lock()
	if listed {
		delete(sh.open, s)
	}
	if rec != nil {
		sh.spans.write(rec)
	}
	sh.mu.Unlock()
}

func (sh *shard) writeInstant(k Kind, rec []byte) {
	sh.mu.Lock()
	if k == KindLog {
		sh.logs.write(rec)
	} else {
		sh.spans.write(rec)
	}
	sh.mu.Unlock()
}
