package config

import (
	"strings"
	"time"

	"github.com/spanstack/spanstack/zfssend/prune"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// This file says what a job that was loaded means to the packages that do it.

// Selects reports whether a dataset is one of the job's: the source, or one below it, as "zferry replicate" has it by --include and
// --exclude.
func (j *Job) Selects(dataset string) bool {
	path, below := strings.CutPrefix(dataset, j.Source.Dataset+"/")
	if !below {
		path = "."
	}
	if dataset != j.Source.Dataset && (!below || !j.Recursive) {
		return false
	}
	filter := j.filter()
	return filter.Dataset(path, nil)
}

func (j *Job) filter() replicate.Filter {
	return replicate.Filter{Include: globs(j.Include), Exclude: globs(j.Exclude)}
}

func globs(list []Glob) (all []replicate.Glob) {
	for _, g := range list {
		all = append(all, g.Glob)
	}
	return all
}

// DefaultTargetRetries is how often a dataset is tried again within a run, without [Target].Retries.
const DefaultTargetRetries = 2

// Options returns how one of the job's targets is replicated to.
func (j *Job) Options(t *Target) replicate.Options {
	o := replicate.Options{
		Recursive: j.Recursive, Filter: j.filter(), Newest: t.Newest, Plaintext: t.AllowPlaintext,
		NoLargeBlock: t.NoLargeBlocks, NoEmbedded: t.NoEmbedded, NoCompressed: t.NoCompressed,
		Properties: t.Properties, Set: pairs(t.Set), Exclude: t.Ignore, Mount: t.Mount,
		Rollback: t.Rollback, DestroyDiverged: t.DestroyDiverged,
		Verify: t.Verify, Cursor: t.Cursor, Hold: t.Hold, Workers: t.Jobs, Retries: DefaultTargetRetries,
	}
	o.Filter.IncludeSnapshots, o.Filter.ExcludeSnapshots = globs(t.IncludeSnapshots), globs(t.ExcludeSnapshots)
	o.Filter.ExcludeProperties = pairs(t.ExcludeProperty)
	if t.Limit > 0 {
		o.Limit = replicate.NewLimiter(int64(t.Limit))
	}
	if t.Retries != nil {
		o.Retries = *t.Retries
	}
	return o
}

func pairs(list []Pair) map[string]string {
	values := make(map[string]string)
	for _, p := range list {
		values[p.Name] = p.Value
	}
	return values
}

// Policy returns which snapshots rules of the job keep. Its Match are the names that match, or that the job's template makes: all
// others are never touched.
func (j *Job) Policy(k *Keep) (p prune.Policy, err error) {
	zone := time.UTC
	switch {
	case k.Match.re != nil:
		p.Match = k.Match.re.MatchString
	case j.Snapshot != nil:
		p.Match = j.Snapshot.Names().Match
	default:
		p.Match = func(string) bool { return false } // that is an error of the configuration
	}
	if j.Snapshot != nil {
		zone = j.Snapshot.Zone.Or(time.UTC)
	}
	p.StaleCursors = k.StaleCursors
	if k.Last > 0 {
		last, err := prune.KeepLast(k.Last)
		if err != nil {
			return p, err
		}
		p.Rules = append(p.Rules, last)
	}
	for _, g := range k.Grid {
		grid, err := prune.ParseGrid(string(g), zone)
		if err != nil {
			return p, err
		}
		p.Rules = append(p.Rules, grid)
	}
	p.Rules = append(p.Rules, k.plain()...)
	return p, nil
}

// plain returns the rules that can't be wrong.
func (k *Keep) plain() (rules []prune.Rule) {
	for _, r := range k.Names {
		rules = append(rules, prune.KeepMatching(r.re, false))
	}
	for _, r := range k.OtherNames {
		rules = append(rules, prune.KeepMatching(r.re, true))
	}
	if k.Younger > 0 {
		rules = append(rules, prune.KeepYounger(time.Duration(k.Younger)))
	}
	if k.Older > 0 {
		rules = append(rules, prune.KeepOlder(time.Duration(k.Older)))
	}
	if k.Unreplicated {
		rules = append(rules, prune.KeepUnreplicated())
	}
	return rules
}
