package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Ways to bring many datasets up to date, each with a small increment, or with none.
const (
	fewPairs     way = "zfs send -i to zfs receive, 4 pairs at a time"
	manyPairs    way = "zfs send -i to zfs receive, 8 pairs at a time"
	fewJobs      way = "zferry replicate -r --jobs 4"
	manyJobs     way = "zferry replicate -r, 8 jobs (the default)"
	plainSyncoid way = "syncoid -r --no-sync-snap"
	snapSyncoid  way = "syncoid -r, with the snapshot that it takes by default"
)

var (
	idleWays  = []way{manyJobs, plainSyncoid}
	smallWays = []way{fewPairs, manyPairs, fewJobs, manyJobs, plainSyncoid, snapSyncoid}
)

// slow reports whether a way takes many times as long as the others: it is gone in the first rounds only.
func (w way) slow() bool { return w == plainSyncoid || w == snapSyncoid }

// few reports whether a way is that of another one with fewer at a time.
func (w way) few() bool { return w == fewPairs || w == fewJobs }

const (
	manyTree      = "tree"
	smallBytes    = 16 << 10 // written to each dataset before the second snapshot
	deviceLanes   = 4        // of zinject: so many requests of a device are delayed at a time
	poolBytes     = 3 << 30  // of a pool's file, which is sparse
	preparers     = 8        // zfs processes at a time where nothing is measured
	deviceLatency = 15 * time.Millisecond
)

// A manyJob replicates many datasets between two pools, again and again, in the machine of platformtest/vm.
type manyJob struct {
	Datasets   int
	Rounds     int
	SlowRounds int           // of the ways that are slow
	NoSnap     bool          // leave out syncoid with its own snapshots
	Latency    time.Duration // of all pools' devices; 0 means that of memory
	SSH        bool          // the destination is another host: see package twohosts
	Idle       bool          // also measure what takes place when there is nothing to do
	Count      []way         // count the zfs processes of these, apart from what is timed
}

// ways returns those that are gone in a round.
func (j *manyJob) ways(all []way, round int) []way {
	return slices.DeleteFunc(slices.Clone(all), func(w way) bool {
		return w.slow() && round >= j.SlowRounds || w == snapSyncoid && j.NoSnap || w.few() && j.SSH
	})
}

// passages returns how many measurements a job takes, those that only count included.
func (j *manyJob) passages() (n int) {
	n = len(j.Count)
	for round := range j.Rounds {
		n += len(j.ways(smallWays, round))
		if j.Idle {
			n += len(j.ways(idleWays, round))
		}
	}
	for _, w := range j.Count {
		if j.Idle && slices.Contains(idleWays, w) {
			n++
		}
	}
	if j.Idle {
		n++ // what makes it idle
	}
	return n
}

// A manyResult is what a manyJob found. Bytes of its passages are datasets.
type manyResult struct {
	Datasets             int
	Latency              time.Duration
	SSH                  bool
	Idle, Small          series
	IdleCounts, Counts   map[way]int   // zfs processes
	SetWithout, SetWith  time.Duration // of a "zfs set", without and with the latency
	ZFS, Kernel, Syncoid string        // versions
}

func (j *manyJob) run() (res manyResult, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m := manyPools{manyJob: j}
	defer func() { err = errors.Join(err, m.cleanUp()) }()
	res = manyResult{Datasets: j.Datasets, Latency: j.Latency, SSH: j.SSH, Idle: series{}, Small: series{}, IdleCounts: map[way]int{}, Counts: map[way]int{}}
	if err := res.versions(ctx); err != nil {
		return res, err
	}
	if err := m.prepare(ctx); err != nil {
		return res, err
	}
	if err := m.connect(ctx); err != nil {
		return res, err
	}
	if j.Idle {
		if err := m.idle(ctx, &res); err != nil {
			return res, err
		}
	}
	for _, w := range j.Count {
		if res.Counts[w], err = m.count(ctx, w, m.small); err != nil {
			return res, err
		}
	}
	if err := m.slowDown(ctx, &res); err != nil {
		return res, err
	}
	for round := range j.Rounds {
		if err := res.Small.addRound(j.ways(smallWays, round), func(w way) (passage, error) { return m.small(ctx, w) }); err != nil {
			return res, err
		}
	}
	return res, nil
}

func (res *manyResult) versions(ctx context.Context) (err error) {
	if res.ZFS, err = output(ctx, "zfs", "version"); err != nil {
		return err
	}
	res.ZFS, _, _ = strings.Cut(res.ZFS, "\n")
	if res.Kernel, err = output(ctx, "uname", "-sr"); err != nil {
		return err
	}
	text, err := output(ctx, "syncoid", "--version")
	text, _, _ = strings.Cut(text, "\n") // the versions of Perl and its modules follow
	_, version, ok := strings.Cut(text, " version ")
	if err == nil && !ok {
		err = fmt.Errorf("syncoid --version: %q", text)
	}
	res.Syncoid = strings.TrimSpace(version)
	return err
}

// idle measures when all that there is has arrived.
func (m *manyPools) idle(ctx context.Context, res *manyResult) error {
	if _, err := m.small(ctx, manyPairs); err != nil {
		return err
	}
	for round := range m.Rounds {
		if err := res.Idle.addRound(m.ways(idleWays, round), func(w way) (passage, error) { return m.pass(ctx, w) }); err != nil {
			return err
		}
	}
	for _, w := range m.Count {
		if !slices.Contains(idleWays, w) {
			continue
		}
		n, err := m.count(ctx, w, m.pass)
		if err != nil {
			return err
		}
		res.IdleCounts[w] = n
	}
	return nil
}

// count counts the zfs processes of a way, by a program of that name which notes that it was called. It slows all ways down, so
// that nothing is timed.
func (m *manyPools) count(ctx context.Context, w way, measure func(context.Context, way) (passage, error)) (int, error) {
	zfs, err := exec.LookPath("zfs")
	if err != nil {
		return 0, err
	}
	dir, path := filepath.Join(m.dir, "count"), os.Getenv("PATH")
	calls := filepath.Join(dir, "calls")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	script := "#!/bin/sh\n[ -z \"$BENCH_CALLS\" ] || echo \"$*\" >>\"$BENCH_CALLS\"\nexec " + zfs + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "zfs"), []byte(script), 0o755); err != nil {
		return 0, err
	}
	if err := os.Setenv("PATH", dir+":"+path); err != nil {
		return 0, err
	}
	m.calls = calls
	defer func() { m.calls = ""; os.Setenv("PATH", path); os.Remove(calls) }()
	if _, err := measure(ctx, w); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(calls)
	if err != nil {
		return 0, fmt.Errorf("count the zfs processes of %s: it doesn't look for zfs in PATH: %w", w, err)
	}
	return strings.Count(string(text), "\n"), nil
}

// small measures how the second snapshot of all datasets arrives, from the state in which only the first one is there.
func (m *manyPools) small(ctx context.Context, w way) (p passage, err error) {
	if err := m.restore(ctx); err != nil {
		return p, err
	}
	if p, err = m.pass(ctx, w); err != nil {
		return p, err
	}
	list, err := output(ctx, "zfs", "list", "-H", "-o", "name", "-t", "snapshot", "-r", m.target())
	if n := strings.Count(list+"\n", "@next\n"); err == nil && n != m.Datasets {
		err = fmt.Errorf("%s: %d of %d snapshots arrived", w, n, m.Datasets)
	}
	if w == snapSyncoid && err == nil {
		err = m.destroySyncSnapshots(ctx)
	}
	return p, err
}

// pass goes a way once.
func (m *manyPools) pass(ctx context.Context, w way) (p passage, err error) {
	m.step++
	fmt.Fprintf(os.Stderr, "%d\n", m.step) // for the progress line of who waits
	for _, pool := range m.pools {         // what is listed is in the cache for all ways alike
		if _, err := output(ctx, "zfs", "list", "-H", "-o", "name", "-t", "all", "-r", pool); err != nil {
			return p, err
		}
		if _, err := output(ctx, "zpool", "sync", pool); err != nil {
			return p, err
		}
	}
	start := time.Now()
	switch w {
	case fewPairs, manyPairs:
		err = m.pairs(ctx, map[way]int{fewPairs: 4, manyPairs: 8}[w])
	case fewJobs:
		err = m.command(ctx, "zferry", "replicate", "-r", "--jobs", "4", m.source(), m.destination())
	case manyJobs:
		err = m.command(ctx, "zferry", "replicate", "-r", m.source(), m.destination())
	case plainSyncoid:
		err = m.command(ctx, "syncoid", "-r", "--quiet", "--no-sync-snap", "--recvoptions=u", m.source(), m.destination())
	case snapSyncoid:
		err = m.command(ctx, "syncoid", "-r", "--quiet", "--recvoptions=u", m.source(), m.destination())
	default:
		err = fmt.Errorf("no way: %s", w)
	}
	p = passage{Bytes: int64(m.Datasets), Time: time.Since(start)}
	if err != nil {
		err = fmt.Errorf("%s: %w", w, err)
	}
	return p, err
}

// command runs a program, whose zfs processes are counted if count wants it.
func (m *manyPools) command(ctx context.Context, name string, args ...string) error {
	cmd := m.far.command(ctx, name, args...)
	cmd.Env = append(os.Environ(), "BENCH_CALLS="+m.calls)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%.4000s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// pairs is the least that has to be done: it sends all increments, so many at a time, and neither lists nor checks anything.
func (m *manyPools) pairs(ctx context.Context, workers int) error {
	return parallel(workers, m.names(), func(name string) error {
		send := exec.CommandContext(ctx, "zfs", "send", "-i", "@base", m.pools[0]+name+"@next")
		return pipe(send, m.far.zfs(ctx, "receive", "-u", m.pools[1]+name))
	})
}

// pipe runs two processes with a pipe between them, as a shell does.
func pipe(send, receive *exec.Cmd) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	var said [2]strings.Builder
	send.Stdout, send.Stderr, receive.Stdin, receive.Stderr = w, &said[0], r, &said[1]
	err = errors.Join(send.Start(), receive.Start(), r.Close(), w.Close())
	if err == nil {
		err = errors.Join(send.Wait(), receive.Wait())
	}
	if err != nil {
		err = fmt.Errorf("%v | %v: %w\n%s%s", send.Args, receive.Args, err, &said[0], &said[1])
	}
	return err
}

// parallel calls f with all items, so many at a time, and returns what failed. No more are begun then.
func parallel[T any](workers int, items []T, f func(T) error) error {
	todo := make(chan T, len(items))
	for _, item := range items {
		todo <- item
	}
	close(todo)
	errs := make([]error, workers)
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			for item := range todo {
				if errs[i] = f(item); errs[i] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
