package trace

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestIDText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := ID(rapid.Uint64().Draw(t, "id"))
		text := id.String()
		if len(text) != idWidth || strings.Trim(text, idAlphabet) != "" {
			t.Fatalf("%#x: %q is not %d digits of %s", uint64(id), text, idWidth, idAlphabet)
		}
		back, err := ParseID(text)
		if err != nil || back != id {
			t.Fatalf("%#x: %q parses as %#x, %v", uint64(id), text, uint64(back), err)
		}
	})
	for _, bad := range []string{"", "aaaaaaaaaaaa", "aaaaaaaaaaaaaa", "qaaaaaaaaaaaa", "aaaaaaaaaaaa1", "Aaaaaaaaaaaaa", "aaaaaa aaaaaa"} {
		if id, err := ParseID(bad); err == nil {
			t.Errorf("ParseID(%q) = %v, want an error", bad, id)
		}
	}
}

// TestIDsAreABijection inverts the permutation step by step, which no other function than a bijection allows.
func TestIDsAreABijection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &idKey{keys: [3]uint64{rapid.Uint64().Draw(t, "k0"), rapid.Uint64().Draw(t, "k1"), rapid.Uint64().Draw(t, "k2")}}
		want := rapid.Uint64().Draw(t, "x")
		x := uint64(s.permute(want))
		x ^= x >> 32
		x = unfold(x*inverse(0x94d049bb133111eb)^s.keys[2], 29)
		x = unfold(x*inverse(0xbf58476d1ce4e5b9)-s.keys[1], 32)
		x = x*inverse(0x9e3779b97f4a7c15) - s.keys[0]
		if x != want {
			t.Fatalf("inverse of permute(%#x) is %#x", want, x)
		}
	})
}

// inverse returns the inverse of an odd number modulo 2⁶⁴, by Newton's iteration.
func inverse(a uint64) uint64 {
	x := a
	for range 6 {
		x *= 2 - a*x
	}
	return x
}

// unfold inverts y = x ^ x>>n.
func unfold(y uint64, n uint) uint64 {
	x := y
	for range 64/n + 1 {
		x = y ^ x>>n
	}
	return x
}

func TestIDsDiffer(t *testing.T) {
	const n = 100_000
	seen := make(map[ID]bool, 8*n)
	for range 8 { // as many sources as processes might run at once
		key := newIDKey()
		s := idCounter{key: &key, stride: 3}
		for range n {
			id := s.new()
			if id == 0 || seen[id] {
				t.Fatalf("ID %v is zero or was seen before", id)
			}
			seen[id] = true
		}
	}
}
