package index

import (
	"slices"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// mark is an instant or a log line.
type mark struct {
	time int64 // absolute
	kind uint32
	ref  uint32
	meta uint32 // severity in bits 0-7, MarkType in 8-9
}

// asyncMark says of a mark's meta that it is a point of an async slice.
const asyncMark = 1 << 10

func (m *mark) before(o *mark) bool { return m.time <= o.time }

func (m *mark) severity() tracefmt.Severity { return tracefmt.Severity(m.meta) }

func (m *mark) typ() MarkType { return MarkType(m.meta >> 8 & 3) }

// weight says which of several marks is shown for all: losses and anomalies before lines, by severity.
func (m *mark) weight() uint32 {
	if t := m.typ(); t >= AnomalyMark {
		return uint32(t)<<8 | m.meta&0xff
	}
	return m.meta & 0xff
}

// peak sums up 64 marks that follow each other.
type peak struct {
	weight   uint32            // the highest
	severity tracefmt.Severity // the highest
	types    uint8             // bits by MarkType
}

func (p *peak) add(o peak) {
	p.weight, p.severity = max(p.weight, o.weight), max(p.severity, o.severity)
	p.types |= o.types
}

func (m *mark) peak() peak { return peak{m.weight(), m.severity(), 1 << m.typ()} }

// addMark takes in an instant or a log line.
func (x *Index) addMark(e *tracefmt.Event) {
	b := x.track(e.Track)
	b.happens(e.Time, e.Time)
	if e.Kind == tracefmt.Instant && e.Category == tracefmt.CategoryOpen {
		x.marked = true
		return
	}
	r := x.recordOf(e)
	m := mark{time: e.Time, kind: x.kindOf(e, r), meta: uint32(markType(e)) << 8}
	switch e.Kind {
	case tracefmt.Log:
		m.meta |= uint32(e.Severity)
	case tracefmt.AsyncInstant:
		m.meta |= asyncMark
	}
	if r.id.form != noID || r.parent.form != noID || r.key != "" || r.named || len(r.attrs) > 0 {
		m.ref = x.add(r)
	}
	b.freshMarks = append(b.freshMarks, m)
}

func markType(e *tracefmt.Event) MarkType {
	switch {
	case e.Kind == tracefmt.Log:
		return LogMark
	case hasCategory(e.Category, tracefmt.CategoryAnomaly):
		return AnomalyMark
	case hasCategory(e.Category, tracefmt.CategoryLoss):
		return LossMark
	}
	return InstantMark
}

// hasCategory reports whether a category is in a list of them.
func hasCategory(list, category string) bool {
	if list == category {
		return true
	}
	return strings.Contains(list, ",") && slices.Contains(strings.Split(list, ","), category)
}

// takeMarks brings the marks that came into the order of the track.
func (b *building) takeMarks() {
	if len(b.freshMarks) == 0 {
		return
	}
	from := b.freshMarks[0].time
	for i := range b.freshMarks {
		from = min(from, b.freshMarks[i].time)
	}
	at := b.marks.search(func(m *mark) bool { return m.time > from })
	for i := range b.freshMarks {
		b.countMark(&b.freshMarks[i], 1)
	}
	list := append(b.marks.appendTo(nil, at), b.freshMarks...)
	b.freshMarks = nil
	sortStable(list, nil)
	b.marks.cut(at)
	b.peaks.cut((b.peakOff + at) / blockLen)
	for _, m := range list {
		b.marks.append(m)
		if n := b.marks.len(); (b.peakOff+n)%blockLen == 0 {
			var p peak
			for i := max(n-blockLen, 0); i < n; i++ {
				p.add(b.marks.at(i).peak())
			}
			b.peaks.append(p)
		}
	}
}

// countMark adds a mark to what is counted, or takes it away.
func (b *building) countMark(m *mark, by int64) {
	switch m.typ() {
	case LogMark:
		b.logs += by
	case LossMark:
		b.gaps += by
	}
}

// dropMarks takes away the marks before a time.
func (b *building) dropMarks(before int64) {
	n := b.marks.search(func(m *mark) bool { return m.time >= before })
	for i := range n {
		b.countMark(b.marks.at(i), -1)
	}
	b.marks.drop(n)
	b.peakOff += n
	b.peaks.drop(b.peakOff / blockLen)
	b.peakOff %= blockLen
}
