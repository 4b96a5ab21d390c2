package logctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/internal/onsignal"
)

// Levels are the levels of a program's outlets. It is the [http.Handler] that shows and changes them. Its methods may
// be called concurrently.
type Levels struct {
	mu   sync.Mutex
	vars map[string]entry
	all  bool // the signal has come an odd number of times
}

type entry struct {
	v       *logging.LevelVar
	initial logging.Levels
	quiet   logging.Levels // before the signal
}

// New returns a Levels without any outlet.
func New() *Levels { return &Levels{vars: map[string]entry{}} }

// Var returns the levels of an outlet, "" for what all outlets share that have none of their own. They begin as given.
func (l *Levels) Var(outlet string, initial logging.Levels) *logging.LevelVar {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := logging.NewLevelVar(initial)
	l.vars[outlet] = entry{v: v, initial: initial}
	return v
}

// errNoOutlet is an answer.
type errNoOutlet struct {
	name string
	all  []string
}

func (e errNoOutlet) Error() string {
	if e.name == "" {
		return fmt.Sprintf("there are no levels for all outlets: want ?outlet= one of %s", strings.Join(e.all, ", "))
	}
	return fmt.Sprintf("there is no outlet %q with levels of its own: there are %s", e.name, strings.Join(e.all, ", "))
}

func (l *Levels) lookUp(outlet string) (entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.vars[outlet]
	if !ok {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(l.vars)) {
			names = append(names, fmt.Sprintf("%q", name))
		}
		return e, errNoOutlet{outlet, names}
	}
	return e, nil
}

// maxBody is how long the text of levels may be, in bytes.
const maxBody = 64 << 10

// ServeHTTP implements [http.Handler].
func (l *Levels) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "application/json") {
		l.serveAll(w)
		return
	}
	e, err := l.lookUp(r.URL.Query().Get("outlet"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodDelete:
		e.v.Set(e.initial)
	case http.MethodPut, http.MethodPatch:
		levels, status, err := read(w, r, e.v.Levels())
		if err != nil {
			http.Error(w, err.Error(), status)
			return
		}
		e.v.Set(levels)
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT, PATCH, DELETE")
		http.Error(w, "method not allowed: want GET, PUT, PATCH or DELETE", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	fmt.Fprintln(w, e.v.Levels())
}

func (l *Levels) serveAll(w http.ResponseWriter) {
	l.mu.Lock()
	all := map[string]string{}
	for name, e := range l.vars {
		all[name] = e.v.Levels().String()
	}
	l.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(all) // the client is gone
}

// read reads the levels of a request, which for PATCH are added to those there are.
func read(w http.ResponseWriter, r *http.Request, now logging.Levels) (levels logging.Levels, status int, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return levels, http.StatusRequestEntityTooLarge, fmt.Errorf("more than %d bytes of levels", maxBody)
	}
	if err != nil {
		return levels, http.StatusBadRequest, err
	}
	text := strings.TrimSpace(string(body))
	if levels, err = logging.ParseLevels(text); err != nil {
		return levels, http.StatusBadRequest, err
	}
	if r.Method == http.MethodPatch {
		subsystems := maps.Clone(now.Subsystems)
		if subsystems == nil {
			subsystems = map[string]slog.Level{}
		}
		maps.Copy(subsystems, levels.Subsystems)
		if !hasDefault(text) {
			levels.Default = now.Default
		}
		levels.Subsystems = subsystems
	}
	return levels, http.StatusOK, nil
}

// hasDefault reports whether the text of levels has one for all subsystems.
func hasDefault(text string) bool {
	return slices.ContainsFunc(strings.Split(text, ","), func(part string) bool { return !strings.Contains(part, "=") })
}

// Toggle makes all be logged, and at the next time what was logged before.
func (l *Levels) Toggle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = !l.all
	for name, e := range l.vars {
		if l.all {
			e.quiet = e.v.Levels()
			e.v.Set(logging.Levels{Default: slog.LevelDebug})
		} else {
			e.v.Set(e.quiet)
		}
		l.vars[name] = e
	}
}

// OnSignal calls Toggle whenever the program gets the signal, until stop is called.
func (l *Levels) OnSignal(s os.Signal) (stop func()) { return onsignal.Do(s, l.Toggle) }
