package tracevet

import (
	"go/token"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// A line is one in a file; 0 stands for all of it.
type line struct {
	file   *token.File
	number int
}

// ignoredLines returns where comments silence reports. They are written as for staticcheck: the names of checks,
// separated by commas, and a reason.
//
//	//lint:ignore tracevet REASON        in the line, or in the one above it
//	//lint:file-ignore tracevet REASON   anywhere in the file
func ignoredLines(pass *analysis.Pass) map[line]bool {
	ignored := make(map[line]bool)
	for _, f := range pass.Files {
		file := pass.Fset.File(f.FileStart)
		for _, group := range f.Comments {
			for _, comment := range group.List {
				directive, ok := strings.CutPrefix(comment.Text, "//lint:")
				if !ok {
					continue
				}
				words := strings.Fields(directive)
				if len(words) < 2 || !slices.Contains(strings.Split(words[1], ","), pass.Analyzer.Name) {
					continue
				}
				switch at := file.Line(comment.Pos()); {
				case len(words) == 2:
					pass.Report(analysis.Diagnostic{Pos: comment.Pos(), End: comment.End(),
						Message: "lint:" + words[0] + " needs a reason, and has no effect without"})
				case words[0] == "ignore":
					ignored[line{file, at}] = true
					ignored[line{file, at + 1}] = true
				case words[0] == "file-ignore":
					ignored[line{file, 0}] = true
				}
			}
		}
	}
	return ignored
}
