package spanstack

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestLoggers wants that nothing is logged in these rooms but by logging.GetLogger, so that each line has its place.
func TestLoggers(t *testing.T) {
	files := 0
	for _, room := range []string{"zfssend", "cmd", "trace/capture"} {
		err := filepath.WalkDir(room, func(path string, d fs.DirEntry, err error) error {
			if d != nil && d.IsDir() && d.Name() == "testdata" {
				return fs.SkipDir
			}
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files++
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, pos := range strayLoggers(file) {
				t.Errorf("%v: it doesn't log by logging.GetLogger", set.Position(pos))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}

// strayLoggers returns where a file uses package log, or what makes or is a logger of package log/slog.
func strayLoggers(file *ast.File) (found []token.Pos) {
	name := "" // of log/slog in this file
	for _, spec := range file.Imports {
		switch path, _ := strconv.Unquote(spec.Path.Value); path {
		case "log", "log/syslog":
			found = append(found, spec.Pos())
		case "log/slog":
			if name = "slog"; spec.Name != nil {
				name = spec.Name.Name
			}
		}
	}
	loggers := strings.Fields(`New With Default SetDefault NewLogLogger NewTextHandler NewJSONHandler NewMultiHandler
		Debug DebugContext Info InfoContext Warn WarnContext Error ErrorContext Log LogAttrs`)
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && adapts(call) {
			return false
		}
		if s, ok := n.(*ast.SelectorExpr); ok && name != "" && slices.Contains(loggers, s.Sel.Name) {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == name {
				found = append(found, s.Pos())
			}
		}
		return true
	})
	return found
}

// adapts reports whether a call makes a logger of package log, as others want one, of one of ours:
// slog.NewLogLogger(logging.GetLogger(…).Handler(), …).
func adapts(call *ast.CallExpr) bool {
	isCallOf := func(n ast.Node, name string) (*ast.SelectorExpr, bool) {
		c, ok := n.(*ast.CallExpr)
		if !ok {
			return nil, false
		}
		s, ok := c.Fun.(*ast.SelectorExpr)
		return s, ok && s.Sel.Name == name
	}
	if _, ok := isCallOf(call, "NewLogLogger"); !ok || len(call.Args) == 0 {
		return false
	}
	handler, ok := isCallOf(call.Args[0], "Handler")
	if !ok {
		return false
	}
	_, ok = isCallOf(handler.X, "GetLogger")
	return ok
}

func TestStrayLoggers(t *testing.T) {
	for source, want := range map[string]int{
		`import "log"`: 1,
		`import l "log/slog"; var _ = l.New(nil)`:                                                             1,
		`import "log/slog"; func f() { slog.Info("x"); slog.Default().Info("x"); slog.With("a", 1) }`:         3,
		`import "log/slog"; var _ = slog.String("New", ""); func f(log *slog.Logger) { log.Info("Default") }`: 0,
		`import "log/slog"; func f() { slog.NewLogLogger(logging.GetLogger(ctx, "x").Handler(), 0) }`:         0,
		`import "log/slog"; func f() { slog.NewLogLogger(h, 0); slog.NewLogLogger(h.Handler(), 0) }`:          2,
		`import slog "example.org/slog"; var _ = slog.New()`:                                                  0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; "+source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := strayLoggers(file); len(got) != want {
			t.Errorf("%s: %d, want %d", source, len(got), want)
		}
	}
}
