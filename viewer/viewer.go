package viewer

import (
	"context"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/google/pprof/profile"

	"github.com/spanstack/spanstack/viewer/internal/index"
)

// DefaultKeep is how many bytes of a live trace are kept, about.
const DefaultKeep = 256 << 20

// Config configures a [Viewer]. Zero fields mean the defaults.
type Config struct {
	// Keep is how many bytes are kept, about, of what may never end: DefaultKeep of a live trace, and all of an input of unknown
	// size, such as a pipe. What is dropped then is counted, and the page shows where it was.
	Keep int64

	// Profile returns what shows a profile at pprof/, such as [profileui.Handler]. Without it, there is no pprof/.
	//
	// [profileui.Handler]: https://pkg.go.dev/github.com/spanstack/spanstack/viewer/profileui#Handler
	Profile func(*profile.Profile) (http.Handler, error)

	// Speedscope has the files of a release of speedscope, such as [speedscope.Files]. Without it, there is no speedscope/.
	//
	// [speedscope.Files]: https://pkg.go.dev/github.com/spanstack/spanstack/viewer/speedscope#pkg-variables
	Speedscope fs.FS
}

// A Viewer shows traces as a page. Its methods may be called concurrently.
type Viewer struct {
	config   Config
	traces   []*trace
	slots    map[string]slots
	profiles profiles
	changed  notice

	cancel  context.CancelFunc
	closing <-chan struct{}
	loads   sync.WaitGroup
}

// New returns a viewer of some traces, and begins to read all of them, at once. Close ends it.
func New(c Config, sources ...Source) *Viewer {
	ctx, cancel := context.WithCancel(context.Background())
	v := &Viewer{config: c, cancel: cancel, closing: ctx.Done(), slots: map[string]slots{}}
	for name, e := range endpoints {
		v.slots[name] = make(slots, e.limit)
	}
	for _, s := range sources {
		each, stop := context.WithCancel(ctx)
		keep := max(c.Keep, 0)
		if keep == 0 && s.Live {
			keep = DefaultKeep
		}
		t := newTrace(s, keep, &v.changed, stop)
		v.traces = append(v.traces, t)
		if s.blocks {
			go t.run(each) // for which Close can't wait
			continue
		}
		v.loads.Go(func() { t.run(each) })
	}
	return v
}

// Close ends the reading of traces, and requests that wait for something. It returns when no trace is being read any more, but doesn't
// wait for the standard input.
func (v *Viewer) Close() {
	v.cancel()
	for _, t := range v.traces {
		t.close()
	}
	v.loads.Wait()
}

// Changed returns a channel that is closed when something of Statuses changes.
func (v *Viewer) Changed() <-chan struct{} { return v.changed.next() }

// Statuses returns how far each of the traces is, in the order of the sources.
func (v *Viewer) Statuses() []Status {
	var list []Status
	for _, t := range v.traces {
		list = append(list, t.status())
	}
	return list
}

// An endpoint is one of the requests that a page makes.
type endpoint struct {
	method string
	limit  int  // how many of them are worked on at a time
	early  bool // it has an answer also before there is a snapshot
	params []string
	serve  func(*Viewer, http.ResponseWriter, *request) error
}

var window = []string{"from", "to", "track"}

// endpoints are all requests below api/: see docs/viewer-protocol.md.
var endpoints map[string]endpoint

func init() { // the functions need the map
	get, post := http.MethodGet, http.MethodPost
	with := func(params ...string) []string { return append(params, window...) }
	endpoints = map[string]endpoint{
		"trace":     {get, 16, true, nil, (*Viewer).about},
		"events":    {get, 64, true, nil, (*Viewer).events},
		"formats":   {get, 16, true, nil, (*Viewer).formats},
		"live":      {post, 1, true, []string{"do"}, (*Viewer).live},
		"tracks":    {get, 4, false, []string{"since"}, (*Viewer).tracks},
		"kinds":     {get, 4, false, []string{"from"}, (*Viewer).kinds},
		"tiles":     {post, 4, false, nil, (*Viewer).tiles},
		"slice":     {get, 8, false, []string{"track", "pos", "key", "row", "at"}, (*Viewer).slice},
		"logs":      {get, 4, false, with("slice", "min", "q", "before", "after", "limit"), (*Viewer).logs},
		"search":    {get, 2, false, []string{"q", "regexp", "in", "from", "to", "limit"}, (*Viewer).search},
		"aggregate": {get, 2, false, with("slice", "by"), (*Viewer).aggregate},
		"flows":     {get, 4, false, with("slice"), (*Viewer).flows},
		"critical":  {get, 1, false, []string{"slice"}, (*Viewer).critical},
		"root":      {get, 1, false, nil, (*Viewer).root},
		"losses":    {get, 4, false, nil, (*Viewer).losses},
		"waits":     {get, 4, false, []string{"slice"}, (*Viewer).waits},
		"diff":      {get, 1, false, []string{"a", "b", "normalize"}, (*Viewer).diff},
		"download":  {get, 2, false, with("slice", "format"), (*Viewer).download},
	}
}

// A request is one whose parameters are known to be those of its endpoint.
type request struct {
	*http.Request
	*params
	trace *trace
	snap  *index.Snapshot // nil if there is none yet, of endpoints that are early
}

// maxBody is how many bytes the body of a request may have.
const maxBody = 1 << 20

// ServeHTTP serves the page at "/", and what it asks for below that. Who may look is up to whoever mounts it: see package
// access for what to keep out.
func (v *Viewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setSafe(w.Header())
	patient(w)
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	err := v.route(w, r)
	if err != nil && r.Context().Err() == nil {
		refuse(w, err)
	}
}

// route finds what answers. Errors are those of a request to which nothing was answered.
func (v *Viewer) route(w http.ResponseWriter, r *http.Request) error {
	name, isAPI := strings.CutPrefix(r.URL.Path, "/api/")
	switch {
	case isAPI:
		return v.serveAPI(w, r, name)
	case strings.HasPrefix(r.URL.Path, "/pprof/"):
		return v.serveProfile(w, r)
	case strings.HasPrefix(r.URL.Path, "/speedscope/"):
		return v.serveSpeedscope(w, r)
	}
	return serveFile(w, r, page, strings.TrimPrefix(r.URL.Path, "/"))
}

func (v *Viewer) serveAPI(w http.ResponseWriter, r *http.Request, name string) error {
	e, ok := endpoints[name]
	if !ok {
		return notFound("there is no request %.100q", name)
	}
	if r.Method != e.method {
		return notAllowed(e.method)
	}
	if e.method == http.MethodPost && !isJSON(r) {
		return refusal{status: http.StatusUnsupportedMediaType, reason: "want the Content-Type application/json"}
	}
	req, err := v.request(r, e)
	if err != nil {
		return err
	}
	release, err := v.slots[name].take(r.Context())
	if err != nil {
		return err
	}
	defer release()
	return e.serve(v, w, req)
}

// isJSON reports whether a request has the type that forms of other sites can't have. Without a body it needs none.
func isJSON(r *http.Request) bool {
	kind := r.Header.Get("Content-Type")
	if kind == "" {
		return r.ContentLength == 0
	}
	kind, _, err := mime.ParseMediaType(kind)
	return err == nil && kind == "application/json"
}

var errNotYet = refusal{status: http.StatusConflict, reason: "the file isn't read yet: wait for what api/events tells"}

// request reads what all requests have.
func (v *Viewer) request(r *http.Request, e endpoint) (*request, error) {
	p, err := parseParams(r.URL.RawQuery, append([]string{"trace"}, e.params...))
	if err != nil {
		return nil, err
	}
	req := &request{Request: r, params: p}
	if req.trace, err = v.trace(p, "trace"); err != nil {
		return nil, err
	}
	req.snap = req.trace.snapshot()
	if req.snap == nil && !e.early {
		return nil, errNotYet
	}
	return req, nil
}

// trace returns the trace that a parameter chooses.
func (v *Viewer) trace(p *params, key string) (*trace, error) {
	n := p.number(key, 0, 0, int64(max(len(v.traces)-1, 0)))
	if p.err != nil {
		return nil, p.err
	}
	if len(v.traces) == 0 {
		return nil, errors.New("there is no trace to show")
	}
	return v.traces[n], nil
}
