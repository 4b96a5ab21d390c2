package stats

import "slices"

// maxSiblings bounds how many slices of a track are remembered. Depths up to that are exact in files in the order of
// begins; in those in the order of ends, one that is around more than that on its level may count others' heights.
const maxSiblings = 64

// nest finds how deep the complete slices of a track are, whether they come in the order of their begins, the outer
// ones first, or in that of their ends, the inner ones first.
type nest struct{ list []nested }

// nested is a slice, or several that are side by side.
type nested struct {
	begin, end int64
	height     int // of what is inside, and of itself
}

// add adds a slice, and returns how many there are in each other where it is, itself included.
func (n *nest) add(begin, end int64) int {
	height := 1
	around := 0
	for i := len(n.list) - 1; i >= 0; i-- {
		switch other := n.list[i]; {
		case begin <= other.begin && other.end <= end && !(other.begin == begin && other.end == end):
			height = max(height, other.height+1)
			n.list = slices.Delete(n.list, i, i+1)
		case other.begin <= begin && end <= other.end:
			if around == 0 { // what is beside it in there has been counted
				inside := slices.DeleteFunc(n.list[i+1:], func(o nested) bool {
					return o.end <= begin && other.begin <= o.begin
				})
				n.list = n.list[:i+1+len(inside)]
			}
			around++
		}
	}
	if len(n.list) >= maxSiblings { // the oldest two become one, for what may be around them
		a, b := n.list[0], n.list[1]
		n.list[1] = nested{min(a.begin, b.begin), max(a.end, b.end), max(a.height, b.height)}
		n.list = slices.Delete(n.list, 0, 1)
	}
	n.list = append(n.list, nested{begin, end, height})
	return around + height
}
