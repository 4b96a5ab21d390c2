package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// inject has zinject make ZFS itself fail, until clearInjections.
func (a *attempt) inject(args ...string) error {
	_, err := command(a.ctx, "zinject", args...)
	if err == nil {
		a.zinject++
	}
	return err
}

// clearInjections takes back what inject did. Before that it has zinject list it: of a fault that isn't to be noticed,
// nothing else would tell that there was one.
func clearInjections(a *attempt) error {
	if a.zinject == 0 {
		return nil
	}
	text, lerr := command(a.ctx, "zinject")
	n, injected := handlers(text)
	if lerr == nil && n != a.zinject {
		a.complain("zinject lists %d handlers, not %d: %s", n, a.zinject, firstWords(text))
	}
	if injected >= 0 {
		a.detail("zinject counts %d", injected)
	}
	_, err := command(a.ctx, "zinject", "-c", "all")
	return errors.Join(lerr, err)
}

// handlers counts the handlers in what zinject lists, and how often they have done something, -1 if it doesn't tell: OpenZFS
// before 2.4 doesn't. Each handler has a line that begins with its number, whatever its kind.
func handlers(text string) (n int, injected int64) {
	injected = -1
	counted := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		if fields[0] == "ID" {
			counted = fields[len(fields)-1] == "INJECT"
		}
		if _, err := strconv.Atoi(fields[0]); err != nil {
			continue
		}
		n++
		if times, err := strconv.ParseInt(fields[len(fields)-1], 10, 64); counted && err == nil {
			injected = max(injected, 0) + times
		}
	}
	return n, injected
}

// clearDestination takes back errors of the destination's devices.
func clearDestination(a *attempt) error {
	err := clearInjections(a)
	_, cerr := command(a.ctx, "zpool", "clear", a.pools.dst)
	return errors.Join(err, cerr)
}

// expectErrors wants writes of the destination's devices to have failed, if anything was to be written after the fault had struck.
// OpenZFS 2.1, 2.3 and 2.4 count them although they succeed when they are tried again.
func (a *attempt) expectErrors() error {
	// Otherwise it may be long until something is written, if it struck near the end of the stream.
	if _, err := command(a.ctx, "zpool", "sync", a.pools.dst); err != nil {
		return err
	}
	text, err := command(a.ctx, "zpool", "status", "-p", a.pools.dst)
	if err != nil {
		return err
	}
	n := writeErrors(text, a.pools.dstVdevs)
	a.detail("%d writes failed", n)
	switch {
	case n > 0:
	case a.exact():
		a.complain("no write of the destination's devices has failed")
	default:
		a.miss("") // all had been written
	}
	return nil
}

// writeErrors returns the sum of these devices' write errors in what zpool status -p says.
func writeErrors(status string, vdevs []string) int64 {
	var sum int64
	for line := range strings.Lines(status) {
		fields := strings.Fields(line) // name, state, and errors of reads, writes and checksums
		if len(fields) < 5 {
			continue
		}
		for _, vdev := range vdevs {
			if fields[0] == vdev {
				n, _ := strconv.ParseInt(fields[3], 10, 64)
				sum += n
			}
		}
	}
	return sum
}

// delay is how long an access to a slow device takes.
const delay = 15 * time.Millisecond

// accesses are how many accesses to a pool's devices have been slow, and how many haven't.
type accesses struct{ slow, quick int64 }

// slow makes each access to the devices of a pool slow, until quicken.
func (a *attempt) slow(pool string, vdevs ...string) (err error) {
	for _, vdev := range vdevs {
		if err := a.inject("-d", vdev, "-D", fmt.Sprintf("%d:1", delay.Milliseconds()), pool); err != nil {
			return err
		}
	}
	a.Struck = 0
	a.before, err = countAccesses(a.ctx, pool)
	return err
}

// quicken ends that, and wants it to have been so.
func (a *attempt) quicken(pool string) error {
	after, err := countAccesses(a.ctx, pool)
	cerr := clearInjections(a)
	if err != nil {
		return errors.Join(err, cerr)
	}
	n := accesses{after.slow - a.before.slow, after.quick - a.before.quick}
	a.detail("%d accesses were slow, %d weren't", n.slow, n.quick)
	switch {
	case n == accesses{}:
		a.miss("there were none")
	case n.quick > n.slow: // some had begun before it
		a.complain("the devices aren't slow: %d accesses took %v, %d didn't", n.slow, delay, n.quick)
	}
	return cerr
}

// countAccesses counts what has accessed the devices of a pool since it was imported.
func countAccesses(ctx context.Context, pool string) (accesses, error) {
	text, err := command(ctx, "zpool", "iostat", "-w", "-H", "-p", pool)
	if err != nil {
		return accesses{}, err
	}
	return parseLatencies(text)
}

// parseLatencies takes the accesses out of the histogram of zpool iostat -wHp. A line has the longest latency in ns, and then
// counts, of which the 3rd and 4th are of reads and writes by how long the device has taken. It goes by powers of two,
// so that a delay is in the line before the one that begins above it.
func parseLatencies(text string) (accesses, error) {
	var n accesses
	lines := 0
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue // the pool's name
		}
		var values [5]int64
		for i := range values {
			var err error
			if values[i], err = strconv.ParseInt(fields[i], 10, 64); err != nil {
				return n, fmt.Errorf("zpool iostat -w: %q: %w", line, err)
			}
		}
		lines++
		if time.Duration(values[0]) >= delay {
			n.slow += values[3] + values[4]
		} else {
			n.quick += values[3] + values[4]
		}
	}
	if lines == 0 {
		return n, fmt.Errorf("zpool iostat -w: no histogram in %q", firstWords(text))
	}
	return n, nil
}
