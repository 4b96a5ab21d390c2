package capture

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spanstack/spanstack/internal/access"
	"github.com/spanstack/spanstack/trace"
)

// Config configures a [Handler]. Zero fields mean the defaults.
type Config struct {
	Recorder *trace.Recorder // what is shown: trace.Default()
	Access   Access          // who may look

	MaxTime     time.Duration // of a capture: 1 hour
	MaxCaptures int           // captures, profiles and looks into the flight recorder at a time: 8
	MaxStreams  int           // streams at a time: 8
	MaxRecords  int           // of a capture in a format that has to be kept in memory: 1,048,576, some 500 MB

	// UI is served at ui/, below the same Access, if it isn't nil: the page of package viewer on this process, as viewer.OnDemand
	// makes it of [OpenEvents]. It sees paths that begin with a slash, without what is before that. If it is an [io.Closer], a
	// [Server] closes it when it stops.
	UI http.Handler

	// ShowCommand shows the command line on the index page. Command lines may hold secrets.
	ShowCommand bool

	// Describe, if not nil, returns what else there is to tell of an open task or span, such as what the process that it waits for
	// is doing; "" for nothing. It is called when somebody looks, for each row of "active".
	Describe func(r *trace.Record) string
}

// prefix is where a Handler is mounted.
const prefix = "/debug/trace/"

// maxBody is how long the body of a request may be, in bytes.
const maxBody = 1 << 10

// Handler returns a handler that shows what the program does, and what it did just now. Mount it at /debug/trace/ or,
// with [http.StripPrefix], elsewhere:
//
//	mux.Handle("/debug/trace/", capture.Handler(capture.Config{}))
//
// What there is, the page at that address tells: see the package's comment. Of the methods, GET and HEAD are allowed, and
// PUT for the level.
//
// Answers that refuse are a line of text: 400 for parameters that are wrong, 401 and 403 as [Access] has it, 404, 405,
// 406 if no format is what the client accepts, 413, 501 for profiles if the program doesn't import the format, and 503
// if too many others are at it.
func Handler(c Config) http.Handler {
	h := newHandler(c)
	return h.config.Access.Wrap(h)
}

// A handler is a Handler behind its Access.
type handler struct {
	config   Config
	captures slots
	streams  slots
}

func newHandler(c Config) *handler {
	if c.Recorder == nil {
		c.Recorder = trace.Default()
	}
	setDefault(&c.MaxTime, time.Hour)
	setDefault(&c.MaxCaptures, 8)
	setDefault(&c.MaxStreams, 8)
	setDefault(&c.MaxRecords, 1<<20)
	c.Access.Hosts = slices.Clone(c.Access.Hosts)
	return &handler{config: c, captures: make(slots, c.MaxCaptures), streams: make(slots, c.MaxStreams)}
}

func setDefault[T ~int | ~int64](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}

// An endpoint is one of the pages.
type endpoint struct {
	name    string
	help    string
	link    string // its parameters in the index
	params  []string
	methods []string
	serve   func(*handler, http.ResponseWriter, *request) error
}

var (
	reading  = []string{http.MethodGet, http.MethodHead}
	changing = []string{http.MethodGet, http.MethodHead, http.MethodPut}
)

// endpoints returns all pages but the index.
func endpoints() []endpoint {
	return []endpoint{
		{"active", "What is open now: the tree of tasks and spans, with ages and attributes. Also with ?format=json.", "",
			[]string{"format"}, reading, (*handler).active},
		{"anomalies", "How often the program misused package trace, and where of late. Also with ?format=json.", "",
			[]string{"format"}, reading, (*handler).anomalies},
		{"capture", "What is recorded in the next ?seconds, and what is open when they begin, as a file.", "?seconds=5",
			[]string{"seconds", "format"}, reading, (*handler).capture},
		{"flight", "What the flight recorder holds, or the part of it since ?last=30s, as a file. " +
			"With ?debug=1, as lines of text.", "", []string{"last", "format", "debug"}, reading, (*handler).flight},
		{"level", "How much is recorded. curl -X PUT -d LEVEL sets it to off, ids or recording.", "",
			nil, changing, (*handler).level},
		{"profile", "Wall time and self time of the next ?seconds by stacks of tasks and spans, for go tool pprof.",
			"?seconds=30", []string{"seconds"}, reading, (*handler).profile},
		{"stream", "What is open, and what is recorded from now on, until the client goes away. " +
			"It begins with what the flight recorder holds since ?last=30s.", "",
			[]string{"last", "format"}, reading, (*handler).stream},
	}
}

// A request is one whose parameters are known to be those of its endpoint, each there at most once.
type request struct {
	*http.Request
	query url.Values
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	access.SetSafe(w.Header())
	err := h.route(w, r)
	if err == nil {
		return
	}
	refused := refusal{status: http.StatusInternalServerError, reason: err.Error()}
	errors.As(err, &refused)
	for key, value := range refused.header {
		w.Header().Set(key, value)
	}
	http.Error(w, refused.reason, refused.status)
}

// route finds the endpoint. Errors are those of a request to which nothing was answered.
func (h *handler) route(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, strings.TrimSuffix(prefix, "/")), "/")
	if h.config.UI != nil && (name == "ui" || strings.HasPrefix(name, "ui/")) {
		h.ui(w, r, strings.TrimPrefix(name, "ui"))
		return nil
	}
	all := append(endpoints(), endpoint{methods: reading, serve: (*handler).index})
	i := slices.IndexFunc(all, func(e endpoint) bool { return e.name == name })
	if i < 0 {
		return refusal{status: http.StatusNotFound, reason: "there is no such page: " + prefix + " lists those there are"}
	}
	e := all[i]
	if !slices.Contains(e.methods, r.Method) {
		allow := strings.Join(e.methods, ", ")
		return refusal{http.StatusMethodNotAllowed, "method not allowed: want " + allow, map[string]string{"Allow": allow}}
	}
	query, err := parseQuery(r.URL.RawQuery, e.params)
	if err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	return e.serve(h, w, &request{r, query})
}

// ui serves what is below ui/.
func (h *handler) ui(w http.ResponseWriter, r *http.Request, path string) {
	if path == "" {
		w.Header().Set("Location", "ui/") // relative: who knows where this handler is mounted
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	below := *r
	below.URL = &url.URL{Path: path, RawQuery: r.URL.RawQuery}
	h.config.UI.ServeHTTP(w, &below)
}

// A refusal is an answer that isn't 200.
type refusal struct {
	status int
	reason string
	header map[string]string
}

func (r refusal) Error() string { return r.reason }

func badRequest(format string, args ...any) error {
	return refusal{status: http.StatusBadRequest, reason: fmt.Sprintf(format, args...)}
}

// slots bound how many do something at a time.
type slots chan struct{}

// take takes a slot, and returns how to give it back.
func (s slots) take(what string) (release func(), err error) {
	select {
	case s <- struct{}{}:
		return func() { <-s }, nil
	default:
		reason := fmt.Sprintf("%d %s are under way, which is the limit: try again later", cap(s), what)
		return nil, refusal{http.StatusServiceUnavailable, reason, map[string]string{"Retry-After": "5"}}
	}
}
