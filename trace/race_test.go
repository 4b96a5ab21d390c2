package trace_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// A chaos is a program whose goroutines share all of their contexts and spans, which no sane program does: everything
// that can be done is done to each of them, from everywhere, at any time.
type chaos struct {
	rec      *trace.Recorder
	root     context.Context
	slots    [32]atomic.Pointer[slot]
	wg       sync.WaitGroup // goroutines of trace.Go
	instants atomic.Int64   // events, log lines, counters and links
	switches atomic.Uint64  // of the level: odd while one is under way
	level    atomic.Uint32

	mu       sync.Mutex
	spans    []*trace.Span
	recorded map[trace.ID]bool // those that were surely started at LevelRecording
	cancels  []context.CancelCauseFunc
}

type slot struct {
	ctx  context.Context
	span *trace.Span
}

func newChaos(c trace.Config) *chaos {
	c.Logger = slog.New(slog.DiscardHandler)
	x := &chaos{rec: trace.NewRecorder(c), recorded: map[trace.ID]bool{}}
	x.root = trace.WithRecorder(context.Background(), x.rec)
	for i := range x.slots {
		x.slots[i].Store(&slot{ctx: x.root})
	}
	return x
}

// run lets goroutines do so many things each, and then ends what is open.
func (x *chaos) run(seed uint64, goroutines, steps int) {
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() { x.act(rand.New(rand.NewPCG(seed, uint64(i))), steps, 0) })
	}
	wg.Wait()
	x.wg.Wait()
	for _, s := range x.spans {
		s.End()
	}
	for _, cancel := range x.cancels {
		cancel(nil)
	}
}

// act does random things. depth is how many goroutines are around this one.
func (x *chaos) act(r *rand.Rand, steps, depth int) {
	for range steps {
		s := x.slots[r.IntN(len(x.slots))].Load()
		switch op := r.IntN(100); {
		case op < 12:
			x.start(r, s.ctx, trace.WithTask)
		case op < 36:
			x.start(r, s.ctx, trace.WithSpan)
		case op < 42:
			x.start(r, s.ctx, trace.WithAsyncSpan)
		case op < 45:
			if trace.FromContext(s.ctx) != nil {
				x.instants.Add(1) // a link
			}
			x.start(r, s.ctx, trace.Detach)
		case op < 48 && depth < 2:
			x.spawn(r, s.ctx, depth)
		case op < 51 && depth < 2:
			x.group(r, s.ctx, depth)
		case op < 72:
			x.end(r, s.span)
		case op < 90:
			x.say(r, s.span)
		case op < 98:
			x.derive(r, s)
		default:
			runtime.Gosched()
		}
	}
}

func (x *chaos) start(r *rand.Rand, ctx context.Context, start starter) {
	var attrs []slog.Attr
	if r.IntN(3) == 0 {
		attrs = append(attrs, slog.Int("plain", 1), slog.Any("any", []int{1}))
	}
	before := x.switches.Load()
	ctx, s := start(ctx, "span", attrs...)
	x.started(r, before, ctx, s)
}

// started notes a span that was started when the level had been switched so often.
func (x *chaos) started(r *rand.Rand, before uint64, ctx context.Context, s *trace.Span) {
	if s == nil {
		return
	}
	x.mu.Lock()
	x.spans = append(x.spans, s)
	if trace.Level(x.level.Load()) == trace.LevelRecording && before%2 == 0 && before == x.switches.Load() {
		x.recorded[s.ID()] = true
	}
	x.mu.Unlock()
	x.slots[r.IntN(len(x.slots))].Store(&slot{ctx, s})
}

func (x *chaos) spawn(r *rand.Rand, ctx context.Context, depth int) {
	before, seed := x.switches.Load(), r.Uint64()
	x.wg.Add(1)
	trace.Go(ctx, "go", func(inner context.Context) {
		defer x.wg.Done()
		r := rand.New(rand.NewPCG(seed, 0))
		x.started(r, before, inner, newSpan(inner, ctx))
		x.act(r, 10, depth+1)
	})
}

func (x *chaos) group(r *rand.Rand, ctx context.Context, depth int) {
	before := x.switches.Load()
	g, gctx := trace.WithTaskGroup(ctx, "group")
	x.started(r, before, gctx, newSpan(gctx, ctx))
	if r.IntN(2) == 0 {
		g.SetLimit(1)
	}
	for range r.IntN(4) {
		before, seed := x.switches.Load(), r.Uint64()
		g.Go("member", func(inner context.Context) error {
			r := rand.New(rand.NewPCG(seed, 0))
			x.started(r, before, inner, newSpan(inner, gctx))
			x.act(r, 10, depth+1)
			switch r.IntN(6) {
			case 0:
				return errors.New("broken")
			case 1:
				panic("boom")
			case 2:
				runtime.Goexit()
			case 3:
				return context.Cause(inner)
			}
			return nil
		})
	}
	waitOrRecover(g)
}

func (x *chaos) end(r *rand.Rand, s *trace.Span) {
	if err := []error{nil, errors.New("broken"), context.Canceled}[r.IntN(3)]; r.IntN(2) == 0 {
		s.EndErr(&err)
	} else {
		s.End()
	}
}

// say does what may be done to an open span, whether it is open or not.
func (x *chaos) say(r *rand.Rand, s *trace.Span) {
	op := r.IntN(10)
	if s != nil && op < 5 {
		x.instants.Add(1)
	}
	switch op {
	case 0:
		s.Event("event", slog.Any("any", struct{}{}))
	case 1:
		s.Log(time.Now(), slog.LevelInfo, "line")
	case 2:
		s.Counter("counter", 1)
	case 3:
		s.CounterFloat("counter", 1)
	case 4:
		s.Link(x.slots[r.IntN(len(x.slots))].Load().span.Ref())
	case 5:
		s.SetAttrs(slog.Int("set", 1), slog.Any("any", r))
	case 6:
		s.SetError(errors.New("set"))
	case 7:
		s.Stack()
	case 8:
		s.Ended()
	case 9:
		s.Name()
		s.Ref()
	}
}

func (x *chaos) derive(r *rand.Rand, s *slot) {
	ctx := s.ctx
	switch r.IntN(6) {
	case 0, 1:
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		x.mu.Lock()
		x.cancels = append(x.cancels, cancel)
		x.mu.Unlock()
	case 2:
		ctx = context.WithoutCancel(ctx)
	case 3:
		ctx = context.WithValue(ctx, slot{}, 1)
	case 4:
		x.mu.Lock()
		if n := len(x.cancels); n > 0 {
			x.cancels[r.IntN(n)](errors.New("cause"))
		}
		x.mu.Unlock()
	case 5:
		ctx = x.root
	}
	x.slots[r.IntN(len(x.slots))].Store(&slot{ctx, s.span})
}

// switchLevels switches the level, and all else that a recorder can be asked to do, until stop is closed.
func (x *chaos) switchLevels(r *rand.Rand, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		l := []trace.Level{trace.LevelRecording, trace.LevelRecording, trace.LevelIDs, trace.LevelOff}[r.IntN(4)]
		x.switches.Add(1)
		x.rec.SetLevel(l)
		x.level.Store(uint32(l))
		x.switches.Add(1)
		x.rec.SetSites(r.IntN(8) == 0)
		x.rec.SetProfileLabels(r.IntN(8) == 0)
		for range r.IntN(50) {
			runtime.Gosched()
		}
	}
}

// look reads in all the ways that there are, until stop is closed, and returns what is wrong with what it reads.
func (x *chaos) look(stop chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		for _, records := range [][]trace.Record{x.rec.Active(), x.rec.Snapshot()} {
			if err := checkNesting(records, true); err != nil {
				return err
			}
		}
		if err := newReader(x.rec, trace.ConsumerConfig{}).poll(); err != nil {
			return err
		}
		late := newReader(x.rec, trace.ConsumerConfig{FromNow: true})
		for range 2 {
			if err := late.poll(); err != nil {
				return err
			}
		}
	}
}

// TestConcurrentPrograms checks that nothing panics or hangs, and that a patient consumer gets every task and span
// once, under a parent that it gets, too, in a time that is inside the one around it.
func TestConcurrentPrograms(t *testing.T) {
	for _, switching := range []bool{false, true} {
		name := "recording"
		if switching {
			name = "levels switch"
		}
		t.Run(name, func(t *testing.T) {
			runs := 30
			switch {
			case testing.Short():
				runs = 5
			case raceDetector:
				runs = 15
			}
			for range runs {
				seed := rand.Uint64()
				finishes(t, func() { concurrentProgram(t, seed, switching) })
				if t.Failed() {
					t.Fatalf("with the seed %#x", seed)
				}
			}
		})
	}
}

func concurrentProgram(t *testing.T, seed uint64, switching bool) {
	x := newChaos(trace.Config{})
	patient := newReader(x.rec, trace.ConsumerConfig{})
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		if err := x.look(stop); err != nil {
			t.Error(err)
		}
	})
	others.Go(func() {
		for {
			if err := patient.poll(); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-stop:
				return
			default:
				runtime.Gosched()
			}
		}
	})
	if switching {
		others.Go(func() { x.switchLevels(rand.New(rand.NewPCG(seed, 1)), stop) })
	}
	x.run(seed, 6, 300)
	close(stop)
	others.Wait()
	if t.Failed() {
		return
	}
	if err := patient.poll(); err != nil {
		t.Fatal(err)
	}
	x.checkAll(t, patient, switching)
}

func (x *chaos) checkAll(t *testing.T, r *reader, switching bool) {
	if r.lost+uint64(r.lostEnds) > 0 {
		t.Errorf("a patient consumer lost %d records", r.lost)
	}
	started := map[trace.ID]bool{}
	for _, s := range x.spans {
		started[s.ID()] = true
	}
	for id := range x.recorded {
		if !r.done[id] {
			t.Errorf("%v was recorded, but the consumer didn't get its end", id)
		}
	}
	for _, rec := range r.records {
		if !started[rec.ID] && rec.Name != trace.StartedWhileOff {
			t.Errorf("nobody started %v %q", rec.ID, rec.Name)
		}
	}
	for id := range r.begun {
		if !r.done[id] && started[id] {
			t.Errorf("%v was begun, and never ended", id)
		}
	}
	if orphans := r.orphans(); orphans != nil {
		t.Errorf("the parents of %d records never came: %.200q", len(orphans), orphans)
	}
	if err := checkNesting(r.records, false); err != nil {
		t.Error(err)
	}
	anomalies := 0
	for m := trace.NoTask; m <= trace.TooDeep; m++ {
		anomalies += int(x.rec.Anomalies(m))
	}
	if !switching && (r.anomalies != anomalies || r.instants-anomalies != int(x.instants.Load()) || len(r.records) != len(started)) {
		t.Errorf("%d spans, %d anomalies, %d other instants came, want %d, %d, %d", len(r.records), r.anomalies, r.instants-r.anomalies,
			len(started), anomalies, x.instants.Load())
	}
	if switching && (r.anomalies > anomalies || r.instants-r.anomalies > int(x.instants.Load())) {
		t.Errorf("%d anomalies, %d other instants came, want at most %d, %d", r.anomalies, r.instants-r.anomalies, anomalies, x.instants.Load())
	}
}

// TestConcurrentLosses: what a slow consumer gets, and what it is told that it lost, is all that was recorded.
func TestConcurrentLosses(t *testing.T) {
	x := newChaos(trace.Config{Bytes: 64 << 10, LogBytes: 16 << 10})
	slow, stop := newReader(x.rec, trace.ConsumerConfig{}), make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for x.rec.Level(); ; {
			if err := slow.poll(); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond): // that is what makes it slow
			}
		}
	})
	finishes(t, func() { x.run(rand.Uint64(), 6, 3000) })
	close(stop)
	others.Wait()
	if err := slow.poll(); err != nil {
		t.Fatal(err)
	}
	all := uint64(len(x.spans)) + uint64(x.instants.Load())
	for m := trace.NoTask; m <= trace.TooDeep; m++ {
		all += x.rec.Anomalies(m)
	}
	got := uint64(len(slow.records) + slow.instants)
	if slow.lost == 0 || got+slow.lost != all || slow.consumer.Lost() != slow.lost {
		t.Errorf("%d records came, %d were lost (%d says the consumer), want %d in all", got, slow.lost, slow.consumer.Lost(), all)
	}
	for id := range slow.begun {
		if !slow.done[id] {
			t.Errorf("%v looks as if it were open", id)
		}
	}
}

// finishes fails the test with a dump of all goroutines if f takes too long.
func finishes(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		buf := make([]byte, 1<<22)
		t.Fatalf("it hangs:\n%s", buf[:runtime.Stack(buf, true)])
	}
}
