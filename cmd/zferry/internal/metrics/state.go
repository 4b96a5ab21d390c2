package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spanstack/spanstack/internal/outfile"
)

// Report is what a run of a job did.
type Report struct {
	Version  string // of the program; only for WriteTextfile
	Job      string
	Ended    time.Time
	Err      error             // nil if all of it succeeded
	Failed   map[string]uint64 // how many steps have failed, by kind: "snapshot", "replicate", "prune"
	Datasets []Dataset         // that were replicated, or were to be
	Whole    []string          // targets whose datasets are all in Datasets: others of them are forgotten
}

// Dataset is what became of one dataset at one target.
type Dataset struct {
	Target, Dataset string
	Newest          time.Time // creation of the newest snapshot that both sides have; zero if it isn't known
	Bytes           int64     // received
	Duration        time.Duration
	Err             error
}

// State is what is known of jobs, by name. It is kept as JSON.
type State struct {
	Jobs map[string]*Job `json:"jobs"`
}

// Job is what is known of a job.
type Job struct {
	Since       time.Time                       `json:"since,omitzero"` // it is known since then
	LastRun     time.Time                       `json:"last_run,omitzero"`
	LastSuccess time.Time                       `json:"last_success,omitzero"`
	Failed      bool                            `json:"failed,omitempty"` // the last run
	LastError   string                          `json:"last_error,omitempty"`
	LastErrorAt time.Time                       `json:"last_error_at,omitzero"`
	Runs        uint64                          `json:"runs,omitempty"`
	Errors      map[string]uint64               `json:"errors,omitempty"` // by kind of step
	Slots       map[string]time.Time            `json:"slots,omitempty"`  // the newest that was taken, by part
	Wanted      bool                            `json:"wanted,omitempty"` // somebody has asked for a run that hasn't ended
	Targets     map[string]map[string]*Progress `json:"targets,omitempty"`
}

// Progress is what is known of a dataset at a target.
type Progress struct {
	LastSuccess time.Time     `json:"last_success,omitzero"`
	Newest      time.Time     `json:"newest,omitzero"`
	Bytes       uint64        `json:"bytes,omitempty"`
	Duration    time.Duration `json:"duration,omitempty"`
	Errors      uint64        `json:"errors,omitempty"`
	Failed      string        `json:"failed,omitempty"` // the last error, "" if there was none since
}

// Job returns what is known of a job, which is known from now on.
func (s *State) Job(name string, now time.Time) *Job {
	if s.Jobs == nil {
		s.Jobs = map[string]*Job{}
	}
	j := s.Jobs[name]
	if j == nil {
		j = &Job{Since: now}
		s.Jobs[name] = j
	}
	return j
}

// Wanted returns the jobs that somebody has asked for, and that haven't ended since.
func (s *State) Wanted() map[string]bool {
	list := map[string]bool{}
	for name, j := range s.Jobs {
		if j.Wanted {
			list[name] = true
		}
	}
	return list
}

// Add adds what a run did.
func (s *State) Add(r Report) {
	j := s.Job(r.Job, r.Ended)
	j.LastRun, j.Failed = r.Ended, r.Err != nil
	j.Runs++
	if r.Err != nil {
		j.LastError, j.LastErrorAt = r.Err.Error(), r.Ended
	} else {
		j.LastSuccess = r.Ended
	}
	for step, n := range r.Failed {
		if j.Errors == nil {
			j.Errors = map[string]uint64{}
		}
		j.Errors[step] += n
	}
	present := map[[2]string]bool{}
	for _, d := range r.Datasets {
		present[[2]string{d.Target, d.Dataset}] = true
		j.dataset(d.Target, d.Dataset).add(d, r.Ended)
	}
	for _, target := range r.Whole {
		for name := range j.Targets[target] {
			if !present[[2]string{target, name}] {
				delete(j.Targets[target], name)
			}
		}
	}
}

func (j *Job) dataset(target, name string) *Progress {
	if j.Targets == nil {
		j.Targets = map[string]map[string]*Progress{}
	}
	if j.Targets[target] == nil {
		j.Targets[target] = map[string]*Progress{}
	}
	p := j.Targets[target][name]
	if p == nil {
		p = &Progress{}
		j.Targets[target][name] = p
	}
	return p
}

func (p *Progress) add(d Dataset, now time.Time) {
	p.Bytes += uint64(max(d.Bytes, 0))
	p.Duration = d.Duration
	if !d.Newest.IsZero() {
		p.Newest = d.Newest
	}
	if d.Err != nil {
		p.Errors++
		p.Failed = d.Err.Error()
		return
	}
	p.LastSuccess, p.Failed = now, ""
}

// Lag returns the age of the newest snapshot that a target has of a dataset, of the one that is most behind. If there is none
// that is known, it is the time since the job is known, and known is false.
func (j *Job) Lag(target string, now time.Time) (lag time.Duration, known bool) {
	lag, known = -1, len(j.Targets[target]) > 0
	for _, p := range j.Targets[target] {
		since := p.Newest
		if since.IsZero() {
			since, known = j.Since, false
		}
		lag = max(lag, now.Sub(since))
	}
	if lag < 0 {
		lag = max(0, now.Sub(j.Since))
	}
	return lag, known
}

// Load reads a file that Save wrote. One that isn't there is an empty state.
func Load(path string) (*State, error) {
	s := &State{}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(data, s)
	}
	if err != nil {
		return &State{}, fmt.Errorf("read state %s: %w", path, err)
	}
	for name, j := range s.Jobs {
		if j == nil {
			delete(s.Jobs, name)
		}
	}
	return s, nil
}

// Save writes the state to a file, as a whole or not at all.
func (s *State) Save(path string) error {
	data, err := json.Marshal(s)
	if err == nil {
		file := &outfile.File{Name: path, Mode: 0o600, Sync: true}
		err = file.Fill(func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}
