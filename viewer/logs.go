package viewer

import (
	"context"
	"net/http"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

const (
	usualLines = 200
	maxLines   = 1000
	maxLine    = 8 << 10 // bytes of a message, and of a value, where there are many of them
)

// logLine is a log line or an instant.
type logLine struct {
	Cursor    string    `json:"cursor"`
	Time      int64     `json:"time"`
	Track     uint32    `json:"track"`
	Pos       uint32    `json:"pos"`
	Severity  uint8     `json:"severity"`
	Message   string    `json:"message"`
	Subsystem string    `json:"subsystem"`
	Type      string    `json:"type"`
	Attrs     []attr    `json:"attrs"`
	Slice     *sliceRef `json:"slice"`
	Stack     string    `json:"stack"`
}

// logs serves api/logs.
func (v *Viewer) logs(w http.ResponseWriter, r *request) error {
	q := index.MarkQuery{Text: r.text("q"), Min: tracefmt.Severity(r.number("min", 0, 0, 24)), Before: r.text("before"), After: r.text("after"),
		Limit: int(r.number("limit", usualLines, 1, maxLines))}
	q.Window, q.Tracks = r.window()
	q.Last = r.has("before") && q.Before == ""
	if r.has("before") && r.has("after") {
		r.fail("before and after exclude each other")
	}
	if r.err != nil {
		return r.err
	}
	if r.has("slice") {
		p, err := r.byKey("slice")
		if err != nil {
			return err
		}
		q.Within = r.snap.Below(p)
	}
	found, err := r.snap.Marks(r.Context(), q)
	if err := failed(r, err); err != nil {
		return err
	}
	doc := struct {
		Total int       `json:"total"`
		Lines []logLine `json:"lines"`
		More  bool      `json:"more"`
	}{Total: found.Total, Lines: []logLine{}, More: found.More}
	for i, p := range found.Marks {
		doc.Lines = append(doc.Lines, lineOf(r.snap, p, found.Cursors[i]))
	}
	return answer(w, doc)
}

// failed returns the error of a search: what isn't the client's going away is a mistake in a parameter.
func failed(r *request, err error) error {
	if err == nil || r.Context().Err() != nil {
		return err
	}
	return badRequest("%v", err)
}

func lineOf(s *index.Snapshot, p index.Pos, cursor string) logLine {
	m, _ := s.Mark(p)
	line := logLine{Cursor: cursor, Time: m.Time, Track: p.Track, Pos: p.Pos, Severity: uint8(m.Severity), Type: m.Type.String(), Attrs: []attr{}}
	line.Message, _ = cut(m.Name, maxLine)
	for _, a := range m.Attrs {
		switch {
		case m.Type == index.LogMark && a.Key == tracefmt.AttrSubsystem:
			line.Subsystem = brief(a.Value.String())
		case m.Type == index.LogMark && a.Key == tracefmt.AttrStack:
			line.Stack = brief(a.Value.String())
		default:
			line.Attrs = append(line.Attrs, attrOf(a, maxLine))
		}
	}
	if owner, ok := s.MarkSlice(p); ok {
		ref := refOf(s, owner)
		line.Slice = &ref
		if line.Stack == "" {
			line.Stack = stackOf(s, owner)
		}
	}
	return line
}

// patience is how long a number may take that is only nice to know.
const patience = 300 * time.Millisecond

// countLogs returns how many marks belong to a slice and all below it while these last, or as many as can be found in a moment.
func (r *request) countLogs(p index.Pos) int {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	at, _ := r.snap.Slice(p)
	q := index.MarkQuery{Window: index.Window{From: at.Start, To: index.Everything.To}, Within: r.snap.Below(p)}
	if family, end := r.family(ctx, p); family != nil { // as mostly: then it isn't necessary to look at all that comes later
		q.To, q.Within = end, func(owner index.Pos) bool { return family[owner] }
	}
	found, _ := r.snap.Marks(ctx, q)
	return found.Total
}

// maxFamily is how many slices a family may have.
const maxFamily = 1000

// family returns a slice with all below it, and when they have ended. It is nil if they are too many.
func (r *request) family(ctx context.Context, p index.Pos) (family map[index.Pos]bool, end int64) {
	family = map[index.Pos]bool{p: true}
	for list := []index.Pos{p}; len(list) > 0; list = list[1:] {
		at, _ := r.snap.Slice(list[0])
		end = max(end, at.Window().To)
		total, children, err := r.snap.Children(ctx, list[0], maxFamily)
		if err != nil || len(family)+total > maxFamily {
			return nil, 0
		}
		for _, c := range children {
			if !family[c] {
				family[c] = true
				list = append(list, c)
			}
		}
	}
	return family, end
}
