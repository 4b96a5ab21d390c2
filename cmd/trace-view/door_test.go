package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDoor(t *testing.T) {
	d := newDoor("token", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("page " + r.URL.Path)) }))
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if to := w.Header().Get("Location"); to != "" {
			return w.Code, to
		}
		return w.Code, w.Body.String()
	}
	once := d.once()
	for _, c := range []struct {
		path   string
		status int
		text   string
	}{
		{"/token/", 200, "page /"},
		{"/token/api/trace", 200, "page /api/trace"},
		{"/token", 302, "/token/"},
		{"/", 404, "there is nothing here"},
		{"/toke/", 404, "there is nothing here"},
		{"/token2/", 404, "there is nothing here"},
		{"//token/", 404, "there is nothing here"},
		{"/open/", 404, "there is nothing here"},
		{"/open/token", 404, "there is nothing here"},
		{once, 302, "/token/"},
		{once, 404, "there is nothing here"},
	} {
		if status, text := get(c.path); status != c.status || !strings.HasPrefix(text, c.text) {
			t.Errorf("%s: %d %s, want %d %s", c.path, status, text, c.status, c.text)
		}
	}
	if next := d.once(); next == once || strings.Contains(next, "token/") {
		t.Errorf("the next invitation is %s", next)
	}
}
