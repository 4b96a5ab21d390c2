package replicate

import (
	"slices"
	"sync"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// Progress says how far a replication is.
type Progress struct {
	Active []Activity // the oldest first
	Steps  int        // that have succeeded
	Total  int        // steps of the plan
	Bytes  int64      // received so far
}

// Activity is a step that runs.
type Activity struct {
	Plan  *DatasetPlan
	Step  int // index into Plan.Steps
	Bytes int64
	Since time.Time
}

const progressInterval = 200 * time.Millisecond

// progress collects what Progress tells.
type progress struct {
	call  func(Progress)
	total int

	mu     sync.Mutex
	active []*running
	steps  int
	bytes  int64
}

type running struct {
	Activity
	stream zfssend.Sender
}

func newProgress(call func(Progress), plan *Plan) *progress {
	return &progress{call: call, total: plan.Steps()}
}

// begin notes that a step runs; the function that it returns, that it has ended.
func (p *progress) begin(plan *DatasetPlan, step int, stream zfssend.Sender) func(result *Result, err error) {
	r := &running{Activity{Plan: plan, Step: step, Since: time.Now()}, stream}
	p.mu.Lock()
	p.active = append(p.active, r)
	p.mu.Unlock()
	return func(result *Result, err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.active = slices.DeleteFunc(p.active, func(other *running) bool { return other == r })
		if err == nil { // what failed is still to be done
			p.steps++
		}
		p.bytes += result.Bytes
	}
}

func (p *progress) now() Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := Progress{Steps: p.steps, Total: p.total, Bytes: p.bytes}
	for _, r := range p.active {
		a := r.Activity
		a.Bytes = r.stream.Stats().Bytes
		now.Active, now.Bytes = append(now.Active, a), now.Bytes+a.Bytes
	}
	return now
}

// tell calls Progress until the channel is closed, and then once more.
func (p *progress) tell(ended <-chan struct{}) {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			p.call(p.now())
		case <-ended:
			p.call(p.now())
			return
		}
	}
}
