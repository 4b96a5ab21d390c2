package tracevet

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ast/edge"
	"golang.org/x/tools/go/ast/inspector"
)

// A def is one place where a variable gets a value.
type def struct {
	stmt   ast.Node // *ast.AssignStmt, *ast.ValueSpec or *ast.RangeStmt
	within ast.Node // the block, clause or statement that stmt stands in
	value  ast.Expr // nil if it isn't an expression's: the zero value, or an element of a range
	result int      // which result of value, if that is a call with several
}

// index fills defs, uses, params, starts and startedBy.
func (c *checker) index() {
	c.defs = make(map[*types.Var][]def)
	c.uses = make(map[*types.Var][]inspector.Cursor)
	c.params = make(map[*types.Var]ast.Node)
	c.startedBy = make(map[*ast.CallExpr]*start)
	for cur := range c.root.Preorder((*ast.Ident)(nil), (*ast.AssignStmt)(nil), (*ast.ValueSpec)(nil), (*ast.RangeStmt)(nil),
		(*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)) {
		switch n := cur.Node().(type) {
		case *ast.Ident:
			if v, ok := c.info.Uses[n].(*types.Var); ok && !v.IsField() {
				c.uses[v] = append(c.uses[v], cur)
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				d := def{stmt: n, within: cur.Parent().Node()}
				if n.Tok == token.ASSIGN || n.Tok == token.DEFINE {
					d.value, d.result = assigned(n.Rhs, len(n.Lhs), i)
				}
				c.addDef(left, d)
			}
		case *ast.ValueSpec:
			within := cur.Parent().Parent() // of the GenDecl: a File, or a DeclStmt in a block
			if _, ok := within.Node().(*ast.DeclStmt); ok {
				within = within.Parent()
			}
			for i, name := range n.Names {
				d := def{stmt: n, within: within.Node()}
				d.value, d.result = assigned(n.Values, len(n.Names), i)
				c.addDef(name, d)
			}
		case *ast.RangeStmt:
			c.addDef(n.Key, def{stmt: n, within: n})
			c.addDef(n.Value, def{stmt: n, within: n})
		case *ast.FuncDecl:
			c.addParams(n.Type, n)
		case *ast.FuncLit:
			c.addParams(n.Type, n)
		}
	}
}

func (c *checker) addDef(left ast.Expr, d def) {
	if v := c.variable(left); v != nil {
		c.defs[v] = append(c.defs[v], d)
	}
}

func (c *checker) addParams(t *ast.FuncType, function ast.Node) {
	for _, field := range t.Params.List {
		for _, name := range field.Names {
			if v, ok := c.info.Defs[name].(*types.Var); ok {
				c.params[v] = function
			}
		}
	}
}

// variable returns the variable, not a field, that e names, or nil.
func (c *checker) variable(e ast.Expr) *types.Var {
	id, ok := e.(*ast.Ident)
	if !ok {
		return nil
	}
	v, _ := c.info.ObjectOf(id).(*types.Var)
	return v
}

// assigned returns what the i-th of n variables is set to.
func assigned(values []ast.Expr, n, i int) (value ast.Expr, result int) {
	switch {
	case len(values) == n:
		return ast.Unparen(values[i]), 0
	case len(values) == 1:
		return ast.Unparen(values[0]), i
	}
	return nil, 0
}

// soleFunction returns the function literal that a variable always has, or nil.
func (c *checker) soleFunction(e ast.Expr) *ast.FuncLit {
	e = ast.Unparen(e)
	if v := c.variable(e); v != nil && len(c.defs[v]) == 1 {
		e = c.defs[v][0].value
	}
	lit, _ := e.(*ast.FuncLit)
	return lit
}

// inLoop returns the innermost loop of its own function that cur is in the body of, or nil.
func inLoop(cur inspector.Cursor) ast.Node {
	for ; cur.Valid(); cur = cur.Parent() {
		switch cur.Node().(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			return nil
		}
		switch cur.ParentEdgeKind() {
		case edge.ForStmt_Body, edge.ForStmt_Post, edge.ForStmt_Cond, edge.RangeStmt_Body:
			return cur.Parent().Node()
		}
	}
	return nil
}
