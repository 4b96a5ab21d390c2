// Package profileui shows a profile by the pages of pprof, the tool: flame graph, graph, table. It is apart from package
// viewer, since it costs a program some megabytes:
//
//	viewer.New(viewer.Config{Profile: profileui.Handler}, viewer.File("trace.json"))
package profileui

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/pprof/driver"
	"github.com/google/pprof/profile"
)

// policy lets pprof's pages run the scripts that are in them, and nothing come from or go elsewhere.
const policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// pages are those of pprof that show something of a profile without addresses, and change nothing on this host.
var pages = []string{"/", "/flamegraph", "/graph", "/top", "/peek", "/download"}

// one runs pprof once at a time: it keeps its configuration in variables of its package.
var one sync.Mutex

// Handler returns what shows a profile, at "/" and below, by links that are relative. The profile may not be changed any more.
func Handler(p *profile.Profile) (http.Handler, error) {
	one.Lock()
	defer one.Unlock()
	var handlers map[string]http.Handler
	err := driver.PProf(&driver.Options{
		Flagset: &flags{FlagSet: flag.NewFlagSet("pprof", flag.ContinueOnError)},
		Fetch:   given{p},
		Sym:     nothing{},
		Obj:     nothing{},
		UI:      nothing{},
		HTTPServer: func(args *driver.HTTPServerArgs) error {
			handlers = args.Handlers
			return nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("show the profile: %w", err)
	}
	mux := http.NewServeMux()
	for _, path := range pages {
		pattern := path
		if path == "/" {
			pattern = "/{$}"
		}
		mux.Handle("GET "+pattern, handlers[path])
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		mux.ServeHTTP(w, r)
	}), nil
}

// flags are pprof's command line.
type flags struct{ *flag.FlagSet }

func (f *flags) StringList(name, value, usage string) *[]*string {
	return &[]*string{f.String(name, value, usage)}
}
func (f *flags) ExtraUsage() string   { return "" }
func (f *flags) AddExtraUsage(string) {}

// Parse implements [driver.FlagSet]. The address isn't listened at.
func (f *flags) Parse(func()) []string {
	f.SetOutput(io.Discard)
	if err := f.FlagSet.Parse([]string{"-http=localhost:0", "-no_browser", "-symbolize=none", "selection"}); err != nil {
		return nil
	}
	return f.Args()
}

// given is a profile that needn't be fetched.
type given struct{ p *profile.Profile }

func (g given) Fetch(string, time.Duration, time.Duration) (*profile.Profile, string, error) {
	return g.p, "", nil
}

// nothing is a terminal that nobody looks at, and finds no programs and no symbols: names in a trace may be those of files on
// this host, which aren't to be opened.
type nothing struct{}

var errNothing = errors.New("there are no programs and no sources for a trace")

func (nothing) ReadLine(string) (string, error)     { return "", io.EOF }
func (nothing) Print(...any)                        {}
func (nothing) PrintErr(...any)                     {}
func (nothing) IsTerminal() bool                    { return false }
func (nothing) WantBrowser() bool                   { return false }
func (nothing) SetAutoComplete(func(string) string) {}

func (nothing) Symbolize(string, driver.MappingSources, *profile.Profile) error { return nil }

func (nothing) Open(string, uint64, uint64, uint64, string) (driver.ObjFile, error) {
	return nil, errNothing
}

func (nothing) Disasm(string, uint64, uint64, bool) ([]driver.Inst, error) { return nil, errNothing }
