package trigger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

// Config configures a [Watcher]. Zero fields mean the defaults.
type Config struct {
	// Dir is the directory that dumps are written to; it is made if it isn't there. The default is that for temporary
	// files. A daemon had better have one of its own, which nobody else may write to.
	Dir string

	Format   string          // of dumps, as the ending of their names, with .gz for compressed ones: .json, Chrome JSON
	Recorder *trace.Recorder // that is watched and dumped: trace.Default()

	// Poll is how often the watcher looks at what is open and what has ended since: 250 ms. It looks less often if that
	// took more than a fiftieth of the time.
	Poll time.Duration

	Delay    time.Duration // from a trigger to its dump, which so has what follows, too: 1 s; negative: none
	Interval time.Duration // there is at most one dump in it, with all that fired meanwhile: 1 min; negative: no limit

	// MaxFiles and MaxBytes bound the dumps of all processes of this program in Dir, as they are known by their names.
	// The oldest are deleted; who wants to keep one gives it another name.
	MaxFiles int   // 20
	MaxBytes int64 // 256 MiB; a dump that is larger fails

	// GoTrace has Go's own flight recorder run, if it doesn't yet, and writes what it holds beside each dump, under the
	// same name with the ending .gotrace: see [runtime/trace.FlightRecorder]. It costs some percent of a busy program's
	// time, and spans cost more while it runs.
	GoTrace bool

	// OnDump gets what was written, OnError why a dump failed, once for all failures of a kind that follow each other.
	// The defaults print a line on stderr. They are called on the watcher's goroutine, or on that which panics, and
	// may not call the watcher's Dump and Close.
	OnDump  func(Dump)
	OnError func(error)
}

// A Dump is a file that was written, and why.
type Dump struct {
	Path   string
	Causes []Cause // the first ones, in the order in which they were noticed
	More   int     // how many more there were
}

// A Watcher waits for its triggers, and then writes what the flight recorder holds to a file. Its methods may be called
// concurrently, and do nothing on a nil *Watcher, which is what a failed [Watch] returns.
type Watcher struct {
	c       Config
	folder  folder
	format  *tracefmt.Format
	parts   []detector
	needs   needs
	con     *trace.Consumer
	gotrace *goTrace
	queue   queue
	signals chan os.Signal

	writing sync.Mutex // held while a dump is written

	problems problems

	stop, stopped chan struct{}
	close         func()
}

// Watch begins to wait for any of the triggers, or, without any, for a [Signal]. It fails if the format isn't known or
// if the directory can't be written to.
func Watch(c Config, triggers ...Trigger) (*Watcher, error) {
	w, err := newWatcher(c)
	if err == nil {
		err = w.folder.check()
	}
	if err != nil {
		return nil, fmt.Errorf("watch for reasons to dump traces: %w", err)
	}
	if len(triggers) == 0 {
		triggers = []Trigger{Signal()}
	}
	var signals []os.Signal
	for _, t := range triggers {
		w.parts = append(w.parts, t.detector())
		w.needs |= t.needs
		signals = append(signals, t.signals...)
	}
	if w.needs&needRecords != 0 {
		w.con = w.c.Recorder.NewConsumer(trace.ConsumerConfig{FromNow: true})
	}
	if w.c.GoTrace {
		w.gotrace = startGoTrace(w.c.OnError)
	}
	if len(signals) > 0 {
		w.signals = make(chan os.Signal, 1)
		signal.Notify(w.signals, signals...)
	}
	go w.run()
	return w, nil
}

// withDefaults returns c without zero fields.
func (c Config) withDefaults() Config {
	c.Dir = cmp.Or(c.Dir, os.TempDir())
	c.Format = cmp.Or(c.Format, ".json")
	c.Recorder = cmp.Or(c.Recorder, trace.Default())
	c.Poll = max(cmp.Or(c.Poll, 250*time.Millisecond), time.Millisecond)
	c.Delay = max(cmp.Or(c.Delay, time.Second), 0)
	c.Interval = max(cmp.Or(c.Interval, time.Minute), 0)
	if c.MaxFiles <= 0 {
		c.MaxFiles = 20
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 256 << 20
	}
	if c.OnDump == nil {
		c.OnDump = func(d Dump) { fmt.Fprintln(os.Stderr, d) }
	}
	if c.OnError == nil {
		c.OnError = func(err error) { fmt.Fprintln(os.Stderr, err) }
	}
	return c
}

// newWatcher returns one that only lacks triggers and a goroutine.
func newWatcher(c Config) (*Watcher, error) {
	c = c.withDefaults()
	format, err := formatOf(c.Format)
	if err != nil {
		return nil, err
	}
	w := &Watcher{c: c, folder: newFolder(c), format: format, stop: make(chan struct{}), stopped: make(chan struct{})}
	w.problems.on = c.OnError
	w.queue = queue{delay: c.Delay, interval: c.Interval, wake: make(chan struct{}, 1)}
	w.close = sync.OnceFunc(w.doClose)
	return w, nil
}

// String returns a line with the file's name and the first cause.
func (d Dump) String() string {
	s := fmt.Sprintf("trace dumped to %s because of %v", d.Path, d.Causes[0])
	if more := len(d.Causes) - 1 + d.More; more > 0 {
		s += fmt.Sprintf(", and %d more", more)
	}
	return s
}

// closeTimeout bounds how long Close waits for a disk.
const closeTimeout = 10 * time.Second

// Close looks a last time, writes the dump that is due, unless Config.Interval forbids it, and ends the watcher. For a
// dump that is being written it waits, but no longer than ten seconds: a disk may hang. The signals of the triggers do
// what they did before.
func (w *Watcher) Close() {
	if w != nil {
		w.close()
	}
}

func (w *Watcher) doClose() {
	if w.signals != nil {
		signal.Stop(w.signals)
	}
	close(w.stop)
	select {
	case <-w.stopped:
	case <-time.After(closeTimeout):
		w.problems.report(errors.New("end the watch for reasons to dump traces: a dump hangs"))
	}
}

// pace bounds the part of the time that goes into looking: one in so many.
const pace = 50

func (w *Watcher) run() {
	defer close(w.stopped)
	defer w.gotrace.close()
	poll := time.NewTimer(w.c.Poll)
	defer poll.Stop()
	if w.needs == 0 {
		poll.Stop()
	}
	for {
		select {
		case <-w.stop:
			w.look()
			w.queue.hurry()
			w.dumpIfDue()
			w.queue.close()
			return
		case <-poll.C:
			begin := time.Now()
			w.look()
			poll.Reset(max(w.c.Poll, (pace-1)*time.Since(begin)))
		case s := <-w.signals:
			w.see(&batch{now: w.c.Recorder.Now(), signal: s})
		case <-w.queue.wake:
		case <-w.queue.due():
		}
		w.dumpIfDue()
	}
}

// maxBatches bounds how much of what a program recorded since the last look is looked at: it may record faster than
// anybody can read.
const maxBatches = 24

// look looks for what was recorded since the last time, and at what is open.
func (w *Watcher) look() {
	if w.needs&needRecords != 0 {
		for more, n := true, 0; more && n < maxBatches; n++ {
			var records []trace.Record
			records, more = w.con.Poll()
			w.see(&batch{now: w.c.Recorder.Now(), records: records})
		}
	}
	if w.needs&needOpen != 0 {
		open := w.c.Recorder.Active()
		begun := open[:0]
		for _, r := range open {
			if r.Phase == trace.PhaseBegin {
				begun = append(begun, r)
			}
		}
		w.see(&batch{now: w.c.Recorder.Now(), open: begun, looked: true})
	}
}

// see shows a batch to all triggers. What they fire is in the order of time, so that of errors that are handed on
// outwards the innermost comes first.
func (w *Watcher) see(b *batch) {
	var causes []Cause
	for _, part := range w.parts {
		causes = append(causes, w.ask(part, b)...)
	}
	sortByTime(causes)
	w.queue.add(causes...)
}

// ask asks one trigger. Its Match may be anybody's code.
func (w *Watcher) ask(part detector, b *batch) (causes []Cause) {
	defer func() {
		if v := recover(); v != nil {
			w.problems.report(fmt.Errorf("a trigger's Match panicked: %v", v))
		}
	}()
	return part(b)
}

// Fire makes the watcher write a dump, as if a trigger had fired. It returns at once, and costs no more than a lock.
// reason is a line that tells why; the dump shows it on the innermost task or span of ctx.
func (w *Watcher) Fire(ctx context.Context, reason string) {
	if w != nil {
		w.queue.add(w.cause(ctx, "manual", reason))
	}
}

// Dump is like Fire, but waits until the file is there, and returns its name. If it is too early for one, the error is
// a [*TooSoonError]. When ctx is done, Dump returns, and the dump is written nevertheless.
func (w *Watcher) Dump(ctx context.Context, reason string) (path string, err error) {
	if w == nil {
		return "", ErrClosed
	}
	return w.dump(ctx, w.cause(ctx, "manual", reason))
}

func (w *Watcher) dump(ctx context.Context, c Cause) (path string, err error) {
	done, err := w.queue.request(c)
	if err != nil {
		return "", err
	}
	select {
	case r := <-done:
		return r.path, r.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// cause returns a cause that is about the innermost task or span of ctx.
func (w *Watcher) cause(ctx context.Context, name, reason string) Cause {
	c := Cause{Trigger: name, Reason: cut(reason), Time: w.c.Recorder.Now()}
	if trace.RecorderFromContext(ctx) == w.c.Recorder {
		c.Span = trace.FromContext(ctx).ID()
	}
	return c
}
