package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/spanstack/spanstack/zfssend"
)

// A kind is what a dataset of the history is.
type kind string

const (
	plain     kind = "filesystem"
	volume    kind = "volume"
	encrypted kind = "encrypted filesystem"
)

// A dataset is one dataset of the tree that is replicated.
type dataset struct {
	name      string // below the campaign's root
	kind      kind
	snapshots []snapshot
	options   zfssend.SendOptions // those that don't change from step to step
}

// A snapshot is one state of a dataset.
type snapshot struct {
	name   string // "@s1"
	guid   uint64
	object uint64   // one of which blocks are in the stream from the snapshot before
	blocks [2]int64 // those, of recordSize each: first, and the one after the last
}

// A step replicates one snapshot.
type step struct {
	dataset *dataset
	index   int    // of the snapshot
	from    string // "" or the version that the stream is incremental from
}

func (s *step) to() *snapshot { return &s.dataset.snapshots[s.index] }

// base is the snapshot before, nil for a full stream.
func (s *step) base() *snapshot {
	if s.index == 0 {
		return nil
	}
	return &s.dataset.snapshots[s.index-1]
}

const (
	recordSize  = 128 << 10
	volumeBlock = 16 << 10
	volumeSize  = 6 << 20
	// The bookmark that the last increment starts from; its snapshot is destroyed then.
	baseBookmark = "#base"
)

// A history is a tree of datasets, and the steps that replicate it.
type history struct {
	root     string // on the source pool
	dir      string // where that is mounted
	key      string // file of the encrypted dataset's key
	datasets []*dataset
	steps    []*step
}

// newHistory says what there is to be, without making it. It depends on the campaign's number, and nothing else.
func newHistory(root, dir, key string, r *rand.Rand) *history {
	h := &history{root: root, dir: dir, key: key}
	for _, d := range []struct {
		name      string
		kind      kind
		snapshots int
	}{{"tree", plain, 5}, {"tree/child", plain, 3}, {"tree/volume", volume, 3}, {"tree/secret", encrypted, 3}} {
		options := zfssend.SendOptions{Raw: d.kind == encrypted}
		if !options.Raw {
			options.LargeBlock, options.Embedded, options.Compressed = r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0
		}
		h.datasets = append(h.datasets, &dataset{name: d.name, kind: d.kind, options: options, snapshots: make([]snapshot, d.snapshots)})
	}
	for round := range 5 {
		for _, d := range h.datasets {
			if round >= len(d.snapshots) {
				continue
			}
			d.snapshots[round].name = fmt.Sprintf("@s%d", round+1)
			s := &step{dataset: d, index: round}
			if round > 0 {
				s.from = d.snapshots[round-1].name
			}
			if d == h.datasets[0] && round == len(d.snapshots)-1 {
				s.from = baseBookmark
			}
			h.steps = append(h.steps, s)
		}
	}
	return h
}

// make makes the tree and its snapshots, and fills in their GUIDs.
func (h *history) make(ctx context.Context, r *rand.Rand) error {
	if err := os.WriteFile(h.key, randomBytes(r, 32), 0o600); err != nil {
		return err
	}
	for _, d := range h.datasets {
		args := []string{"create"}
		switch d.kind {
		case volume:
			args = append(args, "-s", "-V", fmt.Sprint(volumeSize), "-o", fmt.Sprintf("volblocksize=%d", volumeBlock))
		case encrypted:
			args = append(args, "-o", "encryption=aes-256-gcm", "-o", "keyformat=raw", "-o", "keylocation=file://"+h.key)
		case plain:
			if d.options.Compressed {
				args = append(args, "-o", "compression=lz4")
			}
		}
		if _, err := command(ctx, "zfs", append(args, h.root+"/"+d.name)...); err != nil {
			return err
		}
	}
	for round := range 5 {
		if err := h.round(ctx, r, round); err != nil {
			return err
		}
	}
	tree := h.datasets[0]
	base := tree.snapshots[len(tree.snapshots)-2].name
	if err := zfs.Bookmark(ctx, zfssend.Bookmark{Source: h.root + "/tree" + base, Name: baseBookmark}); err != nil {
		return err
	}
	for _, d := range h.datasets {
		have, err := zfs.Dataset(ctx, h.root+"/"+d.name)
		if err != nil {
			return err
		}
		for i := range d.snapshots {
			v := find(have, d.snapshots[i].name)
			if v == nil {
				return fmt.Errorf("%s%s was not made", have.Name, d.snapshots[i].name)
			}
			d.snapshots[i].guid = v.GUID
		}
	}
	return nil
}

// belongings are the snapshots of the source, which are the user's as well, but for the one that the replication drops. Its
// bookmark stays.
func (h *history) belongings() []belonging {
	var list []belonging
	for _, d := range h.datasets {
		for i, s := range d.snapshots {
			name := s.name
			if d == h.datasets[0] && i == len(d.snapshots)-2 {
				name = baseBookmark
			}
			list = append(list, belonging{Name: h.root + "/" + d.name + name, GUID: s.guid})
		}
	}
	return list
}

// round changes all datasets that have another snapshot, and takes it.
func (h *history) round(ctx context.Context, r *rand.Rand, round int) error {
	var names []string
	for _, d := range h.datasets {
		if round >= len(d.snapshots) {
			continue
		}
		s := &d.snapshots[round]
		names = append(names, h.root+"/"+d.name+s.name)
		change := h.changeFiles
		if d.kind == volume {
			change = h.changeVolume
		}
		if err := change(ctx, r, d, s, round); err != nil {
			return fmt.Errorf("change %s: %w", d.name, err)
		}
	}
	return zfs.Snapshot(ctx, names...)
}

// changeFiles writes a large new file and some small ones, and changes older ones in all ways that a stream has records for.
func (h *history) changeFiles(_ context.Context, r *rand.Rand, d *dataset, s *snapshot, round int) error {
	dir := filepath.Join(h.dir, d.name)
	name := func(what string, round int) string { return filepath.Join(dir, fmt.Sprintf("%s-%d", what, round)) }
	size := 1<<20 + r.Int64N(1<<20)
	if err := writeFile(name("large", round), randomBytes(r, size)); err != nil {
		return err
	}
	st, err := os.Stat(name("large", round))
	if err != nil {
		return err
	}
	s.object, s.blocks = inode(st), [2]int64{0, size / recordSize}
	sub := name("dir", round)
	if err := os.Mkdir(sub, 0o755); err != nil {
		return err
	}
	for i := range 8 { // up to what is embedded in a block pointer, if it compresses
		if err := writeFile(filepath.Join(sub, fmt.Sprint(i)), randomBytes(r, r.Int64N(3000))); err != nil {
			return err
		}
	}
	if err := writeFile(name("text", round), make([]byte, 300<<10)); err != nil { // compresses to a hole
		return err
	}
	holes, err := os.Create(name("holes", round))
	if err != nil {
		return err
	}
	for range 3 {
		if _, err := holes.WriteAt(randomBytes(r, 1+r.Int64N(200<<10)), r.Int64N(3<<20)); err != nil {
			return err
		}
	}
	if err := holes.Close(); err != nil {
		return err
	}
	if round == 0 {
		return os.Symlink("large-0", name("link", 0))
	}
	return h.changeOld(r, name, round)
}

// changeOld changes files of the round before.
func (h *history) changeOld(r *rand.Rand, name func(string, int) string, round int) error {
	old, err := os.OpenFile(name("large", round-1), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	for range 4 {
		if _, err := old.WriteAt(randomBytes(r, 1+r.Int64N(300<<10)), r.Int64N(1<<20)); err != nil {
			return err
		}
	}
	if err := old.Close(); err != nil {
		return err
	}
	if err := os.Truncate(name("holes", round-1), r.Int64N(2<<20)); err != nil {
		return err
	}
	if err := os.RemoveAll(name("dir", round-1)); err != nil { // its objects are free, and are used again
		return err
	}
	if round%2 == 1 {
		return os.Rename(name("text", round-1), name("moved", round-1))
	}
	return os.Remove(name("text", round-1))
}

// changeVolume overwrites a part of the volume.
func (h *history) changeVolume(ctx context.Context, r *rand.Rand, d *dataset, s *snapshot, _ int) error {
	size := 2<<20 + r.Int64N(1<<20)/volumeBlock*volumeBlock
	at := r.Int64N((volumeSize-size)/volumeBlock) * volumeBlock
	s.object, s.blocks = 1, [2]int64{at / volumeBlock, (at + size) / volumeBlock}
	device, err := volumeDevice(ctx, h.root+"/"+d.name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(device, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(randomBytes(r, size), at)
	if serr := f.Sync(); err == nil {
		err = serr
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// find returns a version of a dataset, nil if there is none of that name.
func find(d *zfssend.Dataset, name string) *zfssend.Version {
	if d == nil {
		return nil
	}
	for i := range d.Versions {
		if d.Versions[i].Name == name {
			return &d.Versions[i]
		}
	}
	return nil
}

func writeFile(name string, data []byte) error { return os.WriteFile(name, data, 0o644) }

// randomBytes returns incompressible data.
func randomBytes(r *rand.Rand, n int64) []byte {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(r.Uint32())
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(rand.NewChaCha8(seed), data); err != nil {
		panic(err) // it never ends
	}
	return data
}
