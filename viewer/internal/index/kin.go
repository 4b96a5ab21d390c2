package index

import (
	"math/bits"
	"slices"
	"sync"
)

// kin finds slices by their IDs, and by those of their parents. It lists the records that have one or the other, in the
// order in which they came; from each, one goes back to those before it with the same hash. One goroutine adds to it, any
// may look.
type kin struct {
	later func() // makes it if that isn't done yet, and returns when it is; nil if what came is in it

	mu       sync.RWMutex
	list     column[relative]
	base     uint32   // the number of the first one. Numbers go round, and 0 is none
	byID     []uint32 // by hashes, the number of the last one
	byParent []uint32
}

// relative is a record, and the numbers of those before it.
type relative struct{ ref, sameID, sameParent uint32 }

// perHash is how many records of a hash there may be, on the average, until more hashes are told apart.
const perHash = 4

// newKin returns an empty one, with memory for about so many.
func newKin(expected int64) *kin {
	k := &kin{base: 1}
	k.tellApart(int(min(expected, 1<<24)))
	return k
}

// tellApart makes room for n records.
func (k *kin) tellApart(n int) {
	hashes := 1 << bits.Len(uint(n/perHash|255))
	k.byID, k.byParent = make([]uint32, hashes), make([]uint32, hashes)
}

// wait waits until all is there.
func (k *kin) wait() {
	if k.later != nil {
		k.later()
	}
}

// link takes in the rest of a list whose beginning it has.
func (k *kin) link(a *arena, all *column[relative]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	from := k.list.len()
	if all.len() > perHash*len(k.byID) {
		k.tellApart(all.len())
		if from > 0 { // others may be on their way through what was linked
			*all = all.clone()
		}
		from = 0
	}
	for i := from; i < all.len(); i++ {
		r, number := all.at(i), k.base+uint32(i)
		if number == 0 && r.ref != 0 {
			all.append(relative{ref: r.ref}) // which has another number
			all.at(i).ref = 0
		}
		if number == 0 {
			continue
		}
		own, parent := a.idsOf(r.ref)
		r.sameID, r.sameParent = own.link(k.byID, number), parent.link(k.byParent, number)
	}
	k.list = all.share()
}

// link makes a number the last one with the hash of the ID, and returns the one before.
func (i id) link(last []uint32, number uint32) (before uint32) {
	if i.form == noID {
		return 0
	}
	slot := &last[i.hash()&uint64(len(last)-1)]
	before, *slot = *slot, number
	return before
}

// without returns a copy without the first n records, which goes on when k stays as it is.
func (k *kin) without(n int) *kin {
	c := &kin{list: k.list, base: k.base + uint32(n), byID: slices.Clone(k.byID), byParent: slices.Clone(k.byParent)}
	c.list.drop(n)
	return c
}

// find returns the record of an ID in a for which is reports true, the one that came last if there are several, or 0.
func (k *kin) find(a *arena, i id, is func(ref uint32) bool) uint32 {
	list, number := k.last(i, false)
	for r := k.relative(&list, number); r != nil; r = k.relative(&list, r.sameID) {
		if a.has(r.ref) && a.idOf(r.ref) == i && is(r.ref) {
			return r.ref
		}
	}
	return 0
}

// children visits the records in a that name a parent, until visit returns false.
func (k *kin) children(a *arena, parent id, visit func(ref uint32) bool) {
	list, number := k.last(parent, true)
	for r := k.relative(&list, number); r != nil; r = k.relative(&list, r.sameParent) {
		if a.has(r.ref) && a.parentOf(r.ref) == parent && !visit(r.ref) {
			return
		}
	}
}

// last returns the list as it is now, and the number of the last record whose ID, or whose parent's, has the hash of one.
func (k *kin) last(i id, ofParent bool) (list column[relative], number uint32) {
	if i.form == noID {
		return list, 0
	}
	k.wait()
	k.mu.RLock()
	defer k.mu.RUnlock()
	slots := k.byID
	if ofParent {
		slots = k.byParent
	}
	return k.list, slots[i.hash()&uint64(len(slots)-1)]
}

// relative returns the record of a number, or nil.
func (k *kin) relative(list *column[relative], number uint32) *relative {
	if at := int(number - k.base); number != 0 && at < list.len() {
		return list.at(at)
	}
	return nil
}
