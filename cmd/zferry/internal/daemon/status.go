package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
	"github.com/spanstack/spanstack/cmd/zferry/internal/schedule"
)

// Status is what a daemon tells of itself.
type Status struct {
	Version string       `json:"version"`
	Now     time.Time    `json:"now"`
	Started time.Time    `json:"started"`
	Alive   bool         `json:"alive"` // the scheduler's loop comes around
	Config  ConfigStatus `json:"config"`
	Jobs    []JobStatus  `json:"jobs"`
}

// ConfigStatus is about the configuration.
type ConfigStatus struct {
	Path    string    `json:"path"`
	Loaded  time.Time `json:"loaded"`
	Error   string    `json:"error,omitempty"`   // why the newest one isn't used
	Restart []string  `json:"restart,omitempty"` // fields whose change needs a restart
}

// States of a job.
const (
	StateIdle    = "idle"
	StateQueued  = "queued" // it waits for others to end
	StateRunning = "running"
	StatePausing = "pausing" // it waits for another attempt
)

// JobStatus is about a job.
type JobStatus struct {
	Name        string         `json:"name"`
	State       string         `json:"state"`
	Since       time.Time      `json:"since,omitzero"`  // of the state
	Step        *StepStatus    `json:"step,omitempty"`  // that runs
	Stuck       bool           `json:"stuck,omitempty"` // nothing has moved for longer than alert.stuck
	Next        time.Time      `json:"next,omitzero"`
	Replaced    bool           `json:"replaced,omitempty"` // another configuration waits for its end
	LastRun     time.Time      `json:"last_run,omitzero"`
	LastSuccess time.Time      `json:"last_success,omitzero"`
	Failed      bool           `json:"failed,omitempty"`     // the last run
	LastError   string         `json:"last_error,omitempty"` // of any run
	LastErrorAt time.Time      `json:"last_error_at,omitzero"`
	Targets     []TargetStatus `json:"targets,omitempty"`
	Alerts      []string       `json:"alerts,omitempty"` // what somebody has to look at
}

// StepStatus is about the step that runs.
type StepStatus struct {
	Step    string    `json:"step"`
	Target  string    `json:"target,omitempty"`
	Attempt int       `json:"attempt"`
	Since   time.Time `json:"since"`
	Moved   time.Time `json:"moved"` // when it last got on
	Dataset string    `json:"dataset,omitempty"`
	Bytes   int64     `json:"bytes,omitempty"`
	Done    int       `json:"done,omitempty"`
	Total   int       `json:"total,omitempty"`
	Until   time.Time `json:"until,omitzero"`  // of the pause before another attempt
	Error   string    `json:"error,omitempty"` // of the attempt before the pause
}

// TargetStatus is about a target.
type TargetStatus struct {
	To         string  `json:"to"`
	Datasets   int     `json:"datasets"`
	LagSeconds float64 `json:"lag_seconds"` // age of the newest snapshot that is there, of the dataset that is most behind
	Known      bool    `json:"known"`       // else it is since when the job is known
	Alert      bool    `json:"alert,omitempty"`
}

// begin notes that a step begins, and returns what it tells its progress to.
func (d *Daemon) begin(job, step, target string, attempt int) Tell {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &StepStatus{Step: step, Target: target, Attempt: attempt, Since: d.now(), Moved: d.now()}
	d.current[job] = s
	return func(p Progress) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if p.Dataset != s.Dataset || p.Bytes != s.Bytes || p.Done != s.Done {
			s.Moved = d.now()
		}
		s.Dataset, s.Bytes, s.Done, s.Total = p.Dataset, p.Bytes, p.Done, p.Total
	}
}

// pausing notes that a job waits for another attempt.
func (d *Daemon) pausing(job, step, target string, attempt int, pause time.Duration, cause error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	d.current[job] = &StepStatus{Step: step, Target: target, Attempt: attempt, Since: now, Moved: now, Until: now.Add(pause), Error: cause.Error()}
}

// idle notes that a job is between two steps.
func (d *Daemon) idle(job string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.current, job)
}

// Status returns what there is to tell.
func (d *Daemon) Status() *Status {
	states, alive := d.scheduler.States(), d.scheduler.Alive()
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &Status{Version: d.options.Version, Now: d.now(), Started: d.started, Alive: alive, Jobs: []JobStatus{},
		Config: ConfigStatus{Path: d.config.Path, Loaded: d.loaded, Error: d.reject, Restart: d.restart}}
	for _, state := range states {
		i := slices.IndexFunc(d.config.Jobs, func(j config.Job) bool { return j.Name == state.Name })
		j := &config.Job{Name: state.Name} // one that was removed, and ends
		if i >= 0 {
			j = &d.config.Jobs[i]
		}
		s.Jobs = append(s.Jobs, d.jobStatus(j, state, s.Now))
	}
	return s
}

func (d *Daemon) jobStatus(j *config.Job, state schedule.State, now time.Time) JobStatus {
	s := JobStatus{Name: j.Name, State: StateIdle, Since: state.Since, Next: state.Next, Replaced: state.Replaced}
	switch step := d.current[j.Name]; {
	case state.Running:
		s.State = StateRunning
		if step == nil {
			break
		}
		copied := *step
		s.Step = &copied
		if !step.Until.IsZero() {
			s.State = StatePausing
		} else if stuck := time.Duration(j.Alert.Stuck); stuck > 0 && now.Sub(step.Moved) >= stuck {
			s.Stuck = true
		}
	case state.Queued:
		s.State = StateQueued
	}
	known := d.state.Jobs[j.Name]
	if known == nil {
		known = &metrics.Job{Since: now}
	}
	s.LastRun, s.LastSuccess, s.Failed = known.LastRun, known.LastSuccess, known.Failed
	s.LastError, s.LastErrorAt = known.LastError, known.LastErrorAt
	s.setTargets(j, known, now)
	s.setAlerts(j, known, now)
	return s
}

func (s *JobStatus) setTargets(j *config.Job, known *metrics.Job, now time.Time) {
	if j.Replicate == nil {
		return
	}
	for _, t := range j.Replicate.Targets {
		lag, ok := known.Lag(t.To.String(), now)
		s.Targets = append(s.Targets, TargetStatus{To: t.To.String(), Datasets: len(known.Targets[t.To.String()]), LagSeconds: lag.Seconds(),
			Known: ok, Alert: j.Alert.Lag > 0 && lag > time.Duration(j.Alert.Lag)})
	}
}

func (s *JobStatus) setAlerts(j *config.Job, known *metrics.Job, now time.Time) {
	for _, t := range s.Targets {
		if t.Alert {
			s.Alerts = append(s.Alerts, fmt.Sprintf("%s lags behind by more than %v", t.To, j.Alert.Lag))
		}
	}
	since := known.LastSuccess
	if since.IsZero() {
		since = known.Since
	}
	if j.Alert.Overdue > 0 && now.Sub(since) > time.Duration(j.Alert.Overdue) {
		s.Alerts = append(s.Alerts, fmt.Sprintf("no success for more than %v", j.Alert.Overdue))
	}
}

// Problems returns what is wrong, a line each; none if all is well.
func (s *Status) Problems() (list []string) {
	if !s.Alive {
		list = append(list, "the scheduler hangs")
	}
	for _, j := range s.Jobs {
		if j.Failed {
			list = append(list, fmt.Sprintf("job %s failed: %s", j.Name, firstLine(j.LastError)))
		}
		if j.Stuck {
			list = append(list, fmt.Sprintf("job %s is stuck: nothing has moved since %s", j.Name, j.Step.Moved.Format(time.RFC3339)))
		}
		for _, a := range j.Alerts {
			list = append(list, fmt.Sprintf("job %s: %s", j.Name, a))
		}
	}
	return list
}
