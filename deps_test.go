package spanstack

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/spanstack/spanstack/"

// adapters are packages that are there for a library of others: whoever imports them wants that.
var adapters = []string{
	module + "logging/logmetrics", // Prometheus's
	module + "logging/otlp",       // OpenTelemetry's
	module + "logging/logconfig",  // those of flags and YAML, and of all outlets
	module + "tracefmt/parquet",   // Parquet's, which brings compressions and geometry
	module + "tracefmt/all",       // those of all formats
}

// TestImports keeps the house in order: what each room may import of this module and of others, and why.
func TestImports(t *testing.T) {
	oneFormat := []string{module + "tracefmt alone", module + "tracefmt/chrome", module + "tracefmt/internal"}
	rules := []struct {
		packages string   // a pattern for go list
		allow    []string // with what is below them, unless they are " alone"
		why      string
	}{
		{"./trace", []string{module + "internal/logslot"},
			"whoever imports trace compiles nothing but the standard library"},
		{"./trace/tracetest", []string{module + "trace", module + "internal/logslot"},
			"tests of users need no more than trace itself"},
		{"./trace/capture/trigger", []string{module + "trace", module + "internal/logslot", module + "internal/bytesize", module + "internal/access", module + "trace/capture", module + "tracefmt"},
			"a watchdog belongs into every daemon, so it brings no more than captures do, and logging is on top of trace"},
		{"./trace/capture", append(oneFormat, module+"trace alone", module+"internal/logslot", module+"internal/bytesize", module+"internal/access"),
			"whoever shows a program by HTTP or writes its trace gets one format, and no flags: others are imported, flags are in captureflag"},
		{"./trace/capture/captureflag", append(oneFormat, module+"trace", module+"internal/logslot", module+"internal/bytesize", module+"internal/access", "github.com/spf13/pflag"),
			"flags cost no more than the library for them"},
		{"./tracefmt/...", []string{module + "tracefmt", module + "internal/innermost", "github.com/go-json-experiment/json", "github.com/klauspost/compress",
			"google.golang.org/protobuf/encoding/protowire", "google.golang.org/protobuf/internal/errors", // which it needs
			"google.golang.org/protobuf/internal/detrand", "github.com/google/pprof/profile", "golang.org/x/exp/trace"},
			"formats are of use without the tracer; of protobuf they take the wire format only (protowire), without reflection " +
				"and generated code, of pprof the profile, without its tool, and of Go's experiments the reader of execution traces"},
		{"./viewer", []string{module + "viewer/internal/index", module + "internal/access", module + "internal/backoff", module + "internal/innermost",
			module + "tracefmt alone", module + "tracefmt/internal", module + "tracefmt/critical", module + "tracefmt/diff", module + "tracefmt/pprof",
			module + "tracefmt/summary", module + "tracefmt/timeline", "github.com/google/pprof/profile",
			"google.golang.org/protobuf/encoding/protowire", "google.golang.org/protobuf/internal/errors", "google.golang.org/protobuf/internal/detrand"},
			"a viewer is part of programs, which choose their formats and their recorder, and pay for nothing else"},
		{"./logging", []string{module + "trace", module + "internal/logslot", module + "logging/internal", "golang.org/x/sys"},
			"a logger is in every package of a program: outlets, flags and bridges live in packages below it"},
		{"./logging/...", []string{module + "trace", module + "internal/logslot", module + "internal/backoff", module + "logging", "golang.org/x/sys", "github.com/go-logr/logr"},
			"an outlet costs no more than its protocol"},
		{"./zfssend/...", []string{module + "trace", module + "internal/logslot", module + "logging", module + "zfssend", "golang.org/x/sys"},
			"whoever runs zfs send from Go gets no command's dependencies"},
	}
	for _, rule := range rules {
		for _, p := range list(t, "-f", "{{.ImportPath}}\t{{join .Deps \" \"}}", rule.packages) {
			path, deps, _ := strings.Cut(p, "\t")
			if strings.HasSuffix(path, "test") && !strings.HasSuffix(rule.packages, "test") {
				continue // support for tests, which no program depends on: see below
			}
			if slices.Contains(adapters, path) {
				continue
			}
			for _, dep := range strings.Fields(deps) {
				if isStandard(dep) || dep == path || slices.ContainsFunc(rule.allow, func(a string) bool {
					only, exact := strings.CutSuffix(a, " alone")
					return dep == only || !exact && strings.HasPrefix(dep, a+"/")
				}) {
					continue
				}
				t.Errorf("%s depends on %s: %s", path, dep, rule.why)
			}
		}
	}
}

// TestNoTestPackagesInPrograms keeps test support out of what users run.
func TestNoTestPackagesInPrograms(t *testing.T) {
	for _, p := range list(t, "-f", "{{.ImportPath}}\t{{join .Deps \" \"}}", "./cmd/...", "./trace", "./trace/capture", "./trace/capture/trigger", "./tracefmt/all", "./logging", "./zfssend", "./viewer", "./viewer/profileui") {
		path, deps, _ := strings.Cut(p, "\t")
		for _, dep := range strings.Fields(deps) {
			if strings.HasPrefix(dep, module) && strings.HasSuffix(dep, "test") || dep == "testing" {
				t.Errorf("%s depends on %s", path, dep)
			}
		}
	}
}

// TestPackageComments wants one package comment in each package.
func TestPackageComments(t *testing.T) {
	for _, p := range list(t, "-f", "{{.ImportPath}}\t{{.Name}}\t{{.Doc}}", "./...") {
		f := strings.Split(p, "\t")
		if f[0]+"/" != module && f[2] == "" {
			t.Errorf("%s has no package comment", f[0])
		}
	}
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// isStandard reports whether a package is of the standard library, whose paths have no dot in their first element.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
