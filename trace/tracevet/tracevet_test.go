package tracevet_test

import (
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/spanstack/spanstack/trace/tracevet"
)

// TestRules runs the analyzer over packages that use the real package trace. The package of a rule has what must be
// reported in report.go, and what mustn't in quiet.go.
func TestRules(t *testing.T) {
	analysistest.Run(quiet{t}, analysistest.TestData(), tracevet.Analyzer, "./...")
}

// TestFixes compares what the suggested fixes make of a package with its .golden file.
func TestFixes(t *testing.T) {
	analysistest.RunWithSuggestedFixes(quiet{t}, analysistest.TestData(), tracevet.Analyzer, "./fixes")
}

// quiet lets want comments leave out facts, which most functions have. Those that are wanted are compared.
type quiet struct{ *testing.T }

func (t quiet) Errorf(format string, args ...any) {
	t.Helper()
	if !strings.Contains(format, "unexpected %s") || args[1] != "fact" {
		t.T.Errorf(format, args...)
	}
}
