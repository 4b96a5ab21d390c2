package tracevet

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/ast/edge"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/types/typeutil"
)

const tracePath = "github.com/spanstack/spanstack/trace"

// kind is what a call starts.
type kind uint8

const (
	nothing kind = iota
	span
	task
	async
	group
	spanOrTask // whichever its context calls for
)

func (k kind) String() string {
	return [...]string{"nothing", "span", "task", "async span", "task group", "span"}[k]
}

var starters = map[string]kind{
	"WithSpan":      span,
	"WithTask":      task,
	"WithAsyncSpan": async,
	"Detach":        task,
	"WithTaskGroup": group,

	"WithSpanOrTask": spanOrTask,
}

// A start is a call that starts something, and where its two results go.
type start struct {
	kind     kind
	call     *ast.CallExpr
	cur      inspector.Cursor // of call
	function ast.Node         // the innermost function around it
	stmt     ast.Node         // the *ast.AssignStmt or *ast.ValueSpec that takes the results, or nil
	handle   target           // the *trace.Span or *trace.Group
	context  target
}

// A target is what one result is assigned to.
type target struct {
	expr  ast.Expr   // nil if it goes elsewhere
	v     *types.Var // nil if expr isn't a variable
	blank bool
}

// end is the method that has to be called.
func (s *start) end() string {
	if s.kind == group {
		return "Wait"
	}
	return "End"
}

// name is how the source calls the function that starts it.
func (s *start) name() string { return types.ExprString(s.call.Fun) }

// startKind returns what a call starts, if it starts something for its caller to end.
func (c *checker) startKind(call *ast.CallExpr) kind {
	return c.starterKind(typeutil.Callee(c.info, call), 0)
}

func (c *checker) starterKind(callee types.Object, depth int) kind {
	switch callee := callee.(type) {
	case *types.Func:
		if callee.Pkg() != nil && callee.Pkg().Path() == tracePath {
			if callee.Signature().Recv() == nil {
				return starters[callee.Name()]
			}
			if callee.Name() == "Begin" { // of an AsyncConfig
				return async
			}
		}
		return c.factsOf(callee).starts
	case *types.Var: // start := trace.WithSpan
		if depth > 3 || c.params[callee] != nil || callee.Exported() && callee.Parent() == callee.Pkg().Scope() {
			return nothing
		}
		merged := nothing
		for _, d := range c.defs[callee] {
			k := c.starterKind(c.referent(d.value), depth+1)
			if k == nothing {
				return nothing
			}
			merged = mergeKinds(merged, k)
		}
		return merged
	}
	return nothing
}

// referent returns the function or variable that an expression names.
func (c *checker) referent(e ast.Expr) types.Object {
	switch e := e.(type) {
	case *ast.Ident:
		return c.info.ObjectOf(e)
	case *ast.SelectorExpr:
		return c.info.ObjectOf(e.Sel)
	}
	return nil
}

func mergeKinds(a, b kind) kind {
	if a == nothing || a == b {
		return b
	}
	return spanOrTask
}

// findStarts collects the calls that start something. The facts about wrappers must be known.
func (c *checker) findStarts() {
	c.starts = nil
	clear(c.startedBy)
	for cur := range c.root.Preorder((*ast.CallExpr)(nil)) {
		call := cur.Node().(*ast.CallExpr)
		k := c.startKind(call)
		if k == nothing || len(call.Args) == 0 {
			continue
		}
		s := &start{kind: k, call: call, cur: cur, function: functionOf(cur)}
		if results, ok := c.info.TypeOf(call).(*types.Tuple); ok && results.Len() == 2 {
			c.findTargets(s, results)
		}
		c.starts = append(c.starts, s)
		c.startedBy[call] = s
	}
}

// findTargets sets where the results of a start go.
func (c *checker) findTargets(s *start, results *types.Tuple) {
	outer := s.cur
	for outer.ParentEdgeKind() == edge.ParenExpr_X {
		outer = outer.Parent()
	}
	left := make([]ast.Expr, 2)
	switch stmt := outer.Parent().Node().(type) {
	case *ast.AssignStmt:
		if len(stmt.Lhs) != 2 {
			return
		}
		copy(left, stmt.Lhs)
		s.stmt = stmt
	case *ast.ValueSpec:
		if len(stmt.Names) != 2 {
			return
		}
		left[0], left[1] = stmt.Names[0], stmt.Names[1]
		s.stmt = stmt
	default:
		return
	}
	for i, e := range left {
		t := target{expr: e, v: c.variable(e)}
		if id, ok := e.(*ast.Ident); ok && id.Name == "_" {
			t.blank, t.v = true, nil
		}
		if isContext(results.At(i).Type()) {
			s.context = t
		} else {
			s.handle = t
		}
	}
}

// isHandle reports whether t is *trace.Span or *trace.Group.
func isHandle(t types.Type) bool { return isTrace(t, "Span") || isTrace(t, "Group") }

func isTrace(t types.Type, name string) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	return ok && isNamed(p.Elem(), tracePath, name)
}

func isContext(t types.Type) bool { return isNamed(t, "context", "Context") }

func isNamed(t types.Type, path, name string) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Name() == name && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == path
}

// fromTrace reports whether call is of that function of package trace.
func (c *checker) fromTrace(call *ast.CallExpr, name string) bool {
	f, ok := typeutil.Callee(c.info, call).(*types.Func)
	return ok && f.Name() == name && f.Pkg() != nil && f.Pkg().Path() == tracePath && f.Signature().Recv() == nil
}
