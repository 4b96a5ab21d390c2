package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
	"github.com/spanstack/spanstack/cmd/zferry/internal/schedule"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// Options are what a daemon is made with.
type Options struct {
	Steps   Steps
	Version string                   // of the program
	Clock   schedule.Clock           // nil is the system's
	Stop    time.Duration            // how long jobs may take to end, 30 s
	Tick    time.Duration            // the longest time between two looks at the clock, 10 s, and less for a watchdog
	Notify  func(state string) error // tells the service manager; nil is systemd, if there is one
	// Describe says in /debug/trace/active what a span's process is doing: see capture.Config. It may be nil.
	Describe func(*trace.Record) string
	// Watchdog is how often the service manager wants to hear that the loop is alive; 0 is never.
	Watchdog time.Duration
}

// Daemon runs jobs. Its methods may be called concurrently.
type Daemon struct {
	options   Options
	scheduler *schedule.Scheduler
	started   time.Time

	mu       sync.Mutex
	config   *config.Config
	loaded   time.Time
	reject   string   // why the newest configuration isn't used
	restart  []string // fields of it that need a restart
	state    *metrics.State
	current  map[string]*StepStatus
	refs     map[string]trace.Ref // of the last runs
	undone   map[string]bool      // jobs that run, or were interrupted
	wanted   map[string]bool      // those of them that somebody has asked for, which no slot makes due again
	saved    error
	statusUp string // what the service manager was told
}

// New returns a daemon of a configuration. It reads the file of its state.
func New(c *config.Config, o Options) (*Daemon, error) {
	if err := o.Steps.check(c); err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = schedule.System
	}
	if o.Stop == 0 {
		o.Stop = 30 * time.Second
	}
	if o.Tick == 0 {
		o.Tick = 10 * time.Second
	}
	if o.Watchdog > 0 {
		o.Tick = min(o.Tick, o.Watchdog/3)
	}
	if o.Notify == nil {
		o.Notify = notifySystemd
	}
	d := &Daemon{options: o, config: c, current: map[string]*StepStatus{}, refs: map[string]trace.Ref{}, undone: map[string]bool{}, wanted: map[string]bool{}, state: &metrics.State{}}
	d.started, d.loaded = d.now(), d.now()
	d.scheduler = schedule.New(schedule.Config{Clock: o.Clock, Tick: o.Tick, Beat: d.beat})
	return d, nil
}

func (d *Daemon) now() time.Time { return d.options.Clock.Now() }

// ErrStuck is the error of a daemon whose jobs don't end when it is stopped.
var ErrStuck = errors.New("jobs didn't end")

// Run runs jobs until ctx is done, and they have ended. If they don't, within Options.Stop, the error Is [ErrStuck]. That ctx
// is done is no error.
func (d *Daemon) Run(ctx context.Context) error {
	d.prepare(ctx) // before anybody asks for jobs
	closeListeners, err := d.listen(ctx)
	if err != nil {
		return err
	}
	defer closeListeners()
	return d.serve(ctx)
}

// prepare reads the state, and gives the scheduler its jobs.
func (d *Daemon) prepare(ctx context.Context) {
	if err := d.loadState(); err != nil {
		logging.GetLogger(ctx, subsystem).Warn("what was known of former runs is lost", "error", err)
	}
	d.setJobs()
	d.mu.Lock()
	d.wanted = d.state.Wanted()
	names := slices.Collect(maps.Keys(d.wanted))
	d.mu.Unlock()
	for _, name := range names {
		_ = d.Trigger(name) // it is one of the jobs
	}
}

// serve runs what was prepared.
func (d *Daemon) serve(ctx context.Context) (err error) {
	log := logging.GetLogger(ctx, subsystem)
	ended := make(chan error, 1)
	go func() { ended <- d.scheduler.Run(ctx) }()
	d.notify(ctx, "READY=1")
	log.Info("daemon is ready", "jobs", len(d.scheduler.States()), "version", d.options.Version)
	<-ctx.Done()
	d.notify(ctx, "STOPPING=1")
	log.Info("daemon stops", "cause", context.Cause(ctx))
	timer := time.NewTimer(d.options.Stop)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		err = fmt.Errorf("%w within %v: %s", ErrStuck, d.options.Stop, strings.Join(d.running(), ", "))
	}
	d.save(ctx)
	return err
}

// running returns the jobs that run.
func (d *Daemon) running() (names []string) {
	for _, s := range d.scheduler.States() {
		if s.Running {
			names = append(names, s.Name)
		}
	}
	return names
}

func (d *Daemon) loadState() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.config.State == "" {
		return nil
	}
	s, err := metrics.Load(d.config.State)
	d.state = s
	return err
}

// setJobs gives the scheduler the jobs of the configuration, and forgets others.
func (d *Daemon) setJobs() {
	d.mu.Lock()
	defer d.mu.Unlock()
	var jobs []schedule.Job
	known := map[string]bool{}
	for i := range d.config.Jobs {
		j := &d.config.Jobs[i]
		known[j.Name] = true
		jobs = append(jobs, d.scheduled(j))
	}
	maps.DeleteFunc(d.state.Jobs, func(name string, _ *metrics.Job) bool { return !known[name] })
	d.scheduler.Set(jobs, d.config.MaxJobs)
}

// scheduled returns a job for the scheduler. Parts that follow others have no slots.
func (d *Daemon) scheduled(j *config.Job) schedule.Job {
	known := d.state.Job(j.Name, d.now())
	job := schedule.Job{Name: j.Name, Revision: j.Revision(), Run: func(ctx context.Context, r schedule.Run) { d.run(ctx, j, r) }}
	add := func(part string, w *config.When) {
		job.Parts = append(job.Parts, schedule.Part{Name: part, Slots: j.Slots(w), Last: known.Slots[part]})
	}
	if j.Snapshot != nil {
		add(partSnapshot, &j.Snapshot.When)
	}
	if j.Replicate != nil {
		add(partReplicate, &j.Replicate.When)
	}
	if j.Prune != nil {
		add(partPrune, &j.Prune.When)
	}
	for t := range known.Targets { // that the job no longer has
		if j.Replicate == nil || !slices.ContainsFunc(j.Replicate.Targets, func(x config.Target) bool { return x.To.String() == t }) {
			delete(known.Targets, t)
		}
	}
	return job
}

// Reload reads the configuration again. If anything is wrong with it, the old one stays in use.
func (d *Daemon) Reload(ctx context.Context) error {
	d.notify(ctx, reloading())
	defer d.notify(ctx, "READY=1")
	log := logging.GetLogger(ctx, subsystem)
	d.mu.Lock()
	path := d.config.Path
	d.mu.Unlock()
	c, err := config.Load(path)
	if err == nil {
		err = d.options.Steps.check(c)
	}
	d.mu.Lock()
	if err != nil {
		d.reject = err.Error()
		d.mu.Unlock()
		log.Error("the new configuration isn't used, the old one stays", "config", path, "error", err)
		return err
	}
	d.restart = needRestart(d.config, c)
	restart := d.restart
	c.Log, c.Listen, c.Socket, c.State, c.Trace = d.config.Log, d.config.Listen, d.config.Socket, d.config.State, d.config.Trace
	d.config, d.loaded, d.reject = c, d.now(), ""
	d.mu.Unlock()
	d.setJobs()
	log.Info("configuration was read again", "config", path, "jobs", len(c.Jobs))
	if len(restart) > 0 {
		log.Warn("some of the configuration needs a restart", "fields", strings.Join(restart, ", "))
	}
	return nil
}

// needRestart returns the fields that differ and are looked at only at the start.
func needRestart(old, c *config.Config) (list []string) {
	parts := func(c *config.Config) map[string]*config.Config {
		return map[string]*config.Config{"log": {Log: c.Log}, "listen": {Listen: c.Listen}, "socket": {Socket: c.Socket}, "state": {State: c.State}, "trace": {Trace: c.Trace}}
	}
	before, after := parts(old), parts(c)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		a, errA := config.Marshal(before[name])
		b, errB := config.Marshal(after[name])
		if string(a) != string(b) || errA != nil || errB != nil {
			list = append(list, name)
		}
	}
	return list
}

// Trigger makes all of a job due now.
func (d *Daemon) Trigger(name string) error { return d.scheduler.Trigger(name) }

// begun notes that a job runs, by its span, and returns that of the run before.
func (d *Daemon) begun(name string, ref trace.Ref, manual bool) trace.Ref {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.refs[name]
	d.refs[name] = ref
	d.undone[name] = true
	if manual {
		d.wanted[name] = true
	}
	return before
}

func (d *Daemon) permanent(err error) bool {
	return d.options.Steps.Permanent != nil && d.options.Steps.Permanent(err)
}

// ended notes what a run did. One that was interrupted, since the daemon stops, is as if it had not been.
func (d *Daemon) ended(ctx context.Context, j *config.Job, r metrics.Report, interrupted bool) {
	d.mu.Lock()
	delete(d.current, j.Name)
	if interrupted {
		d.mu.Unlock()
		return
	}
	delete(d.undone, j.Name)
	delete(d.wanted, j.Name)
	if slices.ContainsFunc(d.config.Jobs, func(other config.Job) bool { return other.Name == j.Name }) {
		d.state.Add(r)
	}
	d.mu.Unlock()
	d.save(ctx)
}

// save writes the state, and logs the first failure of several.
func (d *Daemon) save(ctx context.Context) {
	states := d.scheduler.States()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range states {
		j := d.state.Jobs[s.Name]
		if j == nil {
			continue
		}
		j.Wanted = d.wanted[s.Name]
		if !d.undone[s.Name] && !s.Queued { // else it is due again after a restart
			j.Slots = s.Last
		}
	}
	if d.config.State == "" {
		return
	}
	err := d.state.Save(d.config.State)
	if err != nil && d.saved == nil {
		logging.GetLogger(ctx, subsystem).Warn("what is known can't be kept over a restart", "error", err)
	}
	d.saved = err
}
