package viewer

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/critical"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// maxCritical is how many slices a critical path may be looked for among: each takes some 300 bytes meanwhile. Tests change it.
var maxCritical = 2_000_000

const (
	// maxSegments is how many segments of it are sent, and maxSums how many sums.
	maxSegments = 20_000
	maxSums     = 1000
)

// segment is a part of a critical path.
type segment struct {
	Track uint32 `json:"track"`
	Row   uint32 `json:"row"`
	Key   string `json:"key"`
	Name  string `json:"name"`
	Start int64  `json:"start"`
	End   int64  `json:"end"`
}

// pathSum is how long the slices of a path of names are on a critical path.
type pathSum struct {
	Path  []string `json:"path"`
	Total int64    `json:"total"`
	Count int      `json:"count"`
}

// critical serves api/critical.
func (v *Viewer) critical(w http.ResponseWriter, r *request) error {
	p, err := r.byKey("slice")
	if err != nil {
		return err
	}
	path, left, err := criticalPath(r.Context(), r.snap, p)
	if err != nil {
		return err
	}
	doc := struct {
		Total    int64     `json:"total"`
		Segments []segment `json:"segments"`
		Sums     []pathSum `json:"sums"`
		Cut      int       `json:"cut,omitempty"`
		Left     int       `json:"left,omitempty"`
	}{path.Slice.Duration(), []segment{}, sumsOf(path), max(len(path.Segments)-maxSegments, 0), left}
	for _, seg := range path.Segments[:min(len(path.Segments), maxSegments)] {
		doc.Segments = append(doc.Segments, segmentOf(r.snap, seg))
	}
	return answer(w, doc)
}

// criticalPath finds the critical path of a slice, among what is there while it lasts. It also returns how many tracks there are on which
// the slice may have waited for something and that weren't looked at.
func criticalPath(ctx context.Context, s *index.Snapshot, p index.Pos) (path *critical.Path, left int, err error) {
	at, _ := s.Slice(p)
	window := at.Window()
	tracks, left, err := criticalTracks(ctx, s, p, window)
	if err != nil {
		return nil, 0, err
	}
	var t critical.Trace
	r := &interruptible{Reader: s.Reader(window, tracks), ctx: ctx}
	if _, err := tracefmt.Copy(collector{&t}, r); err != nil {
		return nil, 0, fmt.Errorf("find the critical path: %w", err)
	}
	details, _ := s.Details(p)
	for each := range t.Slices() {
		if each.Start != at.Start+s.Zero() || each.Name != at.Name || each.ID != details.ID {
			continue
		}
		found, ok := s.Locate(each.Track, each.Start, each.ID, each.Name)
		if each.ID != "" || ok && found == p { // with an ID, it is as good as the slice
			return t.Path(each), left, nil
		}
	}
	return nil, 0, notFound("the critical path of %.100q can't be found: async slices need an ID for that", at.Name)
}

// criticalTracks chooses the tracks to look at. If all are too many, those will do that the slice can have waited for. If these are too many,
// too, it is those below the slice's, and left is how many others there would be.
func criticalTracks(ctx context.Context, s *index.Snapshot, p index.Pos, w index.Window) (tracks []uint32, left int, err error) {
	if fits, err := fitsCritical(ctx, s, w, nil, maxCritical); fits || err != nil {
		return nil, 0, err
	}
	reach, err := s.Reach(ctx, p)
	if err != nil {
		return nil, 0, err
	}
	if fits, err := fitsCritical(ctx, s, w, reach, maxCritical); fits || err != nil {
		return reach, 0, err
	}
	tracks = tracksBelow(s, p.Track)
	fits, err := fitsCritical(ctx, s, w, tracks, maxCritical)
	if err == nil && !fits {
		err = badRequest("there are more than %d slices that it may have waited for: choose a shorter one", maxCritical)
	}
	below := make(map[uint32]bool, len(tracks))
	for _, id := range tracks {
		below[id] = true
	}
	for _, id := range reach {
		if !below[id] {
			left++
		}
	}
	return tracks, left, err
}

// fitsCritical reports whether there are no more slices than most.
func fitsCritical(ctx context.Context, s *index.Snapshot, w index.Window, tracks []uint32, most int) (bool, error) {
	n := 0
	err := s.Walk(ctx, w, tracks, func(*index.Visit) bool { n++; return n <= most })
	return n <= most, err
}

// tracksBelow returns a track and all below it.
func tracksBelow(s *index.Snapshot, track uint32) []uint32 {
	list, below := []uint32{track}, map[uint32]bool{track: true}
	for _, t := range s.Tracks() { // parents before their children
		if below[t.Parent] && !below[t.ID] {
			list, below[t.ID] = append(list, t.ID), true
		}
	}
	return list
}

// collector is a critical.Trace as a writer.
type collector struct{ *critical.Trace }

func (c collector) Write(e *tracefmt.Event) error {
	c.Add(e)
	return nil
}
func (collector) Flush() error { return nil }
func (collector) Close() error { return nil }

func segmentOf(s *index.Snapshot, seg critical.Segment) segment {
	start := seg.Start - s.Zero()
	of := segment{Name: brief(seg.Slice.Name), Start: start, End: start + seg.Dur}
	if p, ok := s.Locate(seg.Slice.Track, seg.Slice.Start, seg.Slice.ID, seg.Slice.Name); ok {
		at, _ := s.Slice(p)
		of.Track, of.Row, of.Key = p.Track, at.Row, s.Key(p)
	}
	return of
}

// sumsOf adds up the segments of a path by the paths of their slices' names, the longest first.
func sumsOf(p *critical.Path) []pathSum {
	byPath := make(map[string]*pathSum)
	for _, seg := range p.Segments {
		names := pathOf(seg.Slice)
		key := strings.Join(names, "\x00")
		if byPath[key] == nil {
			byPath[key] = &pathSum{Path: names}
		}
		byPath[key].Total += seg.Dur
		byPath[key].Count++
	}
	sums := make([]pathSum, 0, len(byPath))
	for _, s := range byPath {
		sums = append(sums, *s)
	}
	slices.SortFunc(sums, func(a, b pathSum) int { return cmp.Or(cmp.Compare(b.Total, a.Total), slices.Compare(a.Path, b.Path)) })
	return sums[:min(len(sums), maxSums)]
}

// pathOf returns the names from the outermost slice inwards, at most those of the innermost maxDepth.
func pathOf(s *critical.Slice) (names []string) {
	for ; s != nil && len(names) < maxDepth; s = s.Parent() {
		names = append(names, brief(s.Name))
	}
	slices.Reverse(names)
	return names
}
