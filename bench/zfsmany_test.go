package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMany goes all ways in virtual machines, with two datasets on devices that have latency, and over ssh: what is left out without it,
// and how often one goes, is TestPassages's.
func TestMany(t *testing.T) {
	unavailable := t.Skipf
	if os.Getenv("SPANSTACK_REQUIRE_VM") != "" {
		unavailable = t.Fatalf
	}
	if testing.Short() {
		unavailable("-short: a virtual machine takes a minute")
	}
	p := newZFSPlan()
	p.rounds, p.machine, p.many = 1, machineFlags{"2.1", "stock"}, manyFlags{datasets: 2, slowDatasets: 2, sshDatasets: 2, rounds: 1}
	jobs := append(p.manyJobs()[1:], p.sshJobs()[0])
	results, err := p.manyDatasets(t.Context(), &progressPart{newProgress(os.Stderr), manyName, 1, time.Minute}, jobs)
	if err != nil || len(results) != len(jobs) {
		t.Fatalf("%d results, %v", len(results), err)
	}
	ssh := results[1]
	for _, w := range []way{manyPairs, manyJobs, plainSyncoid} {
		if len(ssh.Small[w]) != 1 || ssh.Small[w][0].Time <= 0 || !ssh.SSH || len(ssh.Small) != 3 {
			t.Errorf("over ssh, %s: %+v", w, ssh)
		}
	}
	if len(ssh.Idle[manyJobs]) != 1 || len(ssh.Idle[plainSyncoid]) != 1 {
		t.Errorf("over ssh, no change: %+v", ssh.Idle)
	}
	res := results[0]
	for _, w := range smallWays {
		if len(res.Small[w]) != 1 || res.Small[w][0].Time <= 0 || res.Small[w][0].Bytes != int64(res.Datasets) {
			t.Errorf("%d datasets, %s: %+v", res.Datasets, w, res.Small[w])
		}
	}
	if n := res.Counts[manyJobs]; n < 2*res.Datasets || n > 2*res.Datasets+20 {
		t.Errorf("%d datasets: %d zfs processes of zferry", res.Datasets, n)
	}
	if n := res.IdleCounts[manyJobs]; n < 1 || n > 10 {
		t.Errorf("%d datasets without a change: %d zfs processes of zferry", res.Datasets, n)
	}
	if res.Latency == 0 || res.SetWith <= res.SetWithout || res.Counts[snapSyncoid] <= 2*res.Datasets {
		t.Errorf("%+v", res)
	}
	if !strings.HasPrefix(res.Syncoid, "2.") || !strings.HasPrefix(res.ZFS, "zfs-2.1") {
		t.Errorf("versions %q and %q", res.Syncoid, res.ZFS)
	}
}

func TestPassages(t *testing.T) {
	for _, c := range []struct {
		job  manyJob
		want int
	}{
		{manyJob{Rounds: 1, SlowRounds: 1}, 6},
		{manyJob{Rounds: 3, SlowRounds: 1}, 14},
		{manyJob{Rounds: 3, SlowRounds: 1, NoSnap: true}, 13},
		{manyJob{Rounds: 3, SlowRounds: 1, NoSnap: true, SSH: true}, 7},
		{manyJob{Rounds: 3, SlowRounds: 1, Idle: true}, 14 + 4 + 1},
		{manyJob{Rounds: 3, SlowRounds: 1, Idle: true, Count: []way{manyJobs, snapSyncoid}}, 14 + 4 + 1 + 2 + 1},
	} {
		if got := c.job.passages(); got != c.want {
			t.Errorf("%+v: got %d, want %d", c.job, got, c.want)
		}
	}
}

func TestCopySparse(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	f, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(bytes.Repeat([]byte("x"), 9000), 3<<20)
	_, err2 := f.WriteAt([]byte("end"), 9<<20)
	if err := errors.Join(err, err2, f.Truncate(64<<20), f.Close(), os.WriteFile(to, bytes.Repeat([]byte("old"), 1<<20), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := copySparse(to, from); err != nil {
		t.Fatal(err)
	}
	a, err := os.ReadFile(from)
	b, err2 := os.ReadFile(to)
	if err := errors.Join(err, err2); err != nil || !bytes.Equal(a, b) {
		t.Errorf("the copy of %d bytes differs: %d bytes, %v", len(a), len(b), err)
	}
	if err := copySparse(to, filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestParallel: all items are done, so many at a time, and after a failure no more are begun.
func TestParallel(t *testing.T) {
	var mu sync.Mutex
	var done []int
	var now, most atomic.Int32
	both := make(chan bool) // two meet here: there are two at a time
	items := []int{1, 2, 3, 4, 5, 6}
	err := parallel(2, items, func(i int) error {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		select {
		case both <- true:
		case <-both:
		}
		mu.Lock()
		defer mu.Unlock()
		done = append(done, i)
		return nil
	})
	slices.Sort(done)
	if err != nil || !slices.Equal(done, items) || most.Load() != 2 {
		t.Errorf("%v, %v, %d at a time", done, err, most.Load())
	}
	broken, calls := errors.New("broken"), 0
	if err := parallel(1, items, func(int) error { calls++; return broken }); !errors.Is(err, broken) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// TestResults: what isn't measured now is taken from former results.
func TestResults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	whole := cannedZFS(10)
	if err := whole.save(file); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := call("zfs", "--run", "^Checksums$", "--count", "1", "--results", file, "--out", "-")
	if code != exitOK || !strings.Contains(stdout, "50.0 × as fast") || strings.Contains(stdout, "not measured") {
		t.Errorf("exit code %d, %s\n%s", code, stderr, stdout)
	}
	var after zfsReport
	if err := after.read(file); err != nil || len(after.Checksums[ourFletcher]) != 1 || len(after.Pipes[plainCopy]) != 9 {
		t.Errorf("%v, %+v", err, after.Checksums)
	}
	if err := os.WriteFile(file, []byte(`{"Ways": 3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := call("zfs", "--run", "^Checksums$", "--results", file); code != exitFailed || !strings.Contains(stderr, "read results") {
		t.Errorf("of another program: exit code %d, %q", code, stderr)
	}
}
