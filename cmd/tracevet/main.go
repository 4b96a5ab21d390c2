// Command tracevet finds misuse of package trace in Go code: see package
// github.com/spanstack/spanstack/trace/tracevet, and its --help.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/spanstack/spanstack/trace/tracevet"
)

const help = `tracevet finds misuse of package github.com/spanstack/spanstack/trace in Go code:
  - a task, a span or a task group that isn't ended (End, EndErr, Wait) on all paths;
  - the context of a span that is discarded, while the one around it is passed on;
  - a span that is started on another goroutine than its task's;
  - defer span.EndErr(&err) where err isn't what the function returns.

Usage:
  go vet -vettool=$(which tracevet) [flags of go vet] PACKAGE...
  tracevet [flags] PACKAGE...

Flags:
  -fix        apply the suggested fixes
  -diff       with -fix, print them as a diff instead
  -json       write reports as JSON to standard output
  -c=N        show N lines of code around each report
  -test=BOOL  look at tests, too (default true)
  --version   print the version
  --help      print this

A report is silenced by a comment in its line or in the one above:
  //lint:ignore tracevet REASON

Examples:
  go vet -vettool=$(which tracevet) ./...   # as part of a build; results are cached
  tracevet ./...                            # without go vet
  tracevet -fix -diff ./...                 # what could be mended, and how
  GOOS=freebsd tracevet ./...               # the files for another system

Exit codes:
  0  nothing was found, or -fix or -json did its work
  1  packages couldn't be loaded; by go vet: something was found
  2  the command line is wrong
  3  something was found
`

const (
	exitDone  = 0
	exitUsage = 2
)

func main() {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, `tracevet: hint: see "tracevet --help"`) }
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, `tracevet: error: no packages to look at; "tracevet ./..." takes all of a module`)
		flag.Usage()
		os.Exit(exitUsage)
	}
	switch os.Args[1] {
	case "-h", "-help", "--help", "help":
		fmt.Print(help)
		os.Exit(exitDone)
	case "-version", "--version":
		fmt.Println("tracevet", version())
		os.Exit(exitDone)
	}
	multichecker.Main(tracevet.Analyzer) // also does what go vet asks of its tools
}

// version is that of the module, as go install records it, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "development version"
	}
	return v + " " + info.GoVersion
}
