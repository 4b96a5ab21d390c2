package main

import (
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/spanstack/spanstack/internal/access"
	"github.com/spanstack/spanstack/viewer"
)

// A door leads to the page those who have its token in their URL, and nobody else.
type door struct {
	token   string
	page    http.Handler
	invited atomic.Pointer[string] // a token that leads to the page once
}

func newDoor(token string, page http.Handler) *door { return &door{token: token, page: page} }

// path returns the path of the page.
func (d *door) path() string { return "/" + d.token + "/" }

// once returns a path that leads there once: for the command line of a browser, which other users of this host can see.
func (d *door) once() string {
	token := viewer.NewToken()
	d.invited.Store(&token)
	return "/open/" + token
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, rest, deeper := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case token == "open":
		if invited := d.invited.Load(); invited != nil && access.Same(rest, *invited) && d.invited.CompareAndSwap(invited, nil) {
			http.Redirect(w, r, d.path(), http.StatusFound)
			return
		}
	case !access.Same(token, d.token):
	case !deeper:
		http.Redirect(w, r, d.path(), http.StatusFound)
		return
	default:
		http.StripPrefix("/"+d.token, d.page).ServeHTTP(w, r)
		return
	}
	access.SetSafe(w.Header())
	http.Error(w, "there is nothing here: the page's address has a token in it, which trace-view printed when it began", http.StatusNotFound)
}
