// Package innermost finds what the end of a slice closes: the innermost open slice of its name.
//
//	var open innermost.Names
//	open.Push("outer")
//	open.Push("inner")
//	open.Find("outer") // 0: what is above it ends with it, or not, as its user decides
package innermost

import "slices"

// Names is the names of the slices that are open in one place, the innermost last. A trace may open a million slices and
// then end as many others, so what isn't open is known without looking at each that is. The zero value is empty.
type Names struct {
	list []string
	deep map[string]int // how many of each name are at shallow or above
}

// shallow is how many names are just looked at: keeping account of them would take longer.
const shallow = 32

// Len returns how many slices are open.
func (n *Names) Len() int { return len(n.list) }

// Push opens a slice inside of all that are open.
func (n *Names) Push(name string) {
	if len(n.list) >= shallow {
		n.account(name, 1)
	}
	n.list = append(n.list, name)
}

// Find returns the number of the slice that an end of the given name closes, from 0 for the outermost, or -1 if there is
// none. An end without a name closes the innermost.
func (n *Names) Find(name string) int {
	at := len(n.list) - 1
	if name == "" {
		return at
	}
	if at >= shallow && n.deep[name] == 0 {
		at = shallow - 1
	}
	for at >= 0 && n.list[at] != name {
		at--
	}
	return at
}

// Cut closes the slice of the given number and all inside of it.
func (n *Names) Cut(at int) {
	for _, name := range n.list[max(at, min(shallow, len(n.list))):] {
		n.account(name, -1)
	}
	clear(n.list[at:])
	n.list = n.list[:at]
}

// Remove closes the slice of the given number. What is inside of it stays open.
func (n *Names) Remove(at int) {
	if len(n.list) > shallow {
		n.account(n.list[max(at, shallow)], -1)
	}
	n.list = slices.Delete(n.list, at, at+1)
}

func (n *Names) account(name string, change int) {
	if n.deep == nil {
		n.deep = make(map[string]int)
	}
	if n.deep[name] += change; n.deep[name] == 0 {
		delete(n.deep, name)
	}
}
