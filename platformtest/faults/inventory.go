package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

// contents are the checksums of a snapshot's files by their paths; a volume has one, "".
type contents map[string]string

// read returns the contents of one snapshot.
func read(ctx context.Context, k kind, snapshot, scratch string) (contents, error) {
	if k == volume {
		device, err := volumeDevice(ctx, snapshot)
		if err != nil {
			return nil, err
		}
		sum, err := checksum(device)
		return contents{"": sum}, err
	}
	dir, err := os.MkdirTemp(scratch, "mount-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(dir)
	if err := mountSnapshot(snapshot, dir); err != nil {
		return nil, err
	}
	c := make(contents)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		switch {
		case d.IsDir():
			c[name] = "directory"
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			c[name] = "link to " + target
			return err
		default:
			c[name], err = checksum(path)
		}
		return err
	})
	if uerr := unmount(dir); err == nil {
		err = uerr
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", snapshot, err)
	}
	return c, nil
}

func checksum(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	// Large pieces, since a source that isn't cached reads a whole record for each.
	n, err := io.CopyBuffer(h, struct{ io.Reader }{f}, make([]byte, 1<<20))
	return fmt.Sprintf("%d bytes, sha256 %x", n, h.Sum(nil)), err
}

// difference names the first differences between what there is and what there should be.
func difference(snapshot string, got, want contents) []string {
	var list []string
	names := maps.Clone(want)
	maps.Copy(names, got)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if got[name] != want[name] {
			list = append(list, fmt.Sprintf("%s: %q is %q, not %q", snapshot, name, got[name], want[name]))
		}
	}
	return list[:min(len(list), 5)]
}

// readAll returns the contents of all snapshots of a history, by "dataset@snapshot", as far as they can be read. At the
// destination, the encrypted dataset's key is loaded for it.
func (h *history) readAll(ctx context.Context, root string, scratch string) (map[string]contents, error) {
	all := make(map[string]contents)
	var errs []error
	for _, d := range h.datasets {
		name := root + "/" + d.name
		if root != h.root {
			errs = append(errs, h.open(ctx, d.kind, name))
		}
		for _, s := range d.snapshots {
			c, err := read(ctx, d.kind, name+s.name, scratch)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			all[d.name+s.name] = c
		}
	}
	return all, errors.Join(errs...)
}

// open makes a dataset at the destination readable.
func (h *history) open(ctx context.Context, k kind, name string) (err error) {
	switch k {
	case encrypted:
		_, err = command(ctx, "zfs", "load-key", "-L", "file://"+h.key, name)
	case volume:
		// A receive that was resumed, and a rename, don't always make the devices of its snapshots. This does.
		for _, value := range []string{"hidden", "visible"} {
			if _, err = command(ctx, "zfs", "set", "snapdev="+value, name); err != nil {
				return err
			}
		}
	}
	return err
}

// A belonging is something of the user's, which the replication has nothing to do with.
type belonging struct {
	Name string // of a dataset, snapshot or bookmark
	GUID uint64
	Hold string // a hold that it has; "" if none
}

// userTag is that of the user's holds.
const userTag = "not_ours"

// belong makes a dataset, unless it exists, with a snapshot, a bookmark and a hold of the user's, and returns all of them.
func belong(ctx context.Context, name, version string) ([]belonging, error) {
	if _, err := zfs.Dataset(ctx, name); errors.Is(err, zfssend.NotFound) {
		if _, err := command(ctx, "zfs", "create", name); err != nil {
			return nil, err
		}
	}
	if err := zfs.Snapshot(ctx, name+"@"+version); err != nil {
		return nil, err
	}
	if err := zfs.Bookmark(ctx, zfssend.Bookmark{Source: name + "@" + version, Name: "#" + version}); err != nil {
		return nil, err
	}
	if err := zfs.Hold(ctx, userTag, name+"@"+version); err != nil {
		return nil, err
	}
	d, err := zfs.Dataset(ctx, name)
	if err != nil {
		return nil, err
	}
	list := []belonging{{Name: name, GUID: d.GUID}}
	for _, v := range d.Versions {
		switch v.Name {
		case "@" + version:
			list = append(list, belonging{name + v.Name, v.GUID, userTag})
		case "#" + version:
			list = append(list, belonging{Name: name + v.Name, GUID: v.GUID})
		}
	}
	return list, nil
}

// missing tells what of the replication's is left behind in the pools, and which belongings aren't there any more, or aren't
// what they were.
func missing(ctx context.Context, p *pools, want []belonging) (left, gone []string, err error) {
	guids := make(map[string]uint64)
	var snapshots []string
	for _, pool := range []string{p.src, p.dst} {
		all, err := zfs.List(ctx, pool, zfssend.ListOptions{Recursive: true, Holds: true})
		if err != nil {
			return nil, nil, err
		}
		for _, d := range all {
			guids[d.Name] = d.GUID
			for _, v := range d.Versions {
				guids[d.Name+v.Name] = v.GUID
				if v.Holds > 0 {
					snapshots = append(snapshots, d.Name+v.Name)
				}
				if v.IsBookmark() && strings.HasPrefix(v.Name, "#"+tag) {
					left = append(left, "left behind: bookmark "+d.Name+v.Name)
				}
			}
		}
	}
	holds := make(map[string]bool)
	if len(snapshots) > 0 {
		held, err := zfs.Holds(ctx, snapshots...)
		if err != nil {
			return nil, nil, err
		}
		for _, h := range held {
			holds[h.Snapshot+" "+h.Tag] = true
			if h.Tag != userTag {
				left = append(left, "left behind: hold "+h.Tag+" of "+h.Snapshot)
			}
		}
	}
	for _, b := range want {
		switch guid, ok := guids[b.Name]; {
		case !ok:
			gone = append(gone, "the user's "+b.Name+" is gone")
		case guid != b.GUID:
			gone = append(gone, fmt.Sprintf("the user's %s is another one: GUID %d, not %d", b.Name, guid, b.GUID))
		case b.Hold != "" && !holds[b.Name+" "+b.Hold]:
			gone = append(gone, "the user's hold of "+b.Name+" is gone")
		}
	}
	return left, gone, nil
}
