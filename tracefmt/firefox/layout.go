package firefox

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
)

// row is a process or a track that becomes a thread.
type row struct {
	process *tracefmt.Event
	track   *tracefmt.Event // nil for the process itself
	pid     string
	place   int               // in layout.order
	ends    []*tracefmt.Event // of its async slices, in their order; nil for one that has none
	markers int
	columns [numColumns]piece
}

// piece is where a thread's part of a column is.
type piece struct{ from, to int64 }

// Columns of markers.
const (
	columnName = iota
	columnStart
	columnEnd
	columnPhase
	columnCategory
	columnFields
	numColumns
)

var columnNames = [numColumns]string{"name", "startTime", "endTime", "phase", "category", "data"}

// layout has the threads of a profile.
type layout struct {
	rows    map[tracefmt.TrackID]*row
	order   []*row
	pids    map[string]bool
	highest tracefmt.TrackID
}

// addProcess adds a process. Its pid, a string in the format, is unique.
func (l *layout) addProcess(e *tracefmt.Event) *row {
	pid := cmp.Or(e.SourceID.String(), "0")
	for i := 1; l.pids[pid]; i++ {
		pid = cmp.Or(e.SourceID.String(), "0") + "." + strconv.Itoa(i)
	}
	l.pids[pid] = true
	r := &row{process: e, pid: pid}
	l.rows[e.Track] = r
	l.order = append(l.order, r)
	return r
}

// addTrack adds a track of a process.
func (l *layout) addTrack(e *tracefmt.Event) *row {
	parent := l.rows[e.Process]
	if parent == nil || parent.track != nil {
		parent = l.process()
	}
	r := &row{process: parent.process, track: e, pid: parent.pid}
	l.rows[e.Track] = r
	l.order = append(l.order, r)
	return r
}

// process returns a process for what is of none: the first one, or one that is made up.
func (l *layout) process() *row {
	if len(l.order) == 0 {
		l.highest++
		l.addProcess(&tracefmt.Event{Kind: tracefmt.Process, Track: l.highest, Name: "trace"})
	}
	return l.order[0]
}

// rowOf returns the row of a track, and makes one up if it wasn't declared.
func (l *layout) rowOf(id tracefmt.TrackID) *row {
	if id == 0 {
		return l.process()
	}
	r := l.rows[id]
	if r == nil {
		r = l.addTrack(&tracefmt.Event{Kind: tracefmt.Track, Track: id, Name: fmt.Sprint("track ", id),
			SourceID: tracefmt.Int64(int64(id))})
	}
	return r
}

// sort puts processes in their order, each before its tracks.
func (l *layout) sort() {
	place := make(map[*tracefmt.Event]int)
	for i, r := range l.order {
		if r.track == nil {
			place[r.process] = i
		}
	}
	slices.SortStableFunc(l.order, func(a, b *row) int {
		if a.process != b.process {
			return cmp.Or(cmp.Compare(a.process.Order, b.process.Order), cmp.Compare(place[a.process], place[b.process]))
		}
		if a.track == nil || b.track == nil {
			return cmp.Compare(boolInt(a.track != nil), boolInt(b.track != nil))
		}
		return cmp.Compare(a.track.Order, b.track.Order)
	})
	for i, r := range l.order {
		r.place = i
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
