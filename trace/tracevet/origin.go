package tracevet

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// An origin is where a context comes from, behind all that context.WithTimeout and the like put around it.
// At most one of its fields is set; none if the origin is not known.
type origin struct {
	param *types.Var // a parameter
	start *start     // the context of what was started
}

// origins returns where the context e comes from, at that position: one origin for each branch that may have
// assigned it.
func (c *checker) origins(e ast.Expr, at token.Pos) []origin { return c.trackBack(e, at, 0) }

func (c *checker) trackBack(e ast.Expr, at token.Pos, depth int) []origin {
	unknown := []origin{{}}
	if depth > 20 {
		return unknown
	}
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		if v := c.variable(e); v != nil {
			return c.trackVariable(v, at, depth)
		}
	case *ast.CallExpr:
		return c.trackCall(e, at, depth)
	}
	return unknown
}

// trackVariable looks at assignments from the nearest one above on, until one that no branch leads around.
func (c *checker) trackVariable(v *types.Var, at token.Pos, depth int) []origin {
	if v.Pkg() == nil || v.Parent() == v.Pkg().Scope() {
		return []origin{{}} // a global variable, which may be set anywhere
	}
	var found []origin
	defs := c.defs[v]
	for i := len(defs) - 1; i >= 0; i-- {
		d := defs[i]
		if d.stmt.End() > at {
			continue
		}
		switch {
		case d.value == nil:
			found = append(found, origin{})
		case isContext(v.Type()):
			found = append(found, c.trackBack(d.value, d.stmt.Pos(), depth+1)...)
		default:
			found = append(found, origin{})
		}
		if contains(d.within, at) {
			return found
		}
	}
	if c.params[v] != nil {
		return append(found, origin{param: v})
	}
	return append(found, origin{})
}

func (c *checker) trackCall(call *ast.CallExpr, at token.Pos, depth int) []origin {
	if s := c.startedBy[call]; s != nil {
		return []origin{{start: s}}
	}
	callee := typeutil.StaticCallee(c.info, call)
	if callee == nil || len(call.Args) == 0 || !returnsContext(c.info.TypeOf(call)) || !isContext(c.info.TypeOf(call.Args[0])) {
		return []origin{{}}
	}
	if path := callee.Pkg().Path(); path != tracePath && (callee.Pkg() == c.pass.Pkg || c.pass.ImportPackageFact(callee.Pkg(), new(usesTrace))) {
		return []origin{{}} // it may start a task
	}
	return c.trackBack(call.Args[0], at, depth+1)
}
