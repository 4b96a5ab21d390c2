package window

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
)

// TestOrder compares the window with a list that is sorted again for each event.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(t, "size")
		w := New(size)
		var want []tracefmt.Event
		pop := func() {
			if got := w.Pop(); got.Name != want[0].Name {
				t.Fatalf("popped %s at %d, want %s at %d", got.Name, got.Time, want[0].Name, want[0].Time)
			}
			want = want[1:]
		}
		for i := range rapid.IntRange(0, 100).Draw(t, "events") {
			if w.Full() || len(want) > 0 && rapid.IntRange(0, 4).Draw(t, "pop") == 0 {
				pop()
			}
			e := tracefmt.Event{Kind: tracefmt.Complete, Name: string(rune('a' + i)), Time: rapid.Int64Range(0, 20).Draw(t, "time"),
				Dur: rapid.Int64Range(-1, 3).Draw(t, "dur")}
			w.Push(&e)
			want = append(want, e)
			slices.SortStableFunc(want, func(a, b tracefmt.Event) int {
				switch {
				case before(&a, &b):
					return -1
				case before(&b, &a):
					return 1
				}
				return 0
			})
			if w.Len() != len(want) || len(w.slots) > size || w.Full() != (len(want) == size) {
				t.Fatalf("%d events in %d slots, want %d of %d", w.Len(), len(w.slots), len(want), size)
			}
		}
		for len(want) > 0 {
			pop()
		}
	})
}
