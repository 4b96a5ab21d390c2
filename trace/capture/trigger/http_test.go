package trigger

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Config{Interval: time.Minute})
		ask := func(h http.Handler, method, header string) *http.Response {
			r := httptest.NewRequest(method, "http://localhost:6060/debug/trace/dump?reason=slow+again", nil)
			if header != "" {
				r.Header.Set("Sec-Fetch-Site", header)
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			return rec.Result()
		}
		body := func(r *http.Response) string {
			var b strings.Builder
			r.Write(&b)
			_, text, _ := strings.Cut(b.String(), "\r\n\r\n")
			return text
		}
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"} {
			if r := ask(w, method, ""); r.StatusCode != 405 || r.Header.Get("Allow") != "POST" {
				t.Errorf("%s: %s", method, r.Status)
			}
		}
		if r := ask(w, "POST", "cross-site"); r.StatusCode != 403 {
			t.Errorf("from another site: %s", r.Status)
		}
		time.Sleep(time.Minute)
		if got := w.causes(); got != "" {
			t.Errorf("there are dumps: %s", got)
		}
		r := ask(w, "POST", "")
		path := strings.TrimSpace(body(r))
		if _, err := os.Stat(path); r.StatusCode != 200 || err != nil {
			t.Fatalf("%s: %v", r.Status, err)
		}
		if marks := triggered(load(t, path)); len(marks) != 1 || marks[0].Attr("reason").String() != "slow again" {
			t.Errorf("marks are %v", marks)
		}
		if got := stable(&w.folder, path); got != "PROGRAM-TIME-http-PID.json" {
			t.Error(got)
		}
		if r := ask(w, "POST", ""); r.StatusCode != 429 || r.Header.Get("Retry-After") != "60" || !strings.Contains(body(r), path) {
			t.Errorf("at once again: %s, %v", r.Status, r.Header)
		}
		time.Sleep(time.Minute)
		os.RemoveAll(w.c.Dir)
		os.WriteFile(w.c.Dir, nil, 0o600)
		if r := ask(w, "POST", ""); r.StatusCode != 500 {
			t.Errorf("without a directory: %s", r.Status)
		}
		w.Close()
		if r := ask(w, "POST", ""); r.StatusCode != 503 {
			t.Errorf("closed: %s", r.Status)
		}
		if r := ask((*Watcher)(nil), "POST", ""); r.StatusCode != 503 {
			t.Errorf("nil: %s", r.Status)
		}
	})
}
