package suite

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// world is a tree of datasets that its user works on, with its copy, and what is known of both: by the user's own book-keeping and by
// zfs, never by zferry.
type world struct {
	*testing.T
	*rand.Rand
	p, to     pool
	name      string // of the roots in their pools
	src, dst  string
	key       string // file of the encrypted datasets' key
	hold      bool   // zferry's snapshots are held
	count     int
	datasets  []*owned                     // below src, the root first
	sums      map[string]map[string]string // checksums of snapshots' files, by GUID
	users     map[string]string            // what the user has, by name: its GUID
	copied    map[string]string            // the snapshots that the copy has, likewise
	destroyed map[string]bool              // GUIDs of snapshots that the user has destroyed at the source
	done      []string
}

// owned is a dataset of the user's.
type owned struct {
	path              string // below the root, with a / in front; "" is the root
	volume, encrypted bool
	locked            bool // its key isn't loaded
}

// newWorld makes a small tree, and a foreign dataset beside what is copied.
func newWorld(t *testing.T, name string, r *rand.Rand) *world {
	t.Helper()
	w := &world{T: t, Rand: r, p: source(), to: destination(), name: name, key: filepath.Join(t.TempDir(), "key"), hold: r.IntN(3) == 0,
		sums: make(map[string]map[string]string), destroyed: make(map[string]bool)}
	w.src, w.dst = w.p.name+"/"+name, w.to.name+"/"+name
	if err := os.WriteFile(w.key, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.to.create(t, name)
	w.to.create(t, name+"/foreign")
	w.to.write(t, name+"/foreign", "file", 10<<10)
	run(t, "zfs", "snapshot", w.dst+"/foreign@mine")
	w.dst += "/copy"
	w.add("", owned{})
	w.add("/a", owned{})
	w.add("/secret", owned{encrypted: true})
	w.add("/volume", owned{volume: true})
	w.note()
	return w
}

func (w *world) log(format string, args ...any) {
	w.done = append(w.done, fmt.Sprintf(format, args...))
}

// wrong reports a fault, with what was done before.
func (w *world) wrong(format string, args ...any) {
	w.Helper()
	w.Errorf(format+"\nbefore:\n  %s", append(args, strings.Join(w.done, "\n  "))...)
}

// add makes a dataset.
func (w *world) add(path string, d owned) {
	w.Helper()
	d.path = path
	var options []string
	switch {
	case d.encrypted:
		options = []string{"-o", "encryption=on", "-o", "keyformat=hex", "-o", "keylocation=file://" + w.key}
	case d.volume:
		options = []string{"-V", "1M"}
	}
	w.p.create(w, w.name+path, options...)
	w.datasets = append(w.datasets, &d)
	if !d.volume {
		w.write(&d)
	}
}

// write writes, overwrites or removes a file.
func (w *world) write(d *owned) {
	w.Helper()
	name := fmt.Sprint("file", w.IntN(4))
	if w.IntN(5) == 0 {
		os.Remove(filepath.Join(w.p.dir, w.name, d.path, name)) // it may not exist
		return
	}
	w.p.write(w, w.name+d.path, name, w.Int64N(512<<10))
}

// take takes snapshots of some datasets at one moment, and notes what is in them.
func (w *world) take(name string, list ...*owned) {
	w.Helper()
	args := []string{"zfs", "snapshot"}
	for _, d := range list {
		args = append(args, w.src+d.path+"@"+name)
	}
	run(w, args...)
	guids := guidsOf(w.T, w.src)
	for _, d := range list {
		if !d.volume && !d.locked {
			w.sums[guids[w.src+d.path+"@"+name]] = w.live(d)
		}
	}
}

// live returns the checksums of a mounted dataset's files, without those of the datasets below it.
func (w *world) live(d *owned) map[string]string {
	w.Helper()
	root := filepath.Join(w.p.dir, w.name, d.path)
	sums := make(map[string]string)
	var device uint64
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if of := info.Sys().(*syscall.Stat_t).Dev; path == root {
			device = of
		} else if e.IsDir() && of != device {
			return filepath.SkipDir
		}
		if e.IsDir() {
			return nil
		}
		data, err := os.ReadFile(path)
		sums[strings.TrimPrefix(path, root)] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return sums
}

// note notes what the user has, and what the copy has.
func (w *world) note() {
	w.Helper()
	w.users, w.copied = make(map[string]string), make(map[string]string)
	for name, guid := range guidsOf(w.T, w.src, strings.TrimSuffix(w.dst, "/copy")) {
		ofCopy := name == w.dst || strings.HasPrefix(name, w.dst+"/") || strings.HasPrefix(name, w.dst+"@")
		switch {
		case strings.Contains(name, "#zferry_"):
		case !ofCopy:
			w.users[name] = guid
		case strings.Contains(name, "@"):
			w.copied[name] = guid
		}
	}
}

// keeps checks that the user has what was noted, and the copy the snapshots that it had, but for what the user has destroyed
// meanwhile, and what he was told will be destroyed.
func (w *world) keeps(told map[string]bool) {
	w.Helper()
	now := guidsOf(w.T, w.src, strings.TrimSuffix(w.dst, "/copy"))
	for name, guid := range w.users {
		if now[name] != guid && !w.destroyed[guid] {
			w.wrong("the user's %s is lost: its GUID was %s, now %q", name, guid, now[name])
		}
	}
	for name, guid := range w.copied {
		if now[name] != guid && !(told[name] && w.destroyed[guid]) {
			w.wrong("the copy's %s is lost: its GUID was %s, now %q", name, guid, now[name])
		}
	}
}

// pick returns a random dataset of which something is true, nil if there is none.
func (w *world) pick(is func(*owned) bool) *owned {
	list := slices.DeleteFunc(slices.Clone(w.datasets), func(d *owned) bool { return !is(d) })
	if len(list) == 0 {
		return nil
	}
	return list[w.IntN(len(list))]
}

func writable(d *owned) bool { return !d.volume && !d.locked }

// disturb does something that a user does.
func (w *world) disturb() {
	w.Helper()
	w.count++
	switch n := w.IntN(14); {
	case n < 4:
		if d := w.pick(writable); d != nil {
			w.log("write %s", d.path)
			w.write(d)
		}
	case n < 6:
		d := w.datasets[w.IntN(len(w.datasets))]
		w.log("snapshot %s@%d", d.path, w.count)
		w.take(fmt.Sprint(w.count), d)
	case n < 8:
		w.log("snapshot of all @%d", w.count)
		w.take(fmt.Sprint(w.count), w.datasets...)
	case n < 9:
		w.create()
	case n < 11:
		w.destroySnapshot()
	default:
		w.restructure(n)
	}
}

// create makes a dataset below another one. Volumes and encrypted ones have none below them.
func (w *world) create() {
	w.Helper()
	above := w.pick(func(d *owned) bool { return !d.volume && !d.encrypted && strings.Count(d.path, "/") < 3 })
	d := owned{}
	switch w.IntN(5) {
	case 0:
		d.encrypted = true
	case 1:
		d.volume = true
	}
	path := fmt.Sprintf("%s/%d", above.path, w.count)
	w.log("create %s, encrypted %t, volume %t", path, d.encrypted, d.volume)
	w.add(path, d)
}

// restructure renames or destroys a dataset, renames a snapshot, or unloads a key or loads it.
func (w *world) restructure(kind int) {
	w.Helper()
	leaf := w.pick(func(d *owned) bool {
		return d.path != "" && !slices.ContainsFunc(w.datasets, func(o *owned) bool { return strings.HasPrefix(o.path, d.path+"/") })
	})
	switch {
	case kind == 11 && leaf != nil:
		to := fmt.Sprintf("%s/moved%d", leaf.path[:strings.LastIndex(leaf.path, "/")], w.count)
		w.log("rename %s to %s", leaf.path, to)
		run(w, "zfs", "rename", w.src+leaf.path, w.src+to)
		leaf.path = to
	case kind == 12 && leaf != nil && !w.hold && len(w.datasets) > 4:
		w.log("destroy %s", leaf.path)
		run(w, "zfs", "destroy", "-r", w.src+leaf.path)
		w.datasets = slices.DeleteFunc(w.datasets, func(d *owned) bool { return d == leaf })
	case kind == 13:
		if d := w.pick(func(d *owned) bool { return d.encrypted }); d != nil {
			w.turnKey(d)
		}
	}
}

// turnKey unloads the key of a dataset, or loads it.
func (w *world) turnKey(d *owned) {
	w.Helper()
	w.log("key of %s, loaded: %t", d.path, d.locked)
	if d.locked {
		run(w, "zfs", "load-key", w.src+d.path)
		run(w, "zfs", "mount", w.src+d.path)
	} else {
		run(w, "zfs", "unmount", w.src+d.path)
		run(w, "zfs", "unload-key", w.src+d.path)
	}
	d.locked = !d.locked
}

// destroySnapshot destroys a snapshot of the source, as careful users do: neither the newest, nor what the next increment starts from,
// unless zferry has left a bookmark of it. It may be held. It returns nothing if there is none.
func (w *world) destroySnapshot() {
	w.Helper()
	have, copied := guidsOf(w.T, w.src), w.newestCopied()
	marked := make(map[string]bool)
	for name, guid := range have {
		if strings.Contains(name, "#") {
			marked[guid] = true
		}
	}
	var list []string
	for _, d := range w.datasets {
		own := w.snapshotsOf(w.src + d.path)
		for _, name := range own[:max(len(own)-1, 0)] {
			if guid := have[name]; guid != copied[d.path] || marked[guid] {
				list = append(list, name)
			}
		}
	}
	if len(list) == 0 {
		return
	}
	name := list[w.IntN(len(list))]
	if out, err := quietly("zfs", "destroy", name); err == nil {
		w.destroyed[have[name]] = true
		w.log("destroy %s", name)
	} else if !strings.Contains(out, "busy") && !strings.Contains(out, "held") {
		w.Fatalf("destroy %s: %v\n%s", name, err, out)
	}
}

// snapshotsOf returns a dataset's snapshots, the oldest first, and none if it doesn't exist.
func (w *world) snapshotsOf(dataset string) []string {
	out, err := quietly("zfs", "list", "-H", "-d", "1", "-t", "snapshot", "-s", "createtxg", "-o", "name", dataset)
	if err != nil {
		return nil
	}
	return strings.FieldsFunc(out, func(r rune) bool { return r == '\n' })
}

// newestCopied returns the GUIDs of the newest snapshots that the copy has, by the paths of their datasets.
func (w *world) newestCopied() map[string]string {
	newest := make(map[string]string)
	out, err := quietly("zfs", "list", "-Hp", "-r", "-t", "snapshot", "-s", "createtxg", "-o", "name,guid", w.dst)
	if err != nil {
		return newest
	}
	for line := range strings.Lines(out) {
		name, guid, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		dataset, _, _ := strings.Cut(name, "@")
		newest[strings.TrimPrefix(dataset, w.dst)] = guid
	}
	return newest
}

// equal checks that the copy has all snapshots of the source, and that those in some of its datasets' newest are the files that the user has
// written.
func (w *world) equal(newest string, all bool) {
	w.Helper()
	have := guidsOf(w.T, w.src, w.dst)
	at := make(map[string]bool) // the copy's datasets and snapshots: "path GUID"
	for name, guid := range have {
		if path, ok := strings.CutPrefix(name, w.dst); ok {
			dataset, _, _ := strings.Cut(path, "@")
			at[dataset+" "+guid] = true
		}
	}
	for name, guid := range have {
		path, ok := strings.CutPrefix(name, w.src)
		dataset, _, isSnapshot := strings.Cut(path, "@")
		if ok && isSnapshot && !at[dataset+" "+guid] {
			w.wrong("the copy has no %s", name)
		}
	}
	looked := 0
	for _, i := range w.Perm(len(w.datasets)) {
		d := w.datasets[i]
		want, known := w.sums[have[w.src+d.path+"@"+newest]]
		if !known || looked == 2 && !all {
			continue
		}
		looked++
		if got := w.filesOf(d, w.dst+d.path+"@"+newest); !maps.Equal(got, want) {
			w.wrong("%s of the copy has %v, want %v", d.path, got, want)
		}
	}
	if looked == 0 {
		w.wrong("no contents were compared")
	}
}

// filesOf returns the checksums of a snapshot's files, of an encrypted one by its key.
func (w *world) filesOf(d *owned, snapshot string) map[string]string {
	w.Helper()
	if d.encrypted {
		dataset, _, _ := strings.Cut(snapshot, "@")
		run(w, "zfs", "load-key", "-L", "file://"+w.key, dataset)
		defer run(w, "zfs", "unload-key", dataset)
	}
	return contents(w.T, snapshot)
}
