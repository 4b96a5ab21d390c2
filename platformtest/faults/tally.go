package main

import "fmt"

// A tally counts what came of a fault in a run.
type tally struct {
	struck   int // those that count
	missed   int
	complete int // of those that have struck
}

// count adds an attempt to the tally of its fault.
func (h *harness) count(in *injection) {
	if in.Fault == "" || in.Struck < 0 {
		return
	}
	if h.tallies == nil {
		h.tallies = make(map[string]*tally)
	}
	t := h.tallies[in.Fault]
	if t == nil {
		t = new(tally)
		h.tallies[in.Fault] = t
	}
	switch {
	case in.Missed:
		t.missed++
	case in.Complete:
		t.complete++
		fallthrough
	default:
		t.struck++
	}
}

// vacuous tells of the faults that never did what they are for, as far as they had occasion to.
func (h *harness) vacuous() []string {
	var list []string
	for _, f := range faults {
		t := h.tallies[f.name]
		if t == nil {
			continue
		}
		enough := f.enough
		if enough == 0 {
			enough = usuallyEnough
		}
		switch {
		case !f.harmless && t.struck >= enough && t.complete == t.struck:
			list = append(list, fmt.Sprintf("%s never had an effect: all attempts were complete, of the %d that it has struck", f.name, t.struck))
		case t.struck == 0 && t.missed >= alwaysMissed:
			list = append(list, fmt.Sprintf("%s has missed, all of %d times", f.name, t.missed))
		}
	}
	return list
}

// alwaysMissed is how many times a fault may miss without ever striking.
const alwaysMissed = 6
