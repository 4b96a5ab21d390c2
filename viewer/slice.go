package viewer

import (
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// sliceRef is a slice as others mention it.
type sliceRef struct {
	Key   string `json:"key"`
	Track uint32 `json:"track"`
	Pos   uint32 `json:"pos"`
	Row   uint32 `json:"row"`
	Name  string `json:"name"`
	Start int64  `json:"start"`
	End   int64  `json:"end"`
}

func refOf(s *index.Snapshot, p index.Pos) sliceRef {
	v, _ := s.Slice(p)
	return sliceRef{s.Key(p), v.Track, v.Pos.Pos, v.Row, brief(v.Name), v.Start, v.End}
}

// sliceDoc is all that there is to say of a slice.
type sliceDoc struct {
	sliceRef
	Category      string     `json:"category"`
	Open          bool       `json:"open"`
	Failed        bool       `json:"failed"`
	Self          int64      `json:"self"`
	ID            string     `json:"id"`
	Parent        *sliceRef  `json:"parent"`
	Ancestors     []sliceRef `json:"ancestors"`
	Children      int        `json:"children"`
	FirstChildren []sliceRef `json:"firstChildren"`
	Attrs         []attr     `json:"attrs"`
	Links         []link     `json:"links"`
	Logs          int        `json:"logs"`
	Stack         string     `json:"stack"`
	Unix          string     `json:"unix"`
}

// link leads from a slice to another one, or to it.
type link struct {
	To        sliceRef `json:"to"`
	Type      string   `json:"type"`
	Name      string   `json:"name"`
	Direction string   `json:"direction"`
}

// maxChildren is how many children of a slice are listed.
const maxChildren = 100

// slice serves api/slice.
func (v *Viewer) slice(w http.ResponseWriter, r *request) error {
	p, err := r.slicePos()
	if err != nil {
		return err
	}
	s := r.snap
	at, ok := s.Slice(p)
	details, _ := s.Details(p)
	if !ok {
		return notFound("there is no such slice")
	}
	doc := sliceDoc{sliceRef: refOf(s, p), Category: brief(at.Category), Open: at.Open, Failed: at.Failed, Self: r.selfOf(at, s.Self(p)), ID: brief(details.ID),
		Attrs: attrsOf(details.Attrs), Ancestors: []sliceRef{}, FirstChildren: []sliceRef{}, Unix: unixOf(s, at.Start)}
	doc.Name, _ = cut(at.Name, maxValue)
	for up := range s.Ancestors(p) {
		doc.Ancestors = append(doc.Ancestors, refOf(s, up))
	}
	doc.Stack = stackOf(s, p)
	slices.Reverse(doc.Ancestors)
	if len(doc.Ancestors) > 0 {
		doc.Parent = &doc.Ancestors[len(doc.Ancestors)-1]
	}
	var children []index.Pos
	if doc.Children, children, err = s.Children(r.Context(), p, maxChildren); err != nil {
		return err
	}
	for _, child := range children {
		doc.FirstChildren = append(doc.FirstChildren, refOf(s, child))
	}
	if doc.Links, err = linksOf(r.Context(), s, p); err != nil {
		return err
	}
	doc.Logs = r.countLogs(p)
	return answer(w, doc)
}

// selfOf returns a slice's own time, of which there is some in the snapshot. That of an open one goes on since then, unless another one
// is open inside of it.
func (r *request) selfOf(at index.Slice, self int64) int64 {
	if !at.Open {
		return self
	}
	for _, p := range r.snap.Open() {
		if p.Track == at.Track && p.Pos > at.Pos.Pos {
			return self
		}
	}
	return self + max(r.trace.nowOf(r.snap)-r.snap.Now(), 0)
}

// slicePos returns the slice that is asked for, by its key, its position, or a place.
func (r *request) slicePos() (p index.Pos, err error) {
	switch {
	case r.has("key"):
		return r.byKey("key")
	case r.has("pos"):
		p = index.Pos{Track: r.track(), Pos: uint32(r.number("pos", 0, 0, math.MaxUint32))}
		return p, r.err
	}
	track, row, at := r.track(), r.number("row", 0, 0, math.MaxUint32), r.time("at", 0)
	if !r.has("at") {
		r.fail("want a key, a track with pos, or a track with row and at")
	}
	if r.err != nil {
		return p, r.err
	}
	p, ok := r.snap.At(track, uint32(row), at)
	if !ok {
		return p, notFound("there is no slice at %d ns in row %d of track %d", at, row, track)
	}
	return p, nil
}

// byKey returns the slice whose key a parameter has.
func (r *request) byKey(param string) (p index.Pos, err error) {
	key := r.text(param)
	if r.err != nil {
		return p, r.err
	}
	p, ok := r.snap.Find(key)
	if !ok {
		return p, notFound("there is no slice %.100q: it may have left a live trace", key)
	}
	return p, nil
}

// stackOf returns the ID stack of a slice, as package trace writes it into log lines, as far as its parents are known; "" if it has
// no ID.
func stackOf(s *index.Snapshot, p index.Pos) string {
	var members []string
	add := func(p index.Pos) {
		v, _ := s.Slice(p)
		d, _ := s.Details(p)
		if d.ID == "" || len(d.ID) > maxBrief {
			return
		}
		mark := "."
		switch v.Category {
		case tracefmt.CategoryTask:
			mark = "/"
		case tracefmt.CategoryAsync:
			mark = "~"
		}
		members = append(members, mark+d.ID)
	}
	add(p)
	if len(members) == 0 {
		return ""
	}
	for up := range s.Ancestors(p) {
		add(up)
	}
	slices.Reverse(members)
	return strings.Join(members, "") + "/"
}
