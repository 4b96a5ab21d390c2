package catapult

import (
	"embed"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
)

//go:embed page
var page embed.FS

// newHandler serves our page, the viewer's two files from dir, and the traces.
func newHandler(dir string, traces *traceFiles) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, page, "page/page.html")
	})
	mux.HandleFunc("GET /driver.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, page, "page/driver.js")
	})
	for _, name := range viewerFiles {
		mux.HandleFunc("GET /static/"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, filepath.Join(dir, name))
		})
	}
	mux.Handle("GET /trace/", traces)
	return mux
}

// traceFiles serves traces from memory, each under its own path, so that no
// cache can answer with an older one. The zero value is ready to use.
type traceFiles struct {
	mu    sync.Mutex
	next  int
	files map[string][]byte
}

func (f *traceFiles) add(trace []byte) (path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files == nil {
		f.files = make(map[string][]byte)
	}
	f.next++
	path = fmt.Sprintf("/trace/%d", f.next)
	f.files[path] = trace
	return path
}

func (f *traceFiles) remove(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.files, path)
}

func (f *traceFiles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	trace, ok := f.files[r.URL.Path]
	f.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(trace) // an error here is the browser's disconnect; fetch reports it
}
