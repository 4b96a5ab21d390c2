package daemon

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// creations knows when the newest snapshots that targets have were taken. Listings for a plan don't tell, since zfs would have to
// read each snapshot for it. The cheapest answer counts: what a former run has found out, then the snapshot's name, if the job's
// template tells the time in it to the minute, and for all that are left one listing, whatever the number of datasets.
type creations struct {
	mu sync.Mutex
	of map[string]map[uint64]time.Time // by job and target, those of the last run by GUID
}

// reachedBy returns the newest snapshot or bookmark of the source that the target has now. With an error, it is known only if a step
// has succeeded.
func reachedBy(d *replicate.DatasetResult) (v zfssend.Version, ok bool) {
	if d.Err == nil {
		return d.Plan.Latest, d.Plan.Latest.GUID != 0
	}
	if len(d.Steps) == 0 {
		return v, false
	}
	last := d.Steps[len(d.Steps)-1].Step
	if len(last.GUIDs) == 0 {
		return v, false
	}
	return zfssend.Version{Name: last.To(), GUID: last.GUIDs[len(last.GUIDs)-1]}, true
}

// newest returns when the snapshots were taken that datasets have reached, by their GUIDs. What can't be found out is left out.
func (c *creations) newest(ctx context.Context, source zfssend.Host, j *config.Job, t *config.Target, report *replicate.Report) map[uint64]time.Time {
	key := j.Name + " " + t.To.String()
	c.mu.Lock()
	before := c.of[key]
	c.mu.Unlock()
	byName := func(string) (time.Time, bool) { return time.Time{}, false }
	if s := j.Snapshot; s != nil && s.Exact(time.Now()) {
		byName = s.Names().Time
	}
	now, missing := make(map[uint64]time.Time), make(map[uint64]bool)
	for _, d := range report.Datasets {
		v, ok := reachedBy(d)
		if !ok {
			continue
		}
		if at, ok := before[v.GUID]; ok {
			now[v.GUID] = at
		} else if at, ok := byName(strings.TrimPrefix(v.Name, "@")); ok {
			now[v.GUID] = at
		} else {
			missing[v.GUID] = true
		}
	}
	if len(missing) > 0 {
		c.list(ctx, source, j, missing, now)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[key] = now
	return now
}

// list asks zfs for those that are missing.
func (c *creations) list(ctx context.Context, source zfssend.Host, j *config.Job, missing map[uint64]bool, found map[uint64]time.Time) {
	list, err := source.List(ctx, j.Source.Dataset, zfssend.ListOptions{Recursive: j.Recursive, Creation: true})
	if err != nil {
		logging.GetLogger(ctx, subsystem).Warn("it isn't known how far targets lag behind", "error", err)
		return
	}
	for _, d := range list {
		for _, v := range d.Versions {
			if missing[v.GUID] {
				found[v.GUID] = v.Creation
			}
		}
	}
}
