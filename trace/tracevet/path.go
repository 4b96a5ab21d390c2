package tracevet

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ast/edge"
	"golang.org/x/tools/go/cfg"
)

// A walk follows all paths of a function from some place on. It remembers the conditions that a path has taken, so
// that it doesn't take "if verbose" one way and the next "if verbose" the other, and knows what a failed nil check says.
type walk struct {
	checker *checker
	graph   *cfg.CFG
	visit   func(n ast.Node, known conditions) verdict

	repeated map[string]int          // how many conditions an atom occurs in; only if in several it is worth to be known
	mentions map[string][]*types.Var // the variables in an atom
	seen     map[string]bool
	budget   int
}

// verdict is what a visit says about the path that led to it.
type verdict uint8

const (
	goOn   verdict = iota
	settle         // this path needs no more attention
	stop           // the walk is over
)

// conditions are the atoms that are known to be true or false.
type conditions map[string]bool

// isDeferred is an atom for visits to set: that the path has come by the defer statement that matters.
const isDeferred = "deferred"

// maxBlocks bounds a walk. One that exceeds it finds nothing: better no report than a slow one.
const maxBlocks = 20_000

func (c *checker) newWalk(function ast.Node, visit func(ast.Node, conditions) verdict) *walk {
	w := &walk{checker: c, graph: c.graph(function), visit: visit, budget: maxBlocks,
		repeated: make(map[string]int), mentions: make(map[string][]*types.Var), seen: make(map[string]bool)}
	if w.graph == nil {
		return w
	}
	for _, b := range w.graph.Blocks {
		if cond := w.condition(b); cond != nil {
			w.count(cond)
		}
	}
	return w
}

// fromEntry walks from the function's first statement on.
func (w *walk) fromEntry(known conditions) {
	if w.graph != nil {
		w.block(w.graph.Blocks[0], 0, known)
	}
}

// from walks from behind a statement on. It does nothing if the statement can't be reached.
func (w *walk) from(stmt ast.Node, known conditions) {
	if w.graph == nil {
		return
	}
	for _, b := range w.graph.Blocks {
		if i := slices.Index(b.Nodes, stmt); i >= 0 && b.Live {
			w.block(b, i+1, known)
			return
		}
	}
}

// block walks from a block's i-th node on, and reports whether the walk goes on with other paths.
func (w *walk) block(b *cfg.Block, i int, known conditions) bool {
	if w.budget--; w.budget < 0 {
		return false
	}
	known = maps.Clone(known)
	if r, ok := b.Stmt.(*ast.RangeStmt); ok && b.Kind == cfg.KindRangeBody {
		w.forget(r.Key, known)
		w.forget(r.Value, known)
	}
	if i == 0 {
		state := strconv.Itoa(int(b.Index)) + known.String()
		if w.seen[state] {
			return true
		}
		w.seen[state] = true
	}
	for _, n := range b.Nodes[i:] {
		switch w.visit(n, known) {
		case settle:
			return true
		case stop:
			return false
		}
		w.learn(n, known)
	}
	cond := w.condition(b)
	if cond == nil {
		for _, next := range b.Succs {
			if !w.block(next, 0, known) {
				return false
			}
		}
		return true
	}
	value, decided := w.eval(cond, known)
	if b.Kind == cfg.KindForLoop {
		decided = false // what a loop waits for is changed by what can't be seen here
	}
	for j, outcome := range []bool{true, false} {
		if decided && value != outcome {
			continue
		}
		after := maps.Clone(known)
		w.assume(cond, outcome, after)
		if !w.block(b.Succs[j], 0, after) {
			return false
		}
	}
	return true
}

// String returns the conditions in a fixed order.
func (k conditions) String() string {
	var b strings.Builder
	for _, atom := range slices.Sorted(maps.Keys(k)) {
		b.WriteString(";" + atom + "=" + strconv.FormatBool(k[atom]))
	}
	return b.String()
}

// condition returns what a block with two successors decides on, if that is an expression.
func (w *walk) condition(b *cfg.Block) ast.Expr {
	if len(b.Succs) != 2 || len(b.Nodes) == 0 {
		return nil
	}
	cond, _ := b.Nodes[len(b.Nodes)-1].(ast.Expr)
	switch yes := b.Succs[0]; yes.Kind {
	case cfg.KindIfThen, cfg.KindForBody:
		return cond
	case cfg.KindSwitchCaseBody:
		if s := w.switchOf(yes.Stmt); s != nil && cond != nil {
			return caseCondition(s, cond)
		}
	}
	return nil
}

// caseCondition returns the condition for a case of a switch statement.
func caseCondition(s *ast.SwitchStmt, value ast.Expr) ast.Expr {
	if s.Tag == nil {
		return value
	}
	return &ast.BinaryExpr{X: s.Tag, Op: token.EQL, Y: value}
}

// switchOf returns the switch statement that a clause belongs to; nil if it is one over types.
func (w *walk) switchOf(clause ast.Stmt) *ast.SwitchStmt {
	if clause == nil {
		return nil
	}
	if cur, ok := w.checker.root.FindNode(clause); ok {
		s, _ := cur.Parent().Parent().Node().(*ast.SwitchStmt)
		return s
	}
	return nil
}

func (w *walk) count(cond ast.Expr) {
	switch e := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			w.count(e.X)
			return
		}
	case *ast.BinaryExpr:
		if e.Op == token.LAND || e.Op == token.LOR {
			w.count(e.X)
			w.count(e.Y)
			return
		}
	}
	if atom, _ := w.atom(cond); atom != "" {
		w.repeated[atom]++
	}
}

// eval returns the value of a condition, if that follows from what is known.
func (w *walk) eval(cond ast.Expr, known conditions) (value, decided bool) {
	switch e := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			value, decided = w.eval(e.X, known)
			return !value, decided
		}
	case *ast.BinaryExpr:
		if e.Op == token.LAND || e.Op == token.LOR {
			x, xDecided := w.eval(e.X, known)
			y, yDecided := w.eval(e.Y, known)
			decisive := e.Op == token.LOR // one operand of that value decides
			if xDecided && x == decisive || yDecided && y == decisive {
				return decisive, true
			}
			return !decisive, xDecided && yDecided
		}
	}
	atom, negated := w.atom(cond)
	value, decided = known[atom]
	return value != negated, decided
}

// assume adds what follows from the outcome of a condition.
func (w *walk) assume(cond ast.Expr, outcome bool, known conditions) {
	switch e := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			w.assume(e.X, !outcome, known)
			return
		}
	case *ast.BinaryExpr:
		if e.Op == token.LAND || e.Op == token.LOR {
			if outcome == (e.Op == token.LAND) {
				w.assume(e.X, outcome, known)
				w.assume(e.Y, outcome, known)
			}
			return
		}
	}
	if atom, negated := w.atom(cond); w.repeated[atom] > 1 {
		known[atom] = outcome != negated
	}
}

// track has the walk remember whether v is nil, whether or not conditions repeat that.
func (w *walk) track(v *types.Var) {
	atom := nilAtom(v)
	w.repeated[atom] = max(w.repeated[atom], 2)
	w.mentions[atom] = []*types.Var{v}
}

func nilAtom(v *types.Var) string { return variableKey(v) + "==nil" }

func variableKey(v *types.Var) string { return v.Name() + "@" + strconv.Itoa(int(v.Pos())) }

// atom returns a text that is the same for two conditions that have the same value, or its opposite if only one of
// them is negated, as long as no variable in them changes. It is empty for what may change by itself, such as calls.
func (w *walk) atom(cond ast.Expr) (atom string, negated bool) {
	cond = ast.Unparen(cond)
	var vars []*types.Var
	if b, ok := cond.(*ast.BinaryExpr); ok {
		x, okX := w.operand(b.X, &vars)
		y, okY := w.operand(b.Y, &vars)
		if !okX || !okY {
			return "", false
		}
		switch b.Op {
		case token.EQL, token.NEQ:
			if x == "nil" || y != "nil" && x > y {
				x, y = y, x
			}
			atom, negated = x+"=="+y, b.Op == token.NEQ
		case token.LSS, token.GEQ:
			atom, negated = x+"<"+y, b.Op == token.GEQ
		case token.GTR, token.LEQ:
			atom, negated = y+"<"+x, b.Op == token.LEQ
		default:
			return "", false
		}
	} else {
		var ok bool
		if atom, ok = w.operand(cond, &vars); !ok {
			return "", false
		}
	}
	w.mentions[atom] = vars
	return atom, negated
}

// operand returns a text for an expression whose value depends on variables alone, and adds those to vars.
func (w *walk) operand(e ast.Expr, vars *[]*types.Var) (string, bool) {
	switch e := ast.Unparen(e).(type) {
	case *ast.BasicLit:
		return e.Value, true
	case *ast.Ident:
		switch obj := w.checker.info.ObjectOf(e).(type) {
		case *types.Var:
			*vars = append(*vars, obj)
			return variableKey(obj), true
		case *types.Const, *types.Nil, *types.PkgName:
			return e.Name, true
		}
	case *ast.SelectorExpr:
		if s, ok := w.checker.info.Selections[e]; ok && s.Kind() != types.FieldVal {
			return "", false
		}
		x, ok := w.operand(e.X, vars)
		return x + "." + e.Sel.Name, ok
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.Ident); ok && len(e.Args) == 1 {
			if b, ok := w.checker.info.Uses[f].(*types.Builtin); ok && b.Name() == "len" {
				x, ok := w.operand(e.Args[0], vars)
				return "len(" + x + ")", ok
			}
		}
	}
	return "", false
}

// learn drops what is known about the variables that a node changes, and notes that new ones are zero.
func (w *walk) learn(n ast.Node, known conditions) {
	if isImplicitReturn(n) {
		return
	}
	if _, ok := n.(*ast.DeferStmt); ok {
		return
	}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				w.forget(left, known)
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				w.forget(name, known)
				if v := w.checker.variable(name); v != nil && n.Values == nil && w.repeated[nilAtom(v)] > 1 {
					known[nilAtom(v)] = true
				}
			}
		case *ast.IncDecStmt:
			w.forget(n.X, known)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				w.forget(n.X, known)
			}
		}
		return true
	})
}

// forget drops what is known about the variable that an assignment to e changes, or a part of which it changes.
func (w *walk) forget(e ast.Expr, known conditions) {
	for {
		switch x := e.(type) {
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			v := w.checker.variable(e)
			if v == nil {
				return
			}
			maps.DeleteFunc(known, func(atom string, _ bool) bool { return slices.Contains(w.mentions[atom], v) })
			return
		}
	}
}

// around returns what must hold at a statement because of the if and switch statements that it is in.
func (w *walk) around(stmt ast.Node) conditions {
	known := make(conditions)
	cur, ok := w.checker.root.FindNode(stmt)
	if !ok {
		return known
	}
	for ; cur.Valid(); cur = cur.Parent() {
		switch n := cur.Node().(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			return known
		case *ast.CaseClause:
			if s := w.switchOf(n); s != nil && len(n.List) == 1 {
				w.assume(caseCondition(s, n.List[0]), true, known)
			}
		}
		switch cur.ParentEdgeKind() {
		case edge.IfStmt_Body:
			w.assume(cur.Parent().Node().(*ast.IfStmt).Cond, true, known)
		case edge.IfStmt_Else:
			w.assume(cur.Parent().Node().(*ast.IfStmt).Cond, false, known)
		}
	}
	return known
}
