package tracevet

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ast/edge"
	"golang.org/x/tools/go/ast/inspector"
)

// use is what a place in the source does with a span or a group.
type use uint8

const (
	useNone     use = iota
	useOther        // neither ends it nor hands it on: another method, a comparison, an assignment to _
	useAssign       // the variable gets another value
	useEndLater     // a deferred End, or End handed on as a function
	useEnd          // End, EndErr or Wait is called, or will be by a closure
	useEscape       // it is handed on: from there, ending it is somebody else's duty
)

// classify returns what is done at an identifier that names a span or a group.
func (c *checker) classify(id inspector.Cursor) use {
	cur := id
	for cur.ParentEdgeKind() == edge.ParenExpr_X {
		cur = cur.Parent()
	}
	parent := cur.Parent()
	switch kind, i := cur.ParentEdge(); kind {
	case edge.SelectorExpr_X:
		if name := parent.Node().(*ast.SelectorExpr).Sel.Name; isEnd(name) || name == "Wait" {
			return endUse(parent)
		}
		return useOther
	case edge.BinaryExpr_X, edge.BinaryExpr_Y:
		return useOther
	case edge.AssignStmt_Lhs:
		return useAssign
	case edge.AssignStmt_Rhs:
		if a := parent.Node().(*ast.AssignStmt); len(a.Lhs) == len(a.Rhs) && isBlank(a.Lhs[i]) {
			return useOther
		}
	}
	return useEscape
}

func isBlank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
}

// endUse tells a call of the method that sel selects from its use as a function value.
func endUse(sel inspector.Cursor) use {
	if sel.ParentEdgeKind() != edge.CallExpr_Fun {
		return useEndLater // t.Cleanup(span.End)
	}
	call := sel.Parent()
	if call.ParentEdgeKind() == edge.DeferStmt_Call {
		return useEndLater
	}
	for lit := range call.Enclosing((*ast.FuncLit)(nil)) {
		if lit.ParentEdgeKind() == edge.CallExpr_Fun && lit.Parent().ParentEdgeKind() == edge.DeferStmt_Call {
			return useEndLater
		}
		break
	}
	return useEnd
}

// usesIn returns the strongest of the uses of v in a node, function literals included.
func (c *checker) usesIn(n ast.Node, v *types.Var) use {
	if isImplicitReturn(n) {
		return useNone
	}
	strongest := useNone
	for _, id := range c.uses[v] {
		if contains(n, id.Node().Pos()) {
			strongest = max(strongest, c.classify(id))
		}
	}
	return strongest
}

// isImplicitReturn reports whether n is a return without results: one that is written so, or the end of a function,
// whose synthetic node has a position that means little.
func isImplicitReturn(n ast.Node) bool {
	ret, ok := n.(*ast.ReturnStmt)
	return ok && ret.Results == nil
}

// everUsed reports whether any use of v is at least so strong.
func (c *checker) everUsed(v *types.Var, least use) bool {
	for _, id := range c.uses[v] {
		if c.classify(id) >= least {
			return true
		}
	}
	return false
}

// isLocal reports whether v is declared inside of that very function, not in one around it.
func isLocal(v *types.Var, function ast.Node) bool {
	return function != nil && contains(function, v.Pos())
}

// reachableOtherwise reports whether v, which isn't new at s, may be ended by what was set up before: a closure that
// captured it, or a pointer to it.
func (c *checker) reachableOtherwise(v *types.Var, s *start) bool {
	for _, id := range c.uses[v] {
		if functionOf(id) != s.function && c.classify(id) >= useEndLater {
			return true
		}
		if u, ok := id.Parent().Node().(*ast.UnaryExpr); ok && u.Op == token.AND {
			return true
		}
	}
	return false
}
