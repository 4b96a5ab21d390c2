package tracevet_test

import (
	"golang.org/x/tools/go/analysis/multichecker"
	"golang.org/x/tools/go/analysis/passes/lostcancel"

	"github.com/spanstack/spanstack/trace/tracevet"
)

// A program with several analyzers, which go vet -vettool takes, too.
func Example() {
	multichecker.Main(
		tracevet.Analyzer,
		lostcancel.Analyzer,
	)
}
