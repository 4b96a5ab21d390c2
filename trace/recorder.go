package trace

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Config configures a [Recorder]. Zero fields mean the defaults.
type Config struct {
	Bytes    int           // of finished tasks, spans and instants that are kept: 16 MiB
	LogBytes int           // of log lines that are kept, apart from those: 4 MiB
	MaxAge   time.Duration // of what is kept: records that ended longer ago may be dropped at any time. No limit
	MaxOpen  int           // open tasks and async spans that are known at a time: 65,536; above, the oldest are forgotten
	Logger   *slog.Logger  // gets a warning for each call site that misuses this package: slog.Default()

	// OnAnomaly, if not nil, is called for every misuse, on the goroutine that did it. No lock is held.
	OnAnomaly func(Anomaly)
}

// A Recorder keeps the newest records of a program in bounded memory: the flight recorder. Tasks and spans belong to
// the recorder of their root task, which is the one that [WithRecorder] put into its context, else [Default].
// All methods may be called concurrently.
type Recorder struct {
	mode   atomicMode
	offs   atomic.Uint32 // switches from and to LevelOff
	hook   atomic.Pointer[Hook]
	epoch  time.Time
	ids    idKey
	shards []*shard
	nextSh atomic.Uint32
	spans  ring
	logs   ring

	config    Config
	forgotten atomic.Uint64
	anomalies [numMisuses]atomic.Uint64
	sites     sync.Map // call sites that were warned about: uintptr → struct{}
	numSites  atomic.Int32
	offRoot   atomic.Pointer[Span]
}

// A shard is the part of a recorder that one task writes to. Tasks are spread over shards, so that few goroutines
// meet at one lock; and all that happens to a task happens under its shard's lock, so that a reader which holds it sees
// a span either open or ended, never neither. Nobody holds two of these locks at a time, or does I/O or runs code of
// users meanwhile.
type shard struct {
	mu        sync.Mutex
	ids       idCounter
	clock     clock
	open      entry // the list's anchor: next is the oldest, prev the newest
	count     int   // of entries in the list
	max       int
	forgotten *atomic.Uint64
	spans     lane
	logs      lane

	_ [64]byte // keeps neighbours off this one's cache lines
}

// An entry lists an open task or async span in its shard. Strict spans hang on their task.
type entry struct {
	span       *Span
	prev, next *entry // nil: not listed
}

const maxShards = 256

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
	r := &Recorder{epoch: time.Now(), ids: newIDKey(), config: c}
	r.shards = make([]*shard, min(maxShards, 4*runtime.GOMAXPROCS(0)))
	n := len(r.shards)
	r.spans = ring{limit: c.Bytes, chunk: chunkFor(c.Bytes, n), maxAge: int64(c.MaxAge)}
	r.logs = ring{limit: c.LogBytes, chunk: chunkFor(c.LogBytes, n), maxAge: int64(c.MaxAge)}
	for i := range r.shards {
		s := &shard{max: max(1, c.MaxOpen/n), forgotten: &r.forgotten}
		s.clock.epoch = r.epoch
		s.ids = idCounter{key: &r.ids, next: uint64(i), stride: uint64(n)}
		s.open.next, s.open.prev = &s.open, &s.open
		s.spans.ring, s.logs.ring = &r.spans, &r.logs
		r.shards[i] = s
	}
	return r
}

func setDefault(n *int, to int) {
	if *n <= 0 {
		*n = to
	}
}

// chunkFor returns the size of chunks of a ring that so many lanes fill.
func chunkFor(limit, lanes int) int { return max(minChunk, min(maxChunk, limit/(4*lanes))) }

type recorderKey struct{}

// WithRecorder returns a context whose root tasks belong to r. Tasks and spans under an existing one stay with the
// recorder of that one.
func WithRecorder(ctx context.Context, r *Recorder) context.Context {
	return context.WithValue(ctx, recorderKey{}, r)
}

// RecorderFromContext returns the recorder that a task or span started with ctx would belong to.
func RecorderFromContext(ctx context.Context) *Recorder { return recorderOf(ctx, FromContext(ctx)) }

// recorderOf is RecorderFromContext of a context whose innermost span is known.
func recorderOf(ctx context.Context, s *Span) *Recorder {
	if s != nil {
		return s.host.rec
	}
	if ctx != nil {
		if r, ok := ctx.Value(recorderKey{}).(*Recorder); ok && r != nil {
			return r
		}
	}
	return Default()
}

// Epoch returns the wall-clock time at 0 ns of the recorder's clock.
func (r *Recorder) Epoch() time.Time { return r.epoch }

// Now returns the time on the recorder's clock: ns since [Recorder.Epoch], monotonic.
func (r *Recorder) Now() int64 { return r.now() }

func (r *Recorder) now() int64 { return int64(time.Since(r.epoch)) }

func (r *Recorder) pickShard() *shard {
	return r.shards[int(r.nextSh.Add(1)%uint32(len(r.shards)))]
}

// Forgotten returns how many open tasks and async spans left the tree of open work since there were more than
// Config.MaxOpen: almost always spans that are never ended.
func (r *Recorder) Forgotten() uint64 { return r.forgotten.Load() }

// list makes a task or async span visible to readers as open, unless it ended meanwhile. The shard is locked.
func (sh *shard) list(e *entry) {
	if e.span.flags&flagEnded != 0 {
		return
	}
	if sh.count >= sh.max {
		sh.unlist(sh.open.next)
		sh.forgotten.Add(1)
	}
	e.prev, e.next = sh.open.prev, &sh.open
	e.prev.next, sh.open.prev = e, e
	sh.count++
}

// unlist takes e off the list, if it is on it. The shard is locked.
func (sh *shard) unlist(e *entry) {
	if e.next == nil {
		return
	}
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
	sh.count--
}
