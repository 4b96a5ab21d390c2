package config

import (
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/logging/logconfig"
	"github.com/spanstack/spanstack/trace/capture"
)

// Endpoint is where a dataset is, and Connection how other hosts are reached: see package endpoint.
type (
	Endpoint   = endpoint.Endpoint
	Connection = endpoint.Connection
)

// Config is the configuration of a daemon. Its fields, and those of the structs in it, are in YAML by their tags.
type Config struct {
	Log     *Log     `yaml:"log"`      // nil: lines on stderr
	Trace   *Trace   `yaml:"trace"`    // nil: what SPANSTACK_TRACE says
	Listen  Address  `yaml:"listen"`   // metrics and health
	Socket  string   `yaml:"socket"`   // control
	State   string   `yaml:"state"`    // the file that is kept over restarts
	MaxJobs int      `yaml:"max_jobs"` // at a time; 0 is DefaultMaxJobs
	Include []string `yaml:"include"`  // patterns of further files with jobs, relative to the file's directory

	Connection `yaml:",inline"` // how other hosts are reached, where jobs and targets don't say so themselves

	Jobs     []Job    `yaml:"jobs"`
	Path     string   // of the file
	Included []string // files that were included
}

// Defaults of a configuration, and of its jobs.
const (
	DefaultListen  = "localhost:9810"
	DefaultMaxJobs = 2
	DefaultBackoff = Duration(time.Minute)
	DefaultRetries = 2
	MaxBackoff     = Duration(15 * time.Minute)
	DefaultStuck   = Duration(30 * time.Minute)
)

// Log is package logconfig's schema.
type Log struct{ logconfig.Config }

// Trace is a file as of --trace.
type Trace struct {
	capture.FileConfig
	text string
}

// Job is what is done to a dataset, and when.
type Job struct {
	Name   string   `yaml:"name"`
	Source Endpoint `yaml:"source"`

	Connection `yaml:",inline"` // how the source's host is reached, and those of targets that don't say so themselves

	Recursive bool       `yaml:"recursive"` // the datasets below, too
	Include   []Glob     `yaml:"include"`   // of those, only these
	Exclude   []Glob     `yaml:"exclude"`   // of those, not these
	Zone      Zone       `yaml:"zone"`      // of its cron expressions; the zero value is the system's
	Snapshot  *Snapshot  `yaml:"snapshot"`
	Replicate *Replicate `yaml:"replicate"`
	Prune     *Prune     `yaml:"prune"`
	Jitter    Duration   `yaml:"jitter"`  // it starts up to that much later
	Timeout   Duration   `yaml:"timeout"` // of a run; 0 is none
	Retry     Retry      `yaml:"retry"`
	Alert     Alert      `yaml:"alert"`

	file *file  // where it is from
	path string // in that
}

// When says when a part of a job runs: one of its fields is set.
type When struct {
	Every Duration `yaml:"every"`
	Cron  Cron     `yaml:"cron"`
	After string   `yaml:"after"` // the part of the job that it follows: AfterSnapshot, AfterReplicate
}

// Values of When.After.
const (
	AfterSnapshot  = "snapshot"
	AfterReplicate = "replicate"
)

// Snapshot takes snapshots.
type Snapshot struct {
	Template  Template `yaml:"template"` // of their names
	Zone      Zone     `yaml:"zone"`     // of the time in the names; the zero value is UTC
	When      `yaml:",inline"`
	IfWritten bool `yaml:"if_written"` // only of datasets with changes since their newest snapshot
}

// Replicate replicates to targets, one after the other.
type Replicate struct {
	Targets []Target `yaml:"targets"`
	When    `yaml:",inline"`
}

// Target is where to replicate to, and how: the fields are the flags of zferry replicate.
type Target struct {
	To Endpoint `yaml:"to"`

	Connection `yaml:",inline"` // how its host is reached

	IncludeSnapshots []Glob   `yaml:"include_snapshots"`
	ExcludeSnapshots []Glob   `yaml:"exclude_snapshots"`
	ExcludeProperty  []Pair   `yaml:"exclude_property"`
	Newest           bool     `yaml:"newest"`
	AllowPlaintext   bool     `yaml:"allow_plaintext"`
	NoLargeBlocks    bool     `yaml:"no_large_blocks"`
	NoEmbedded       bool     `yaml:"no_embedded"`
	NoCompressed     bool     `yaml:"no_compressed"`
	Properties       bool     `yaml:"properties"`
	Set              []Pair   `yaml:"set"`
	Ignore           []string `yaml:"ignore"`
	Mount            bool     `yaml:"mount"`
	Rollback         bool     `yaml:"rollback"`
	DestroyDiverged  bool     `yaml:"destroy_diverged"`
	Verify           bool     `yaml:"verify"`
	Cursor           string   `yaml:"cursor"`
	Hold             string   `yaml:"hold"`
	Jobs             int      `yaml:"jobs"`
	Limit            Rate     `yaml:"limit"`
	Retries          *int     `yaml:"retries"`
	StallTimeout     Duration `yaml:"stall_timeout"`
	Deadline         Duration `yaml:"deadline"`
}

// Prune destroys snapshots that no rule keeps, on the source, on the targets, or both.
type Prune struct {
	Source *Keep `yaml:"source"`
	Target *Keep `yaml:"target"`
	When   `yaml:",inline"`
}

// Keep are the rules by which snapshots are kept: the fields are the flags of zferry prune. A snapshot that one of them keeps
// is kept. Which snapshots they are about says Match, or, without that, the job's template: see Job.Policy.
type Keep struct {
	Match        Regexp   `yaml:"match"`
	Last         int      `yaml:"keep_last"`
	Grid         []Grid   `yaml:"keep_grid"`
	Names        []Regexp `yaml:"keep_match"`
	OtherNames   []Regexp `yaml:"keep_not_match"`
	Younger      Duration `yaml:"keep_younger"`
	Older        Duration `yaml:"keep_older"`
	Unreplicated bool     `yaml:"keep_unreplicated"`
	StaleCursors bool     `yaml:"stale_cursors"`
}

// keepsNothing reports whether there is no rule.
func (k *Keep) keepsNothing() bool {
	return k.Last == 0 && len(k.Grid) == 0 && len(k.Names) == 0 && len(k.OtherNames) == 0 && k.Younger == 0 && k.Older == 0 && !k.Unreplicated
}

// Retry says how often and when a part of a job that has failed is tried again.
type Retry struct {
	Attempts   *int     `yaml:"attempts"` // after the first one; nil is DefaultRetries
	Backoff    Duration `yaml:"backoff"`  // before the first of them, then twice as long each time; 0 is DefaultBackoff
	MaxBackoff Duration `yaml:"max_backoff"`
}

// Alert says when somebody has to look.
type Alert struct {
	Lag     Duration `yaml:"lag"`     // the newest replicated snapshot of a target is older; 0 is never
	Overdue Duration `yaml:"overdue"` // the job's last success is longer ago; 0 is never
	Stuck   Duration `yaml:"stuck"`   // a step runs that long without progress; 0 is DefaultStuck
}
