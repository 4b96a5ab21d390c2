package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

const manyText = `
## Many datasets

%d datasets with 16 KiB of change each, and then with none, are replicated between two pools on %s (%s module), %s, in
the machine of platformtest/vm. All ways start with the very same destination: its pool's file is a copy.
`

const manySlowText = `
### With %d ms of device latency

The same with %d datasets, and with zinject -D %d:%d on the devices of both pools. A zfs set, which waits for a transaction
group, takes %d ms with it, and %d ms without.
`

const manySSHText = `
### Over ssh%s

The same with %d datasets, from one network namespace to another. The pairs share one connection, which is there
already; zferry and syncoid make theirs.
`

const manyNotes = `
- **time** is the median, from the start of the first process to the end of the last one; zferry and syncoid have to look
  first what there is. There were %s; syncoid, version %s, took part in the first one only, since it is slow.
- **of the pairs' speed** is the median of the ratios of all rounds to as many bare pairs at a time, which list nothing and
  check nothing: what zfs send and zfs receive take anyway. **of syncoid's speed** is that to syncoid --no-sync-snap.
- **zfs processes** were counted in a run of their own, in which nothing was timed: %s.
- syncoid takes a snapshot of its own unless it is told not to, so that it always has something to send. Neither mounts what
  it receives.
`

// writeMany writes the results of many datasets: here, and over ssh, those with latency last.
func (r *zfsReport) writeMany(out *bytes.Buffer) {
	all := slices.Concat(r.Many, r.SSH)
	first := all[0]
	fmt.Fprintf(out, manyText, first.Datasets, first.ZFS, r.Variant, first.Kernel)
	for _, res := range all {
		ms := res.Latency.Milliseconds()
		switch {
		case res.SSH && ms > 0:
			fmt.Fprintf(out, manySSHText, fmt.Sprintf(", with %d ms of device latency", ms), res.Datasets)
		case res.SSH:
			fmt.Fprintf(out, manySSHText, "", res.Datasets)
		case ms > 0:
			fmt.Fprintf(out, manySlowText, ms, res.Datasets, ms, deviceLanes, res.SetWith.Milliseconds(), res.SetWithout.Milliseconds())
		}
		out.WriteString("\n")
		t := newTable("what", "way", "time:", "min–max:", "of the pairs' speed:", "of syncoid's speed:", "zfs processes:")
		if res.Latency == 0 {
			t.addMany("no change", idleWays, res.Idle, res.IdleCounts)
		}
		t.addMany("a small increment", smallWays, res.Small, res.Counts)
		t.write(out)
	}
	fmt.Fprintf(out, manyNotes, manyRounds(all), first.Syncoid, r.manyCounts())
}

// manyRounds says how many rounds there were, which may be different numbers for parts that were measured at different times.
func manyRounds(all []manyResult) string {
	var list []int
	for _, res := range all {
		list = append(list, len(res.Small[manyJobs]))
	}
	if least, most := slices.Min(list), slices.Max(list); least != most {
		return fmt.Sprintf("%d to %d rounds", least, most)
	}
	return count(list[0], "round")
}

// addMany adds a line for each way.
func (t *table) addMany(what string, ways []way, s series, counts map[way]int) {
	for _, w := range ways {
		if len(s[w]) == 0 {
			continue
		}
		times := s.of(w, func(p passage) float64 { return p.Time.Seconds() })
		m := median(times) // sorts
		cells := []string{what, string(w), fmt.Sprintf("%.2f s", m), fmt.Sprintf("%.2f–%.2f", times[0], times[len(times)-1]), "", "", ""}
		if peer := pairsOf[w]; peer != "" && len(s[peer]) > 0 {
			cells[4] = fmt.Sprintf("%.3f", median(s.ratios(w, peer)))
		}
		if w != plainSyncoid && len(s[plainSyncoid]) > 0 {
			cells[5] = ratio(s.ofSlow(w, plainSyncoid))
		}
		if n, ok := counts[w]; ok {
			cells[6] = fmt.Sprint(n)
		}
		t.add(cells...)
		what = ""
	}
}

// pairsOf are the bare pairs that do the same work as zferry, as many at a time.
var pairsOf = map[way]way{fewJobs: fewPairs, manyJobs: manyPairs}

// ofSlow returns how many times as fast as a slow peer a way is. The peer was there in the first rounds only.
func (s series) ofSlow(w, peer way) float64 {
	rounds := len(s[peer])
	return median(series{w: s[w][:min(rounds, len(s[w]))], peer: s[peer]}.ratios(w, peer))
}

// manyCounts says how many zfs processes there were, beyond two for each dataset.
func (r *zfsReport) manyCounts() string {
	var text []string
	for _, res := range r.Many {
		if n, ok := res.Counts[manyJobs]; ok {
			text = append(text, fmt.Sprintf("of %d datasets, zferry's are 2 × %d + %d for increments and %d without a change",
				res.Datasets, res.Datasets, n-2*res.Datasets, res.IdleCounts[manyJobs]))
		}
		if n, ok := res.Counts[plainSyncoid]; ok {
			text = append(text, fmt.Sprintf("syncoid's are %.1f a dataset for increments and %.1f without a change",
				float64(n)/float64(res.Datasets), float64(res.IdleCounts[plainSyncoid])/float64(res.Datasets)))
		}
	}
	return strings.Join(text, "; ")
}

// addManyTargets compares with what zferry is to reach with many datasets.
func (r *zfsReport) addManyTargets(t *table) {
	fast, slow := withLatency(r.Many, 0), withLatency(r.Many, deviceLatency)
	t.addTarget("many datasets, no change, against syncoid", "≥ 25 × as fast", fast.Idle.beside(manyJobs, plainSyncoid, 25))
	t.addTarget("many datasets, no change: zfs processes", "≤ 4", fast.idleProcesses(4))
	t.addTarget("many datasets, increments: zfs processes", "2 a dataset and a constant", processes(fast, slow))
	t.addTarget("many datasets, increments, against bare pairs, 4 at a time", "≥ 0.85", fast.Small.target(fewJobs, fewPairs, 0.85))
	t.addTarget("many datasets, increments, against bare pairs, 8 at a time", "≥ 0.85", fast.Small.target(manyJobs, manyPairs, 0.85))
	t.addTarget("many datasets, increments with latency, against bare pairs, 8 at a time", "≥ 0.85", slow.Small.target(manyJobs, manyPairs, 0.85))
	t.addTarget("many datasets, increments with latency, 8 jobs, against syncoid", "≥ 6 × as fast", slow.Small.beside(manyJobs, plainSyncoid, 6))
	fast, slow = withLatency(r.SSH, 0), withLatency(r.SSH, deviceLatency)
	t.addTarget("over ssh, no change, against syncoid", "≥ 25 × as fast", fast.Idle.beside(manyJobs, plainSyncoid, 25))
	t.addTarget("over ssh, increments, against bare pairs over one connection, 8 at a time", "≥ 0.85", fast.Small.target(manyJobs, manyPairs, 0.85))
	t.addTarget("over ssh, increments with latency, against those pairs", "≥ 0.85", slow.Small.target(manyJobs, manyPairs, 0.85))
	t.addTarget("over ssh, increments with latency, 8 jobs, against syncoid", "≥ 6 × as fast", slow.Small.beside(manyJobs, plainSyncoid, 6))
}

// withLatency returns the results with a latency; those of nothing, if there are none.
func withLatency(list []manyResult, latency time.Duration) manyResult {
	if i := slices.IndexFunc(list, func(m manyResult) bool { return m.Latency == latency }); i >= 0 {
		return list[i]
	}
	return manyResult{}
}

// beside compares with a slow peer.
func (s series) beside(w, peer way, want float64) outcome {
	if len(s[w]) == 0 || len(s[peer]) == 0 {
		return outcome{}
	}
	f := s.ofSlow(w, peer)
	return outcome{ratio(f) + " × as fast", f >= want}
}

func (m manyResult) idleProcesses(most int) outcome {
	n, ok := m.IdleCounts[manyJobs]
	if !ok {
		return outcome{}
	}
	return outcome{fmt.Sprintf("%d for %d datasets", n, m.Datasets), n <= most}
}

// moreForMany is how many zfs processes more than few datasets many ones may take, beyond two for each: those by which zferry looks for
// snapshots twice as fast.
const moreForMany = 2

// processes looks whether the number that isn't two for each dataset is the same for many datasets and for few, but for moreForMany.
func processes(a, b manyResult) outcome {
	n, ok := a.Counts[manyJobs]
	k, both := b.Counts[manyJobs]
	if !ok || !both {
		return outcome{}
	}
	more, moreOfFew := n-2*a.Datasets, k-2*b.Datasets
	return outcome{fmt.Sprintf("2 × %d + %d, 2 × %d + %d", a.Datasets, more, b.Datasets, moreOfFew), more >= moreOfFew && more <= moreOfFew+moreForMany}
}
