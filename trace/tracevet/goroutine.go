package tracevet

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"iter"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/edge"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/types/typeutil"
)

// A spawn is a function literal that becomes a goroutine.
type spawn struct {
	lit  inspector.Cursor
	at   inspector.Cursor // the go statement, or the call that spawns
	args []ast.Expr       // of a go statement
}

// spawners are functions that run one of their arguments on a new goroutine.
var spawners = []struct {
	path, receiver, name string
	argument             int
}{
	{"sync", "WaitGroup", "Go", 0},
	{"golang.org/x/sync/errgroup", "Group", "Go", 0},
	{"golang.org/x/sync/errgroup", "Group", "TryGo", 0},
	{"time", "", "AfterFunc", 1},
	{"context", "", "AfterFunc", 1},
	{tracePath, "", "Go", 2},
	{tracePath, "Group", "Go", 1},
}

// checkGoroutines reports spans that are started on another goroutine than that of their task.
func (c *checker) checkGoroutines() {
	for cur := range c.root.Preorder((*ast.GoStmt)(nil), (*ast.CallExpr)(nil)) {
		if sp, ok := c.spawnAt(cur); ok {
			c.checkSpawn(sp)
		} else if g, ok := cur.Node().(*ast.GoStmt); ok {
			c.checkGo(cur, g.Call)
		}
	}
}

// spawnAt returns the function literal that a statement or call makes a goroutine of.
func (c *checker) spawnAt(cur inspector.Cursor) (sp spawn, ok bool) {
	sp.at = cur
	var lit *ast.FuncLit
	switch n := cur.Node().(type) {
	case *ast.GoStmt:
		lit, sp.args = c.soleFunction(n.Call.Fun), n.Call.Args
	case *ast.CallExpr:
		callee := typeutil.StaticCallee(c.info, n)
		if callee == nil || callee.Pkg() == nil {
			return sp, false
		}
		for _, s := range spawners {
			if callee.Name() == s.name && callee.Pkg().Path() == s.path && receiverName(callee) == s.receiver && s.argument < len(n.Args) {
				lit = c.soleFunction(n.Args[s.argument])
			}
		}
	}
	if lit == nil {
		return sp, false
	}
	sp.lit, ok = c.root.FindNode(lit)
	return sp, ok
}

// receiverName returns the name of the type that a method belongs to; "" for a function.
func receiverName(f *types.Func) string {
	recv := f.Signature().Recv()
	if recv == nil {
		return ""
	}
	t := types.Unalias(recv.Type())
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Name()
	}
	return ""
}

// checkSpawn reports the first span in a goroutine that is started on a context from outside, unless the goroutine was
// given a task together with it.
func (c *checker) checkSpawn(sp spawn) {
	if c.endsForeign(sp.lit) {
		return
	}
	for cur := range c.calls(sp.lit, func(lit inspector.Cursor) bool { return !c.isSpawned(lit) }) {
		call := cur.Node().(*ast.CallExpr)
		for i, adaptive := range c.spansOn(call) {
			if c.isStray(call.Args[i], call.Pos(), sp, adaptive) && !c.startsDiscarded(sp.lit, call.Pos()) {
				c.reportStray(call, call.Args[i])
				return
			}
		}
	}
}

// checkGo reports a go statement with a declared function that starts spans on the context it is passed.
func (c *checker) checkGo(cur inspector.Cursor, call *ast.CallExpr) {
	for _, arg := range call.Args {
		if isTrace(c.info.TypeOf(arg), "Span") {
			return // its task
		}
	}
	for i, adaptive := range c.spansOn(call) {
		if c.isStray(call.Args[i], call.Pos(), spawn{at: cur}, adaptive) {
			c.reportStray(call, call.Args[i])
			return
		}
	}
}

func (c *checker) reportStray(call *ast.CallExpr, ctx ast.Expr) {
	name, starts := types.ExprString(call.Fun), "starts a span on"
	if s := c.startedBy[call]; s != nil && s.kind == group {
		starts = "starts a task group on"
	}
	c.report(analysis.Diagnostic{Pos: call.Pos(), End: call.End(), Category: strayStart,
		Message: fmt.Sprintf("%s %s %s, the context of a task on another goroutine: start a task for this one, with trace.Go or trace.WithTask",
			name, starts, types.ExprString(ctx))})
}

// spansOn yields the arguments of a call, by index, on which it starts a span in the task that they are of. With
// adaptive, it does so only if they have one, and starts a task otherwise.
func (c *checker) spansOn(call *ast.CallExpr) iter.Seq2[int, bool] {
	return func(yield func(i int, adaptive bool) bool) {
		callee, _ := typeutil.Callee(c.info, call).(*types.Func)
		if callee != nil && callee.Pkg() != nil && callee.Pkg().Path() == tracePath || callee == nil {
			switch c.startKind(call) {
			case span:
				yield(0, false)
			case group, spanOrTask:
				yield(0, true)
			}
			return
		}
		if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
			if s := c.info.Selections[sel]; s != nil && s.Kind() == types.MethodExpr {
				return
			}
		}
		facts := c.factsOf(callee)
		for i := range call.Args {
			if facts.Spans.has(i) && !yield(i, false) || facts.Groups.has(i) && !yield(i, true) {
				return
			}
		}
	}
}

// isStray reports whether a context in a goroutine is for sure one of a task that another goroutine works on.
func (c *checker) isStray(ctx ast.Expr, at token.Pos, sp spawn, adaptive bool) bool {
	found := c.origins(ctx, at)
	for _, o := range found {
		switch {
		case o.param != nil:
			if !c.isStrayParam(o.param, sp, adaptive) {
				return false
			}
		case o.start != nil:
			if !c.isStrayStart(o.start, sp) {
				return false
			}
		default:
			return false
		}
	}
	return len(found) > 0
}

func (c *checker) isStrayParam(p *types.Var, sp spawn, adaptive bool) bool {
	function := c.params[p]
	if !sp.lit.Valid() || !contains(sp.lit.Node(), function.Pos()) {
		return !adaptive // a function around the goroutine was passed it; whether it has a task is not known
	}
	if function != sp.lit.Node() {
		return false
	}
	// A parameter of the goroutine itself is what the go statement passes. Others pass a context with a task.
	sig := c.signature(function)
	for i := range sig.Params().Len() {
		if sig.Params().At(i) == p && i < len(sp.args) {
			return c.isStray(sp.args[i], sp.at.Node().Pos(), spawn{at: sp.at}, adaptive)
		}
	}
	return false
}

func (c *checker) isStrayStart(s *start, sp spawn) bool {
	if sp.lit.Valid() && contains(sp.lit.Node(), s.call.Pos()) {
		return false
	}
	switch s.kind {
	case span, group, spanOrTask:
		return true
	case task:
		return c.isShared(s, sp)
	}
	return false
}

// isShared reports whether a task that was started outside of a goroutine is another's, too. A task may be started for a
// goroutine before that: then nobody else uses its context.
func (c *checker) isShared(s *start, sp spawn) bool {
	handle, ctx := s.handle.v, s.context.v
	if handle == nil || ctx == nil || c.everUsed(handle, useEscape) {
		return false
	}
	for _, id := range c.uses[handle] {
		if contains(sp.at.Node(), id.Node().Pos()) || sp.lit.Valid() && contains(sp.lit.Node(), id.Node().Pos()) {
			return false
		}
	}
	if loop := inLoop(sp.at); loop != nil && !contains(loop, s.call.Pos()) {
		return true
	}
	for _, id := range c.uses[ctx] {
		pos := id.Node().Pos()
		if pos < s.stmt.End() || contains(sp.at.Node(), pos) || sp.lit.Valid() && contains(sp.lit.Node(), pos) {
			continue
		}
		if call, ok := id.Parent().Node().(*ast.CallExpr); ok && c.startedBy[call] == nil && returnsContext(c.info.TypeOf(call)) {
			continue // may be for the goroutine
		}
		return true
	}
	return false
}

// endsForeign reports whether a goroutine ends something that was started elsewhere: then it was given that task.
func (c *checker) endsForeign(lit inspector.Cursor) bool {
	for cur := range lit.Preorder((*ast.SelectorExpr)(nil)) {
		sel := cur.Node().(*ast.SelectorExpr)
		if t := c.info.TypeOf(sel.X); t == nil || !isTrace(t, "Span") || !isEnd(sel.Sel.Name) {
			continue
		}
		if v := c.variable(ast.Unparen(sel.X)); v == nil || !isLocal(v, lit.Node()) || c.params[v] == lit.Node() {
			return true
		}
	}
	return false
}

// startsDiscarded reports whether a task was started in a function before pos whose context is discarded. That is
// what has to be mended, and is reported by another rule.
func (c *checker) startsDiscarded(lit inspector.Cursor, pos token.Pos) bool {
	for _, s := range c.starts {
		if contains(lit.Node(), s.call.Pos()) && s.call.Pos() < pos && (s.kind == task || s.kind == async) && s.context.blank {
			return true
		}
	}
	return false
}

// isSpawned reports whether a function literal becomes a goroutine of its own.
func (c *checker) isSpawned(lit inspector.Cursor) bool {
	switch lit.ParentEdgeKind() {
	case edge.CallExpr_Fun:
		return lit.Parent().ParentEdgeKind() == edge.GoStmt_Call
	case edge.CallExpr_Args:
		_, ok := c.spawnAt(lit.Parent())
		return ok
	}
	return false
}

// calls yields the calls in a function, in the order of the source: not those of go statements, and of the function
// literals in it only those that enter says yes to.
func (c *checker) calls(function inspector.Cursor, enter func(lit inspector.Cursor) bool) iter.Seq[inspector.Cursor] {
	return func(yield func(inspector.Cursor) bool) {
		done := false
		function.Inspect([]ast.Node{(*ast.CallExpr)(nil), (*ast.FuncLit)(nil), (*ast.GoStmt)(nil)}, func(cur inspector.Cursor) bool {
			switch {
			case done:
				return false
			case cur == function:
				return true
			}
			switch cur.Node().(type) {
			case *ast.CallExpr:
				done = !yield(cur)
			case *ast.GoStmt:
				return false
			case *ast.FuncLit:
				return enter(cur)
			}
			return !done
		})
	}
}

// isEnd reports whether a method of spans ends them.
func isEnd(name string) bool { return name == "End" || name == "EndErr" || name == "EndAt" }
