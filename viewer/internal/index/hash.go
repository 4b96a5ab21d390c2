package index

// hashTable finds numbers by hashes: open addressing, with a number other than 0 in each place that is taken. What the
// numbers stand for has the hashes, so that the table itself is small. The zero value is ready for use.
type hashTable struct {
	slots []uint32
	n     int
}

// find returns the number for which is reports true among those with a hash, or 0.
func (t *hashTable) find(hash uint64, is func(number uint32) bool) uint32 {
	if slot := t.slot(hash, is); slot != nil {
		return *slot
	}
	return 0
}

// slot is find for one that is to be replaced by another of the same hash. It returns nil if there is none.
func (t *hashTable) slot(hash uint64, is func(number uint32) bool) *uint32 {
	if len(t.slots) == 0 {
		return nil
	}
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if is(t.slots[i]) {
			return &t.slots[i]
		}
	}
	return nil
}

// add adds a number. hashOf tells the hashes of those that are there, when the table has to grow.
func (t *hashTable) add(hash uint64, number uint32, hashOf func(number uint32) uint64) {
	if 4*(t.n+1) > 3*len(t.slots) {
		t.grow(max(16, 2*len(t.slots)), hashOf)
	}
	t.put(hash, number)
	t.n++
}

func (t *hashTable) put(hash uint64, number uint32) {
	mask := uint64(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = number
}

func (t *hashTable) grow(slots int, hashOf func(uint32) uint64) {
	old := t.slots
	t.slots = make([]uint32, slots)
	for _, number := range old {
		if number != 0 {
			t.put(hashOf(number), number)
		}
	}
}
