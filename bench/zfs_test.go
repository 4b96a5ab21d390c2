package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// TestInterval compares with the ranks that tables of sign tests have.
func TestInterval(t *testing.T) {
	for _, c := range []struct {
		n, rank int // counted from 1, at either end
		ok      bool
	}{{1, 1, false}, {5, 1, false}, {6, 1, true}, {8, 1, true}, {9, 2, true}, {15, 4, true}, {21, 6, true}, {100, 40, true}} {
		var v []float64
		for i := range c.n {
			v = append(v, float64((i*37)%c.n+1)) // 1 to n, not in order
		}
		if c.n%37 == 0 {
			t.Fatal("37 has to be coprime")
		}
		low, high, ok := interval(v)
		if low != float64(c.rank) || high != float64(c.n-c.rank+1) || ok != c.ok {
			t.Errorf("of %d values: %v to %v, %v; want rank %d at either end, %v", c.n, low, high, ok, c.rank, c.ok)
		}
	}
}

// TestRounds: in each round there is every way once, and ratios are of the same round.
func TestRounds(t *testing.T) {
	ways := []way{"a", "b", "c"}
	s, firsts := series{}, map[way]int{}
	for round := range 200 {
		n := 0
		err := s.addRound(ways, func(w way) (passage, error) {
			if n++; n == 1 {
				firsts[w]++
			}
			p := passage{Bytes: 100, Time: time.Duration(10 * (round + 1))}
			if w == "b" {
				p.Time *= 2
			}
			return p, nil
		})
		if err != nil || n != len(ways) {
			t.Fatal(n, err)
		}
	}
	for _, w := range ways {
		if len(s[w]) != 200 || firsts[w] < 20 {
			t.Errorf("%s: measured %d times, %d times first", w, len(s[w]), firsts[w])
		}
	}
	for _, r := range s.ratios("b", "a") {
		if r != 0.5 {
			t.Errorf("a ratio is %v, want 0.5", r)
		}
	}
}

// TestChecksumWays: all ways look at the same data, and Fletcher-4 is the same.
func TestChecksumWays(t *testing.T) {
	c, err := newChecksumBench(time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range checksumWays {
		if p, err := c.measure(w); err != nil || p.Bytes != int64(len(c.stream)) || p.Bytes < checkedStream || p.Time <= 0 {
			t.Errorf("%s: %+v, %v", w, p, err)
		}
	}
	var f zstream.Fletcher4
	f.Update(c.stream)
	if zstream.Checksum(c.naive) != f.Sum() {
		t.Errorf("the plain loop computes %v, zstream %v", zstream.Checksum(c.naive), f.Sum())
	}
}

// TestPipes: all of the stream goes each way.
func TestPipes(t *testing.T) {
	for _, w := range pipeWays {
		var p passage
		if err := doInChild(t.Context(), job{Pipe: &pipeJob{Way: w, Bytes: 40 << 20}}, &p); err != nil {
			t.Fatal(err)
		}
		if p.Bytes < 64<<20 || p.Bytes > 66<<20 || p.Time <= 0 || p.CPU <= 0 { // two streams, with headers
			t.Errorf("%s: %+v", w, p)
		}
	}
}

// TestReplication runs a round in the virtual machine.
func TestReplication(t *testing.T) {
	unavailable := t.Skipf
	if os.Getenv("SPANSTACK_REQUIRE_VM") != "" {
		unavailable = t.Fatalf
	}
	if testing.Short() {
		unavailable("-short: a virtual machine takes half a minute")
	}
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		unavailable("no virtual machine: %v", err)
	}
	p := newZFSPlan()
	p.rounds, p.replicate, p.machine = 1, 8<<20, machineFlags{"2.1", "stock"}
	rounds := 0
	res, err := p.replications(t.Context(), &progressPart{newProgress(os.Stderr), replicationName, 1, time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range replicateWays {
		for _, got := range res.Series[w] {
			rounds++
			if got.Bytes != 8<<20 || got.Time <= 0 || w != shellPipe && w != zferryCommand && got.CPU <= 0 {
				t.Errorf("%s: %+v", w, got)
			}
		}
	}
	if rounds != len(replicateWays) || !strings.HasPrefix(res.ZFS, "zfs-2.1") || !strings.HasPrefix(res.Kernel, "Linux ") {
		t.Errorf("%+v", res)
	}
}

func TestListen(t *testing.T) {
	var rounds []int
	said := listen(strings.NewReader("0\nzpool create: no\n 1\nover"), func(n int) { rounds = append(rounds, n) })
	if said != "zpool create: no\nover" || len(rounds) != 2 || rounds[1] != 1 {
		t.Errorf("%q, rounds %v", said, rounds)
	}
}

// cannedZFS has results in which what is measured in GB/s and in CPU time depends on speed.
func cannedZFS(speed float64) *zfsReport {
	r := &zfsReport{CPU: "Some CPU", CPUs: 2, Platform: "linux/amd64", Go: "go1.26", Command: "make bench-zfs", Variant: "stock",
		Checksums: series{}, Pipes: series{}, Replication: &replicateResult{Series: series{}, ZFS: "zfs-2.1.11", Kernel: "Linux 6.1.0"}}
	add := func(s series, bytes int64, ways []way, gbs func(i int) float64) {
		for i, w := range ways {
			for round := range 9 {
				ns := time.Duration(float64(bytes) / gbs(i) * (1 + float64((round*(i+2))%9)/100))
				s[w] = append(s[w], passage{Bytes: bytes, Time: ns, CPU: ns / 4, ReadWait: ns / 2, WriteWait: ns / 8})
			}
		}
	}
	add(r.Checksums, checkedStream, checksumWays, func(i int) float64 { return 2 + speed*float64(i) })
	add(r.Pipes, 1<<30, pipeWays, func(i int) float64 { return []float64{3, 1, 2, 1.6 * speed / 5, 1.5 * speed / 5}[i] })
	add(r.Replication.Series, 64<<20, replicateWays, func(i int) float64 {
		return []float64{0.05, 0.05 * min(1, speed/5), 0.046 * min(1, speed/5), 0.046 * min(1, speed/10), 0.05 * min(1, speed/8)}[i]
	})
	r.Many = []manyResult{cannedMany(200, speed), cannedMany(40, speed)}
	r.SSH = []manyResult{cannedMany(60, speed), cannedMany(20, speed)}
	for i := range r.SSH {
		r.SSH[i].SSH, r.SSH[i].IdleCounts, r.SSH[i].Counts = true, nil, nil
	}
	r.SSH[1].Latency = deviceLatency
	r.Many[1].Latency, r.Many[1].SetWithout, r.Many[1].SetWith = deviceLatency, 100*time.Millisecond, 190*time.Millisecond
	if speed < 5 {
		r.Many[1].Counts[manyJobs] += 7
	}
	return r
}

// cannedMany has results of many datasets.
func cannedMany(datasets int, speed float64) manyResult {
	m := manyResult{Datasets: datasets, Idle: series{}, Small: series{}, ZFS: "zfs-2.1.11", Kernel: "Linux 6.1.0", Syncoid: "2.1.0",
		IdleCounts: map[way]int{manyJobs: int(30 / speed), plainSyncoid: 6 * datasets}, Counts: map[way]int{manyJobs: 2*datasets + 5}}
	if datasets < 100 {
		m.Counts[plainSyncoid] = 9 * datasets
	}
	add := func(s series, w way, seconds float64, rounds int) {
		for i := range rounds {
			s[w] = append(s[w], passage{Bytes: int64(datasets), Time: time.Duration(seconds * (1 + float64(i)/50) * 1e9)})
		}
	}
	add(m.Idle, manyJobs, 10/speed, 3)
	add(m.Idle, plainSyncoid, 50, 1)
	for i, w := range smallWays {
		rounds := 3
		if w.slow() {
			rounds = 1
		}
		add(m.Small, w, []float64{20, 18, 200 / speed, 180 / speed, 150, 190}[i], rounds)
	}
	return m
}

func TestZFSMarkdown(t *testing.T) {
	part := cannedZFS(10)
	part.Replication, part.Many, part.SSH, part.Checksums, part.Pipes[plainCopy] = nil, nil, nil, nil, part.Pipes[plainCopy][:3]
	for _, w := range pipeWays {
		part.Pipes[w] = part.Pipes[w][:3]
	}
	for name, r := range map[string]*zfsReport{"zfs-all-met.md": cannedZFS(10), "zfs-none-met.md": cannedZFS(3), "zfs-partly.md": part} {
		got, path := r.markdown(), filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs (-update rewrites it); got\n%s", path, got)
		}
		if met := strings.Count(string(got), "| yes "); name == "zfs-all-met.md" && met != 18 || name == "zfs-none-met.md" && met != 0 {
			t.Errorf("%s: %d targets are met", name, met)
		}
	}
}

func TestRunZFS(t *testing.T) {
	doc := filepath.Join(t.TempDir(), "zfs.md")
	code, stdout, stderr := call("zfs", "--run", "^(Pipes|Checksums)$", "--count", "1", "--pipe", "1", "--out", doc)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	text, err := os.ReadFile(doc)
	if err != nil || string(text) != stdout {
		t.Errorf("the file isn't what was printed: %v", err)
	}
	for _, want := range []string{"| SendStream.WriteTo, with Verify", "| zstream.Verifier ", "not measured", "too few rounds",
		"go run . zfs --run '^(Pipes|Checksums)$' --count 1"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
}

func TestWrongZFSUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--frobnicate"}, exitUsage, "frobnicate"},
		{[]string{"thing"}, exitUsage, `unexpected argument "thing"`},
		{[]string{"--count", "0"}, exitUsage, "at least one round"},
		{[]string{"--pipe", "-1"}, exitUsage, "--pipe -1"},
		{[]string{"--many", "1"}, exitUsage, "--many 1"},
		{[]string{"--many-ssh", "1000"}, exitUsage, "--many-ssh 1000"},
		{[]string{"--many-count", "0"}, exitUsage, "--many-count 0"},
		{[]string{"--run", "("}, exitUsage, "--run: error parsing regexp"},
		{[]string{"--run", "no such thing"}, exitUsage, "there are Many, SSH, Replication, Pipes, Checksums"},
		{[]string{"--run", "Pipes", "--out", "/nowhere/x.md"}, exitFailed, "write /nowhere/x.md: stat /nowhere: no such file"},
	} {
		code, stdout, stderr := call(append([]string{"zfs"}, c.args...)...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit code %d, want %d; stdout %q; stderr %q, want %q in it", c.args, code, c.code, stdout, stderr, c.want)
		}
	}
	if code, stdout, _ := call("zfs", "--help"); code != exitOK || !strings.Contains(stdout, "Examples:") || !strings.Contains(stdout, "--variant") {
		t.Errorf("--help: exit code %d, stdout %q", code, stdout)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, part := range zfsParts {
		var stdout, stderr bytes.Buffer
		if code := run(ctx, []string{"zfs", "--run", part}, &stdout, &stderr); code != exitInterrupted || stdout.Len() > 0 {
			t.Errorf("interrupted: exit code %d, stdout %q, stderr %q", code, &stdout, &stderr)
		}
	}
}
