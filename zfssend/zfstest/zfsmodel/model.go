package zfsmodel

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"
)

// Model is a model of a ZFS in a directory. Its methods do what is not done by the command line of zfs. They may be
// called at any time.
type Model struct {
	dir     string
	command []string
}

// New makes a model without any pool in an empty directory. command is the command line of a program that calls [Run]
// with that directory and the arguments of zfs.
func New(dir string, command []string) (*Model, error) {
	return &Model{dir: dir, command: command}, store{dir}.create()
}

// Command returns the command line of the model's zfs, for zfssend.Client.
func (m *Model) Command() []string { return m.command }

// CreatePool makes a pool, with a mounted filesystem.
func (m *Model) CreatePool(name string) error {
	return store{m.dir}.update(func(st *state) error {
		if reason := badName(name); reason != "" || parent(name) != "" || st.Datasets[name] != nil {
			return fmt.Errorf("create pool %s: bad name, or it exists", name)
		}
		d := st.add(name)
		d.Mounted, d.Local = true, map[string]string{"compression": "off", "mountpoint": "/" + name}
		return nil
	})
}

// ShiftClock makes the model's clock differ from that of the host, which is by how much it is ahead. What is there already keeps
// its times.
func (m *Model) ShiftClock(by time.Duration) error {
	return store{m.dir}.update(func(st *state) error {
		st.Shift = by
		return nil
	})
}

// SetFault makes a subcommand of zfs, such as "send", go wrong from now on. The zero Fault ends that.
func (m *Model) SetFault(subcommand string, f Fault) error {
	name := store{m.dir}.path("faults.json")
	faults := make(map[string]Fault)
	if text, err := os.ReadFile(name); err == nil {
		if err := json.Unmarshal(text, &faults); err != nil {
			return err
		}
	}
	faults[subcommand] = f
	text, err := json.Marshal(faults)
	if err != nil {
		return err
	}
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// change changes a dataset.
func (m *Model) change(name string, f func(*state, *dataset) error) error {
	return store{m.dir}.update(func(st *state) error {
		d := st.Datasets[name]
		if d == nil {
			return fmt.Errorf("%s does not exist", name)
		}
		return f(st, d)
	})
}

// Write gives a file of a filesystem its contents; with nil it removes the file. The filesystem must be mounted. For a
// volume, file is "", and data goes to its beginning.
func (m *Model) Write(name, file string, data []byte) error {
	s := store{m.dir}
	return m.change(name, func(st *state, d *dataset) error {
		key := st.key(name)
		switch {
		case d.Crypt != nil && key == nil:
			return fmt.Errorf("write to %s: its key isn't loaded", name)
		case d.Volume:
			return d.writeVolume(s, st, key, data)
		case !d.Mounted:
			return fmt.Errorf("write to %s: it isn't mounted", name)
		}
		d.Changed = st.TXG
		n := d.Objects.named(file)
		if data == nil {
			if n == 0 {
				return fmt.Errorf("%s has no file %q", name, file)
			}
			d.Objects[n] = &object{Freed: true, Born: st.TXG}
			return nil
		}
		if n == 0 {
			n = d.Objects.unused()
		}
		recordSize, _ := st.property(name, "recordsize")
		blockSize, err := strconv.Atoi(recordSize)
		if err != nil {
			return err
		}
		if len(data) < blockSize {
			blockSize = max((len(data)+511)/512*512, 512)
		}
		o := &object{Name: file, Size: int64(len(data)), BlockSize: blockSize, Born: st.TXG}
		d.Objects[n] = o
		return o.fill(s, st.TXG, n, key, data)
	})
}

// fill stores data in the first blocks of an object.
func (o *object) fill(s store, txg, number uint64, key, data []byte) error {
	o.resize(txg)
	for at := 0; at < len(data); at += o.BlockSize {
		chunk := make([]byte, o.BlockSize)
		copy(chunk, data[at:])
		if key != nil {
			scramble(key, number, uint64(at), chunk)
		}
		hash, err := s.putBlock(chunk)
		if err != nil {
			return err
		}
		o.Blocks[at/o.BlockSize] = block{Hash: hash, Born: txg}
	}
	return nil
}

func (d *dataset) writeVolume(s store, st *state, key, data []byte) error {
	size, err := strconv.ParseInt(d.Local["volsize"], 10, 64)
	if err != nil || int64(len(data)) > size {
		return fmt.Errorf("%d bytes don't fit into a volume of %s", len(data), d.Local["volsize"])
	}
	old := d.Objects[volumeObject]
	o := &object{Size: size, BlockSize: old.BlockSize, Born: st.TXG, Blocks: append([]block(nil), old.Blocks...)}
	d.Changed = st.TXG
	d.Objects[volumeObject] = o
	return o.fill(s, st.TXG, volumeObject, key, data)
}

// Contents returns the checksums of the files of a snapshot; of a volume's that of its contents, as a file without a name.
func (m *Model) Contents(snapshot string) (map[string][sha256.Size]byte, error) {
	s := store{m.dir}
	sums := make(map[string][sha256.Size]byte)
	err := s.view(func(st *state) error {
		if !st.exists(snapshot) || !strings.Contains(snapshot, "@") {
			return fmt.Errorf("%s does not exist", snapshot)
		}
		d, dataset, version := st.lookup(snapshot)
		key := st.key(dataset)
		if d.Crypt != nil && key == nil {
			return fmt.Errorf("read %s: its key isn't loaded", snapshot)
		}
		for n, o := range d.snapshot(version[1:]).Objects {
			if o.Freed {
				continue
			}
			data, err := o.read(s, n, key)
			if err != nil {
				return err
			}
			sums[o.Name] = sha256.Sum256(data)
		}
		return nil
	})
	return sums, err
}

func (o *object) read(s store, number uint64, key []byte) ([]byte, error) {
	var data bytes.Buffer
	for k, b := range o.Blocks {
		chunk := make([]byte, o.BlockSize)
		if b.Hash != "" {
			var err error
			if chunk, err = s.getBlock(b.Hash); err != nil {
				return nil, err
			}
			if key != nil {
				scramble(key, number, uint64(k)*uint64(o.BlockSize), chunk)
			}
		}
		data.Write(chunk)
	}
	data.Truncate(int(o.Size))
	return data.Bytes(), nil
}

// Damage makes a block in the middle of a file of a snapshot unreadable.
func (m *Model) Damage(snapshot, file string) error {
	return store{m.dir}.update(func(st *state) error {
		if !st.exists(snapshot) || !strings.Contains(snapshot, "@") {
			return fmt.Errorf("%s does not exist", snapshot)
		}
		d, _, version := st.lookup(snapshot)
		list := d.snapshot(version[1:]).Objects
		n := list.named(file)
		if n == 0 {
			return fmt.Errorf("%s has no file %q", snapshot, file)
		}
		o := *list[n]
		o.Blocks = append([]block(nil), o.Blocks...)
		o.Blocks[len(o.Blocks)/2].Hash = damaged
		list = maps.Clone(list)
		list[n] = &o
		d.snapshot(version[1:]).Objects = list
		return nil
	})
}

// Use keeps a mounted filesystem in use, so that it can't be unmounted, or ends that.
func (m *Model) Use(name string, inUse bool) error {
	return m.change(name, func(_ *state, d *dataset) error {
		if !d.Mounted {
			return fmt.Errorf("%s isn't mounted", name)
		}
		d.InUse = inUse
		return nil
	})
}
