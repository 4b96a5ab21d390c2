package trace_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/trace"
)

// A model predicts what a recorder holds after a program. It is written from the rules of package trace's
// documentation, and has neither clocks nor locks nor bytes.
type model struct {
	level     trace.Level
	switches  int        // from and to LevelOff
	offRoot   *node      // "started while off"
	nodes     []*node    // in the order of their start
	instants  []mark     // likewise
	anomalies []string   // likewise: what, and the name of the span
	remote    *trace.Ref // what WithRemote was called with
}

// A node is one task or span of the model.
type node struct {
	name   string
	kind   trace.Kind // after the repair of a wrong start
	parent *node
	remote bool            // the parent is model.remote
	host   *node           // the task or root async span that it belongs to
	plain  context.Context // like the context that it was started with, but without any span

	open     bool
	stray    bool // was a span, and became an async one
	recorded bool
	late     bool // a task whose parent's task had ended
	detached bool // a task that may outlive its parent's task

	stack    []*node // of a task: its open strict spans, itself first
	children int     // of a task: open tasks that it has to outlive
	switches int     // of the model when a host began

	attrs  []slog.Attr
	err    error        // that was set
	status trace.Status // of an ended one, likewise text
	text   string

	id     trace.ID
	scope  *scope // what its start returned
	waited bool   // it was started before the patient consumer polled last
}

// A mark is an instant: of this kind and name, on a node, or on the remote span if that is nil.
type mark struct {
	kind trace.Kind
	name string
	on   *node
	far  bool // on the remote span
	more string
}

// A place is what a context says to package trace.
type place struct {
	node   *node // the innermost task or span
	remote bool  // that is one of another process
	plain  context.Context
	cut    bool // context.WithoutCancel is between the two
}

// start starts a task or span, or returns nil if the level is off.
func (m *model) start(kind trace.Kind, at place, name string, attrs []slog.Attr) *node {
	if m.level == trace.LevelOff {
		return nil
	}
	n := &node{name: name, kind: kind, parent: at.node, remote: at.remote, plain: at.plain, open: true}
	n.setAttrs(attrs)
	misuse := ""
	if kind == trace.KindSpan && n.parent == nil {
		n.kind = trace.KindAsync
		if m.switches > 0 && !n.remote {
			n.parent = m.startedWhileOff()
		} else if m.switches == 0 {
			misuse = trace.NoTask.String()
		}
	}
	n.host = n
	switch {
	case kind == trace.KindTask:
		m.startTask(n, at)
	case n.parent != nil:
		n.host = n.parent.host
	}
	if n.host == n {
		n.switches = m.switches
	}
	if n.kind == trace.KindSpan {
		misuse = n.nest()
	}
	m.nodes = append(m.nodes, n)
	if m.level == trace.LevelRecording {
		m.keep(n)
	}
	if misuse != "" {
		m.anomaly(misuse, n)
	}
	return n
}

func (m *model) startTask(n *node, at place) {
	n.stack = []*node{n}
	if n.parent == nil {
		return
	}
	n.late = !n.parent.host.open
	n.detached = at.cut
	if !n.detached {
		n.parent.host.children++
	}
}

// nest makes n the innermost span of its task, or an async span if it can't be that.
func (n *node) nest() (misuse string) {
	around := n.parent
	for around != nil && !around.strict() {
		around = around.parent
	}
	task := n.host
	switch {
	case !n.parent.open:
		misuse = trace.StartedAfterEnd.String()
	case around == nil || around.host != task: // below a root async span
	case !around.open: // in an async span that outlives its task
	case task.stack[len(task.stack)-1] != around:
		if n.parent.strict() {
			misuse = trace.OverlappingSpan.String()
		}
	default:
		task.stack = append(task.stack, n)
		return ""
	}
	n.kind = trace.KindAsync
	return misuse
}

func (m *model) startedWhileOff() *node {
	if m.offRoot == nil {
		m.offRoot = m.start(trace.KindAsync, place{plain: context.Background()}, trace.StartedWhileOff, nil)
	}
	return m.offRoot
}

// strict reports whether a node is a task or a span that nests in its task.
func (n *node) strict() bool { return n.kind != trace.KindAsync && !n.stray }

// keep makes n and its ancestors recorded, unless they ended before. It returns the innermost one that has a record.
func (m *model) keep(n *node) *node {
	for n != nil && !n.open && !n.recorded {
		n = n.parent
	}
	if n != nil && !n.recorded {
		n.recorded = true
		m.keep(n.parent)
	}
	return n
}

// end ends a node with an error, or with the one that was set if err is nil. Only the first call counts.
func (m *model) end(n *node, err error) {
	if n == nil || !n.open {
		return
	}
	n.open = false
	n.setOutcome(cmp.Or(err, n.err))
	if n.kind == trace.KindTask && n.parent != nil && !n.detached {
		n.parent.host.children--
	}
	tooEarly := false
	if n.strict() {
		stack := n.host.stack
		i := slices.Index(stack, n)
		for _, above := range stack[i+1:] {
			above.stray, tooEarly = true, true
		}
		n.host.stack = stack[:i]
	}
	if n.kind == trace.KindTask && n.children > 0 {
		m.anomaly(trace.ChildOutlivesParent.String(), n)
	}
	if tooEarly {
		m.anomaly(trace.EndedBeforeChild.String(), n)
	}
}

// setAttrs adds attributes, or changes those whose keys are known.
func (n *node) setAttrs(attrs []slog.Attr) {
	if n == nil || !n.open {
		return
	}
	for _, a := range attrs {
		if i := slices.IndexFunc(n.attrs, func(b slog.Attr) bool { return a.Key == b.Key }); i >= 0 {
			n.attrs[i] = a
		} else {
			n.attrs = append(n.attrs, a)
		}
	}
}

func (n *node) setError(err error) {
	if n != nil && n.open && err != nil {
		n.err = err
	}
}

// instant records an instant on n.
func (m *model) instant(kind trace.Kind, name string, n *node, more string) {
	if n == nil || m.level != trace.LevelRecording {
		return
	}
	i := mark{kind: kind, name: name, on: m.keep(n), more: more}
	if i.on == nil {
		for ; n.parent != nil; n = n.parent {
		}
		i.far = n.remote
	}
	m.instants = append(m.instants, i)
}

// anomaly notes a misuse. While a task lived through a time at LevelOff, some of its spans may be missing, so that
// nothing is held against it.
func (m *model) anomaly(misuse string, n *node) {
	if misuse != trace.NoTask.String() && n.host.switches != m.switches {
		return
	}
	m.anomalies = append(m.anomalies, misuse+": "+n.name)
	m.instant(trace.KindAnomaly, misuse, n, "")
}

func (m *model) setLevel(l trace.Level) {
	if l == trace.LevelOff || m.level == trace.LevelOff {
		m.switches++
	}
	m.level = l
}

// setOutcome sets what the record of a node says of the error that it ends with.
func (n *node) setOutcome(err error) {
	switch ctx := n.plain; {
	case err == nil:
	case ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))):
		n.status, n.text = trace.StatusCancelled, context.Cause(ctx).Error()
	case errors.Is(err, context.Canceled):
		n.status, n.text = trace.StatusCancelled, err.Error()
	default:
		n.status, n.text = trace.StatusError, err.Error()
	}
}

// recordedParent returns the parent that the record of a node names: the innermost ancestor that has one.
func (n *node) recordedParent() (p *node, far bool) {
	for p = n; ; {
		if p.parent == nil {
			return nil, p.remote
		}
		if p = p.parent; p.recorded {
			return p, false
		}
	}
}

// shownParent returns the parent under which [trace.Recorder.Active] shows a node.
func (n *node) shownParent() (p *node, far bool) {
	if n.recorded {
		return n.recordedParent()
	}
	return n.parent, n.parent == nil && n.remote
}

// stackText returns the ID stack of a node, unless that is too deep to be shown in full.
func (m *model) stackText(n *node) (text string, full bool) {
	var path []string
	for ; ; n = n.parent {
		mark := "/"
		switch n.kind {
		case trace.KindSpan:
			mark = "."
		case trace.KindAsync:
			mark = "~"
		}
		path = append(path, mark+n.id.String())
		if n.parent == nil {
			break
		}
	}
	full = len(path) <= trace.MaxStack
	if n.remote {
		path = append(path, "/"+m.remote.Span.String())
	}
	slices.Reverse(path)
	return strings.Join(path, "") + "/", full
}

// active returns what Active must show: open nodes, and ended ones that something open hangs under.
func (m *model) active() (lines []string) {
	shown := map[*node]bool{}
	for _, n := range m.nodes {
		for p := n; n.open && p != nil && !shown[p]; p, _ = p.shownParent() {
			shown[p] = true
		}
	}
	for _, n := range m.nodes {
		if shown[n] && n.open {
			lines = append(lines, m.line(n, trace.PhaseBegin))
		} else if shown[n] {
			lines = append(lines, m.line(n, trace.PhaseGone))
		}
	}
	slices.Sort(lines)
	return lines
}

// records returns what a snapshot must hold.
func (m *model) records() (lines []string) {
	for _, n := range m.nodes {
		switch {
		case !n.recorded:
		case n.open:
			lines = append(lines, m.line(n, trace.PhaseBegin))
		default:
			lines = append(lines, m.line(n, trace.PhaseComplete))
		}
	}
	for _, i := range m.instants {
		parent, task := "", ""
		if i.far {
			parent, task = "remote", "remote"
		} else if i.on != nil {
			parent, task = i.on.name, i.on.host.name
		}
		lines = append(lines, markLine(i.kind, i.name, parent, task, i.more))
	}
	slices.Sort(lines)
	return lines
}

// line renders what the record of a node must say in some phase.
func (m *model) line(n *node, phase trace.Phase) string {
	kind := n.kind
	if n.stray {
		kind = trace.KindAsync
	}
	parent, parentTask, root := "", "", ""
	p, far := n.shownParent()
	switch {
	case p != nil:
		parent = p.name
		if n.kind == trace.KindTask && !n.late {
			parentTask = p.host.name
		}
	case far:
		parent = "remote"
	}
	if n == n.host {
		top := n
		for top.parent != nil {
			top = top.parent
		}
		if root = top.name; top.remote {
			root = "remote"
		}
	}
	status, text := n.status, n.text
	if phase == trace.PhaseBegin && n.err != nil {
		status = trace.StatusError
	}
	return spanLine(kind, phase, n.name, parent, n.host.name, parentTask, root, status, text, n.attrs)
}

func spanLine(kind trace.Kind, phase trace.Phase, name, parent, task, parentTask, root string, status trace.Status, text string, attrs []slog.Attr) string {
	text, _, _ = strings.Cut(text, "\n\n[panic") // the stack behind it
	if phase == trace.PhaseGone {
		status, text = 0, "" // its record, which was complete, may have left the ring
	}
	return fmt.Sprintf("%s %v phase=%d parent=%s task=%s parentTask=%s root=%s status=%d %q %v",
		name, kind, phase, parent, task, parentTask, root, status, text, attrs)
}

func markLine(kind trace.Kind, name, parent, task, more string) string {
	return fmt.Sprintf("%v %q parent=%s task=%s %s", kind, name, parent, task, more)
}
