package trace_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
)

// brief renders records for comparison: "B name", "E name", "X name", or the kind of an instant and its name.
func brief(records []trace.Record) string {
	var out []string
	for _, r := range records {
		switch {
		case r.Kind == trace.KindClock:
		case r.ID == 0:
			out = append(out, r.Kind.String()+" "+r.Name)
		default:
			out = append(out, "XBEGL"[r.Phase:r.Phase+1]+" "+r.Name)
		}
	}
	return strings.Join(out, ", ")
}

// pollAll polls until there is no more.
func pollAll(c *trace.Consumer) (all []trace.Record) {
	for {
		records, more := c.Poll()
		if all = append(all, records...); !more {
			return all
		}
	}
}

func TestConsumerShowsWhatIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tracetest.Strict(t)
		poll := func(c *trace.Consumer, want string) {
			t.Helper()
			records, _ := c.Poll()
			if got := brief(records); got != want {
				t.Errorf("polled %q, want %q", got, want)
			}
		}
		_, early := trace.WithTask(base, "early")
		early.End()
		c := trace.RecorderFromContext(base).NewConsumer(trace.ConsumerConfig{})
		time.Sleep(time.Millisecond)
		ctx, task := trace.WithTask(base, "task")
		actx, a := trace.WithSpan(ctx, "a")
		poll(c, "X early, B task") // a is too young
		time.Sleep(time.Second)
		bctx, b := trace.WithSpan(actx, "b")
		_, short := trace.WithSpan(bctx, "short")
		short.End()
		poll(c, "B a, B b, X short") // b because something in it is delivered
		time.Sleep(time.Second)
		late := trace.RecorderFromContext(base).NewConsumer(trace.ConsumerConfig{FromNow: true})
		poll(late, "B task, B a, B b")
		b.Event("tick")
		time.Sleep(time.Second)
		poll(c, "event tick")
		b.End()
		time.Sleep(time.Second)
		a.End()
		_, d := trace.WithTask(ctx, "child")
		d.End()
		poll(c, "E b, E a, X child")
		time.Sleep(time.Second)
		task.End()
		poll(c, "E task")
		poll(c, "")
		poll(late, "event tick, E b, E a, X child, E task")
	})
}

func TestSnapshotShowsAHangThatBeganBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tracetest.Strict(t)
		ctx, task := trace.WithTask(base, "task", slog.String("dataset", "tank"))
		_, hang := trace.WithSpan(ctx, "hang", slog.Int("n", 7))
		time.Sleep(10 * time.Second)
		rec := trace.RecorderFromContext(base)
		for _, records := range [][]trace.Record{rec.Snapshot(), rec.Active()} {
			if got := brief(records); got != "B task, B hang" {
				t.Fatalf("got %q", got)
			}
			r := records[1]
			if age := time.Duration(rec.Now() - r.Start); age < 10*time.Second-time.Millisecond || len(r.Attrs) != 1 || r.Attrs[0].Value.Int64() != 7 {
				t.Errorf("the hanging span has age %v and attributes %v", age, r.Attrs)
			}
		}
		hang.End()
		task.End()
	})
}

func TestRingIsBoundedAndLossesAreCounted(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{Bytes: 256 << 10, LogBytes: 64 << 10})
	base := trace.WithRecorder(t.Context(), rec)
	slow := rec.NewConsumer(trace.ConsumerConfig{})
	ctx, task := trace.WithTask(base, "task")
	const n = 50_000
	for i := range n {
		_, s := trace.WithSpan(ctx, "span", slog.Int("i", i))
		s.Log(time.Now(), slog.LevelInfo, "line")
		s.End()
	}
	task.End()
	got, lost := 0, uint64(0)
	newest := int64(-1)
	for _, r := range pollAll(slow) {
		switch {
		case r.Kind == trace.KindLoss:
			lost += r.Count
		case r.Kind != trace.KindClock:
			got++
		}
		if r.Kind == trace.KindSpan {
			newest = max(newest, r.Attrs[0].Value.Int64())
		}
	}
	if got+int(lost) != 2*n+1 {
		t.Errorf("%d records delivered and %d lost, want %d in all", got, lost, 2*n+1)
	}
	if newest != n-1 {
		t.Errorf("the newest span is %d, want %d", newest, n-1)
	}
	if max := (256 + 64) << 10 / 40; got > max || got < 1000 {
		t.Errorf("%d records were kept, want at most %d and not too few", got, max)
	}
}

// TestLossTime: a loss is shown where it happened, and not where the consumer read last.
func TestLossTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := trace.NewRecorder(trace.Config{Bytes: 128 << 10, LogBytes: 64 << 10})
		ctx, task := trace.WithTask(trace.WithRecorder(t.Context(), rec), "task")
		con := rec.NewConsumer(trace.ConsumerConfig{})
		pollAll(con)
		task.Log(time.Now(), slog.LevelInfo, "what is kept, in another ring")
		time.Sleep(time.Second)
		burst := rec.Now()
		for range 50_000 {
			_, s := trace.WithSpan(ctx, "span")
			s.End()
		}
		time.Sleep(time.Second)
		task.Log(time.Now(), slog.LevelInfo, "the end")
		losses := 0
		for _, r := range pollAll(con) {
			if r.Kind == trace.KindLoss {
				losses++
				if off := time.Duration(r.Start - burst); off < 0 || off > 100*time.Millisecond {
					t.Errorf("%d records were lost %v after the burst", r.Count, off)
				}
			}
		}
		if losses == 0 {
			t.Error("nothing was lost")
		}
		task.End()
	})
}

func TestDebugLogsDoNotEvictSpans(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{Bytes: 128 << 10, LogBytes: 64 << 10})
	ctx, task := trace.WithTask(trace.WithRecorder(t.Context(), rec), "task")
	_, s := trace.WithSpan(ctx, "precious")
	s.End()
	for range 100_000 {
		task.Log(time.Now(), slog.LevelDebug, "noise")
	}
	task.End()
	if got := brief(rec.Snapshot()); !strings.Contains(got, "X precious") {
		t.Error("log lines evicted a span")
	}
}

func TestLeakedSpansAreBounded(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{MaxOpen: 100})
	base := trace.WithRecorder(t.Context(), rec)
	const n = 10_000
	for range n {
		//lint:ignore tracevet leaks are what this test is about
		trace.WithTask(base, "leak")
	}
	if open := len(rec.Active()); open > 100 || open == 0 || rec.Forgotten() != uint64(n-open) {
		t.Errorf("%d tasks open, %d forgotten", open, rec.Forgotten())
	}
}

// TestConcurrentUse has goroutines that trace at full speed while consumers of all kinds read, and checks afterwards
// that a patient consumer got every span once, under its parent.
func TestConcurrentUse(t *testing.T) {
	base := tracetest.Strict(t)
	rec := trace.RecorderFromContext(base)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			c := rec.NewConsumer(trace.ConsumerConfig{})
			for {
				select {
				case <-stop:
					return
				default:
					c.Poll()
					rec.Active()
					rec.Snapshot()
				}
			}
		})
	}
	const goroutines, rounds = 64, 50
	patient := rec.NewConsumer(trace.ConsumerConfig{})
	g, _ := trace.WithTaskGroup(base, "group")
	for i := range goroutines {
		g.Go(fmt.Sprint("task ", i), func(ctx context.Context) error {
			for j := range rounds {
				sctx, s := trace.WithSpan(ctx, "outer", slog.Int("j", j))
				_, in := trace.WithSpan(sctx, "inner")
				in.SetAttrs(slog.Bool("late", true))
				runtime.Gosched()
				in.End()
				s.End()
			}
			return nil
		})
	}
	var records []trace.Record
	done := make(chan error)
	go func() { done <- g.Wait() }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		records = append(records, pollAll(patient)...)
	}
	close(stop)
	readers.Wait()
	begun, ended := map[trace.ID]bool{}, map[trace.ID]bool{}
	for _, r := range records {
		switch {
		case r.Kind == trace.KindLoss:
			t.Fatalf("lost %d records", r.Count)
		case r.ID == 0:
		case r.Phase == trace.PhaseBegin:
			if begun[r.ID] || ended[r.ID] {
				t.Errorf("%v began twice, or after its end", r.ID)
			}
			begun[r.ID] = true
		default:
			if ended[r.ID] || begun[r.ID] != (r.Phase == trace.PhaseEnd) {
				t.Errorf("%v: a record of phase %d, begun %v, ended %v", r.ID, r.Phase, begun[r.ID], ended[r.ID])
			}
			ended[r.ID] = true
			if r.End < r.Start {
				t.Errorf("%v ends before its start", r.ID)
			}
		}
	}
	if want := 1 + goroutines*(1+2*rounds); len(ended) != want {
		t.Errorf("%d spans ended, want %d", len(ended), want)
	}
	for _, r := range records {
		if r.Parent != 0 && !ended[r.Parent] {
			t.Errorf("%v %q has an unknown parent", r.ID, r.Name)
		}
	}
}

func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := trace.NewRecorder(trace.Config{MaxAge: time.Minute})
		base := trace.WithRecorder(t.Context(), rec)
		con := rec.NewConsumer(trace.ConsumerConfig{})
		pollAll(con)
		for i := range 10 {
			_, task := trace.WithTask(base, fmt.Sprint("t", i))
			time.Sleep(10 * time.Second)
			task.End()
		}
		if got, want := brief(rec.Snapshot()), "X t3, X t4, X t5, X t6, X t7, X t8, X t9"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if pollAll(con); con.Lost() != 3 {
			t.Errorf("a consumer that came too late lost %d records, want 3", con.Lost())
		}
		for range 100_000 { // the memory goes, too
			_, task := trace.WithTask(base, "t")
			time.Sleep(10 * time.Millisecond)
			task.End()
		}
		if n := len(rec.Snapshot()); n > 6001 || n < 5999 {
			t.Errorf("%d records of the last minute, want 6000", n)
		}
	})
}

// TestQuietTask: the newest records of a task that does little stay, however much others do.
func TestQuietTask(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{Bytes: 128 << 10})
	base := trace.WithRecorder(t.Context(), rec)
	qctx, quiet := trace.WithTask(base, "quiet")
	ctx, busy := trace.WithTask(base, "busy")
	for range 3 {
		for range 20_000 {
			_, s := trace.WithSpan(ctx, "noise")
			s.End()
		}
		_, s := trace.WithSpan(qctx, "signal")
		s.End()
	}
	if n := strings.Count(brief(rec.Snapshot()), "X signal"); n != 3 {
		t.Errorf("%d of 3 spans of the quiet task are there", n)
	}
	busy.End()
	quiet.End()
}

// TestActiveShowsGoneParents: a task whose parent has ended is shown under it.
func TestActiveShowsGoneParents(t *testing.T) {
	base := tracetest.Strict(t)
	ctx, task := trace.WithTask(base, "request")
	ctx, span := trace.WithSpan(ctx, "handler")
	_, job := trace.WithTask(context.WithoutCancel(ctx), "job")
	span.End()
	task.End()
	defer job.End()
	var got []string
	for _, r := range trace.RecorderFromContext(base).Active() {
		got = append(got, fmt.Sprintf("%s %d", r.Name, r.Phase))
		if r.Phase == trace.PhaseGone && r.End < r.Start {
			t.Errorf("%s was open until %d, but began at %d", r.Name, r.End, r.Start)
		}
	}
	want := fmt.Sprintf("request %d, handler %d, job %d", trace.PhaseGone, trace.PhaseGone, trace.PhaseBegin)
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
}

func TestActiveAtLevelIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tracetest.Strict(t)
		rec := trace.RecorderFromContext(base)
		rec.SetLevel(trace.LevelIDs)
		ctx, task := trace.WithTask(base, "task")
		_, span := trace.WithSpan(ctx, "span", slog.Int("n", 1))
		time.Sleep(time.Second)
		a := rec.Active()
		if brief(a) != "B task, B span" || a[1].Attrs[0].Value.Int64() != 1 {
			t.Fatalf("active: %+v", a)
		}
		if age := time.Duration(rec.Now() - a[1].Start); age.Round(time.Microsecond) != time.Second {
			t.Errorf("the span's age is %v, want 1s", age)
		}
		span.End()
		task.End()
		if got := brief(rec.Snapshot()); got != "" {
			t.Errorf("recorded: %s", got)
		}
	})
}

// TestLostEnds: what a consumer saw begin, and lost the end of, doesn't look as if it were open for ever.
func TestLostEnds(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{Bytes: 64 << 10})
	base := trace.WithRecorder(t.Context(), rec)
	ctx, long := trace.WithTask(base, "long")
	_, short := trace.WithTask(ctx, "short")
	con := rec.NewConsumer(trace.ConsumerConfig{})
	pollAll(con)
	short.End()
	for range 20_000 {
		_, other := trace.WithTask(base, "other")
		other.End()
	}
	got := brief(pollAll(con))
	if !strings.Contains(got, "L short") || strings.Contains(got, "L long") {
		t.Errorf("the end of the short task is lost, that of the long one isn't: %.200s", got)
	}
	long.End()
	if got := brief(pollAll(con)); got != "E long" {
		t.Errorf("got %s", got)
	}
}
