package index

import (
	"hash/maphash"
	"strings"
	"unsafe"
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
	list   []string
	table  hashTable
	bytes  int
	once   []uint32                  // hashes of strings that were met once, lately
	recent [recentTexts]numberedText // by the places in memory of those that were asked for
}

// recentTexts is how many names are found without hashing them. Readers have one copy of each, mostly.
const recentTexts = 1 << 10

type numberedText struct {
	text, more string // more is the category of a kind
	n          uint32
}

// slotOf returns where a string may be found among recent ones.
func slotOf(s string) uintptr {
	at := uintptr(unsafe.Pointer(unsafe.StringData(s)))
	return (at>>4 ^ at>>10) % recentTexts
}

// number returns the number of a string, and false if there is no room for another one.
func (t *texts) number(s string) (n uint32, ok bool) {
	if s == "" {
		return 0, true
	}
	recent := &t.recent[slotOf(s)]
	if recent.text == s {
		return recent.n, true
	}
	hash := maphash.String(seed, s)
	if n = t.find(hash, s); n == 0 {
		n, ok = t.add(hash, s)
	}
	if n != 0 {
		*recent, ok = numberedText{text: t.list[n], n: n}, true
	}
	return n, ok
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
	recent            [recentTexts]numberedText
}

// number returns the number of a kind, and whether that is all: else the record has to have its name.
func (k *kinds) number(name, category string) (n uint32, ok bool) {
	recent := &k.recent[slotOf(name)]
	if recent.text == name && recent.more == category {
		return recent.n, true // 0 if both are ""
	}
	hash := kindHash(name, category)
	n = k.table.find(hash, func(n uint32) bool { return k.names[n] == name && k.categories[n] == category })
	if n != 0 || name == "" && category == "" {
		if n != 0 {
			*recent = numberedText{k.names[n], k.categories[n], n}
		}
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
