package index

import (
	"hash/maphash"
	"strings"
)

// seed is that of all hashes: nobody can make a trace whose names have the same.
var seed = maphash.MakeSeed()

// Limits of the tables of names. What is beyond them is kept in the records of its slices. Tests change them.
var (
	maxKinds     = kindMask
	maxTexts     = 1 << 20
	maxTextBytes = 256 << 20
)

// texts numbers strings, from 1 on; 0 is "". The list only grows, so that copies of it can be read meanwhile.
type texts struct {
	list  []string
	table hashTable
	bytes int
	once  []uint32 // hashes of strings that were met once, lately
}

// number returns the number of a string, and false if there is no room for another one.
func (t *texts) number(s string) (n uint32, ok bool) {
	if s == "" {
		return 0, true
	}
	hash := maphash.String(seed, s)
	if n := t.find(hash, s); n != 0 {
		return n, true
	}
	return t.add(hash, s)
}

func (t *texts) find(hash uint64, s string) uint32 {
	return t.table.find(hash, func(n uint32) bool { return t.list[n] == s })
}

func (t *texts) add(hash uint64, s string) (n uint32, ok bool) {
	if len(t.list) >= maxTexts || t.bytes+len(s) > maxTextBytes {
		return 0, false
	}
	if t.list == nil {
		t.list = append(t.list, "")
	}
	n = uint32(len(t.list))
	t.list = append(t.list, strings.Clone(s))
	t.bytes += len(s)
	t.table.add(hash, n, func(n uint32) uint64 { return maphash.String(seed, t.list[n]) })
	return n, true
}

// Values of attributes that come again have numbers: short ones, from the second time on.
const (
	longestRepeated = 64
	onceSlots       = 1 << 14
)

// repeated returns the number of a string that was met before.
func (t *texts) repeated(s string) (n uint32, ok bool) {
	if len(s) > longestRepeated || s == "" {
		return 0, false
	}
	hash := maphash.String(seed, s)
	if n := t.find(hash, s); n != 0 {
		return n, true
	}
	if t.once == nil {
		t.once = make([]uint32, onceSlots)
	}
	slot, rest := &t.once[hash%onceSlots], uint32(hash>>32)
	if *slot != rest {
		*slot = rest
		return 0, false
	}
	return t.add(hash, s)
}

// kinds numbers pairs of a name and a category, from 1 on; 0 is that of neither.
type kinds struct {
	names, categories []string
	table             hashTable
	bytes             int
}

// number returns the number of a kind, and whether that is all: else the record has to have its name.
func (k *kinds) number(name, category string) (n uint32, ok bool) {
	hash := kindHash(name, category)
	n = k.table.find(hash, func(n uint32) bool { return k.names[n] == name && k.categories[n] == category })
	if n != 0 || name == "" && category == "" {
		return n, true
	}
	if len(k.names) == 0 {
		k.names, k.categories = []string{""}, []string{""}
	}
	if len(k.names) >= maxKinds || k.bytes+len(name)+len(category) > maxTextBytes {
		return 0, false
	}
	n = uint32(len(k.names))
	k.names = append(k.names, strings.Clone(name))
	k.categories = append(k.categories, strings.Clone(category))
	k.bytes += len(name) + len(category)
	k.table.add(hash, n, func(n uint32) uint64 { return kindHash(k.names[n], k.categories[n]) })
	return n, true
}

func kindHash(name, category string) uint64 {
	return maphash.String(seed, name) ^ maphash.String(seed, category)*0x9e3779b97f4a7c15
}
