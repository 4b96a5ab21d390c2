package tracefmt

import (
	"fmt"
	"testing"
)

// TestBatch: events stay as they were added, whatever becomes of what was added, and of the others.
func TestBatch(t *testing.T) {
	var b Batch
	for round := range 3 {
		e := Event{Kind: Instant, Attrs: make([]Attr, 2)}
		for i := range 1000 {
			e.Time, e.Name = int64(i), fmt.Sprint("event ", i)
			e.Attrs[0] = Attr{Key: "n", Value: Int64(int64(round + i))}
			e.Attrs = e.Attrs[:1+i%2]
			b.Add(&e)
		}
		for i, got := range b.Events {
			if n, _ := got.Attr("n").Int64(); n != int64(round+i) || got.Time != int64(i) || got.Name != fmt.Sprint("event ", i) || len(got.Attrs) != 1+i%2 {
				t.Fatalf("event %d: %+v", i, got)
			}
			b.Events[i].Attrs = append(got.Attrs, Attr{Key: "other"}) // which is nobody else's
		}
		last := b.Events[999].Attrs
		b.Reset()
		if len(b.Events) != 0 || b.Events[:1000][999].Name != "" || cap(last) == 0 {
			t.Fatalf("%d events are left, or their texts", len(b.Events))
		}
	}
	e := Event{Attrs: []Attr{{Key: "n"}}}
	if n := testing.AllocsPerRun(10, func() {
		for range 1000 {
			b.Add(&e)
		}
		b.Reset()
	}); n > 0 {
		t.Errorf("it takes %v allocations to fill it again", n)
	}
}
