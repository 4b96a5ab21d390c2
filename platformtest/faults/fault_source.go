package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

// sourceFaults are what happens to the source.
var sourceFaults = []*fault{
	{
		name: "source-block", does: "a block of the source can't be read", sees: "the sender's I/O error; no snapshot",
		prepare: func(a *attempt) error {
			values, err := zfs.Properties(a.ctx, a.sending(), "objsetid")
			if err != nil {
				return err
			}
			s := a.step.to()
			var objset, block int64
			if _, err := fmt.Sscan(values["objsetid"].Value, &objset); err != nil {
				return err
			}
			block = s.blocks[0] + a.rand.Int64N(max(s.blocks[1]-s.blocks[0], 1))
			where := fmt.Sprintf("%x:%x:0:%x", objset, s.object, block)
			a.detail("block %s", where)
			a.Struck = 0
			return a.inject("-b", where, "-e", "io", a.pools.src)
		},
		mend: func(a *attempt) error {
			err := clearInjections(a)
			_, cerr := command(a.ctx, "zpool", "clear", a.pools.src)
			return errors.Join(err, cerr)
		},
		want: func(a *attempt) string {
			if a.Complete && a.Resumed >= 0 {
				a.miss("that block had been received before")
				return ""
			}
			if text := failed(a, zfssend.PoolIO); text != "" {
				return text
			}
			if e, ok := errors.AsType[*zfssend.Error](a.root); !ok || e.Op != "send" || e.ExitCode < 1 { // 255 if it goes on by a token
				return "the root cause isn't the sender's: " + a.Root
			}
			return ""
		},
	},
	{
		name: "slow-source", does: "each access to the source's device takes 15 ms", sees: "nothing", harmless: true,
		prepare: func(a *attempt) error { return a.slow(a.pools.src, a.pools.srcVdev) },
		mend:    func(a *attempt) error { return a.quicken(a.pools.src) },
	},
	{
		name: "destroy-snapshot", does: "zfs destroy of the snapshot that is sent, which we hold", sees: "it is refused", harmless: true,
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			err := zfs.Destroy(a.ctx, a.sending())
			if !errors.Is(err, zfssend.Held) && !errors.Is(err, zfssend.Busy) {
				a.complain("destroy of the snapshot that is sent: %v", err)
			}
			a.detail("%v", err)
			return rest, nil
		},
	},
	{
		name: "rename-snapshot", does: "zfs rename of the snapshot that is sent, and back", sees: "nothing", harmless: true,
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.rename(a.sending(), a.source()+"@moved")
			return rest, nil
		},
	},
	{
		name: "rename-source", does: "zfs rename of the dataset that is sent, and back", sees: "nothing", harmless: true,
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			a.rename(a.source(), a.source()+"_moved")
			return rest, nil
		},
	},
	{
		name: "hold-snapshot", does: "somebody holds the snapshot that is sent", sees: "nothing; the hold stays", harmless: true,
		fits: func(a *attempt) bool {
			return a.step.index+2 < len(a.step.dataset.snapshots) || a.step.dataset.name != "tree"
		}, // that one we destroy
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			err := zfs.Hold(a.ctx, userTag, a.sending())
			if err == nil {
				a.campaign.user = append(a.campaign.user, belonging{a.sending(), a.step.to().guid, userTag})
			}
			return rest, err
		},
	},
	{
		name: "export-source", does: "zpool export", sees: "it is refused, or comes too late",
		harmless: true, early: true, routes: []route{direct, tapped},
		fits: long, // of a short stream zfs send has written all before anything can be done
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			return rest, errors.Join(a.export(a.pools.src, false), a.mountSource())
		},
	},
	{
		name: "change-source", does: "somebody writes to the dataset that is sent", sees: "nothing: the snapshot stays as it is",
		harmless: true,
		fits:     func(a *attempt) bool { return a.step.dataset.kind != volume },
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			name := a.history.dir + "/" + a.step.dataset.name + "/large-0"
			return rest, writeFile(name, randomBytes(a.rand, 300<<10))
		},
	},
}

// mountSource mounts all filesystems of the source again. An export has unmounted them, even if it was refused then, and
// their keys are gone if it wasn't.
func (a *attempt) mountSource() error {
	list, err := command(a.ctx, "zfs", "list", "-H", "-r", "-t", "filesystem", "-o", "name,mounted,keystatus", a.pools.src)
	if err != nil {
		return err
	}
	for line := range strings.Lines(list) {
		f := strings.Split(strings.TrimSpace(line), "\t") // outer ones come first
		if f[2] == "unavailable" {
			if _, err := command(a.ctx, "zfs", "load-key", f[0]); err != nil {
				return err
			}
		}
		if f[1] == "no" {
			if _, err := command(a.ctx, "zfs", "mount", f[0]); err != nil {
				return err
			}
		}
	}
	return nil
}
