package tracevet

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/cfg"
)

// Analyzer reports misuse of package trace that can be known before the program runs.
var Analyzer = &analysis.Analyzer{
	Name:      "tracevet",
	Doc:       summary,
	URL:       "https://pkg.go.dev/github.com/spanstack/spanstack/trace/tracevet",
	Run:       run,
	Requires:  []*analysis.Analyzer{inspect.Analyzer, ctrlflow.Analyzer},
	FactTypes: []analysis.Fact{new(usesTrace), new(startsSpan), new(contextUse)},
}

const summary = `find spans that aren't ended, and contexts of spans that go astray

Of code that uses package github.com/spanstack/spanstack/trace, it reports
  - a task, a span or a task group that isn't ended (End, EndErr, Wait) on all paths;
  - the context of a span that is discarded, while the one around it is passed on;
  - a span that is started on another goroutine than its task's;
  - defer span.EndErr(&err) where err isn't what the function returns.

A report is silenced by a comment in its line, or in the one above it:
  //lint:ignore tracevet REASON`

// The categories of reports.
const (
	lostEnd     = "lostend"
	lostContext = "lostctx"
	strayStart  = "goroutine"
	lostError   = "enderr"
)

// A checker is what the rules share about one package.
type checker struct {
	pass *analysis.Pass
	info *types.Info
	root inspector.Cursor
	cfgs *ctrlflow.CFGs

	defs   map[*types.Var][]def              // where variables get their values, in the order of the source
	uses   map[*types.Var][]inspector.Cursor // where they are used, likewise; the left side of an assignment is one, too
	params map[*types.Var]ast.Node           // the function whose parameter it is

	starts    []*start
	startedBy map[*ast.CallExpr]*start
	facts     map[*types.Func]*functionFacts

	ignored map[line]bool
	reports []analysis.Diagnostic
}

func run(pass *analysis.Pass) (any, error) {
	if !importsTrace(pass) {
		return nil, nil
	}
	c := &checker{
		pass:    pass,
		info:    pass.TypesInfo,
		root:    pass.ResultOf[inspect.Analyzer].(*inspector.Inspector).Root(),
		cfgs:    pass.ResultOf[ctrlflow.Analyzer].(*ctrlflow.CFGs),
		ignored: ignoredLines(pass),
	}
	c.index()
	c.inferFacts()
	for _, s := range c.starts {
		c.checkEnd(s)
		c.checkContext(s)
	}
	c.checkGoroutines()
	c.checkErrors()
	c.flush()
	return nil, nil
}

// report notes a report, unless a comment silences it.
func (c *checker) report(d analysis.Diagnostic) {
	file := c.pass.Fset.File(d.Pos)
	if !c.ignored[line{file, file.Line(d.Pos)}] && !c.ignored[line{file, 0}] {
		c.reports = append(c.reports, d)
	}
}

// flush makes the reports, in the order of the source. Those that are made twice, because a function literal may become
// several goroutines, are made once.
func (c *checker) flush() {
	slices.SortStableFunc(c.reports, func(a, b analysis.Diagnostic) int { return cmp.Compare(a.Pos, b.Pos) })
	for i, d := range c.reports {
		if i == 0 || d.Pos != c.reports[i-1].Pos || d.Category != c.reports[i-1].Category {
			c.pass.Report(d)
		}
	}
}

// line is the position's line in its file.
func (c *checker) line(pos token.Pos) int { return c.pass.Fset.Position(pos).Line }

// functionOf returns the innermost function around cur: an *ast.FuncDecl or *ast.FuncLit, or nil.
func functionOf(cur inspector.Cursor) ast.Node {
	for f := range cur.Enclosing((*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)) {
		if f != cur {
			return f.Node()
		}
	}
	return nil
}

// graph returns the control flow of a function, or nil if it has no body.
func (c *checker) graph(function ast.Node) *cfg.CFG {
	switch f := function.(type) {
	case *ast.FuncDecl:
		return c.cfgs.FuncDecl(f)
	case *ast.FuncLit:
		return c.cfgs.FuncLit(f)
	}
	return nil
}

// signature returns the type of a function.
func (c *checker) signature(function ast.Node) *types.Signature {
	var t types.Type
	switch f := function.(type) {
	case *ast.FuncDecl:
		t = c.info.Defs[f.Name].Type()
	case *ast.FuncLit:
		t = c.info.TypeOf(f)
	}
	sig, _ := t.(*types.Signature)
	return sig
}

// isResult reports whether v is a named result of the function.
func (c *checker) isResult(v *types.Var, function ast.Node) bool {
	sig := c.signature(function)
	return sig != nil && slices.Contains(slices.Collect(sig.Results().Variables()), v)
}

// contains reports whether pos is inside of n.
func contains(n ast.Node, pos token.Pos) bool { return n.Pos() <= pos && pos < n.End() }
