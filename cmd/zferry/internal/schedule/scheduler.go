package schedule

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Config configures a Scheduler. Zero fields mean the defaults.
type Config struct {
	Clock Clock         // System
	Limit int           // jobs at a time; 0 is no limit
	Tick  time.Duration // the longest time between two looks at the clock, 10 s
	Beat  func()        // called at each look
}

// Job is what a Scheduler runs.
type Job struct {
	Name     string
	Revision string // two jobs of a name that differ, differ in it
	Parts    []Part
	// Run runs parts of the job, and returns soon after ctx is done.
	Run func(ctx context.Context, r Run)
}

// Part is a part of a job that has slots of its own. Parts with nil Slots run only when asked for.
type Part struct {
	Name  string
	Slots *Slots
	Last  time.Time // slots up to it are done; zero is now
}

// Run is one run of a job.
type Run struct {
	Parts  []string // in the job's order
	Manual bool     // it was asked for, as Scheduler.Trigger does
	Missed int      // how many slots have passed that had no run
	// Pause waits, and lets other jobs run meanwhile. It returns the cause of the end of ctx, if that is why.
	Pause func(ctx context.Context, d time.Duration) error
}

// Scheduler runs jobs when they are due. Its methods may be called concurrently.
type Scheduler struct {
	config Config
	wake   chan struct{}

	mu      sync.Mutex
	jobs    []*job
	queue   []*waiter
	running int // jobs that count
	ended   bool
	beat    time.Duration // the last look, by Clock.Since
	all     sync.WaitGroup
}

// waiter waits for its turn.
type waiter struct {
	job *job
	run func() // called with the lock held
}

type job struct {
	Job
	tables  []*Timetable // of Parts; nil where there are no slots
	due     map[string]bool
	manual  bool
	missed  int
	active  bool // it runs, or waits for its turn
	running bool
	since   time.Time // when it began to run or to wait
	next    *Job      // what replaces it when it has ended
	gone    bool      // it was removed, and ends
}

// New returns a Scheduler without jobs.
func New(c Config) *Scheduler {
	if c.Clock == nil {
		c.Clock = System
	}
	c.Tick = cmp.Or(c.Tick, 10*time.Second)
	return &Scheduler{config: c, wake: make(chan struct{}, 1), beat: c.Clock.Since()}
}

// Set replaces the jobs. One of the same revision goes on as it is. One that runs is replaced, or removed, when it has ended;
// parts that keep their slots keep their place in them.
func (s *Scheduler) Set(jobs []Job, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config.Limit = limit
	old := s.jobs
	s.jobs = nil
	for _, definition := range jobs {
		i := slices.IndexFunc(old, func(j *job) bool { return j.Name == definition.Name && !j.gone })
		if i < 0 {
			s.jobs = append(s.jobs, s.newJob(definition, nil))
			continue
		}
		j := old[i]
		old = slices.Delete(old, i, i+1)
		s.jobs = append(s.jobs, j)
		switch {
		case j.Revision == definition.Revision:
			j.next = nil
		case j.running:
			j.next = &definition
		default:
			s.replace(j, definition)
		}
	}
	for _, j := range old {
		s.remove(j)
	}
	s.wakeUp()
}

// remove drops a job, or lets it end.
func (s *Scheduler) remove(j *job) {
	if j.running {
		j.gone, j.next = true, nil
		s.jobs = append(s.jobs, j)
		return
	}
	s.queue = slices.DeleteFunc(s.queue, func(w *waiter) bool { return w.job == j })
}

func (s *Scheduler) newJob(definition Job, before *job) *job {
	j := &job{Job: definition, due: map[string]bool{}}
	for _, part := range definition.Parts {
		var table *Timetable
		if part.Slots != nil {
			if table = before.table(part); table == nil {
				table = NewTimetable(part.Slots, s.config.Clock, part.Last)
			}
		}
		j.tables = append(j.tables, table)
	}
	return j
}

// table returns the timetable of a part that has kept its slots.
func (j *job) table(part Part) *Timetable {
	if j == nil {
		return nil
	}
	for i, p := range j.Parts {
		if p.Name == part.Name && p.Slots != nil && p.Slots.equal(part.Slots) {
			return j.tables[i]
		}
	}
	return nil
}

func (p *Slots) equal(q *Slots) bool {
	a, b := p.spec, q.spec
	a.Zone, b.Zone = nil, nil
	return a == b && p.spec.Zone.String() == q.spec.Zone.String()
}

// replace gives a job that doesn't run another definition. One that waits goes on waiting, with the parts that are left.
func (s *Scheduler) replace(j *job, definition Job) {
	n := s.newJob(definition, j)
	j.Job, j.tables, j.next = n.Job, n.tables, nil
	for name := range j.due {
		if !slices.ContainsFunc(j.Parts, func(p Part) bool { return p.Name == name }) {
			delete(j.due, name)
		}
	}
}

// ErrUnknown is the error for a job that there isn't.
type ErrUnknown struct{ Name string }

// Error implements error.
func (e ErrUnknown) Error() string { return fmt.Sprintf("there is no job %q", e.Name) }

// Trigger makes all parts of a job due. If it runs just now, it runs once more after that.
func (s *Scheduler) Trigger(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.Name == name && !j.gone {
			for _, p := range j.Parts {
				j.due[p.Name] = true
			}
			j.manual = true
			s.wakeUp()
			return nil
		}
	}
	return ErrUnknown{name}
}

func (s *Scheduler) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run runs jobs until ctx is done, and those that run have returned.
func (s *Scheduler) Run(ctx context.Context) error {
	for {
		if s.config.Beat != nil {
			s.config.Beat()
		}
		timer := time.NewTimer(s.turn(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			s.mu.Lock()
			s.ended = true
			s.queue = nil
			s.mu.Unlock()
			s.all.Wait()
			return context.Cause(ctx)
		case <-s.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// turn starts what is due, as far as there is room, and returns how long to wait.
func (s *Scheduler) turn(ctx context.Context) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beat = s.config.Clock.Since()
	now, wait := s.config.Clock.Now(), s.config.Tick
	for _, j := range s.jobs {
		if j.gone {
			continue
		}
		j.look()
		if !j.active && len(j.due) > 0 {
			j.active, j.since = true, now
			s.queue = append(s.queue, &waiter{j, func() { s.start(ctx, j) }})
		}
		if next := j.nextSlot(); !next.IsZero() {
			wait = min(wait, max(next.Sub(now), time.Millisecond))
		}
	}
	for len(s.queue) > 0 && (s.config.Limit == 0 || s.running < s.config.Limit) {
		w := s.queue[0]
		s.queue = s.queue[1:]
		s.running++
		w.run()
	}
	return wait
}

// look takes the slots that are due.
func (j *job) look() {
	for i, table := range j.tables {
		if table == nil {
			continue
		}
		if _, missed, due := table.Take(); due {
			if j.due[j.Parts[i].Name] {
				missed++ // it was due before, and hasn't had its turn
			}
			j.due[j.Parts[i].Name] = true
			j.missed += missed
		}
	}
}

// nextSlot returns the first one of all parts; zero if there is none.
func (j *job) nextSlot() (next time.Time) {
	for _, table := range j.tables {
		if table == nil {
			continue
		}
		if at := table.Next(); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// start starts a job. The lock is held.
func (s *Scheduler) start(ctx context.Context, j *job) {
	r := Run{Manual: j.manual, Missed: j.missed}
	for _, p := range j.Parts {
		if j.due[p.Name] {
			r.Parts = append(r.Parts, p.Name)
		}
	}
	r.Pause = func(ctx context.Context, d time.Duration) error { return s.pause(ctx, j, d) }
	clear(j.due)
	j.manual, j.missed, j.running, j.since = false, 0, true, s.config.Clock.Now()
	run := j.Run
	s.all.Add(1)
	go func() {
		defer s.all.Done()
		defer s.end(j)
		run(ctx, r)
	}()
}

// end notes that a job has ended.
func (s *Scheduler) end(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	j.active, j.running = false, false
	switch {
	case j.gone:
		s.jobs = slices.DeleteFunc(s.jobs, func(other *job) bool { return other == j })
	case j.next != nil:
		s.replace(j, *j.next)
	}
	s.wakeUp()
}

// pause gives a job's place away for a time.
func (s *Scheduler) pause(ctx context.Context, j *job, d time.Duration) error {
	s.mu.Lock()
	s.running--
	s.wakeUp()
	s.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	turn := make(chan struct{})
	w := &waiter{j, func() { close(turn) }}
	s.mu.Lock()
	if ctx.Err() != nil || s.ended {
		s.running++ // for as long as it takes to end
		s.mu.Unlock()
		return context.Cause(ctx)
	}
	s.queue = append(s.queue, w)
	s.wakeUp()
	s.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		select {
		case <-turn:
		default:
			s.queue = slices.DeleteFunc(s.queue, func(other *waiter) bool { return other == w })
			s.running++
		}
		return context.Cause(ctx)
	}
}

// State is what a Scheduler knows of a job.
type State struct {
	Name            string
	Queued, Running bool
	Since           time.Time            // of Queued or Running
	Next            time.Time            // zero if there is none
	Replaced        bool                 // another definition, or its removal, waits for its end
	Last            map[string]time.Time // the newest slot of each part that was taken
}

// States returns those of all jobs, in the order of Set.
func (s *Scheduler) States() []State {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]State, len(s.jobs))
	for i, j := range s.jobs {
		list[i] = State{Name: j.Name, Queued: j.active && !j.running || !j.active && len(j.due) > 0, Running: j.running,
			Next: j.nextSlot(), Replaced: j.gone || j.next != nil, Last: map[string]time.Time{}}
		if j.active {
			list[i].Since = j.since
		}
		for k, table := range j.tables {
			if table != nil {
				list[i].Last[j.Parts[k].Name] = table.Last()
			}
		}
	}
	return list
}

// Alive reports whether the clock was looked at of late.
func (s *Scheduler) Alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended && s.config.Clock.Since()-s.beat < 3*s.config.Tick
}
