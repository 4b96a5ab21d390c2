package main

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

const zfsIntroduction = `<!-- Written by "make bench-zfs". Don't edit it. -->
# Benchmarks of streams

What package zfssend costs on the way from zfs send to zfs receive, beside a shell's pipe and beside plain copying; and what
zferry takes for many datasets, beside syncoid and beside bare pairs of zfs send and zfs receive. Each part was measured
in one run on one machine. Compare ratios: times are those of this machine and of what else it did.

`

// A zfsReport holds the results. Parts that weren't measured are nil.
type zfsReport struct {
	CPU, Platform, Go string
	CPUs              int
	Command           string
	Variant           string // of the ZFS module

	Checksums, Pipes series
	Replication      *replicateResult
	Many, SSH        []manyResult
}

// markdown renders the report.
func (r *zfsReport) markdown() []byte {
	var out bytes.Buffer
	out.WriteString(zfsIntroduction)
	fmt.Fprintf(&out, "- CPU: %s, %d of them, %s\n- Go: %s\n- Reproduce: `%s`\n", r.CPU, r.CPUs, r.Platform, r.Go, r.Command)
	out.WriteString("\n## Targets\n\n")
	r.targets().write(&out)
	out.WriteString(zfsTargetNotes)
	if r.Replication != nil {
		r.writeReplication(&out)
	}
	if len(r.Many)+len(r.SSH) > 0 {
		r.writeMany(&out)
	}
	if r.Pipes != nil {
		r.writePipes(&out)
	}
	if r.Checksums != nil {
		r.writeChecksums(&out)
	}
	return out.Bytes()
}

const zfsTargetNotes = `
What counts is the median of the ratios of all rounds. In brackets is the interval that has the true median in it with a
confidence of 95 %.
`

// targets compares the results with what package zfssend is to reach.
func (r *zfsReport) targets() *table {
	t := newTable("what", "target", "measured", "met?")
	var replication series
	if r.Replication != nil {
		replication = r.Replication.Series
	}
	t.addTarget("speed of a replication against the shell's pipe", "≥ 0.98", replication.target(directReceive, shellPipe, 0.98))
	t.addTarget("speed of the whole command zferry replicate against it", "≥ 0.98", replication.target(zferryCommand, shellPipe, 0.98))
	t.addTarget("verified, against not verified and not direct", "≥ 0.90", replication.target(verifiedReceive, sendReceive, 0.90))
	t.addTarget("verified, against the shell's pipe", "≥ 0.882", replication.target(verifiedReceive, shellPipe, 0.9*0.98))
	r.addManyTargets(t)
	t.addTarget("pipes alone: spliced, against plain copying", "≥ 0.75", r.Pipes.target(splicedPipe, plainCopy, 0.75))
	t.addTarget("pipes alone: verified, against plain copying", "≥ 0.75", r.Pipes.target(checkedPipe, plainCopy, 0.75))
	t.addTarget("Fletcher-4 on one processor", "≥ 6 GB/s", r.Checksums.fast(ourFletcher, 6))
	return t
}

// target compares the median of a way's ratios to its peer with what it has to be.
func (s series) target(w, peer way, want float64) outcome {
	if len(s[w]) == 0 {
		return outcome{}
	}
	ratios := s.ratios(w, peer)
	m := median(slices.Clone(ratios))
	return outcome{fmt.Sprintf("%.3f (%s)", m, span(ratios)), m >= want}
}

// fast compares the median of a way's speeds with what it has to be, in GB/s.
func (s series) fast(w way, want float64) outcome {
	if len(s[w]) == 0 {
		return outcome{}
	}
	speeds := s.of(w, passage.speed)
	m := median(slices.Clone(speeds))
	return outcome{fmt.Sprintf("%.2f GB/s", m), m >= want}
}

// span shows the interval of a median.
func span(v []float64) string {
	low, high, ok := interval(v)
	if !ok {
		return fmt.Sprintf("%.3f–%.3f, too few rounds for 95 %%", low, high)
	}
	return fmt.Sprintf("%.3f–%.3f", low, high)
}

const replicationText = `
## Replication

A dataset with one file of %s of incompressible data, all of it in the cache, is sent from one pool to another on %s
(%s module), %s, in the machine of platformtest/vm. There were %s, in each of which all ways were gone in a random order.
The copy is destroyed in between.

`

const replicationNotes = `
- **time** is the median, from the start of the first process to the end of the last one. The shell itself runs already.
- **of the peer's speed** is the median of the ratios of all rounds to the shell's pipe; with Verify, to the line above it.
- With **Direct**, zfs receive reads zfs send's own pipe, as in a shell, and starts when the stream has begun, unlike in a shell.
  That matters the less, the longer the stream is. What is verified can't be direct.
- A shell's pipe holds 64 KiB; those of package zfssend are as large as they may be, 1 MiB as a rule.
- **zferry replicate** also starts, lists what there is on both sides, and looks in the end whether it has arrived.
- **CPU** is that of our own process, and **waits** are how long it had to wait for zfs send and for zfs receive.
`

func (r *zfsReport) writeReplication(out *bytes.Buffer) {
	s := r.Replication.Series
	fmt.Fprintf(out, replicationText, mib(s[shellPipe][0].Bytes), r.Replication.ZFS, r.Variant, r.Replication.Kernel, count(len(s[shellPipe]), "round"))
	t := newTable("way", "time:", "min–max:", "of the peer's speed:", "95 %:", "CPU:", "waits:")
	t.addPassages(s, shellPipe, "", false)
	t.addPassages(s, directReceive, shellPipe, true)
	t.addPassages(s, sendReceive, shellPipe, true)
	t.addPassages(s, verifiedReceive, sendReceive, true)
	t.addPassages(s, zferryCommand, shellPipe, false)
	t.write(out)
	out.WriteString(replicationNotes)
}

// addPassages adds a line for a way. Ours are those that go through our process.
func (t *table) addPassages(s series, w, peer way, ours bool) {
	times := s.of(w, func(p passage) float64 { return float64(p.Time) / 1e6 })
	m := median(times) // sorts
	cells := []string{string(w), fmt.Sprintf("%.0f ms", m), fmt.Sprintf("%.0f–%.0f", times[0], times[len(times)-1]), "", "", "", ""}
	if peer != "" {
		ratios := s.ratios(w, peer)
		cells[4] = span(ratios)
		cells[3] = fmt.Sprintf("%.3f", median(ratios))
	}
	if ours {
		middle := func(f func(passage) time.Duration) float64 {
			return median(s.of(w, func(p passage) float64 { return float64(f(p)) / 1e6 }))
		}
		cells[5] = fmt.Sprintf("%.0f ms", middle(func(p passage) time.Duration { return p.CPU }))
		cells[6] = fmt.Sprintf("%.0f + %.0f ms", middle(func(p passage) time.Duration { return p.ReadWait }), middle(func(p passage) time.Duration { return p.WriteWait }))
	}
	t.add(cells...)
}

const pipesText = `
## Pipes alone

A process that has a stream in memory writes it as fast as it can, in the pieces that zfs send writes. Another one reads and
drops it. %s of %s; all ways were gone in each of them in a random order, each in processes of its own.

`

const pipesNotes = `
- **GB/s** is what the consumer saw between first and last byte.
- **of plain copying** is the median of the ratios of all rounds to io.CopyBuffer, which has the same pipes and a buffer of
  256 KiB.
- **CPU per GiB** is that of the process between the two, its start of the producer included.
`

func (r *zfsReport) writePipes(out *bytes.Buffer) {
	s := r.Pipes
	fmt.Fprintf(out, pipesText, count(len(s[plainCopy]), "round"), mib(s[plainCopy][0].Bytes))
	t := newTable("way", "GB/s:", "min–max:", "of plain copying:", "95 %:", "CPU per GiB:")
	for _, w := range pipeWays {
		speeds, ratios := s.of(w, passage.speed), s.ratios(w, plainCopy)
		m, of, interval := median(speeds), "", ""
		if w != plainCopy {
			of, interval = fmt.Sprintf("%.2f", median(slices.Clone(ratios))), span(ratios)
		}
		cpu := median(s.of(w, func(p passage) float64 { return float64(p.CPU) / 1e6 / float64(p.Bytes) * (1 << 30) }))
		t.add(string(w), fmt.Sprintf("%.2f", m), fmt.Sprintf("%.2f–%.2f", speeds[0], speeds[len(speeds)-1]), of, interval, fmt.Sprintf("%.0f ms", cpu))
	}
	t.write(out)
	out.WriteString(pipesNotes)
}

func (r *zfsReport) writeChecksums(out *bytes.Buffer) {
	fmt.Fprintf(out, "\n## Checksums\n\nOf a stream of %s with blocks of 128 KiB, in memory, in pieces of %d KiB, on one processor.\n\n", mib(checkedStream), checkedPiece>>10)
	s := r.Checksums
	t := newTable("way", "GB/s:", "min–max:", "of the plain loop:")
	for _, w := range checksumWays {
		speeds := s.of(w, passage.speed)
		m, of := median(speeds), ""
		if w != naiveFletcher {
			of = ratio(median(s.ratios(w, naiveFletcher)))
		}
		t.add(string(w), fmt.Sprintf("%.2f", m), fmt.Sprintf("%.2f–%.2f", speeds[0], speeds[len(speeds)-1]), of)
	}
	t.write(out)
	fmt.Fprintf(out, "\nMedians of %s, all ways in turns.\n", count(len(s[naiveFletcher]), "round"))
}
