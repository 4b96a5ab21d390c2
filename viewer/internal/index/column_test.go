package index

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestColumn compares a column, and copies of it, with lists.
func TestColumn(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var c column[int]
		var want []int
		type kept struct {
			c    column[int]
			want []int
		}
		var copies []kept
		next := 0
		more := func(n int) (list []int) {
			for range n {
				list = append(list, next)
				next++
			}
			return list
		}
		place := func() int { return rapid.IntRange(0, len(want)).Draw(r, "place") }
		for range rapid.IntRange(1, 30).Draw(r, "steps") {
			switch rapid.IntRange(0, 6).Draw(r, "what") {
			case 0:
				v := more(1)
				c.append(v[0])
				want = append(want, v...)
			case 1:
				list := more(rapid.SampledFrom([]int{0, 1, 7, 9, 1000, 1024, 3000}).Draw(r, "more"))
				c.extend(list)
				want = append(want, list...)
			case 2:
				n := place()
				c.cut(n)
				want = want[:n]
			case 3:
				n := place()
				c.drop(n)
				want = want[n:]
			case 4:
				n := place()
				list := more(rapid.IntRange(0, n).Draw(r, "kept"))
				c.dropBut(n, list)
				want = append(slices.Clone(list), want[n:]...)
			case 5:
				i := place()
				list := more(rapid.IntRange(0, len(want)-i).Draw(r, "replaced"))
				c.replace(i, list)
				want = slices.Concat(want[:i], list, want[i+len(list):])
			case 6:
				copies = append(copies, kept{c.share(), slices.Clone(want)})
			}
			copies = append(copies, kept{c.clone(), slices.Clone(want)})
			for i, k := range append(copies, kept{c, want}) {
				if got := k.c.appendTo(nil, 0); !slices.Equal(got, k.want) {
					r.Fatalf("number %d of %d: %v\nwant %v", i, len(copies), got, k.want)
				}
				for n := range min(len(k.want), 3) {
					if at := len(k.want) - 1 - n; *k.c.at(at) != k.want[at] {
						r.Fatalf("number %d is %d, want %d", at, *k.c.at(at), k.want[at])
					}
				}
			}
			copies = copies[:len(copies)-1]
		}
	})
}

// TestArenaGoesRound fills an arena whose numbers are about to begin anew, and lets its oldest chunks leave.
func TestArenaGoesRound(t *testing.T) {
	a := arena{first: maxChunks - 3}
	text := func(i int) []byte { return []byte{byte(i), byte(i >> 8), byte(i >> 16), 7} }
	var refs []uint32
	add := func(i, size int) {
		record := append(text(i), make([]byte, size)...)
		ref := a.add(record, int64(i))
		if ref == 0 {
			t.Fatal("there is no room")
		}
		refs = append(refs, ref)
	}
	var before arena
	left := 0 // records before this one have left
	for i := range 40 {
		add(i, 300_000)
		if i%7 == 3 {
			add(i, 3*chunkBytes-10)
		}
		if i%10 == 9 {
			before = a.share()
			a.drop(a.old(int64(i - 4)))
			for left < len(refs) && !a.has(refs[left]) {
				left++
			}
			for k := left; k < len(refs); k++ {
				if !a.has(refs[k]) || string(a.at(refs[k])[:4]) != string(before.at(refs[k])[:4]) {
					t.Fatalf("after %d: record %d isn't what it was", i, k)
				}
			}
			for k, ref := range refs[:left] {
				if a.has(ref) || k > left-4 && !before.has(ref) {
					t.Errorf("after %d: record %d, which left, is there: %v; it was before: %v", i, k, a.has(ref), before.has(ref))
				}
			}
			if n := a.latest[0]; n < int64(i-4) && len(a.chunks) > 1 {
				t.Errorf("after %d: the first chunk is of %d", i, n)
			}
		}
	}
	bytes := int64(0)
	for _, c := range a.chunks {
		bytes += int64(len(c))
	}
	if a.size() != bytes || a.first > 100 || left < 30 {
		t.Errorf("%d bytes, want %d; the first chunk is number %d, %d records left", a.size(), bytes, a.first, left)
	}
}

// TestKinGoesRound finds IDs and children while the numbers of records begin anew, the first ones leave, and copies go on.
func TestKinGoesRound(t *testing.T) {
	x := New(Config{})
	x.kin.base = math.MaxUint32 - 500
	name := func(i int) id { return id{form: hexID, num: uint64(i)} }
	var before *kin
	var then arena
	for i := range 3000 {
		x.addOf(x.track(1), &record{id: name(i), parent: name(i / 2), start: int64(i)})
		if i%100 == 99 {
			x.kin.link(&x.arena, &x.kinList)
		}
		if i == 999 {
			before, then = x.kin, x.arena.share()
			x.kin = x.kin.without(200)
			x.kinList.drop(200)
		}
	}
	check := func(k *kin, a *arena, from, to int) {
		for i := range 3000 {
			ref := k.find(a, name(i), func(uint32) bool { return true })
			children := 0
			k.children(a, name(i), func(ref uint32) bool {
				if own := a.idOf(ref); own.num/2 != uint64(i) {
					t.Fatalf("%d is a child of %d", own.num, i)
				}
				children++
				return true
			})
			want := 0
			for _, c := range []int{2 * i, 2*i + 1} {
				if c >= from && c < to {
					want++
				}
			}
			if is := i >= from && i < to; (ref != 0) != is || is && a.idOf(ref) != name(i) || children != want {
				t.Fatalf("number %d of %d to %d is found: %v; %d children, want %d", i, from, to, ref != 0, children, want)
			}
		}
	}
	check(x.kin, &x.arena, 200, 3000)
	check(before, &then, 0, 1000)
}
