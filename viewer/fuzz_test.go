package viewer_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

// FuzzHandler: whatever a client sends, it gets an answer with a status that is meant, and a reason if it isn't 200.
func FuzzHandler(f *testing.F) {
	for _, path := range []string{"", "index.html", "api/trace", "api/events", "api/formats", "api/live", "api/tracks", "api/kinds", "api/tiles", "api/slice", "api/logs", "api/search",
		"api/aggregate", "api/flows", "api/critical", "api/waits", "api/diff", "api/download", "api/nothing", "pprof/", "pprof/1/", "../x", "assets/"} {
		for _, q := range []string{"", "trace=0", "from=NaN&to=1e308", "from=-5&to=5&track=1&track=2", "slice=2:0:0&key=2:0:0", "track=2&row=0&at=2500", "track=2&pos=0", "q=z&in=names,ids",
			"q=(&regexp=1", "limit=-1&before=&after=x", "a=0&b=0&normalize=0", "format=chrome", "format=pprof&track=3", "since=18446744073709551615", "by=path", "do=pause", "%zz", "from=1&from=2"} {
			f.Add("GET", "/"+path, q, "")
		}
	}
	for _, body := range []string{`{"level":12,"gen":1,"tiles":[[1,0],[2,-1]]}`, `{"level":0,"tiles":[[2,9223372036854775807],[3,-9223372036854775808]]}`,
		`{"level":55,"tiles":[[1,0]]}`, `{`, `[[[[`, `{"level":1e400}`} {
		f.Add("POST", "/api/tiles", "", body)
	}
	path := write(f, "perfetto", fmttest.Sample())
	_, c := view(f, path)
	var mu sync.Mutex // leaks are looked for when all is over
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		mu.Lock()
		defer mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // for events
		defer cancel()
		r := (&http.Request{Method: method, Host: "localhost", URL: &url.URL{Path: path, RawQuery: query}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), RemoteAddr: "192.0.2.1:1"}).WithContext(ctx)
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, r)
		if !slices.Contains([]int{200, 301, 302, 304, 400, 404, 405, 409, 413, 415}, w.Code) {
			t.Fatalf("%s %q?%q %q: status %d: %s", method, path, query, body, w.Code, w.Body)
		}
		if w.Code >= 400 {
			var doc struct{ Error string }
			if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || len(doc.Error) < 10 {
				t.Errorf("%q: status %d has no reason: %s", path, w.Code, w.Body)
			}
		}
		if w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q: unsafe headers: %v", path, w.Header())
		}
		for _, values := range w.Header() {
			if strings.ContainsAny(strings.Join(values, ""), "\r\n") {
				t.Errorf("headers: %q", w.Header())
			}
		}
		if path == "/api/tiles" && w.Code == 200 {
			if _, err := decodeTiles(w.Body.Bytes()); err != nil {
				t.Error(err)
			}
		}
	})
}
