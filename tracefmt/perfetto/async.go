package perfetto

import (
	"slices"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// maxFree bounds how many tracks of async slices are kept for the next slice of their name when theirs has ended.
const maxFree = 1 << 10

// asyncSlices are the async slices that are open, and the tracks that they are on.
type asyncSlices struct {
	open  map[asyncKey][]asyncOpen
	free  map[asyncName]*asyncTrack
	kept  int           // tracks in free
	spare [][]asyncOpen // empty ones, for the next key
}

// asyncKey is what joins the points of an async slice.
type asyncKey struct{ category, key string }

// asyncName is what tracks of async slices go by: Perfetto shows those of one name and parent as one.
type asyncName struct {
	parent uint64
	name   string
}

// asyncTrack is a track for async slices of one name. Those of one key nest on it.
type asyncTrack struct {
	asyncName
	uuid uint64
	open int
	next *asyncTrack // another free one of the name
}

// asyncOpen is an async slice that has begun.
type asyncOpen struct {
	name, category string
	start          int64
	track          *asyncTrack
}

func (s *asyncSlices) init() {
	s.open = make(map[asyncKey][]asyncOpen)
	s.free = make(map[asyncName]*asyncTrack)
}

func keyOf(e *tracefmt.Event) asyncKey { return asyncKey{e.Category, e.AsyncKey()} }

// asyncTrack returns a track on which nothing is open.
func (w *Writer) asyncTrack(parent *track, name string) *asyncTrack {
	key := asyncName{parent.uuid, name}
	if t := w.async.free[key]; t != nil {
		if t.next == nil {
			delete(w.async.free, key)
		} else {
			w.async.free[key] = t.next
		}
		w.async.kept--
		return t
	}
	key.name = strings.Clone(name)
	t := &asyncTrack{asyncName: key, uuid: w.newUUID()}
	w.openDescriptor(t.uuid, parent.uuid, name, mergeAsync+name)()
	return t
}

// release keeps a track on which nothing is open any more.
func (w *Writer) release(t *asyncTrack) {
	if t.open == 0 && w.async.kept < maxFree {
		w.async.kept++
		t.next = w.async.free[t.asyncName]
		w.async.free[t.asyncName] = t
	}
}

// asyncBegin writes the begin of an async slice, on a track of its own or on that of the slice around it.
func (w *Writer) asyncBegin(e *tracefmt.Event) {
	parent := w.track(e.Track)
	open := w.async.open[keyOf(e)]
	var t *asyncTrack
	if n := len(open); n > 0 && open[n-1].track.parent == parent.uuid && open[n-1].start <= e.Time {
		t = open[n-1].track
	} else {
		t = w.asyncTrack(parent, e.Name)
	}
	if n := len(w.async.spare); open == nil && n > 0 {
		open = w.async.spare[n-1]
		w.async.spare = w.async.spare[:n-1]
	}
	t.open++
	w.async.open[keyOf(e)] = append(open, asyncOpen{e.Name, e.Category, e.Time, t})
	w.openEvent(typeBegin, t.uuid)
	w.asyncPoint(e)
}

// asyncPoint writes the rest of a begin or instant.
func (w *Writer) asyncPoint(e *tracefmt.Event) {
	w.named(e.Name, e.Category)
	if e.Key != "" {
		w.ownText(argKey, e.Key)
	}
	w.annotations(e)
	w.closeEvent(e.Time)
}

// asyncInstant writes an instant on the track of its slice, if that is open.
func (w *Writer) asyncInstant(e *tracefmt.Event) {
	parent := w.track(e.Track)
	open := w.async.open[keyOf(e)]
	if n := len(open); n > 0 && open[n-1].track.parent == parent.uuid {
		w.openEvent(typeInstant, open[n-1].track.uuid)
		w.asyncPoint(e)
		return
	}
	t := w.asyncTrack(parent, e.Name)
	w.openEvent(typeInstant, t.uuid)
	w.asyncPoint(e)
	w.release(t)
}

// asyncEnd writes the end of the innermost open async slice of its key and name.
func (w *Writer) asyncEnd(e *tracefmt.Event) {
	open := w.async.open[keyOf(e)]
	i := len(open) - 1
	for i >= 0 && e.Name != "" && open[i].name != e.Name {
		i--
	}
	if i < 0 {
		w.losses.Add("async end without a begin")
		return
	}
	begun := open[i]
	if open = slices.Delete(open, i, i+1); len(open) > 0 {
		w.async.open[keyOf(e)] = open
	} else {
		delete(w.async.open, keyOf(e))
		if len(w.async.spare) < maxFree {
			w.async.spare = append(w.async.spare, open)
		}
	}
	when := e.Time
	if when < begun.start {
		when = begun.start
		w.losses.Add("async end before its begin, moved to it")
	}
	w.endEvent(begun.track.uuid, begun.name, begun.category)
	w.annotations(e)
	w.closeEvent(when)
	begun.track.open--
	w.release(begun.track)
}
