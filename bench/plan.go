package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"runtime"
	"time"
)

// A plan is what one run of the program measures.
type plan struct {
	rounds     int
	meter      *meter
	benchmarks []benchmark

	load       loadJob // with each kind of consumers in turn
	loadRounds int     // 0 for not at all
	gc         gcJob   // the zero value for not at all

	stopped stoppedJob // with each outlet in turn; without rounds, not at all

	captures capturesJob // without rounds, not at all

	conversions conversionsJob // the same
	memory      memoryJob      // the same
}

// Names of what isn't a benchmark, for --run.
const (
	loadName    = "Load"
	gcName      = "GC"
	stoppedName = "Stopped"

	capturesName = "Captures"

	conversionsName = "Conversions"
	memoryName      = "Memory"
)

func newPlan(rounds int, benchtime time.Duration, filter *regexp.Regexp) *plan {
	p := &plan{rounds: rounds, meter: newMeter(benchtime)}
	for _, b := range benchmarks() {
		if filter.MatchString(b.name()) {
			p.benchmarks = append(p.benchmarks, b)
		}
	}
	if filter.MatchString(loadName) {
		p.load, p.loadRounds = loadJob{Goroutines: loadGoroutines, Time: 3 * time.Second}, (rounds+1)/2
	}
	if filter.MatchString(gcName) {
		p.gc = gcJob{Turns: 2 * rounds, PerTurn: 10}
	}
	if filter.MatchString(stoppedName) {
		p.stopped = stoppedJob{Rounds: 2 * rounds, Window: 250 * time.Millisecond}
	}
	if filter.MatchString(capturesName) {
		p.captures = capturesJob{Rounds: 2 * rounds, Window: 500 * time.Millisecond}
	}
	if filter.MatchString(conversionsName) {
		p.conversions = conversionsJob{Rounds: 2 * rounds, Bytes: 25_000_000}
	}
	if filter.MatchString(memoryName) {
		p.memory = memoryJob{Rounds: (rounds + 2) / 3, Bytes: 1_000_000_000}
	}
	return p
}

// names lists what the plan measures.
func (p *plan) names() []string {
	var names []string
	for i := range p.benchmarks {
		names = append(names, p.benchmarks[i].name())
	}
	if p.loadRounds > 0 {
		names = append(names, loadName)
	}
	if p.gc.Turns > 0 {
		names = append(names, gcName)
	}
	if p.stopped.Rounds > 0 {
		names = append(names, stoppedName)
	}
	if p.captures.Rounds > 0 {
		names = append(names, capturesName)
	}
	if p.conversions.Rounds > 0 {
		names = append(names, conversionsName)
	}
	if p.memory.Rounds > 0 {
		names = append(names, memoryName)
	}
	return names
}

// carryOut measures everything. raw has the single results of benchmarks, also if it fails or is interrupted.
func (p *plan) carryOut(ctx context.Context, progress *progress) (r *report, raw []byte, err error) {
	defer progress.clear()
	progress.expect(p.duration())
	r = newReport(p.rounds)
	var out bytes.Buffer
	samples := make([][]sample, len(p.benchmarks))
	for round := range p.rounds {
		for i := range p.benchmarks {
			if round%2 == 1 {
				i = len(p.benchmarks) - 1 - i
			}
			b := &p.benchmarks[i]
			if ctx.Err() != nil {
				return nil, out.Bytes(), ctx.Err()
			}
			progress.show(fmt.Sprintf("round %d of %d: %s", round+1, p.rounds, b.name()))
			s, err := p.meter.sample(ctx, b)
			if err != nil {
				return nil, out.Bytes(), err
			}
			progress.done(p.meter.duration(b))
			samples[i] = append(samples[i], s)
			if out.Len() == 0 {
				fmt.Fprintf(&out, "goos: %s\ngoarch: %s\npkg: %s\ncpu: %s\n", runtime.GOOS, runtime.GOARCH, modulePath, cpuModel())
			}
			s.writeRaw(&out, b)
		}
	}
	for i := range p.benchmarks {
		r.addRow(&p.benchmarks[i], samples[i])
	}
	if err := p.measureLoads(ctx, progress, r); err != nil {
		return nil, out.Bytes(), err
	}
	if p.gc.Turns > 0 {
		progress.show("garbage collections")
		if r.GC, err = measureGC(ctx, p.gc); err != nil {
			return nil, out.Bytes(), err
		}
	}
	if err := p.measureStopped(ctx, progress, r); err != nil {
		return nil, out.Bytes(), err
	}
	if p.captures.Rounds > 0 {
		progress.show("captures under load")
		r.Captures = new(capturesResult)
		if err := doInChild(ctx, job{Captures: &p.captures}, r.Captures); err != nil {
			return nil, out.Bytes(), err
		}
		progress.done(p.captures.duration())
	}
	return r, out.Bytes(), p.measureConversions(ctx, progress, r)
}

func (p *plan) measureConversions(ctx context.Context, progress *progress, r *report) (err error) {
	if p.conversions.Rounds > 0 {
		progress.show("conversions")
		if r.Conversions, err = measureConversions(ctx, p.conversions); err != nil {
			return err
		}
		progress.done(p.conversions.duration())
	}
	if p.memory.Rounds > 0 {
		progress.show("a large conversion's memory")
		if r.Memory, err = measureMemory(ctx, p.memory); err != nil {
			return err
		}
		progress.done(p.memory.duration())
	}
	return nil
}

func (p *plan) measureStopped(ctx context.Context, progress *progress, r *report) error {
	if p.stopped.Rounds == 0 {
		return nil
	}
	for _, o := range outlets {
		progress.show("logging to " + string(o) + ", whose reader stops")
		j := p.stopped
		j.Outlet = o
		res, err := measureStopped(ctx, j, func(j *stoppedJob) { progress.done(j.duration()) })
		if err != nil {
			return err
		}
		r.Stopped = append(r.Stopped, res)
	}
	return nil
}

func (p *plan) measureLoads(ctx context.Context, progress *progress, r *report) error {
	for round := range p.loadRounds {
		for _, c := range []consumers{noConsumer, slowConsumer, alsoOneKilled} {
			progress.show(fmt.Sprintf("load, round %d of %d: consumers: %s", round+1, p.loadRounds, c))
			j := p.load
			j.Consumers = c
			res, err := measureLoad(ctx, j)
			if err != nil {
				return err
			}
			progress.done(j.duration())
			r.Load.add(c, res)
		}
	}
	return nil
}

// writeRaw writes one line of Go's benchmark format. Its fields are those of "go test -bench", and CPU time and losses.
func (s *sample) writeRaw(out *bytes.Buffer, b *benchmark) {
	fmt.Fprintf(out, "Benchmark%s-%d\t%8d\t%10.4g ns/op\t%8.0f B/op\t%8.2f allocs/op\t%10.4g cpu-ns/op\t%6.3g lost-%%\n",
		b.name(), runtime.GOMAXPROCS(0), s.n, s.ns, s.bytes, s.allocs, s.cpuNs, 100*s.lost)
}

// duration estimates how long the plan takes.
func (p *plan) duration() time.Duration {
	d := time.Duration(3*p.loadRounds) * p.load.duration()
	for i := range p.benchmarks {
		d += time.Duration(p.rounds) * p.meter.duration(&p.benchmarks[i])
	}
	for _, j := range p.stopped.each() {
		d += j.duration()
	}
	d += p.conversions.duration() + p.memory.duration()
	return d + p.captures.duration() + time.Duration(p.gc.Turns)*p.gc.turnDuration()
}
