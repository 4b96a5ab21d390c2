package capture_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
)

// FuzzHandler: whatever a client sends, it gets an answer with a status that is meant, and a reason if it isn't 200.
func FuzzHandler(f *testing.F) {
	for _, path := range []string{"", "active", "anomalies", "capture", "flight", "level", "profile", "stream", "nothing", "../level", "capture/"} {
		for _, query := range []string{"", "seconds=0.001", "seconds=NaN", "seconds=1e999", "last=1s", "last=-1s", "format=chrome", "format=json", "format=%00", "debug=1",
			"seconds=1&seconds=2", "%zz", "a=b", "seconds=99999999999999999999999999"} {
			f.Add("GET", "localhost:6060", "/debug/trace/"+path, query, "Accept", "*/*", "")
		}
	}
	f.Add("PUT", "127.0.0.1", "/debug/trace/level", "", "Authorization", "Bearer secret", "off")
	f.Add("PUT", "[::1]:1", "/debug/trace/level", "", "Origin", "http://evil.example", "ids")
	f.Add("HEAD", "evil.example", "/debug/trace/", "", "Accept-Encoding", "gzip;q=0.1, *;q=0", "")
	f.Add("OPTIONS", "", "/", "", "Sec-Fetch-Site", "cross-site", "")
	f.Add("GET", "[::1", "/debug/trace", "", "Authorization", "Basic !", "x")
	registerNames()
	f.Fuzz(func(t *testing.T, method, host, path, query, key, value, body string) {
		r := &http.Request{Method: method, Host: host, URL: &url.URL{Path: path, RawQuery: query}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{http.CanonicalHeaderKey(key): {value}}, Body: io.NopCloser(strings.NewReader(body)), RemoteAddr: "192.0.2.1:1"}
		for _, access := range []capture.Access{{}, {Token: "secret"}, {Hosts: []string{"*"}}} {
			rec := trace.NewRecorder(trace.Config{Bytes: 64 << 10, LogBytes: 64 << 10})
			h := capture.Handler(capture.Config{Recorder: rec, Access: access, MaxTime: 5 * time.Millisecond})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond) // for streams
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r.WithContext(ctx))
			cancel()
			good := []int{200, 400, 401, 403, 404, 405, 406, 413, 501}
			if !slices.Contains(good, w.Code) {
				t.Fatalf("%s %q %q?%q %s: %q: status %d", method, host, path, query, key, value, w.Code)
			}
			if w.Code != 200 && (w.Body.Len() < 10 || w.Header().Get("Content-Disposition") != "") {
				t.Errorf("status %d has no reason: %q, %v", w.Code, w.Body, w.Header())
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("unsafe headers: %v", w.Header())
			}
			for _, values := range w.Header() {
				if strings.ContainsAny(strings.Join(values, ""), "\r\n") {
					t.Errorf("headers: %q", w.Header())
				}
			}
		}
	})
}

// FuzzParseFile: what can be parsed is within its limits.
func FuzzParseFile(f *testing.F) {
	for _, s := range []string{"trace.json", "trace-%n.json,max_size=100MB,keep=5", `a\,b\\.json`, ",", "x,max_size=9223372036854775807GiB", "x,keep=-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := capture.ParseFile(s)
		if err == nil && (c.Path == "" || c.Keep < 0 || c.MaxSize != 0 && c.MaxSize < 64<<10) {
			t.Errorf("%q: %+v", s, c)
		}
	})
}
