package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// tokenMangled is the name of the fault that doesn't even start a receive.
const tokenMangled = "token-mangled"

// destinationFaults are what happens to the destination.
var destinationFaults = []*fault{
	{
		name: "quota", does: "the destination's quota is used up, then lifted", sees: "out of space",
		early: true, fits: long, enough: oftenComplete,
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			return rest, a.limit(a.dst, "used", "quota", 128<<10+a.rand.Int64N(256<<10))
		},
		mend: func(a *attempt) error {
			_, err := command(a.ctx, "zfs", "set", "quota=none", a.dst)
			return err
		},
		want: func(a *attempt) string { return because(a, zfssend.NoSpace) },
	},
	{
		name: "pool-full", does: "the pool is full, then isn't", sees: "out of space",
		early: true, fits: long, enough: oftenComplete,
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			return rest, a.limit(a.ballast(), "available", "reservation", -(128<<10 + a.rand.Int64N(256<<10)))
		},
		mend: func(a *attempt) error {
			_, err := command(a.ctx, "zfs", "set", "reservation=none", a.ballast())
			return err
		},
		want: func(a *attempt) string { return because(a, zfssend.NoSpace) },
	},
	{
		name: "device-lost", does: "all writes of the destination's devices fail, until zpool clear", early: true, fits: long,
		sees:  "stalled, and given up within the bound, although zfs can't be killed",
		stall: stallTimeout, grace: 2 * time.Second,
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			for _, vdev := range a.pools.dstVdevs {
				if err := a.inject("-d", vdev, "-e", "io", "-T", "write", a.pools.dst); err != nil {
					return rest, err
				}
			}
			return rest, nil
		},
		mend: clearDestination,
		want: func(a *attempt) string {
			if errors.Is(a.root, zfssend.ErrAbandoned) {
				a.detail("abandoned, and reaped when the devices were back")
			}
			return stalled(a, "receive")
		},
	},
	{
		name: "device-errors", does: "writes of the destination's devices fail at the first time", harmless: true,
		sees: "nothing: they are tried again",
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			for _, vdev := range a.pools.dstVdevs {
				if err := a.inject("-d", vdev, "-e", "io", "-F", "-T", "write", a.pools.dst); err != nil {
					return rest, err
				}
			}
			return rest, nil
		},
		mend: func(a *attempt) error {
			var err error
			if a.zinject > 0 {
				err = a.expectErrors()
			}
			return errors.Join(err, clearDestination(a))
		},
	},
	{
		name: "device-removed", does: "one of the destination's two devices goes, and comes back", sees: "nothing: it is a mirror",
		harmless: true,
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			_, err := command(a.ctx, "zpool", "offline", a.pools.dst, a.pools.dstVdevs[1])
			return rest, err
		},
		mend: func(a *attempt) error {
			_, err := command(a.ctx, "zpool", "online", a.pools.dst, a.pools.dstVdevs[1])
			return err
		},
	},
	{
		name: "slow-destination", does: "each access to the destination's devices takes 15 ms", sees: "nothing", harmless: true,
		prepare: func(a *attempt) error { return a.slow(a.pools.dst, a.pools.dstVdevs...) },
		mend:    func(a *attempt) error { return a.quicken(a.pools.dst) },
	},
	{
		name: "export-destination", does: "zpool export, with and without -f", sees: "it is refused", harmless: true, begun: true,
		strike: func(a *attempt, rest []byte) ([]byte, error) { return rest, a.export(a.pools.dst, a.rand.IntN(2) == 0) },
	},
	{
		name: "destroy-destination", does: "zfs destroy -r of a dataset that is received in full", sees: "it is refused",
		harmless: true, begun: true,
		routes: between, // elsewhere the receive may be over, and the dataset just received
		fits:   func(a *attempt) bool { return a.step.index == 0 },
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.tryOut("zfs", "destroy", "-r", a.target())
			return rest, nil
		},
	},
	{
		name: "rename-destination", does: "zfs rename, and back", sees: "nothing", harmless: true, begun: true,
		fits: func(a *attempt) bool { return a.step.index > 0 },
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.lenient = a.rename(a.target(), a.target()+"_moved") // zfs receive may still have to look for it, by its name
			return rest, nil
		},
	},
	{
		name: "modify-destination", does: "somebody writes to the destination", sees: "it has been modified; rolled back",
		fits: func(a *attempt) bool { return a.step.index > 0 && a.step.dataset.kind == plain },
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			return rest, a.writeTo(a.target())
		},
		mend: func(a *attempt) error { return a.rollBack() },
		want: func(a *attempt) string { return modified(a) },
	},
	{
		// zfs reads all of the stream and then can't finish: its clone doesn't start at the newest snapshot any more. Resumed, it
		// fails in the same way, for ever. Where the receive hasn't begun, there is nothing wrong with it.
		name: "snapshot-destination", does: "somebody takes a snapshot of the destination",
		sees: "it can't be finished, and its partial state is given up; the snapshot stays",
		fits: func(a *attempt) bool { return a.step.index > 0 && a.step.dataset.kind == plain },
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			list, err := belong(a.ctx, a.target(), fmt.Sprintf("user_%d_%d", a.Step, a.Attempt))
			a.campaign.user = append(a.campaign.user, list...)
			return rest, err
		},
		spoils: true, enough: oftenComplete,
		want: func(a *attempt) string {
			return because(a, zfssend.BadStream, zfssend.ResumeStale, zfssend.NotMatching)
		},
	},
	{
		name: "state-dropped", does: "the input ends, and somebody drops the partial state (zfs receive -A)", sees: "no token",
		routes: between,
		strike: func(*attempt, []byte) ([]byte, error) { return nil, errCut },
		mend: func(a *attempt) error {
			if err := await(a.ctx, "zfs receive", func() bool { return isDone(a.receive.Done()) }); err != nil {
				return err
			}
			d, err := a.destination(a.ctx, a.step)
			if err == nil {
				err = a.abortPartial(a.ctx, d)
			}
			return err
		},
		want: func(a *attempt) string {
			if a.Token >= 0 {
				return "the token is still there"
			}
			return failed(a, zfssend.Canceled)
		},
	},
	{
		name: tokenMangled, does: "the token that is to be gone on from has been damaged", sees: "it is refused before zfs runs",
		fits: func(a *attempt) bool { return a.token != "" },
		prepare: func(a *attempt) error {
			digits := []byte(a.token)
			i := len(digits) - 1 - a.rand.IntN(len(digits)/2)
			digits[i] = "0123456789abcdef"[(strings.IndexByte("0123456789abcdef", digits[i])+1+a.rand.IntN(15))%16]
			a.token = string(digits)
			a.detail("character %d", i)
			a.Struck = 0
			return nil
		},
		want: func(a *attempt) string {
			if e, ok := errors.AsType[*zfssend.Error](a.root); !ok || e.PID != 0 || a.stream != nil {
				return "zfs was started with it: " + a.Root
			}
			return failed(a, zfssend.ResumeStale, zfssend.Unexpected)
		},
	},
}

// modified wants an attempt that failed to have done so since the destination was written to. Busy it is while it is mounted for
// that; and a receive that was resumed finds but its own partial state.
func modified(a *attempt) string {
	if a.Resumed >= 0 {
		return because(a, zfssend.DestinationModified, zfssend.Busy, zfssend.ResumableState)
	}
	return because(a, zfssend.DestinationModified, zfssend.Busy)
}

// limit sets a property to the value of another one, plus something.
func (a *attempt) limit(dataset, of, property string, more int64) error {
	for tries := 0; ; tries++ {
		values, err := zfs.Properties(a.ctx, dataset, of)
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(values[of].Value, 10, 64)
		if err != nil {
			return err
		}
		value := fmt.Sprintf("%s=%d", property, max(n+more, 1))
		_, err = command(a.ctx, "zfs", "set", value, dataset)
		if err == nil {
			a.detail("%s", value)
			return nil
		}
		if tries == maxLimitTries {
			return err
		}
		// What is received, and written only later, has moved the value.
	}
}

const maxLimitTries = 10

// tryOut does what is to be refused. If it isn't, anything may come of the attempt.
func (a *attempt) tryOut(name string, args ...string) bool {
	_, err := command(a.ctx, name, args...)
	if err != nil {
		_, said, _ := strings.Cut(err.Error(), ": ")
		a.detail("%s", firstWords(said))
		return false
	}
	a.miss("it was not refused: it came before the stream had been opened, or after the end")
	a.lenient = true
	return true
}

// export exports a pool, and imports it again if it is gone.
func (a *attempt) export(pool string, force bool) error {
	args := []string{"export", pool}
	if force {
		args = []string{"export", "-f", pool}
	}
	a.detail("zpool %s", strings.Join(args[:len(args)-1], " "))
	if !a.tryOut("zpool", args...) {
		return nil
	}
	args = []string{"import", "-o", "cachefile=none"}
	for _, vdev := range append([]string{a.pools.srcVdev}, a.pools.dstVdevs...) {
		args = append(args, "-d", vdev)
	}
	_, err := command(a.ctx, "zpool", append(args, pool)...)
	return err
}

// rename renames a dataset or snapshot until the attempt is over, and reports whether it did.
func (a *attempt) rename(from, to string) bool {
	if _, err := command(a.ctx, "zfs", "rename", from, to); err != nil {
		a.miss("%s", firstWords(err.Error()))
		return false
	}
	a.undo = append(a.undo, func() {
		if _, err := command(a.ctx, "zfs", "rename", to, from); err != nil {
			a.problem(a.place, err.Error())
		}
	})
	return true
}

// writeTo writes a file to a filesystem that isn't mounted.
func (a *attempt) writeTo(dataset string) error {
	dir, err := os.MkdirTemp(a.scratch, "modify-")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	if err := mountDataset(dataset, dir); err != nil {
		return err
	}
	return errors.Join(writeFile(filepath.Join(dir, "by-somebody"), []byte("hello\n")), unmount(dir))
}

// rollBack takes back what was written to the destination since its newest snapshot.
func (a *attempt) rollBack() error {
	d, err := a.destination(a.ctx, a.step)
	if err != nil || d == nil || a.Struck < 0 {
		return err
	}
	newest := -1
	for i, v := range slices.All(d.Versions) {
		if !v.IsBookmark() && (newest < 0 || v.CreateTXG >= d.Versions[newest].CreateTXG) {
			newest = i
		}
	}
	if newest < 0 {
		return nil
	}
	_, err = command(a.ctx, "zfs", "rollback", d.Name+d.Versions[newest].Name)
	return err
}
