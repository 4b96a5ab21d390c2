package intern

import (
	"fmt"
	"strings"
	"testing"
)

func TestStrings(t *testing.T) {
	var s Strings
	for _, text := range []string{"", "a", "ab", "abc", "name", "a longer name", "one that is longer than sixteen bytes", strings.Repeat("x", 1000)} {
		for range 2 {
			if got := s.Intern([]byte(text)); got != text {
				t.Errorf("Intern(%q) = %q", text, got)
			}
		}
	}
	b := []byte("some name")
	if n := testing.AllocsPerRun(10, func() { s.Intern(b) }); n > 0 {
		t.Errorf("a known string takes %v allocations", n)
	}
}

// TestHash: names that are numbered, as many are, don't push out each other.
func TestHash(t *testing.T) {
	for _, format := range []string{"%d", "op %d", "aten::op_%d", "tank/data/set/number/%d", "%d is the number of this one", "tank/%d/with a tail"} {
		used := map[uint32]bool{}
		const n = 1000
		for i := range n {
			text := fmt.Sprintf(format, i)
			if Hash(text) != Hash([]byte(text)) {
				t.Fatalf("Hash(%q) isn't the same for a string and for bytes", text)
			}
			used[Hash(text)%slots] = true
		}
		if len(used) < n*7/10 { // random ones would be in 886
			t.Errorf("%d strings like %q are in %d slots", n, fmt.Sprintf(format, 7), len(used))
		}
	}
}

func BenchmarkIntern(b *testing.B) {
	var s Strings
	for _, text := range []string{"ts", "External id", "one that is longer than sixteen bytes"} {
		b.Run(fmt.Sprint(len(text)), func(b *testing.B) {
			data := []byte(text)
			for b.Loop() {
				s.Intern(data)
			}
		})
	}
}
