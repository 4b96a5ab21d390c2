package zfsmodel

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// state is the pool.
type state struct {
	TXG        uint64
	Objsets    uint64
	Shift      time.Duration `json:",omitempty"` // of the clock
	Datasets   map[string]*dataset
	Operations map[string]*operation // by process
}

// dataset is a filesystem or volume.
type dataset struct {
	GUID, CreateTXG, ObjsetID uint64
	Creation                  int64
	Volume                    bool                `json:",omitempty"`
	Local                     map[string]string   `json:",omitempty"` // properties by source
	Received                  map[string]string   `json:",omitempty"`
	Masked                    map[string]bool     `json:",omitempty"` // received properties that aren't in force
	Allowed                   map[string][]string `json:",omitempty"` // permissions by who has them

	Objects objects
	Changed uint64 // the transaction group of the last change of its contents
	Mounted bool   `json:",omitempty"`
	InUse   bool   `json:",omitempty"` // it can't be unmounted

	Snapshots []*snapshot `json:",omitempty"`
	Bookmarks []*bookmark `json:",omitempty"`
	Origin    uint64      `json:",omitempty"` // ObjsetID of the snapshot that it is a clone of
	Crypt     *crypt      `json:",omitempty"`

	Incomplete bool     `json:",omitempty"` // nothing was received completely
	Partial    *partial `json:",omitempty"` // of an interrupted receive
}

// snapshot is a snapshot of a dataset.
type snapshot struct {
	Name                      string
	GUID, CreateTXG, ObjsetID uint64
	Creation                  int64
	Objects                   objects
	VolSize                   string            `json:",omitempty"`
	Local                     map[string]string `json:",omitempty"`
	Holds                     map[string]int64  `json:",omitempty"` // when, by tag
	Defer                     bool              `json:",omitempty"` // to be destroyed with its last hold
}

// bookmark is what is left of a snapshot: enough to send what came after it.
type bookmark struct {
	Name            string
	GUID, CreateTXG uint64
	Creation        int64
}

// operation is a send or receive that runs.
type operation struct {
	Snapshots []uint64   `json:",omitempty"` // GUIDs of what is sent
	Datasets  []uint64   `json:",omitempty"` // GUIDs of their datasets
	Receive   *receiving `json:",omitempty"`
}

func (st *state) objset() uint64 {
	st.Objsets++
	return st.Objsets + 50
}

// newGUID returns a number that looks like a GUID of ZFS, which has 16 digits at least almost always.
func newGUID() uint64 { return rand.Uint64N(1<<63) | 1<<60 }

// now returns the time by the model's clock, in Unix seconds.
func (st *state) now() int64 { return time.Now().Add(st.Shift).Unix() }

// add makes a dataset.
func (st *state) add(name string) *dataset {
	d := &dataset{GUID: newGUID(), CreateTXG: st.TXG, ObjsetID: st.objset(), Creation: st.now(), Objects: make(objects), Changed: st.TXG}
	st.Datasets[name] = d
	return d
}

// below returns the names of a dataset and of all below it, in alphabetical order: parents first.
func (st *state) below(name string) []string {
	var list []string
	for n := range st.Datasets {
		if n == name || strings.HasPrefix(n, name+"/") {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

func parent(name string) string {
	return name[:max(strings.LastIndexByte(name, '/'), 0)]
}

func (d *dataset) snapshot(name string) *snapshot {
	return find(d.Snapshots, func(s *snapshot) bool { return s.Name == name })
}

func (d *dataset) bookmark(name string) *bookmark {
	return find(d.Bookmarks, func(b *bookmark) bool { return b.Name == name })
}

func (d *dataset) byGUID(guid uint64) *snapshot {
	return find(d.Snapshots, func(s *snapshot) bool { return s.GUID == guid })
}

func (d *dataset) newest() *snapshot {
	if len(d.Snapshots) == 0 {
		return nil
	}
	return d.Snapshots[len(d.Snapshots)-1]
}

func find[T any](list []*T, f func(*T) bool) *T {
	if i := slices.IndexFunc(list, f); i >= 0 {
		return list[i]
	}
	return nil
}

// lookup returns what a name stands for, split at its sigil. Its dataset is nil if there is none.
func (st *state) lookup(name string) (d *dataset, dataset, version string) {
	dataset, version = split(name)
	return st.Datasets[dataset], dataset, version
}

// split splits a name into that of the dataset and that of a version with its sigil.
func split(name string) (dataset, version string) {
	if i := strings.IndexAny(name, "@#"); i >= 0 {
		return name[:i], name[i:]
	}
	return name, ""
}

// exists reports whether there is what a name stands for.
func (st *state) exists(name string) bool {
	d, _, version := st.lookup(name)
	switch {
	case d == nil:
		return false
	case version == "":
		return true
	case version[0] == '@':
		return d.snapshot(version[1:]) != nil
	default:
		return d.bookmark(version[1:]) != nil
	}
}

// take adds a snapshot of the present contents.
func (st *state) take(d *dataset, name string) *snapshot {
	s := &snapshot{Name: name, GUID: newGUID(), CreateTXG: st.TXG, ObjsetID: st.objset(), Creation: st.now(),
		Objects: maps.Clone(d.Objects), VolSize: d.Local["volsize"]}
	d.Snapshots = append(d.Snapshots, s)
	return s
}

// clones returns the names of what depends on a snapshot.
func (st *state) clones(s *snapshot) []string {
	var list []string
	for name, d := range st.Datasets {
		if d.Origin == s.ObjsetID {
			list = append(list, name)
		}
		if d.Partial != nil && !d.Incomplete && d.Partial.FromGUID == s.GUID && d.byGUID(s.GUID) == s {
			list = append(list, name+"/%recv")
		}
	}
	slices.Sort(list)
	return list
}

// origin returns the snapshot that a dataset is a clone of, and its name; nil if it is none.
func (st *state) origin(d *dataset) (string, *snapshot) {
	if d.Origin == 0 {
		return "", nil
	}
	for name, other := range st.Datasets {
		if s := find(other.Snapshots, func(s *snapshot) bool { return s.ObjsetID == d.Origin }); s != nil {
			return name + "@" + s.Name, s
		}
	}
	return "", nil
}

// busy reports whether an operation uses a snapshot.
func (st *state) busy(s *snapshot) bool {
	for _, op := range st.Operations {
		if slices.Contains(op.Snapshots, s.GUID) {
			return true
		}
	}
	return false
}

// receiver returns the running receive into a dataset.
func (st *state) receiver(d *dataset) (id string, r *receiving) {
	for id, op := range st.Operations {
		if op.Receive != nil && op.Receive.Dataset == d.GUID {
			return id, op.Receive
		}
	}
	return "", nil
}

func (st *state) nameOf(guid uint64) (string, *dataset) {
	for name, d := range st.Datasets {
		if d.GUID == guid {
			return name, d
		}
	}
	return "", nil
}
