package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/schedule"
	"github.com/spanstack/spanstack/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }

// bench runs a scheduler in a bubble, and notes what it runs.
type bench struct {
	t     *testing.T
	s     *schedule.Scheduler
	start time.Time
	stop  func()

	mu    sync.Mutex
	notes []string
}

func newBench(t *testing.T, c schedule.Config) *bench {
	b := &bench{t: t, start: time.Now()}
	if c.Clock == nil {
		c.Clock = &steppedClock{start: time.Now()}
	}
	b.s = schedule.New(c)
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error)
	go func() { ended <- b.s.Run(ctx) }()
	b.stop = func() {
		cancel(errors.New("stopped"))
		if err := <-ended; err == nil || err.Error() != "stopped" {
			t.Errorf("it ends with %v", err)
		}
	}
	return b
}

func (b *bench) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notes = append(b.notes, fmt.Sprintf("%v ", time.Since(b.start).Round(time.Second))+fmt.Sprintf(format, args...))
}

// want compares the notes so far, and forgets them.
func (b *bench) want(notes ...string) {
	b.t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.Sort(b.notes) // those of one moment come in any order
	slices.Sort(notes)
	if got, want := strings.Join(b.notes, "\n"), strings.Join(notes, "\n"); got != want {
		b.t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	b.notes = nil
}

// job is one that takes a time.
func (b *bench) job(name, revision string, takes time.Duration, parts ...schedule.Part) schedule.Job {
	return schedule.Job{Name: name, Revision: revision, Parts: parts, Run: func(ctx context.Context, r schedule.Run) {
		text := name + revision + " " + strings.Join(r.Parts, "+")
		if r.Missed > 0 {
			text += fmt.Sprintf(" (%d missed)", r.Missed)
		}
		b.note("%s", text)
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			b.note("%s canceled", name)
		}
	}}
}

func every(t *testing.T, name string, d time.Duration) schedule.Part {
	return schedule.Part{Name: name, Slots: slots(t, schedule.Spec{Every: d})}
}

// steppedClock is the bubble's, with a wall clock that can be set.
type steppedClock struct {
	start time.Time
	mu    sync.Mutex
	off   time.Duration
}

func (c *steppedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Round(0).Add(c.off)
}
func (c *steppedClock) Since() time.Duration { return time.Since(c.start) }
func (c *steppedClock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += d
}

// TestParts: those that are due together are one run, in the job's order.
func TestParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, schedule.Config{})
		b.s.Set([]schedule.Job{b.job("a", "", time.Minute, every(t, "snapshot", time.Hour), every(t, "prune", 2*time.Hour))}, 0)
		time.Sleep(150 * time.Minute)
		b.want("1h0m0s a snapshot", "2h0m0s a snapshot+prune")
		b.stop()
	})
}

// TestOnce: a job that takes longer than its interval runs once at a time, and once after that.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, schedule.Config{})
		b.s.Set([]schedule.Job{b.job("a", "", 150*time.Minute, every(t, "x", time.Hour))}, 0)
		time.Sleep(7 * time.Hour)
		b.want("1h0m0s a x", "3h30m0s a x (1 missed)", "6h0m0s a x (2 missed)")
		b.stop()
		b.want("7h0m0s a canceled")
	})
}

// TestLimit: jobs wait for each other in their order, and one that pauses lets others run.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, schedule.Config{})
		pausing := schedule.Job{Name: "p", Parts: []schedule.Part{every(t, "x", time.Hour)}, Run: func(ctx context.Context, r schedule.Run) {
			b.note("p begins")
			err := r.Pause(ctx, time.Minute)
			b.note("p goes on: %v", err)
			time.Sleep(time.Minute)
		}}
		b.s.Set([]schedule.Job{pausing, b.job("a", "", 10*time.Minute, every(t, "x", time.Hour)), b.job("b", "", 10*time.Minute, every(t, "x", time.Hour))}, 1)
		time.Sleep(90 * time.Minute)
		b.want("1h0m0s p begins", "1h0m0s a x", "1h10m0s b x", "1h20m0s p goes on: <nil>")
		time.Sleep(30*time.Minute + 30*time.Second)
		b.want("2h0m0s p begins", "2h0m0s a x")
		b.stop()
		b.want("2h0m30s a canceled", "2h0m30s p goes on: stopped")
	})
}

// TestWallClock: the loop notices a clock that is set, and makes up for what was missed, once.
func TestWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &steppedClock{start: time.Now()}
		b := newBench(t, schedule.Config{Clock: clock})
		b.s.Set([]schedule.Job{b.job("a", "", time.Minute, every(t, "x", time.Hour))}, 0)
		time.Sleep(90*time.Minute + 5*time.Second)
		clock.step(10 * time.Hour)
		time.Sleep(time.Minute)
		b.want("1h0m0s a x", "1h30m10s a x (9 missed)")
		clock.step(-10 * time.Hour)
		time.Sleep(95 * time.Minute)
		b.want("3h0m0s a x")
		b.stop()
	})
}

// TestSet: jobs that are the same go on, others are replaced when they are idle, and removed ones end.
func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, schedule.Config{})
		part := every(t, "x", time.Hour)
		same, changed, removed := b.job("same", "1", time.Minute, part), b.job("changed", "1", 30*time.Minute, part), b.job("removed", "1", 30*time.Minute, part)
		b.s.Set([]schedule.Job{same, changed, removed}, 0)
		time.Sleep(65 * time.Minute)
		b.want("1h0m0s same1 x", "1h0m0s changed1 x", "1h0m0s removed1 x")
		b.s.Set([]schedule.Job{b.job("changed", "2", time.Minute, every(t, "x", 20*time.Minute)), same, b.job("new", "1", time.Minute, part)}, 0)
		var states []string
		for _, s := range b.s.States() {
			states = append(states, fmt.Sprintf("%s %v %v", s.Name, s.Running, s.Replaced))
		}
		if got, want := strings.Join(states, ", "), "changed true true, same false false, new false false, removed true true"; got != want {
			t.Errorf("states %s, want %s", got, want)
		}
		time.Sleep(60 * time.Minute)
		b.want("1h40m0s changed2 x", "2h0m0s changed2 x", "2h0m0s same1 x", "2h0m0s new1 x")
		if n := len(b.s.States()); n != 3 {
			t.Errorf("%d jobs are left", n)
		}
		b.s.Set(nil, 0)
		time.Sleep(2 * time.Hour)
		b.want()
		b.stop()
	})
}

// TestTrigger: a job that is asked for runs all of its parts, those without slots, too, and once more if it ran just then.
func TestTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, schedule.Config{})
		b.s.Set([]schedule.Job{b.job("a", "", time.Minute, schedule.Part{Name: "by hand"}, every(t, "x", 24*time.Hour))}, 0)
		for range 3 {
			if err := b.s.Trigger("a"); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Second)
		b.s.Trigger("a")
		b.s.Trigger("a")
		time.Sleep(5 * time.Minute)
		b.want("0s a by hand+x", "1m0s a by hand+x")
		if err := b.s.Trigger("nobody"); !errors.Is(err, schedule.ErrUnknown{Name: "nobody"}) {
			t.Errorf("an unknown job: %v", err)
		}
		b.stop()
	})
}

// TestAlive: a loop that doesn't come around is dead.
func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{}, 1) // what has it can go on
		free <- struct{}{}
		b := newBench(t, schedule.Config{Tick: time.Second, Beat: func() { <-free; free <- struct{}{} }})
		time.Sleep(time.Minute)
		if !b.s.Alive() {
			t.Error("it is dead")
		}
		<-free
		time.Sleep(time.Minute)
		if b.s.Alive() {
			t.Error("it is alive, and doesn't look at the clock")
		}
		free <- struct{}{}
		time.Sleep(time.Minute)
		if !b.s.Alive() {
			t.Error("it doesn't recover")
		}
		b.stop()
		if b.s.Alive() {
			t.Error("it is alive after its end")
		}
	})
}
