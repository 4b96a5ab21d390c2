package timeline

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// separate keeps apart what inputs have named alike by chance: pids, and the keys of flows and async slices. Inputs
// whose slices have IDs have unique keys, and arrows from one of them to another are meant.
func (t *Timeline) separate() {
	used := make(map[tracefmt.Value]bool)
	highest := int64(0)
	for _, in := range t.inputs {
		for _, p := range in.processes {
			used[p.SourceID] = true
			n, _ := p.SourceID.Int64()
			highest = max(highest, n)
		}
	}
	taken := make(map[tracefmt.Value]bool)
	for i, in := range t.inputs {
		for _, id := range in.order {
			p := in.processes[id]
			if p == nil {
				continue
			}
			if p.SourceID.IsZero() { // as that of a log; formats would make up a number, which might be somebody's
				p.SourceID = unusedPID(tracefmt.Int64(min(highest, math.MaxInt64/2)), used)
				used[p.SourceID] = true
			}
			if taken[p.SourceID] {
				original := p.SourceID
				p.SourceID = unusedPID(original, used)
				used[p.SourceID] = true
				p.Attrs = append(slices.Clone(p.Attrs), tracefmt.Attr{Key: "pid", Value: original})
			}
			taken[p.SourceID] = true
		}
		if i > 0 && !in.hasIDs {
			t.adapt(i, 0, strconv.Itoa(i+1))
		}
	}
}

// unusedPID returns the next number, or text, that no process has.
func unusedPID(pid tracefmt.Value, used map[tracefmt.Value]bool) tracefmt.Value {
	for i := int64(1); ; i++ {
		candidate := tracefmt.String(fmt.Sprintf("%s (%d)", pid, i+1))
		if n, ok := pid.Int64(); ok {
			candidate = tracefmt.Int64(n + i)
		}
		if !used[candidate] {
			return candidate
		}
	}
}

// ownKey makes a key differ from those of other inputs. The scope in front of it, if any, stays there.
func ownKey(input, key string) string {
	if scope, rest, ok := strings.Cut(key, ":"); ok && (scope == "local" || scope == "global") {
		return scope + ":" + input + ":" + rest
	}
	return input + ":" + key
}

// metadata returns the anchor and one event for each process and track: processes in the order of their numbers, each
// followed by its tracks in the order of theirs.
func (t *Timeline) metadata(anchor *tracefmt.Event) []tracefmt.Event {
	var list []tracefmt.Event
	if anchor != nil {
		list = append(list, *anchor)
	}
	var processes, tracks []*tracefmt.Event
	for _, in := range t.inputs {
		for _, id := range in.order {
			if p := in.processes[id]; p != nil {
				processes = append(processes, p)
			}
			if tr := in.tracks[id]; tr != nil {
				tracks = append(tracks, tr)
			}
		}
	}
	slices.SortStableFunc(processes, bySource)
	slices.SortStableFunc(tracks, bySource)
	byProcess := make(map[tracefmt.TrackID][]*tracefmt.Event)
	for _, tr := range tracks {
		byProcess[tr.Process] = append(byProcess[tr.Process], tr)
	}
	add := func(events ...*tracefmt.Event) {
		for _, e := range events {
			list = append(list, *e)
		}
	}
	for _, p := range processes {
		add(p)
		add(byProcess[p.Track]...)
		delete(byProcess, p.Track)
	}
	for _, tr := range tracks { // of processes that nobody declared
		if _, left := byProcess[tr.Process]; left {
			add(tr)
		}
	}
	return list
}

// bySource orders numbers by size, then texts.
func bySource(a, b *tracefmt.Event) int {
	na, aIsNumber := a.SourceID.Int64()
	nb, bIsNumber := b.SourceID.Int64()
	switch {
	case aIsNumber && bIsNumber:
		return cmp.Compare(na, nb)
	case aIsNumber:
		return -1
	case bIsNumber:
		return 1
	}
	return cmp.Compare(a.SourceID.String(), b.SourceID.String())
}
