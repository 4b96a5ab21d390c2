package lanes

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// family has some tracks and what is known across them.
type family struct {
	kin    Kin[string, int]
	tracks map[int]*Track[string, int]
}

// add places slices and returns the arrows to them. A field is track:start-end:id<parent, where the track's first digit is
// its process, and a "!" behind says that the trace has arrows of its own. Without an end it is a begin, without a start
// an end.
func (f *family) add(text string) string {
	if f.tracks == nil {
		f.tracks = map[int]*Track[string, int]{}
	}
	var arrows []string
	for field := range strings.FieldsSeq(text) {
		var n int
		var s Slice
		text, own := strings.CutSuffix(field, "!")
		parts := strings.SplitN(text, ":", 3)
		fmt.Sscan(parts[0], &n)
		start, end, _ := strings.Cut(parts[1], "-")
		fmt.Sscan(start, &s.Start)
		fmt.Sscan(end, &s.End)
		t := f.tracks[n]
		if t == nil {
			t = &Track[string, int]{}
			f.tracks[n] = t
		}
		if start == "" {
			_, ended, _, _ := t.End(s.End)
			f.kin.End(ended.Slice)
			continue
		}
		s.ID, s.Parent, _ = strings.Cut(parts[2], "<")
		var l *Lane[string, int]
		if end == "" {
			s.End = math.MaxInt64
			l, _ = t.Begin(s, 0)
		} else {
			l, _, _ = t.Complete(s)
		}
		l.Out = fmt.Sprint(n, "/", l.n)
		if from := f.kin.Add(Place{uint32(n), uint32(n / 10), own}, l, s); from.Lane != nil {
			arrows = append(arrows, fmt.Sprint(s.ID, "<", from.Lane.Out, "@", from.At))
		}
	}
	return strings.Join(arrows, " ")
}

func TestKin(t *testing.T) {
	for _, tt := range []struct{ name, slices, want string }{
		{"on the same track", "11:0-100:a 11:10-40:b<a 11:20-50:c<a", ""},
		{"in another process", "11:0-100:a 21:10-40:b<a", "b<11/0@10"},
		{"on another track of the process", "11:0-100:a 12:10-40:b<a", "b<11/0@10"},
		{"a task, to which the trace has an arrow", "11:0-100:a 12:10-40:b<a!", ""},
		{"a task in another process", "11:0-100:a 21:10-40:b<a!", "b<11/0@10"},
		{"beside a sibling", "11:0-100:a 11:5-50:x<a 21:10-40:b<a", "b<11/0@4"},
		{"a parent on a lane of its own", "11:0-100:a 11:10-40:b<a 11:20-50:c<a 21:30-35:d<c", "d<11/1@30"},
		{"after its parent", "11:0-100:a 21:150-160:b<a", "b<11/0@99"},
		{"after its parent, which is followed by others", "11:0-100:a 11:110-120:x 21:150-160:b<a", "b<11/0@99"},
		{"after its parent, which ends with another child", "11:0-100:a 11:60-100:x<a 11:110-120:y 21:150-160:b<a", "b<11/0@59"},
		{"after a parent without a length", "11:5-5:a 21:5-6:b<a 21:8-9:c<a", "b<11/0@5 c<11/0@5"},
		{"before its parent, by a clock that is wrong", "11:50-100:a 21:40-60:b<a", ""},
		{"its own parent", "11:0-100:a<a 21:10-40:a<a", ""},
		{"without an ID", "11:0-100:a 21:10-40:<a", ""},
		{"begins", "11:0-:a 21:10-:b<a 11:-30 21:40-:c<a", "b<11/0@10 c<11/0@29"},
		{"a parent that runs, beside one that has begun in it", "11:0-:a 11:5-:x<a 21:10-40:b<a", "b<11/0@4"},
	} {
		if got := new(family).add(tt.slices); got != tt.want {
			t.Errorf("%s: %s has the arrows %q, want %q", tt.name, tt.slices, got, tt.want)
		}
	}
}

// TestKinBounded: what runs is remembered, and what has ended is forgotten in time.
func TestKinBounded(t *testing.T) {
	defer func(n, m int) { maxKin, maxRunning = n, m }(maxKin, maxRunning)
	maxKin, maxRunning = 8, 16
	var f family
	f.add("11:0-:open 11:1-100000:long 11:2-5:short")
	for i := range 100 {
		f.add(fmt.Sprintf("12:%d-%d:s%d", 10+i, 11+i, i))
	}
	if got, want := f.add("21:200-210:a<open 21:211-212:b<long 21:213-214:c<short"), "a<11/0@200 b<11/1@211"; got != want {
		t.Errorf("arrows %q, want %q", got, want)
	}
	for i := range 100 {
		f.add(fmt.Sprintf("%d:%d-100000:r%d", 30+i, 300+i, i)) // all run
	}
	if n := len(f.kin.young.list) + len(f.kin.old.list); n > 4*maxRunning {
		t.Errorf("%d slices are remembered", n)
	}
	if got := f.add("21:500-501:x<r99 21:501-502:y<open"); got != "x<129/0@500" {
		t.Errorf("arrows %q of the latest and of an early one", got)
	}
}
