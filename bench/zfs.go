package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/platformtest/twohosts"
)

const zfsHelp = `Compare package zfssend with a shell's pipe and with plain copying, and zferry with
syncoid.

Usage: go run . zfs [flags]          (in the folder bench, or "make bench-zfs")

It measures in these places:

  Checksums     in memory: Fletcher-4 and the verification of streams
  Pipes         from one process to another, without ZFS
  Replication   from dataset to dataset on a real OpenZFS, in the virtual
                machine of platformtest/vm, which is built if need be
  Many          many datasets with a small change, or none, there, beside
                syncoid and bare zfs send and zfs receive
  SSH           the same from one host to another, over ssh

It prints the results, and how they compare with what is asked of the package.
The same goes to docs/benchmarks-zfs.md, unless --run selects only a part. With
the defaults it takes about %.0f minutes, on a machine that has nothing else to do.

Flags:
%s
Examples:
  go run . zfs
  go run . zfs --run Pipes --count 5
  go run . zfs --run Replication --line 2.3 --variant taskq
  go run . zfs --run Many --results zfs.json        a part now, and the others
  go run . zfs --run 'Rep|Pipes|Check' --results zfs.json     at another time
  go run . zfs --run Many --many 20 --many-slow 10

Exit codes: 0 all was measured; 1 something failed; 2 wrong usage; 130 stopped.
`

const (
	defaultZFSRounds = 21
	zfsDocument      = "../docs/benchmarks-zfs.md"
)

// Parts of the measurement, for --run.
const (
	checksumsName   = "Checksums"
	pipesName       = "Pipes"
	replicationName = "Replication"
	manyName        = "Many"
	sshName         = "SSH"
)

var zfsParts = []string{manyName, sshName, replicationName, pipesName, checksumsName}

// maxDataset bounds the size of the dataset in MiB: the machine has room in its memory for two copies of it.
const maxDataset = 512

// zfsPlan is what one run of the program measures of package zfssend.
type zfsPlan struct {
	rounds    int
	machine   machineFlags
	part      *regexp.Regexp
	checksum  time.Duration // of one measurement
	pipe      int64         // bytes through a pipe
	replicate int64         // bytes of a dataset
	many      manyFlags
}

// manyFlags say how much of many datasets is measured.
type manyFlags struct{ datasets, slowDatasets, sshDatasets, rounds int }

func (f manyFlags) valid() bool {
	return min(f.datasets, f.slowDatasets, f.sshDatasets) >= 2 && max(f.datasets, f.slowDatasets, f.sshDatasets) <= 999
}

func newZFSPlan() *zfsPlan {
	return &zfsPlan{checksum: 40 * time.Millisecond, pipe: 1 << 30, replicate: 512 << 20}
}

// runZFS executes the command line after "zfs" and returns the exit code.
func runZFS(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	p := newZFSPlan()
	var out, part, results string
	var mib, dataset int64
	flags := pflag.NewFlagSet("bench zfs", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(io.Discard)
	flags.IntVar(&p.rounds, "count", defaultZFSRounds, "`rounds`, each of which goes all ways, in a random order")
	flags.StringVar(&part, "run", "", "measure only the parts that this `regexp` matches")
	flags.StringVar(&p.machine.line, "line", "2.1", "release line of ZFS in the virtual machine: see platformtest/vm")
	flags.StringVar(&p.machine.variant, "variant", "stock", "ZFS `module` in the virtual machine: stock or taskq")
	flags.Int64Var(&mib, "pipe", p.pipe>>20, "`MiB` through a pipe")
	flags.Int64Var(&dataset, "dataset", p.replicate>>20, "`MiB` of the dataset that is replicated; its copies lie in the machine's memory")
	flags.IntVar(&p.many.datasets, "many", 200, "`datasets` of the part Many")
	flags.IntVar(&p.many.slowDatasets, "many-slow", 20, "`datasets` where devices have latency")
	flags.IntVar(&p.many.sshDatasets, "many-ssh", 60, "`datasets` of the part SSH; with latency, there are --many-slow")
	flags.IntVar(&p.many.rounds, "many-count", 3, "`rounds` of both; syncoid takes part in the first one")
	flags.StringVar(&results, "results", "", "`file` of all results: parts that aren't measured now are taken from it, if it is there, and those that are go into it")
	flags.StringVar(&out, "out", zfsDocument, "`file` to write besides stdout, or - for none")
	err := flags.Parse(args)
	p.pipe, p.replicate = mib<<20, dataset<<20
	switch {
	case errors.Is(err, pflag.ErrHelp):
		p.part = regexp.MustCompile("")
		fmt.Fprintf(stdout, zfsHelp, p.duration().Minutes(), flags.FlagUsages())
		return exitOK
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && p.rounds < 1:
		err = fmt.Errorf("--count %d: at least one round is needed", p.rounds)
	case err == nil && (dataset < 1 || dataset > maxDataset):
		err = fmt.Errorf("--dataset %d: it has to be from 1 to %d", dataset, maxDataset)
	case err == nil && !p.many.valid():
		err = fmt.Errorf("--many %d --many-slow %d --many-ssh %d: they have to be from 2 to 999", p.many.datasets, p.many.slowDatasets, p.many.sshDatasets)
	case err == nil && p.many.rounds < 1:
		err = fmt.Errorf("--many-count %d: at least one round is needed", p.many.rounds)
	case err == nil && (mib < 1 || mib > 1<<20):
		err = fmt.Errorf("--pipe %d: it has to be from 1 to %d", mib, 1<<20)
	}
	if err == nil {
		if p.part, err = regexp.Compile(part); err != nil {
			err = fmt.Errorf("--run: %w", err)
		} else if p.duration() == 0 {
			err = fmt.Errorf("nothing matches --run %q: there are %s", part, strings.Join(zfsParts, ", "))
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench zfs: error: %v\nbench zfs: hint: see \"go run . zfs --help\"\n", err)
		return exitUsage
	}
	if part != "" && results == "" && !flags.Changed("out") {
		out = "-" // a part doesn't replace the whole
	}
	command := "make bench-zfs"
	if len(args) > 0 && results == "" {
		command = "cd bench && go run . zfs"
		for _, a := range args {
			if strings.ContainsAny(a, "|()*?$^[]\\ ") {
				a = "'" + a + "'"
			}
			command += " " + a
		}
	}
	return p.measure(ctx, command, out, results, stdout, stderr)
}

// measure carries out the plan and writes the results.
func (p *zfsPlan) measure(ctx context.Context, command, out, results string, stdout, stderr io.Writer) int {
	o := options{out: out, raw: results}
	err := o.writable()
	r := &zfsReport{}
	if err == nil {
		err = r.read(results)
	}
	if err == nil {
		err = errors.Join(p.carryOut(ctx, r, newProgress(stderr)), r.save(results)) // what there is: it took long
	}
	if err == nil {
		r.Command = command
		text := r.markdown()
		stdout.Write(text)
		if out != "-" {
			err = write(out, text, stdout)
		}
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "bench zfs: interrupted")
		return exitInterrupted
	case err != nil:
		fmt.Fprintln(stderr, "bench zfs: error:", err)
		return exitFailed
	}
	return exitOK
}

// carryOut measures everything. The machine is first: if there can't be one, it is known at once.
func (p *zfsPlan) carryOut(ctx context.Context, r *zfsReport, progress *progress) (err error) {
	defer progress.clear()
	progress.expect(p.duration())
	r.CPU, r.CPUs, r.Platform, r.Go = cpuModel(), runtime.NumCPU(), runtime.GOOS+"/"+runtime.GOARCH, runtime.Version()
	r.Variant = p.machine.variant
	for _, part := range []struct {
		name string
		run  func(context.Context, *progressPart) error
	}{
		{replicationName, func(ctx context.Context, show *progressPart) (err error) {
			r.Replication, err = p.replications(ctx, show)
			return err
		}},
		{manyName, func(ctx context.Context, show *progressPart) (err error) {
			r.Many, err = p.manyDatasets(ctx, show, p.manyJobs())
			return err
		}},
		{sshName, func(ctx context.Context, show *progressPart) (err error) {
			r.SSH, err = p.manyDatasets(ctx, show, p.sshJobs())
			return err
		}},
		{pipesName, func(ctx context.Context, show *progressPart) (err error) {
			r.Pipes, err = p.pipes(ctx, show)
			return err
		}},
		{checksumsName, func(ctx context.Context, show *progressPart) (err error) {
			r.Checksums, err = p.checksums(ctx, show)
			return err
		}},
	} {
		if !p.part.MatchString(part.name) {
			continue
		}
		if err := part.run(ctx, &progressPart{progress, part.name, p.rounds, p.durationOf(part.name)}); err != nil {
			return err
		}
	}
	return nil
}

// read reads former results, if there are any. They have to be of the same program, as far as that is known: a field that it
// doesn't have is an error.
func (r *zfsReport) read(name string) error {
	if name == "" {
		return nil
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return fmt.Errorf("read results %s: %w", name, err)
	}
	return nil
}

// save writes the results.
func (r *zfsReport) save(name string) error {
	if name == "" {
		return nil
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return write(name, append(text, '\n'), nil)
}

// A progressPart shows how far one part of the measurement is.
type progressPart struct {
	*progress
	name     string
	rounds   int
	expected time.Duration
}

// round is told that a round, counted from 0, begins.
func (p *progressPart) round(i int) {
	if i > 0 {
		p.done(p.expected / time.Duration(p.rounds))
	}
	p.show(fmt.Sprintf("%s, round %d of %d", strings.ToLower(p.name), i+1, p.rounds))
}

func (p *zfsPlan) checksums(ctx context.Context, show *progressPart) (series, error) {
	c, err := newChecksumBench(p.checksum)
	if err != nil {
		return nil, err
	}
	return p.inTurns(ctx, show, checksumWays, c.measure)
}

func (p *zfsPlan) pipes(ctx context.Context, show *progressPart) (series, error) {
	return p.inTurns(ctx, show, pipeWays, func(w way) (res passage, err error) {
		err = doInChild(ctx, job{Pipe: &pipeJob{Way: w, Bytes: p.pipe}}, &res)
		return res, err
	})
}

func (p *zfsPlan) inTurns(ctx context.Context, show *progressPart, ways []way, measure func(way) (passage, error)) (series, error) {
	s := series{}
	for round := range p.rounds {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		show.round(round)
		if err := s.addRound(ways, measure); err != nil {
			return nil, err
		}
	}
	show.round(p.rounds)
	return s, nil
}

func (p *zfsPlan) replications(ctx context.Context, show *progressPart) (*replicateResult, error) {
	vm, err := newVM(ctx, p.machine, show.show)
	if err != nil {
		return nil, err
	}
	defer vm.close()
	vm.memory = 1024 + 10*int(p.replicate>>20) // pools of memory that are never smaller than what was written, and the cache
	var res replicateResult
	j := job{Replicate: &replicateJob{Rounds: p.rounds, Bytes: p.replicate}}
	err = vm.do(ctx, time.Minute+20*p.durationOf(replicationName), j, show.round, &res)
	return &res, err
}

// manyJobs are two: with many datasets, and with fewer on devices that have latency.
func (p *zfsPlan) manyJobs() []manyJob {
	return []manyJob{
		{Datasets: p.many.datasets, Rounds: p.many.rounds, SlowRounds: 1, NoSnap: true, Idle: true, Count: []way{manyJobs}},
		{Datasets: p.many.slowDatasets, Rounds: p.many.rounds, SlowRounds: 1, Idle: true, Count: []way{manyJobs, plainSyncoid, snapSyncoid}, Latency: deviceLatency},
	}
}

// sshJobs are the same over ssh. The zfs processes are as many: only here they are counted.
func (p *zfsPlan) sshJobs() []manyJob {
	return []manyJob{
		{SSH: true, Datasets: p.many.sshDatasets, Rounds: p.many.rounds, SlowRounds: 1, NoSnap: true, Idle: true},
		{SSH: true, Datasets: p.many.slowDatasets, Rounds: p.many.rounds, SlowRounds: 1, NoSnap: true, Latency: deviceLatency},
	}
}

// manyDatasets measures each in a machine of its own. If one fails, the results are those of the ones before.
func (p *zfsPlan) manyDatasets(ctx context.Context, show *progressPart, jobs []manyJob) (results []manyResult, err error) {
	vm, err := newVM(ctx, p.machine, show.show)
	if err != nil {
		return nil, err
	}
	defer vm.close()
	vm.memory, vm.tools = twohosts.MemoryMiB, twohosts.Tools()
	show.rounds = 0
	for _, j := range jobs {
		show.rounds += j.passages()
	}
	before := 0
	for _, j := range jobs {
		var res manyResult
		err := vm.do(ctx, time.Minute+10*p.durationOf(manyName), job{Many: &j}, func(step int) { show.round(before + step) }, &res)
		if err != nil {
			return results, err
		}
		before += j.passages()
		results = append(results, res)
	}
	return results, nil
}

// duration estimates how long the plan takes.
func (p *zfsPlan) duration() (d time.Duration) {
	for _, name := range zfsParts {
		if p.part.MatchString(name) {
			d += p.durationOf(name)
		}
	}
	return d
}

// durationOf estimates how long a part takes, if the machine is there already.
func (p *zfsPlan) durationOf(part string) time.Duration {
	rounds := time.Duration(p.rounds)
	switch part {
	case checksumsName:
		return rounds * time.Duration(len(checksumWays)) * (p.checksum + 2*time.Millisecond)
	case pipesName:
		return rounds * time.Duration(len(pipeWays)) * time.Duration(p.pipe) // 1 GB/s, with starts
	case manyName:
		fast, slow := time.Duration(p.many.datasets), time.Duration(p.many.slowDatasets)
		perRound := time.Duration(p.many.rounds)
		return time.Minute + (fast+slow)*(4*perRound+4)*700*time.Millisecond + (fast+3*slow)*6*time.Second // syncoid's
	case sshName:
		datasets := time.Duration(p.many.sshDatasets + p.many.slowDatasets)
		return time.Minute + datasets*time.Duration(2*p.many.rounds+4)*700*time.Millisecond + datasets*10*time.Second
	default:
		return 10*time.Second + rounds*time.Duration(len(replicateWays))*time.Duration(p.replicate)*50 // 20 MB/s
	}
}
