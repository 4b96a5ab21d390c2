package daemon

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// Results returns what became of each dataset of a replication from source. One that is nothing but a place for others has no
// snapshots, and isn't among them. When the newest snapshots were taken, zfs is asked with one listing of all of dataset, two
// processes; the error is that one's, and the results are without it then.
func Results(ctx context.Context, source zfssend.Host, dataset string, recursive bool, report *replicate.Report) ([]metrics.Dataset, error) {
	unknown := func(zfssend.Version) (time.Time, bool) { return time.Time{}, false }
	newest, err := newestOf(ctx, source, dataset, recursive, report, unknown)
	return resultsOf(report, newest), err
}

func resultsOf(report *replicate.Report, newest map[uint64]time.Time) (list []metrics.Dataset) {
	for _, d := range report.Datasets {
		v, ok := reachedBy(d)
		if d.Err == nil && !ok {
			continue
		}
		list = append(list, metrics.Dataset{Dataset: d.Plan.Source, Bytes: d.Bytes, Duration: d.Duration, Err: d.Err, Newest: newest[v.GUID]})
	}
	return list
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

// newestOf returns when the snapshots were taken that datasets have reached, by their GUIDs: as a guess says, or, of all that it
// doesn't know, as one listing does. The listings of a plan don't tell, since zfs would have to read each snapshot for it.
func newestOf(ctx context.Context, source zfssend.Host, dataset string, recursive bool, report *replicate.Report,
	guess func(zfssend.Version) (time.Time, bool)) (map[uint64]time.Time, error) {
	found, missing := make(map[uint64]time.Time), make(map[uint64]bool)
	for _, d := range report.Datasets {
		v, ok := reachedBy(d)
		if !ok {
			continue
		}
		if at, ok := guess(v); ok {
			found[v.GUID] = at
		} else {
			missing[v.GUID] = true
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	list, err := source.List(ctx, dataset, zfssend.ListOptions{Recursive: recursive, Creation: true})
	for _, d := range list {
		for _, v := range d.Versions {
			if missing[v.GUID] {
				found[v.GUID] = v.Creation
			}
		}
	}
	return found, err
}

// creations knows when the newest snapshots that targets have were taken. The cheapest answer counts: what a former run has found
// out, then the snapshot's name, if the job's template tells the time in it to the minute, and else a listing.
type creations struct {
	mu sync.Mutex
	of map[string]map[uint64]time.Time // by job and target, those of the last run by GUID
}

// results returns what became of a job's datasets at a target.
func (c *creations) results(ctx context.Context, source zfssend.Host, j *config.Job, t *config.Target, report *replicate.Report) []metrics.Dataset {
	key := j.Name + " " + t.To.String()
	c.mu.Lock()
	before := c.of[key]
	c.mu.Unlock()
	byName := func(string) (time.Time, bool) { return time.Time{}, false }
	if s := j.Snapshot; s != nil && s.Exact(time.Now()) {
		byName = s.Names().Time
	}
	newest, err := newestOf(ctx, source, j.Source.Dataset, j.Recursive, report, func(v zfssend.Version) (time.Time, bool) {
		if at, ok := before[v.GUID]; ok {
			return at, true
		}
		return byName(strings.TrimPrefix(v.Name, "@"))
	})
	if err != nil {
		logging.GetLogger(ctx, subsystem).Warn("it isn't known how far the target lags behind", "target", t.To, "error", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[key] = newest
	return resultsOf(report, newest)
}
