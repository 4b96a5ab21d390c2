package trigger

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// ServeHTTP writes a dump when it gets a POST, and answers with the name of the file once that is there:
//
//	curl -X POST localhost:6060/debug/trace/dump?reason=slow+again
//
// It answers 405 to other methods, 403 to what comes from pages of other sites, and 429, with a Retry-After, within
// Config.Interval. Who may reach it can have files written, though only as many as the configuration allows, and learns
// the directory's name: it belongs where the other debug endpoints are.
func (w *Watcher) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		rw.Header().Set("Allow", http.MethodPost)
		http.Error(rw, "POST writes a dump", http.StatusMethodNotAllowed)
		return
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		http.Error(rw, err.Error(), http.StatusForbidden)
		return
	}
	if w == nil {
		http.Error(rw, ErrClosed.Error(), http.StatusServiceUnavailable)
		return
	}
	c := w.cause(r.Context(), "http", cmp.Or(r.URL.Query().Get("reason"), "POST from "+r.RemoteAddr))
	path, err := w.dump(r.Context(), c)
	var soon *TooSoonError
	switch {
	case errors.As(err, &soon):
		rw.Header().Set("Retry-After", strconv.Itoa(int((soon.Wait+time.Second-1)/time.Second)))
		http.Error(rw, err.Error(), http.StatusTooManyRequests)
	case errors.Is(err, ErrClosed):
		http.Error(rw, err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(rw, err.Error(), http.StatusInternalServerError)
	default:
		fmt.Fprintln(rw, path)
	}
}
