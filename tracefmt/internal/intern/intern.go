// Package intern keeps one copy of strings that come again and again, as names and keys of attributes do.
package intern

import "math/bits"

// Strings returns the same string for the same bytes, mostly: it is a cache of fixed size, in which strings push out
// each other. Long strings don't enter it. The zero value is ready for use, by one goroutine.
type Strings struct {
	table []string
}

const (
	slots   = 1 << 12
	longest = 128
)

// Intern returns b as a string.
func (t *Strings) Intern(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > longest {
		return string(b)
	}
	if t.table == nil {
		t.table = make([]string, slots)
	}
	slot := &t.table[Hash(b)%slots]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}

// Hash returns a number that strings which differ at their ends or in their middle mostly differ in. It looks at 24 bytes
// at most, and is for caches alone: it is easy to find strings that have the same.
func Hash[T string | []byte](s T) uint32 {
	n := len(s)
	h := uint64(n) * 0x9e3779b97f4a7c15
	switch {
	case n > 16:
		h = mix(mix(mix(h, load8(s, 0)), load8(s, n/2-4)), load8(s, n-8))
	case n >= 8:
		h = mix(mix(h, load8(s, 0)), load8(s, n-8))
	case n >= 4:
		h = mix(h, load4(s, 0)|load4(s, n-4)<<32)
	case n > 0:
		h = mix(h, uint64(s[0])|uint64(s[n/2])<<8|uint64(s[n-1])<<16)
	}
	return uint32(h)
}

func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^v, 0xd6e8feb86659fd93)
	return hi ^ lo
}

func load8[T string | []byte](s T, i int) uint64 {
	return load4(s, i) | load4(s, i+4)<<32
}

func load4[T string | []byte](s T, i int) uint64 {
	_ = s[i+3]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24
}
