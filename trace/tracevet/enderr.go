package tracevet

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/edge"
	"golang.org/x/tools/go/ast/inspector"
)

// checkErrors looks at deferred calls that tell a span its error.
func (c *checker) checkErrors() {
	for cur := range c.root.Preorder((*ast.DeferStmt)(nil)) {
		call := cur.Node().(*ast.DeferStmt).Call
		switch {
		case c.isSpanMethod(call, "EndErr"):
			c.checkEndErr(cur, call)
		case c.isSpanMethod(call, "SetError"):
			c.checkSetError(cur, call)
		}
		if lit, ok := call.Fun.(*ast.FuncLit); ok { // defer func() { span.EndErr(&err) }()
			for _, stmt := range lit.Body.List {
				if s, ok := stmt.(*ast.ExprStmt); ok {
					if call, ok := s.X.(*ast.CallExpr); ok && c.isSpanMethod(call, "EndErr") {
						c.checkEndErr(cur, call)
					}
				}
			}
		}
	}
}

func (c *checker) isSpanMethod(call *ast.CallExpr, name string) bool {
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name || len(call.Args) != 1 {
		return false
	}
	t := c.info.TypeOf(sel.X)
	return t != nil && isTrace(t, "Span")
}

// checkEndErr reports a deferred EndErr whose error is nil at a return of something else.
func (c *checker) checkEndErr(deferred inspector.Cursor, call *ast.CallExpr) {
	addr, ok := ast.Unparen(call.Args[0]).(*ast.UnaryExpr)
	if !ok || addr.Op != token.AND {
		return
	}
	err, function := c.variable(ast.Unparen(addr.X)), functionOf(deferred)
	if err == nil || function == nil || !isError(err.Type()) {
		return
	}
	result := c.errorResult(function)
	if result < 0 || c.isResult(err, function) || c.isSetElsewhere(err, function) {
		return
	}
	var lost *ast.ReturnStmt
	w := c.newWalk(function, func(n ast.Node, known conditions) verdict {
		if n == deferred.Node() {
			known[isDeferred] = true
		} else if c.tellsError(n) {
			return settle
		}
		if ret, ok := n.(*ast.ReturnStmt); ok && known[isDeferred] && known[nilAtom(err)] && c.loses(ret, result, err, known) {
			lost = ret
			return stop
		}
		return goOn
	})
	known := make(conditions)
	w.track(err)
	for cur := range deferred.Enclosing((*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)) {
		for ret := range cur.Preorder((*ast.ReturnStmt)(nil)) {
			if results := ret.Node().(*ast.ReturnStmt).Results; len(results) > result {
				if v := c.variable(ast.Unparen(results[result])); v != nil {
					w.track(v)
				}
			}
		}
		break
	}
	if !isLocal(err, function) { // a variable of a function around this one
		if c.isAssignedIn(err, function) {
			return
		}
		known[nilAtom(err)] = true
	}
	w.fromEntry(known)
	if lost != nil {
		c.report(analysis.Diagnostic{Pos: addr.Pos(), End: addr.End(), Category: lostError,
			Message: fmt.Sprintf("%s is not a result of the function: its value at return is not what is returned on line %d",
				err.Name(), c.line(lost.Pos()))})
	}
}

// tellsError reports whether n ends a span, or gives it an error in another way.
func (c *checker) tellsError(n ast.Node) (found bool) {
	if isImplicitReturn(n) {
		return false
	}
	ast.Inspect(n, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			switch sel.Sel.Name {
			case "SetError", "EndErr", "End", "EndAt":
				t := c.info.TypeOf(sel.X)
				found = found || t != nil && isTrace(t, "Span")
			}
		}
		return !found
	})
	return found
}

// loses reports whether a return gives an error to the caller that has nothing to do with err, which is nil.
func (c *checker) loses(ret *ast.ReturnStmt, result int, err *types.Var, known conditions) bool {
	var value ast.Expr
	switch {
	case len(ret.Results) > result:
		value = ast.Unparen(ret.Results[result])
	case len(ret.Results) == 1:
		value = ast.Unparen(ret.Results[0]) // a call with several results
	default:
		return false
	}
	if c.info.Types[value].IsNil() {
		return false
	}
	for _, id := range c.uses[err] {
		if contains(value, id.Node().Pos()) {
			return false
		}
	}
	if v := c.variable(value); v != nil && known[nilAtom(v)] {
		return false
	}
	return true
}

// errorResult returns the index of the function's last result, if that is an error, or -1.
func (c *checker) errorResult(function ast.Node) int {
	sig := c.signature(function)
	if sig == nil || sig.Results().Len() == 0 {
		return -1
	}
	last := sig.Results().Len() - 1
	if !isError(sig.Results().At(last).Type()) {
		return -1
	}
	return last
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

// isSetElsewhere reports whether err may be set by a closure of the function, or through a pointer.
func (c *checker) isSetElsewhere(err *types.Var, function ast.Node) bool {
	for _, id := range c.uses[err] {
		if !contains(function, id.Node().Pos()) {
			continue
		}
		switch id.ParentEdgeKind() {
		case edge.AssignStmt_Lhs:
			if functionOf(id) != function {
				return true
			}
		case edge.UnaryExpr_X:
			if call, ok := id.Parent().Parent().Node().(*ast.CallExpr); !ok || !c.isSpanMethod(call, "EndErr") {
				return true
			}
		}
	}
	return false
}

// isAssignedIn reports whether a function assigns to v.
func (c *checker) isAssignedIn(v *types.Var, function ast.Node) bool {
	for _, d := range c.defs[v] {
		if contains(function, d.stmt.Pos()) {
			return true
		}
	}
	return false
}

// checkSetError reports a deferred SetError whose argument, which is evaluated at once, is still nil then.
func (c *checker) checkSetError(deferred inspector.Cursor, call *ast.CallExpr) {
	arg, function := ast.Unparen(call.Args[0]), functionOf(deferred)
	err := c.variable(arg)
	if err == nil || function == nil || !isError(err.Type()) || !isLocal(err, function) || c.isSetElsewhere(err, function) {
		return
	}
	isZero := c.isResult(err, function)
	for _, d := range c.defs[err] {
		if spec, ok := d.stmt.(*ast.ValueSpec); ok && spec.Values == nil {
			isZero = true
		} else if d.stmt.Pos() < deferred.Node().Pos() {
			return
		}
	}
	if isZero {
		c.report(analysis.Diagnostic{Pos: arg.Pos(), End: arg.End(), Category: lostError,
			Message: fmt.Sprintf("%s is evaluated here, where it is nil, not when the function returns: "+
				"use defer %s.EndErr(&%[1]s) with a named result", err.Name(), types.ExprString(call.Fun.(*ast.SelectorExpr).X))})
	}
}
