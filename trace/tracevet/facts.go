package tracevet

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/edge"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/types/typeutil"
)

// usesTrace is the fact about a package that it imports package trace, at least indirectly. Functions of others don't
// start spans, except for what they call back.
type usesTrace struct{}

func (*usesTrace) AFact()         {}
func (*usesTrace) String() string { return "uses trace" }

// startsSpan is the fact about a function that it starts something for its caller to end, as trace.WithSpan does.
type startsSpan struct{ Kind uint8 }

func (*startsSpan) AFact()           {}
func (f *startsSpan) String() string { return "starts a " + kind(f.Kind).String() }

// contextUse is the fact about a function what it does with its parameters that are contexts.
type contextUse struct {
	Spans  paramSet // it starts spans on them, on the caller's goroutine, and no task before
	Groups paramSet // likewise, but only if they have a task; it starts a task otherwise
	Keeps  paramSet // it may use them after it has returned
	Blind  paramSet // it uses them for what doesn't depend on their span, such as waiting
}

func (*contextUse) AFact() {}

func (f *contextUse) String() string {
	var parts []string
	for _, p := range []struct {
		what string
		set  paramSet
	}{{"spans on", f.Spans}, {"groups on", f.Groups}, {"keeps", f.Keeps}, {"blind to", f.Blind}} {
		if p.set != 0 {
			parts = append(parts, p.what+p.set.String())
		}
	}
	return strings.Join(parts, ", ")
}

// A paramSet is a set of a function's first 64 parameters, by index.
type paramSet uint64

func (s paramSet) has(i int) bool { return i < 64 && s&(1<<i) != 0 }

func (s *paramSet) add(i int) {
	if i < 64 {
		*s |= 1 << i
	}
}

func (s paramSet) String() (text string) {
	for i := range 64 {
		if s.has(i) {
			text += fmt.Sprintf(" %d", i)
		}
	}
	return text
}

// functionFacts are the facts about one function.
type functionFacts struct {
	starts kind
	contextUse
}

// importsTrace reports whether the package is package trace, or imports it at least indirectly. It says so to the
// packages that import this one.
func importsTrace(pass *analysis.Pass) bool {
	if pass.Pkg.Path() != tracePath && !slices.ContainsFunc(pass.Pkg.Imports(), func(p *types.Package) bool {
		return pass.ImportPackageFact(p, new(usesTrace))
	}) {
		return false
	}
	pass.ExportPackageFact(new(usesTrace))
	return true
}

// factsOf returns what is known about a function.
func (c *checker) factsOf(f *types.Func) functionFacts {
	if facts := c.facts[f]; facts != nil {
		return *facts
	}
	var facts functionFacts
	if f.Pkg() != c.pass.Pkg {
		var s startsSpan
		if c.pass.ImportObjectFact(f, &s) {
			facts.starts = kind(s.Kind)
		}
		c.pass.ImportObjectFact(f, &facts.contextUse)
	}
	return facts
}

// inferFacts finds out about the package's functions until nothing new is found, since they call each other, and
// exports the facts.
func (c *checker) inferFacts() {
	c.facts = make(map[*types.Func]*functionFacts)
	functions := slices.Collect(c.root.Preorder((*ast.FuncDecl)(nil)))
	c.findStarts()
	for changed := true; changed; {
		changed = false
		for _, cur := range functions {
			decl := cur.Node().(*ast.FuncDecl)
			f, ok := c.info.Defs[decl.Name].(*types.Func)
			if !ok || decl.Body == nil || f.Pkg().Path() == tracePath && starters[f.Name()] != nothing {
				continue
			}
			inferred := functionFacts{starts: c.wrapped(cur), contextUse: c.contextUseOf(cur, f)}
			if inferred != c.factsOf(f) {
				c.facts[f] = &inferred
				changed = true
			}
		}
		c.findStarts()
	}
	for f, facts := range c.facts {
		if facts.starts != nothing {
			c.pass.ExportObjectFact(f, &startsSpan{uint8(facts.starts)})
		}
		if facts.contextUse != (contextUse{}) {
			c.pass.ExportObjectFact(f, &facts.contextUse)
		}
	}
}

// wrapped returns what a function starts for its caller: each of its returns has the results of a start.
func (c *checker) wrapped(function inspector.Cursor) (merged kind) {
	decl := function.Node().(*ast.FuncDecl)
	results := c.signature(decl).Results()
	if results.Len() != 2 {
		return nothing
	}
	handle := slices.IndexFunc([]types.Type{results.At(0).Type(), results.At(1).Type()}, isHandle)
	if handle < 0 || !isContext(results.At(1-handle).Type()) {
		return nothing
	}
	for cur := range function.Preorder((*ast.ReturnStmt)(nil)) {
		if functionOf(cur) != decl {
			continue
		}
		var k kind
		switch ret := cur.Node().(*ast.ReturnStmt); len(ret.Results) {
		case 0:
			k = c.handleKind(results.At(handle))
		case 1:
			if call, ok := ast.Unparen(ret.Results[0]).(*ast.CallExpr); ok {
				k = c.startKind(call)
			}
		case 2:
			if c.info.Types[ret.Results[handle]].IsNil() {
				continue // tracing is off
			}
			if v := c.variable(ast.Unparen(ret.Results[handle])); v != nil {
				k = c.handleKind(v)
			}
		}
		if k == nothing {
			return nothing
		}
		merged = mergeKinds(merged, k)
	}
	return merged
}

// handleKind returns what a variable is the handle of, if that is sure.
func (c *checker) handleKind(v *types.Var) (merged kind) {
	for _, id := range c.uses[v] {
		if c.classify(id) >= useEndLater && id.ParentEdgeKind() != edge.ReturnStmt_Results {
			return nothing // the function sees to it itself
		}
	}
	for _, d := range c.defs[v] {
		call, ok := d.value.(*ast.CallExpr)
		if !ok || c.startedBy[call] == nil {
			return nothing
		}
		merged = mergeKinds(merged, c.startedBy[call].kind)
	}
	return merged
}

// contextUseOf finds out what a function does with its contexts.
func (c *checker) contextUseOf(function inspector.Cursor, f *types.Func) (facts contextUse) {
	params := make(map[*types.Var]int)
	for i := range f.Signature().Params().Len() {
		if p := f.Signature().Params().At(i); isContext(p.Type()) {
			params[p] = i
		}
	}
	if len(params) == 0 {
		return facts
	}
	paramOf := func(e ast.Expr) (param int, ok bool) {
		for _, o := range c.origins(e, e.Pos()) {
			if param, ok = params[o.param]; !ok {
				return 0, false
			}
		}
		return param, ok
	}
	adapts := make(map[int]bool) // it looks at the context before it decides what to start
	for cur := range c.calls(function, isCalledThere) {
		call := cur.Node().(*ast.CallExpr)
		if c.fromTrace(call, "FromContext") {
			if i, ok := paramOf(call.Args[0]); ok {
				adapts[i] = true
			}
		}
		for j, adaptive := range c.spansOn(call) {
			if i, ok := paramOf(call.Args[j]); !ok {
				continue
			} else if adaptive || adapts[i] {
				facts.Groups.add(i)
			} else {
				facts.Spans.add(i)
			}
		}
	}
	for cur := range function.Preorder((*ast.Ident)(nil)) {
		if v := c.variable(cur.Node().(*ast.Ident)); v != nil && isContext(v.Type()) && c.keeps(cur, function.Node()) {
			if i, ok := paramOf(cur.Node().(ast.Expr)); ok {
				facts.Keeps.add(i)
			}
		}
	}
	for p, i := range params {
		if c.isBlind(p, function) {
			facts.Blind.add(i)
		}
	}
	return facts
}

// isBlind reports whether a function does something with a context, but nothing that depends on its span.
func (c *checker) isBlind(param *types.Var, function inspector.Cursor) bool {
	contexts := []*types.Var{param} // and those made of it
	used := false
	for n := 0; n < len(contexts); n++ {
		for _, id := range c.uses[contexts[n]] {
			if !function.Contains(id) {
				return false
			}
			switch kind, i := id.ParentEdge(); kind {
			case edge.SelectorExpr_X: // ctx.Done()
			case edge.AssignStmt_Lhs:
				continue
			case edge.CallExpr_Args:
				call := id.Parent().Node().(*ast.CallExpr)
				if !c.isBlindCall(call, i) {
					return false
				}
				for _, v := range c.contextsFrom(id.Parent()) {
					if !slices.Contains(contexts, v) {
						contexts = append(contexts, v)
					}
				}
			default:
				return false
			}
			used = true
		}
	}
	return used
}

// isBlindCall reports whether what a call does with its i-th argument, a context, can't depend on the context's span. The
// standard library, drivers and the like know nothing of spans, but for logs.
func (c *checker) isBlindCall(call *ast.CallExpr, i int) bool {
	callee := typeutil.Callee(c.info, call)
	if callee == nil || callee.Pkg() == nil {
		return false
	}
	if f, ok := callee.(*types.Func); ok && c.factsOf(f).Blind.has(i) {
		return true
	}
	path := callee.Pkg().Path()
	return path != tracePath && path != "log/slog" && callee.Pkg() != c.pass.Pkg && !c.pass.ImportPackageFact(callee.Pkg(), new(usesTrace))
}

// contextsFrom returns the variables that the contexts among a call's results are assigned to.
func (c *checker) contextsFrom(call inspector.Cursor) (contexts []*types.Var) {
	var left []ast.Expr
	switch stmt := call.Parent().Node().(type) {
	case *ast.AssignStmt:
		left = stmt.Lhs
	case *ast.ValueSpec:
		for _, name := range stmt.Names {
			left = append(left, name)
		}
	}
	for _, e := range left {
		if v := c.variable(e); v != nil && isContext(v.Type()) {
			contexts = append(contexts, v)
		}
	}
	return contexts
}

// keeps reports whether the context at that place in a function may be used after the function has returned.
func (c *checker) keeps(id inspector.Cursor, function ast.Node) bool {
	for cur := id; cur.Valid() && cur.Node() != function; cur = cur.Parent() {
		switch cur.Node().(type) {
		case *ast.GoStmt:
			return true
		case *ast.FuncLit:
			switch cur.ParentEdgeKind() {
			case edge.CallExpr_Fun, edge.CallExpr_Args:
			default:
				return true // it is assigned or returned
			}
		}
	}
	switch kind, i := id.ParentEdge(); kind {
	case edge.KeyValueExpr_Value, edge.CompositeLit_Elts, edge.SendStmt_Value:
		return true
	case edge.AssignStmt_Rhs:
		a := id.Parent().Node().(*ast.AssignStmt)
		if len(a.Lhs) != len(a.Rhs) {
			return false
		}
		v := c.variable(a.Lhs[i])
		return !isBlank(a.Lhs[i]) && (v == nil || !isLocal(v, function))
	case edge.CallExpr_Args:
		call := id.Parent().Node().(*ast.CallExpr)
		switch callee := typeutil.Callee(c.info, call).(type) {
		case *types.Func:
			return c.factsOf(callee).Keeps.has(i)
		case *types.Builtin:
			return true // append
		}
	}
	return false
}

// isCalledThere reports whether a function literal is called where it stands, or deferred.
func isCalledThere(lit inspector.Cursor) bool { return lit.ParentEdgeKind() == edge.CallExpr_Fun }
