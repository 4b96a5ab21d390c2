package zfsmodel

import (
	"maps"
	"slices"
)

// objects are the contents of a dataset: its files, or the one object of a volume.
type objects map[uint64]*object

// object is a file. It isn't changed once it is in a snapshot: a change makes a new one.
type object struct {
	Name      string  `json:"n,omitempty"`
	Size      int64   `json:"s,omitempty"`
	BlockSize int     `json:"b,omitempty"`
	Blocks    []block `json:"k,omitempty"`
	Freed     bool    `json:"f,omitempty"` // it is no more
	Born      uint64  `json:"t"`           // when it was last changed in anything but its blocks
}

// block is a part of a file. Its hash is "" where there is a hole.
type block struct {
	Hash string `json:"h,omitempty"`
	Born uint64 `json:"t"`
}

// damaged stands in place of the hash of a block that can't be read.
const damaged = "damaged"

const firstObject = 2

// numbers returns the objects' numbers in ascending order.
func (o objects) numbers() []uint64 { return slices.Sorted(maps.Keys(o)) }

// named returns the number of a file; 0 if there is none.
func (o objects) named(name string) uint64 {
	for n, obj := range o {
		if obj.Name == name && !obj.Freed {
			return n
		}
	}
	return 0
}

// unused returns a number for a new object.
func (o objects) unused() uint64 {
	n := uint64(firstObject)
	for k := range o {
		n = max(n, k+1)
	}
	return n
}

// changedSince returns the numbers of the objects that aren't as they were at a transaction group.
func (o objects) changedSince(txg uint64) []uint64 {
	return slices.DeleteFunc(o.numbers(), func(n uint64) bool { return !o[n].changedSince(txg) })
}

func (o *object) changedSince(txg uint64) bool {
	return o.Born > txg || slices.ContainsFunc(o.Blocks, func(b block) bool { return b.Born > txg })
}

// bytes returns how much is stored in objects, in bytes, without what seen has by hash; it is added there.
func (o objects) bytes(seen map[string]bool) (n int64) {
	for _, obj := range o {
		for _, b := range obj.Blocks {
			if b.Hash != "" && !seen[b.Hash] {
				seen[b.Hash] = true
				n += int64(obj.BlockSize)
			}
		}
	}
	return n
}

// writtenSince returns how much of objects is newer than a transaction group, in bytes.
func (o objects) writtenSince(txg uint64) (n int64) {
	for _, obj := range o {
		for _, b := range obj.Blocks {
			if b.Hash != "" && b.Born > txg {
				n += int64(obj.BlockSize)
			}
		}
	}
	return n
}

// used returns how much a dataset and those below it take, in bytes.
func (st *state) used(name string) (n int64) {
	for _, name := range st.below(name) {
		d := st.Datasets[name]
		seen := make(map[string]bool)
		n += d.Objects.bytes(seen)
		for _, s := range d.Snapshots {
			n += s.Objects.bytes(seen)
		}
		if d.Partial != nil {
			n += d.Partial.Objects.bytes(seen)
		}
	}
	return n
}
