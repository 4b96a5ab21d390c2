package index

import "context"

// Children finds the slices that are directly below a slice: those that name it as their parent, and those that it is
// the innermost around on its track, as Above has it. It returns how many there are, and the first of them by start, at
// most limit. If ctx is done before the end, the error is that of ctx.
func (s *Snapshot) Children(ctx context.Context, p Pos, limit int) (total int, first []Pos, err error) {
	t, sl := s.get(p)
	if sl == nil {
		return 0, nil, nil
	}
	found := family{s: s, limit: limit}
	own, _ := s.idsOf(sl.ref)
	s.kin.children(&s.arena, own, func(ref uint32) bool {
		if c, ok := s.placed(ref); ok && c != p {
			found.add(c)
		}
		return found.total%(1<<10) != 0 || ctx.Err() == nil
	})
	if t.rowOf(p.Pos) < MaxRows { // else nobody sees that it is around anything
		n := newNest(s, t, p.Pos, own)
		n.inside(ctx, func(pos uint32) { found.add(Pos{t.id, pos}) })
	}
	found.trim()
	return found.total, found.first, ctx.Err()
}

// family counts slices, and keeps the first ones.
type family struct {
	s     *Snapshot
	limit int
	total int
	first []Pos
}

func (f *family) add(p Pos) {
	f.total++
	if f.first = append(f.first, p); len(f.first) > 2*f.limit+100 {
		f.trim()
	}
}

func (f *family) trim() {
	f.s.sort(f.first)
	f.first = f.first[:min(len(f.first), f.limit)]
}

// nest goes through the slices of a track that begin while one of them lasts, and knows which are around the next one.
// These are on two stacks, each inside of the one before it.
type nest struct {
	s      *Snapshot
	t      *track
	bottom uint32 // the one that it begins with
	end    int64
	own    id     // its ID
	key    string // of an async slice: only those of its key count

	all, plain []outer // plain are those without an ID
}

// outer is a slice that is around others.
type outer struct {
	end int64
	pos uint32
	id  id
}

func newNest(s *Snapshot, t *track, bottom uint32, own id) *nest {
	sl := t.slices.at(int(bottom))
	n := &nest{s: s, t: t, bottom: bottom, end: sl.end(), own: own}
	if t.typ == AsyncTrack {
		n.key = s.arena.asyncKey(sl.ref)
	}
	n.push(sl, bottom, own, -1, -1)
	return n
}

// inside visits the slices that the one at the bottom is the innermost around.
func (n *nest) inside(ctx context.Context, visit func(pos uint32)) {
	hidden := n.t.hiddenBefore(n.bottom)
	for i := n.bottom + 1; int(i) < n.t.slices.len() && (isAt(n.all, 0, n.bottom) || isAt(n.plain, 0, n.bottom)); i++ {
		c := n.t.slices.at(int(i))
		if c.start >= n.end || i%(1<<12) == 0 && ctx.Err() != nil {
			return
		}
		if n.t.typ == AsyncTrack && n.s.arena.asyncKey(c.ref) != n.key {
			continue
		}
		own, parent := n.s.idsOf(c.ref)
		all, plain := around(n.all, c), around(n.plain, c)
		if n.isInside(c, own.form|parent.form == noID, all, plain) && !n.hasParent(Pos{n.t.id, i}, own, parent, all) {
			visit(i)
		}
		for hidden < n.t.hidden.len() && *n.t.hidden.at(hidden)-n.t.base < i {
			hidden++
		}
		if hidden == n.t.hidden.len() || *n.t.hidden.at(hidden)-n.t.base > i { // else nobody sees that it is around anything
			n.push(c, i, own, all, plain)
		}
	}
}

// push puts a slice onto the stacks, on top of what is around it.
func (n *nest) push(sl *slice, pos uint32, own id, all, plain int) {
	n.all = append(n.all[:all+1], outer{sl.end(), pos, own})
	if own.form == noID {
		n.plain = append(n.plain[:plain+1], outer{end: sl.end(), pos: pos})
	}
}

// around returns the innermost slice of a stack that is around another one, or -1.
func around(stack []outer, c *slice) int {
	i, end := len(stack)-1, c.end()
	for i >= 0 && (stack[i].end < end || stack[i].end <= c.start) {
		i--
	}
	return i
}

func isAt(stack []outer, i int, pos uint32) bool {
	return i >= 0 && i < len(stack) && stack[i].pos == pos
}

// isInside reports whether the slice at the bottom is the innermost around another, of those that count.
func (n *nest) isInside(c *slice, isPlain bool, all, plain int) bool {
	switch {
	case n.t.typ == AsyncTrack:
		return c.kind&nestedBit != 0 && isAt(n.all, all, n.bottom)
	case isPlain:
		return isAt(n.all, all, n.bottom)
	}
	return isAt(n.plain, plain, n.bottom)
}

// hasParent reports whether a slice names a parent that there is.
func (n *nest) hasParent(c Pos, own, parent id, all int) bool {
	if parent.form == noID {
		return false
	}
	if parent == n.own {
		return true // it was found by that
	}
	for i := all; i >= 0 && own != parent; i-- {
		if n.all[i].id == parent {
			return true
		}
	}
	ref, up := n.s.lookup(parent)
	return ref != 0 && up != c
}
