package tracevet

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/edge"
)

// checkEnd reports a start whose handle isn't ended on all paths, and isn't handed on either.
func (c *checker) checkEnd(s *start) {
	switch v := s.handle.v; {
	case isDiscarded(s) || s.handle.blank && !(s.kind != group && c.isLookedUp(s.context.v)):
		c.reportDiscarded(s)
	case v != nil && isLocal(v, s.function) && !(c.info.Defs[s.handle.expr.(*ast.Ident)] == nil && c.reachableOtherwise(v, s)):
		c.checkPaths(s, v)
	}
}

// isDiscarded reports whether nothing takes the results of a start.
func isDiscarded(s *start) bool {
	switch s.cur.ParentEdgeKind() {
	case edge.ExprStmt_X, edge.GoStmt_Call, edge.DeferStmt_Call:
		return true
	}
	return false
}

// isLookedUp reports whether the span of a context is got from that by trace.FromContext.
func (c *checker) isLookedUp(ctx *types.Var) bool {
	for _, id := range c.uses[ctx] {
		if call, ok := id.Parent().Node().(*ast.CallExpr); ok && c.fromTrace(call, "FromContext") {
			return true
		}
	}
	return false
}

func (c *checker) reportDiscarded(s *start) {
	at := s.handle.expr
	if at == nil {
		at = s.call
	}
	d := analysis.Diagnostic{Pos: at.Pos(), End: at.End(), Category: lostEnd,
		Message: fmt.Sprintf("the %s that %s returns is discarded, so that nothing can end it", s.kind, s.name())}
	if s.kind == group {
		d.Message = fmt.Sprintf("the task group that %s returns is discarded, so that nothing can wait for it", s.name())
	}
	if name := c.freeName(s); name != "" {
		if edit, ok := c.insertEnd(s, name); ok {
			d.SuggestedFixes = []analysis.SuggestedFix{{
				Message:   fmt.Sprintf("Keep the %s, and defer its End", s.kind),
				TextEdits: []analysis.TextEdit{{Pos: at.Pos(), End: at.End(), NewText: []byte(name)}, edit},
			}}
		}
	}
	c.report(d)
}

// freeName returns a name for the handle that is discarded by "ctx, _ :=", unless it means something there.
func (c *checker) freeName(s *start) string {
	a, ok := s.stmt.(*ast.AssignStmt)
	if !ok || a.Tok != token.DEFINE || !s.handle.blank {
		return ""
	}
	name := "span"
	if s.kind == task {
		name = "task"
	}
	scope := c.pass.Pkg.Scope().Innermost(s.call.Pos())
	if scope == nil {
		return ""
	}
	if _, taken := scope.LookupParent(name, token.NoPos); taken != nil {
		return ""
	}
	return name
}

// checkPaths looks for a path from the start to a return, or back to where the variable gets another value, without
// anything that ends the handle or hands it on.
func (c *checker) checkPaths(s *start, v *types.Var) {
	isResult := c.isResult(v, s.function)
	var lost ast.Node
	w := c.newWalk(s.function, func(n ast.Node, _ conditions) verdict {
		u := c.usesIn(n, v)
		if u >= useEndLater {
			return settle
		}
		ret, isReturn := n.(*ast.ReturnStmt)
		if isReturn && isResult && ret.Results == nil {
			return settle
		}
		if isReturn || u == useAssign || n == s.stmt {
			lost = n
			return stop
		}
		return goOn
	})
	known := w.around(s.stmt)
	w.track(v)
	known[nilAtom(v)] = false
	w.from(s.stmt, known)
	switch {
	case lost != nil:
		c.reportLost(s, v, lost)
	case c.endsAfterLoop(s, v):
		c.report(analysis.Diagnostic{Pos: s.handle.expr.Pos(), End: s.handle.expr.End(), Category: lostEnd,
			Message: fmt.Sprintf("%s is started in a loop, but its deferred %s only runs when the function returns: "+
				"the spans of two rounds overlap", v.Name(), s.end())})
	}
}

func (c *checker) isFunctionEnd(ret *ast.ReturnStmt, function ast.Node) bool {
	return ret.Return == function.End()-1
}

func (c *checker) reportLost(s *start, v *types.Var, lost ast.Node) {
	at := lost.Pos()
	d := analysis.Diagnostic{Pos: s.handle.expr.Pos(), End: s.handle.expr.End(), Category: lostEnd}
	verb, there := "ended", ""
	if s.kind == group {
		verb = "waited for"
	}
	switch ret, isReturn := lost.(*ast.ReturnStmt); {
	case lost == s.stmt:
		there = "it may be started again"
	case !isReturn:
		there = fmt.Sprintf("it gets another value on line %d", c.line(at))
	case c.isFunctionEnd(ret, s.function):
		there = fmt.Sprintf("the function may end on line %d", c.line(at))
	default:
		there = fmt.Sprintf("the function may return on line %d", c.line(at))
	}
	if c.everUsed(v, useEndLater) {
		d.Message = fmt.Sprintf("%s isn't %s on all paths: %s without %s.%s", v.Name(), verb, there, v.Name(), s.end())
	} else {
		d.Message = fmt.Sprintf("%s is never %s: %s.%s must be called", v.Name(), verb, v.Name(), s.end())
	}
	if edit, ok := c.insertEnd(s, v.Name()); ok {
		d.SuggestedFixes = []analysis.SuggestedFix{{
			Message:   fmt.Sprintf("Insert defer %s.End()", v.Name()),
			TextEdits: []analysis.TextEdit{edit},
		}}
	}
	c.report(d)
}

// insertEnd returns the edit that puts a deferred End behind a start. Ends that are there stay right, since only the
// first one counts. It isn't offered in a loop, where it would run too late, nor for a group, whose Wait has a result.
func (c *checker) insertEnd(s *start, name string) (edit analysis.TextEdit, ok bool) {
	cur, found := c.root.FindNode(s.stmt)
	if !found || s.kind == group || inLoop(cur) != nil {
		return edit, false
	}
	switch cur.ParentEdgeKind() {
	case edge.BlockStmt_List, edge.CaseClause_Body, edge.CommClause_Body:
	default:
		return edit, false
	}
	file := c.pass.Fset.File(s.stmt.Pos())
	next := file.Line(s.stmt.End()) + 1
	if sibling, ok := cur.NextSibling(); ok && file.Line(sibling.Node().Pos()) < next {
		return edit, false
	}
	if next > file.LineCount() || file.Line(cur.Parent().Node().End()) < next {
		return edit, false
	}
	for f := range cur.Enclosing((*ast.File)(nil)) {
		for _, group := range f.Node().(*ast.File).Comments {
			for _, comment := range group.List {
				if contains(comment, file.LineStart(next)-1) {
					return edit, false // it goes on in the next line
				}
			}
		}
	}
	src, err := c.pass.ReadFile(file.Name())
	first := file.LineStart(file.Line(s.stmt.Pos()))
	if err != nil || file.Offset(s.stmt.Pos()) > len(src) {
		return edit, false
	}
	indent := string(src[file.Offset(first):file.Offset(s.stmt.Pos())])
	if strings.TrimSpace(indent) != "" {
		return edit, false
	}
	at := file.LineStart(next)
	return analysis.TextEdit{Pos: at, End: at, NewText: []byte(indent + "defer " + name + ".End()\n")}, true
}

// endsAfterLoop reports whether each round of a loop starts a span beside that of the round before, whose End is
// deferred.
func (c *checker) endsAfterLoop(s *start, v *types.Var) bool {
	loop := inLoop(s.cur)
	outer := c.variable(ast.Unparen(s.call.Args[0]))
	if s.kind != span || loop == nil || outer == nil || outer == s.context.v {
		return false
	}
	if contains(loop, outer.Pos()) {
		return false
	}
	for _, d := range c.defs[outer] {
		if contains(loop, d.stmt.Pos()) {
			return false
		}
	}
	again := false
	w := c.newWalk(s.function, func(n ast.Node, known conditions) verdict {
		if n == s.stmt {
			again = known[isDeferred]
			return stop
		}
		switch u := c.usesIn(n, v); {
		case u > useEndLater:
			return settle
		case u == useEndLater:
			if _, ok := n.(*ast.DeferStmt); !ok {
				return settle
			}
			known[isDeferred] = true
		}
		return goOn
	})
	known := w.around(s.stmt)
	w.track(v)
	known[nilAtom(v)] = false
	w.from(s.stmt, known)
	return again
}
