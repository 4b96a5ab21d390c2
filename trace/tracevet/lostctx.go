package tracevet

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/edge"
	"golang.org/x/tools/go/types/typeutil"
)

// checkContext reports a start whose context nobody uses, if the context it was given is passed on while what it
// started is open.
func (c *checker) checkContext(s *start) {
	v := s.handle.v
	outer := ast.Unparen(s.call.Args[0])
	switch {
	case s.stmt == nil || v == nil || !isLocal(v, s.function) || !c.isStable(outer):
		return
	case !s.context.blank && !c.isNeverUsed(s.context.v, s):
		return
	case (s.kind == task || s.kind == async) && !c.enclosesRest(s, outer):
		return // it may be meant to run beside what follows
	}
	p := passing{checker: c, outer: outer, derived: make(map[*types.Var]bool)}
	var culprit *ast.CallExpr
	w := c.newWalk(s.function, func(n ast.Node, _ conditions) verdict {
		u := c.usesIn(n, v)
		if _, isDefer := n.(*ast.DeferStmt); n == s.stmt || u >= useAssign && !(u == useEndLater && isDefer) {
			return settle
		}
		if culprit = p.culprit(n); culprit != nil {
			return stop
		}
		if p.replaced(n) {
			return settle
		}
		return goOn
	})
	known := w.around(s.stmt)
	w.track(v)
	known[nilAtom(v)] = false
	w.from(s.stmt, known)
	if culprit != nil {
		c.reportContext(s, outer, culprit)
	}
}

// isStable reports whether two places where the expression stands mean the same context, unless it is assigned to.
func (c *checker) isStable(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return c.variable(e) != nil
	case *ast.SelectorExpr:
		return c.isStable(e.X)
	case *ast.CallExpr: // r.Context()
		sel, ok := e.Fun.(*ast.SelectorExpr)
		return ok && len(e.Args) == 0 && c.info.Selections[sel] != nil && c.isStable(sel.X)
	}
	return false
}

// isNeverUsed reports whether nothing is done with the context that a start is assigned to.
func (c *checker) isNeverUsed(ctx *types.Var, s *start) bool {
	if ctx == nil || !isLocal(ctx, s.function) || c.isResult(ctx, s.function) {
		return false
	}
	for _, id := range c.uses[ctx] {
		if _, ok := id.Parent().Node().(*ast.AssignStmt); !ok || c.classify(id) > useAssign {
			return false
		}
	}
	return true
}

// enclosesRest reports whether a task or an async span, which may be concurrent with its parent, is meant to enclose the
// rest of the function all the same: its End is deferred at once, and the function is in no span of its own making.
func (c *checker) enclosesRest(s *start, outer ast.Expr) bool {
	for _, o := range c.origins(outer, s.call.Pos()) {
		if o.start != nil {
			return false
		}
	}
	return c.endsNext(s)
}

// endsNext reports whether the statement behind a start defers its End.
func (c *checker) endsNext(s *start) bool {
	cur, ok := c.root.FindNode(s.stmt)
	if !ok || cur.ParentEdgeKind() != edge.BlockStmt_List {
		return false
	}
	next, ok := cur.NextSibling()
	if !ok {
		return false
	}
	_, isDefer := next.Node().(*ast.DeferStmt)
	return isDefer && c.usesIn(next.Node(), s.handle.v) == useEndLater
}

func (c *checker) reportContext(s *start, outer ast.Expr, culprit *ast.CallExpr) {
	lost := "discarded"
	if !s.context.blank {
		lost = "never used"
	}
	given := types.ExprString(outer)
	d := analysis.Diagnostic{Pos: s.context.expr.Pos(), End: s.context.expr.End(), Category: lostContext,
		Message: fmt.Sprintf("the context of %s is %s, but %s gets %s on line %d, so that what happens there is shown beside the %s, not in it",
			s.handle.v.Name(), lost, types.ExprString(culprit.Fun), given, c.line(culprit.Pos()), s.kind)}
	if c.mayRebind(s, outer) {
		d.SuggestedFixes = []analysis.SuggestedFix{{
			Message:   fmt.Sprintf("Assign the context to %s", given),
			TextEdits: []analysis.TextEdit{{Pos: s.context.expr.Pos(), End: s.context.expr.End(), NewText: []byte(given)}},
		}}
	}
	c.report(d)
}

// mayRebind reports whether it is safe to turn "_, span := trace.WithSpan(ctx, …)" into "ctx, span := …": all that uses
// ctx from there on runs before the deferred End.
func (c *checker) mayRebind(s *start, outer ast.Expr) bool {
	a, ok := s.stmt.(*ast.AssignStmt)
	ctx := c.variable(outer)
	if !ok || a.Tok != token.DEFINE || !s.context.blank || ctx == nil || !c.endsNext(s) {
		return false
	}
	for _, id := range c.uses[ctx] {
		if id.Node().Pos() < a.End() {
			continue
		}
		if functionOf(id) != s.function {
			return false
		}
		for range id.Enclosing((*ast.GoStmt)(nil)) {
			return false
		}
	}
	return true
}

// passing finds calls that a context is passed to.
type passing struct {
	checker *checker
	outer   ast.Expr
	derived map[*types.Var]bool // contexts made of outer
}

// culprit returns a call in n that passes the outer context to where it matters which span it has. A goroutine, a
// closure and what is deferred may run when the span is over, and so need the outer context.
func (p *passing) culprit(n ast.Node) (found *ast.CallExpr) {
	if isImplicitReturn(n) {
		return nil
	}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit, *ast.GoStmt, *ast.DeferStmt:
			return false
		case *ast.AssignStmt:
			p.derive(n.Lhs, n.Rhs)
		case *ast.ValueSpec:
			left := make([]ast.Expr, len(n.Names))
			for i, name := range n.Names {
				left[i] = name
			}
			p.derive(left, n.Values)
		case *ast.CallExpr:
			if i := p.argument(n); found == nil && i >= 0 && p.matters(n, i) {
				found = n
			}
		}
		return found == nil
	})
	return found
}

// derive notes contexts that an assignment makes of the outer one.
func (p *passing) derive(left, right []ast.Expr) {
	if len(right) != 1 {
		return
	}
	call, ok := ast.Unparen(right[0]).(*ast.CallExpr)
	if !ok || p.argument(call) < 0 || p.checker.startedBy[call] != nil {
		return
	}
	for _, e := range left {
		if v := p.checker.variable(e); v != nil && isContext(v.Type()) {
			p.derived[v] = true
		}
	}
}

// argument returns which argument of the call is the outer context, or one made of it; -1 if none is.
func (p *passing) argument(call *ast.CallExpr) int {
	for i, arg := range call.Args {
		arg = ast.Unparen(arg)
		if v := p.checker.variable(arg); v != nil && p.derived[v] || p.checker.sameExpr(arg, p.outer) {
			return i
		}
	}
	return -1
}

// matters reports whether it matters to a call of which span its context, the i-th argument, is.
func (p *passing) matters(call *ast.CallExpr, i int) bool {
	c := p.checker
	if s := c.startedBy[call]; s != nil {
		return s.kind == span || s.kind == group || s.kind == spanOrTask // others may be meant to be beside it
	}
	callee := typeutil.Callee(c.info, call)
	if f, ok := callee.(*types.Func); ok {
		if f.Pkg() != nil && f.Pkg().Path() == tracePath && f.Pkg() != c.pass.Pkg {
			return false // trace.FromContext(ctx): it is the outer span that is meant
		}
		if c.factsOf(f).Keeps.has(i) {
			return false // it may be used when the span is over
		}
	}
	if callee == nil || returnsContext(c.info.TypeOf(call)) {
		return false // unknown, or it is the result that counts
	}
	return !c.isBlindCall(call, i)
}

func returnsContext(t types.Type) bool {
	if results, ok := t.(*types.Tuple); ok {
		for v := range results.Variables() {
			if isContext(v.Type()) {
				return true
			}
		}
		return false
	}
	return t != nil && isContext(t)
}

// replaced reports whether n assigns something to the outer context that isn't made of it.
func (p *passing) replaced(n ast.Node) bool {
	a, ok := n.(*ast.AssignStmt)
	if !ok {
		return false
	}
	for _, left := range a.Lhs {
		if p.checker.sameExpr(left, p.outer) {
			v := p.checker.variable(left)
			return v == nil || !p.derived[v]
		}
	}
	return false
}

// sameExpr reports whether two stable expressions are the same.
func (c *checker) sameExpr(a, b ast.Expr) bool {
	switch a := ast.Unparen(a).(type) {
	case *ast.Ident:
		b, ok := ast.Unparen(b).(*ast.Ident)
		return ok && c.info.ObjectOf(a) != nil && c.info.ObjectOf(a) == c.info.ObjectOf(b)
	case *ast.SelectorExpr:
		b, ok := ast.Unparen(b).(*ast.SelectorExpr)
		return ok && c.sameExpr(a.Sel, b.Sel) && c.sameExpr(a.X, b.X)
	case *ast.CallExpr:
		b, ok := ast.Unparen(b).(*ast.CallExpr)
		return ok && len(a.Args) == 0 && len(b.Args) == 0 && c.sameExpr(a.Fun, b.Fun)
	}
	return false
}
