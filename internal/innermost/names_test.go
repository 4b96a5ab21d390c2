package innermost

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestNames compares with a list that is searched in the plain way, around the depth from which names are counted.
func TestNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var names Names
		var plain []string
		name := rapid.SampledFrom([]string{"", "a", "b", "c", "d"})
		for range rapid.IntRange(shallow-4, shallow+4).Draw(t, "below") {
			s := name.Draw(t, "name")
			names.Push(s)
			plain = append(plain, s)
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				s := name.Draw(t, "name")
				names.Push(s)
				plain = append(plain, s)
			},
			"cut": func(t *rapid.T) {
				at := rapid.IntRange(max(len(plain)-3, 0), len(plain)).Draw(t, "at")
				names.Cut(at)
				plain = plain[:at]
			},
			"remove": func(t *rapid.T) {
				if len(plain) == 0 {
					return
				}
				at := rapid.IntRange(0, len(plain)-1).Draw(t, "at")
				names.Remove(at)
				plain = slices.Delete(plain, at, at+1)
			},
			"": func(t *rapid.T) {
				if names.Len() != len(plain) {
					t.Fatalf("%d are open, not %d", names.Len(), len(plain))
				}
				deep := map[string]int{}
				for _, s := range plain[min(shallow, len(plain)):] {
					deep[s]++
				}
				if !maps.Equal(names.deep, deep) {
					t.Fatalf("deep are %v, not %v", names.deep, deep)
				}
				for _, s := range []string{"a", "b", "c", "d", "other"} {
					want := len(plain) - 1
					for want >= 0 && plain[want] != s {
						want--
					}
					if got := names.Find(s); got != want {
						t.Fatalf("%q is found at %d, not at %d of %q", s, got, want, plain)
					}
				}
				if got := names.Find(""); got != len(plain)-1 {
					t.Fatalf("an end without a name closes %d of %d", got, len(plain))
				}
			},
		})
	})
}

// BenchmarkStray ends slices that aren't open, below many that are: the time must not depend on how many.
func BenchmarkStray(b *testing.B) {
	for _, depth := range []int{10, 1000, 1_000_000} {
		b.Run(strconv.Itoa(depth), func(b *testing.B) {
			var names Names
			for range depth {
				names.Push("open")
			}
			for b.Loop() {
				if names.Find("other") >= 0 {
					b.Fatal("found")
				}
			}
		})
	}
}

func BenchmarkPushCut(b *testing.B) {
	var names Names
	for b.Loop() {
		for range 8 {
			names.Push("open")
		}
		for range 8 {
			names.Cut(names.Find("open"))
		}
	}
}
