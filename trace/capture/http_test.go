package capture_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
)

// names is a format that needs the whole trace, as profiles do: it writes the names of slices, and how many records are lost.
var names = &tracefmt.Format{
	Name: "names", Description: "names of slices <for tests>", Extensions: []string{".names.gz"}, MIMEType: "application/x-names",
	NewWriter: func(w io.Writer) tracefmt.Writer { return &namesWriter{out: w} }, Mode: tracefmt.Whole,
}

type namesWriter struct {
	out   io.Writer
	names []string
}

func (w *namesWriter) Write(e *tracefmt.Event) error {
	switch {
	case e.Kind == tracefmt.Begin || e.Kind == tracefmt.Complete:
		w.names = append(w.names, e.Name)
	case e.Category == tracefmt.CategoryLoss:
		w.names = append(w.names, e.Attr("count").String()+" lost")
	}
	return nil
}
func (w *namesWriter) Flush() error { return nil }
func (w *namesWriter) Close() error {
	_, err := io.WriteString(w.out, strings.Join(w.names, ","))
	return err
}

var registerNames = sync.OnceFunc(func() { tracefmt.Register(names) })

// registerPprof registers a stand-in for the format of profiles. Before it, there is none.
var registerPprof = sync.OnceFunc(func() {
	f := *names
	f.Name, f.Extensions, f.MIMEType = "pprof", []string{".pb.gz"}, "application/octet-stream"
	tracefmt.Register(&f)
})

// ask sends one request to a handler. headers are pairs.
func ask(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if !strings.Contains(target, "://") {
		r.Host = "localhost:6060"
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func get(h http.Handler, target string, headers ...string) *httptest.ResponseRecorder {
	return ask(h, "GET", "/debug/trace/"+target, "", headers...)
}

// eventsOf reads Chrome JSON.
func eventsOf(t *testing.T, text []byte) []*tracefmt.Event {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return load(t, path)
}

func TestRefusals(t *testing.T) {
	registerNames()
	rec := trace.NewRecorder(trace.Config{})
	h := capture.Handler(capture.Config{Recorder: rec, MaxTime: time.Hour})
	token := capture.Handler(capture.Config{Recorder: rec, Access: capture.Access{Token: "secret"}})
	number := func(param string) string {
		return `400 seconds="` + param + `": want a number of seconds, such as 5 or 0.5`
	}
	last := func(param string) string {
		return `400 last="` + param + `": want a time with its unit, such as 30s or 5m`
	}
	for _, c := range []struct {
		h                    http.Handler
		method, target, body string
		headers              []string
		want                 string
	}{
		{h, "GET", "/debug/trace/nothing", "", nil, "404 there is no such page: /debug/trace/ lists those there are"},
		{h, "GET", "/debug/trace/capture/", "", nil, "404 there is no such page: /debug/trace/ lists those there are"},
		{h, "GET", "/debug/trace//capture", "", nil, "404 there is no such page: /debug/trace/ lists those there are"},
		{h, "POST", "/debug/trace/", "", nil, "405 method not allowed: want GET, HEAD"},
		{h, "PUT", "/debug/trace/capture", "", nil, "405 method not allowed: want GET, HEAD"},
		{h, "OPTIONS", "/debug/trace/stream", "", nil, "405 method not allowed: want GET, HEAD"},
		{h, "DELETE", "/debug/trace/level", "", nil, "405 method not allowed: want GET, HEAD, PUT"},

		{h, "GET", "/debug/trace/capture?seconds=-1", "", nil, number("-1")},
		{h, "GET", "/debug/trace/capture?seconds=NaN", "", nil, number("NaN")},
		{h, "GET", "/debug/trace/capture?seconds=Inf", "", nil, number("Inf")},
		{h, "GET", "/debug/trace/capture?seconds=1e3", "", nil, number("1e3")},
		{h, "GET", "/debug/trace/capture?seconds=0x10", "", nil, number("0x10")},
		{h, "GET", "/debug/trace/capture?seconds=5s", "", nil, number("5s")},
		{h, "GET", "/debug/trace/capture?seconds=", "", nil, number("")},
		{h, "GET", "/debug/trace/capture?seconds=.", "", nil, number(".")},
		{h, "GET", "/debug/trace/capture?seconds=1.2.3", "", nil, number("1.2.3")},
		{h, "GET", "/debug/trace/capture?seconds=0", "", nil, "400 seconds=0: want 0.001 at least"},
		{h, "GET", "/debug/trace/capture?seconds=3600.1", "", nil, "400 seconds=3600.1: want 3600 at most"},
		{h, "GET", "/debug/trace/capture?seconds=" + strings.Repeat("9", 400), "", nil, "400 seconds=" + strings.Repeat("9", 100) + ": want 3600 at most"},
		{h, "GET", "/debug/trace/capture?seconds=1&seconds=2", "", nil, "400 the parameter seconds is there 2 times"},
		{h, "GET", "/debug/trace/capture?second=1", "", nil, `400 unknown parameter "second": want seconds or format`},
		{h, "GET", "/debug/trace/level?x", "", nil, `400 unknown parameter "x": this page has none`},
		{h, "GET", "/debug/trace/?x", "", nil, `400 unknown parameter "x": this page has none`},
		{h, "GET", "/debug/trace/capture?seconds=%zz", "", nil, `400 the parameters can't be read: invalid URL escape "%zz"`},
		{h, "GET", "/debug/trace/capture?format=xml", "", nil, `400 unknown format "xml": want chrome, names`},
		{h, "GET", "/debug/trace/capture?format=", "", nil, `400 unknown format "": want chrome, names`},
		{h, "GET", "/debug/trace/stream?format=xml", "", nil, `400 unknown format "xml": want chrome`},
		{h, "GET", "/debug/trace/stream?format=names", "", nil, `400 the format names can't be streamed, since it needs the whole trace: want chrome`},
		{h, "HEAD", "/debug/trace/stream?format=names", "", nil, `400 the format names can't be streamed, since it needs the whole trace: want chrome`},
		{h, "GET", "/debug/trace/stream?seconds=1", "", nil, `400 unknown parameter "seconds": want last or format`},
		{h, "GET", "/debug/trace/flight", "", []string{"Accept", "image/png"}, "406 no format is of an accepted type: there are chrome, names for ?format="},
		{h, "GET", "/debug/trace/stream", "", []string{"Accept", "application/x-names, */*;q=0"}, "406 no format is of an accepted type: there are chrome for ?format="},
		{h, "GET", "/debug/trace/flight?last=30", "", nil, last("30")},
		{h, "GET", "/debug/trace/flight?last=-30s", "", nil, last("-30s")},
		{h, "GET", "/debug/trace/flight?last=0s", "", nil, last("0s")},
		{h, "GET", "/debug/trace/flight?last=1y", "", nil, last("1y")},
		{h, "GET", "/debug/trace/flight?last=9999999h", "", nil, last("9999999h")},
		{h, "GET", "/debug/trace/flight?last=", "", nil, last("")},
		{h, "GET", "/debug/trace/flight?debug=2", "", nil, `400 debug="2": want 0 or 1`},
		{h, "GET", "/debug/trace/active?format=chrome", "", nil, `400 unknown format "chrome": want text or json`},
		{h, "GET", "/debug/trace/anomalies?format=", "", nil, `400 unknown format "": want text or json`},
		{h, "PUT", "/debug/trace/level", "loud", nil, `400 unknown level "loud": want off, ids or recording`},
		{h, "PUT", "/debug/trace/level", "", nil, `400 unknown level "": want off, ids or recording`},
		{h, "PUT", "/debug/trace/level", strings.Repeat(" ", 2000) + "off", nil, `413 the body has more than 1024 bytes: want off, ids or recording`},
		{h, "PUT", "/debug/trace/level", "off", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, `403 a page of another site may not change anything here`},
		{h, "PUT", "/debug/trace/level", "off", []string{"Origin", "http://evil.example"}, `403 a page of another site may not change anything here`},
		{h, "GET", "/debug/trace/active", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, `403 a page of another site may not look in here`},
		{h, "GET", "http://evil.example/debug/trace/", "", nil, `403 this server isn't known by the name "evil.example": want localhost, a loopback address, or a name that its configuration allows`},
		{h, "GET", "http://localhost.evil.example/debug/trace/nothing", "", nil, `403 this server isn't known by the name "localhost.evil.example": want localhost, a loopback address, or a name that its configuration allows`},
		{token, "GET", "/debug/trace/", "", nil, `401 want the token, as "Authorization: Bearer TOKEN" or as a password`},
		{token, "PUT", "/debug/trace/nothing", "", []string{"Authorization", "Bearer secre"}, `401 want the token, as "Authorization: Bearer TOKEN" or as a password`},
		{token, "GET", "/debug/trace/", "", []string{"Authorization", "secret"}, `401 want the token, as "Authorization: Bearer TOKEN" or as a password`},
		{token, "GET", "/debug/trace/", "", []string{"Authorization", "Bearer "}, `401 want the token, as "Authorization: Bearer TOKEN" or as a password`},
		{token, "GET", "/debug/trace/", "", []string{"Authorization", "Basic c2VjcmV0OnNlY3JldHM="}, `401 want the token, as "Authorization: Bearer TOKEN" or as a password`},
		{token, "GET", "http://evil.example/debug/trace/", "", []string{"Authorization", "Bearer secret"}, `403 this server isn't known by the name "evil.example": want localhost, a loopback address, or a name that its configuration allows`},
	} {
		w := ask(c.h, c.method, c.target, c.body, c.headers...)
		if got := w.Result().Status[:4] + strings.TrimSuffix(w.Body.String(), "\n"); got != c.want {
			t.Errorf("%s %s %q: %s\nwant %s", c.method, c.target, c.headers, got, c.want)
		}
		if got := w.Header().Get("Content-Type") + " " + w.Header().Get("X-Content-Type-Options") + " " + w.Header().Get("Cache-Control"); got != "text/plain; charset=utf-8 nosniff no-store" {
			t.Errorf("%s %s: headers %s", c.method, c.target, got)
		}
		if w.Code == 405 && !strings.HasSuffix(c.want, w.Header().Get("Allow")) || w.Code == 401 && !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s %s: headers %v", c.method, c.target, w.Header())
		}
	}
	if rec.Level() != trace.LevelRecording {
		t.Errorf("the level is %v", rec.Level())
	}
}

func TestAccess(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "seen") })
	for _, c := range []struct {
		access  capture.Access
		host    string
		headers []string
		want    int
	}{
		{capture.Access{}, "localhost", nil, 200},
		{capture.Access{}, "LOCALHOST.:80", nil, 200},
		{capture.Access{}, "a.localhost:6060", nil, 200},
		{capture.Access{}, "127.0.0.1:6060", nil, 200},
		{capture.Access{}, "127.1.2.3", nil, 200},
		{capture.Access{}, "[::1]:6060", nil, 200},
		{capture.Access{}, "[::1]", nil, 200},
		{capture.Access{}, "[::ffff:127.0.0.1]", nil, 200},
		{capture.Access{}, "", nil, 403},
		{capture.Access{}, ":6060", nil, 403},
		{capture.Access{}, "notlocalhost", nil, 403},
		{capture.Access{}, "127.0.0.1.evil.example", nil, 403},
		{capture.Access{}, "127.1", nil, 403},
		{capture.Access{}, "2130706433", nil, 403},
		{capture.Access{}, "10.0.0.5", nil, 403},
		{capture.Access{}, "0.0.0.0", nil, 403},
		{capture.Access{}, "localhost:6060:6060", nil, 403},
		{capture.Access{}, "evil.example:localhost", nil, 403},
		{capture.Access{Hosts: []string{"debug.example.org:6060", ""}}, "Debug.example.org", nil, 200},
		{capture.Access{Hosts: []string{"debug.example.org", ""}}, "", nil, 403},
		{capture.Access{Hosts: []string{"10.0.0.5"}}, "10.0.0.5:1", nil, 200},
		{capture.Access{Hosts: []string{"*"}}, "evil.example", nil, 200},
		{capture.Access{Token: "secret"}, "localhost", []string{"Authorization", "bearer secret"}, 200},
		{capture.Access{Token: "secret"}, "localhost", []string{"Authorization", "Basic OnNlY3JldA=="}, 200},
		{capture.Access{}, "localhost", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 200},
		{capture.Access{}, "localhost", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}, 200},
	} {
		r := httptest.NewRequest("GET", "/debug/pprof/", nil)
		r.Host = c.host
		for i := 0; i < len(c.headers); i += 2 {
			r.Header.Set(c.headers[i], c.headers[i+1])
		}
		w := httptest.NewRecorder()
		c.access.Wrap(ok).ServeHTTP(w, r)
		if w.Code != c.want || (w.Body.String() == "seen") != (w.Code == 200) {
			t.Errorf("%+v, host %q, %q: %d %s", c.access, c.host, c.headers, w.Code, w.Body)
		}
	}
}

// TestCaptureOfSeconds: a capture has what was open when it began, what happened in its time, and nothing else.
func TestCaptureOfSeconds(t *testing.T) {
	registerNames()
	for format, want := range map[string]string{
		"chrome": "begin outer, begin before, begin within, end within, end before, begin at the end",
		"names":  "outer,before,within,at the end",
	} {
		synctest.Test(t, func(t *testing.T) {
			base := tracetest.Strict(t)
			rec := trace.RecorderFromContext(base)
			ctx, task := trace.WithTask(base, "outer")
			_, s := trace.WithSpan(ctx, "long before")
			s.End()
			bctx, before := trace.WithSpan(ctx, "before")
			time.Sleep(time.Second)
			done := make(chan *httptest.ResponseRecorder)
			began := time.Now()
			go func() {
				done <- get(capture.Handler(capture.Config{Recorder: rec}), "capture?seconds=2.5&format="+format, "Accept-Encoding", "gzip")
			}()
			time.Sleep(time.Second)
			_, s = trace.WithSpan(bctx, "within")
			time.Sleep(time.Second)
			s.End()
			before.End()
			_, last := trace.WithSpan(ctx, "at the end")
			w := <-done
			if d := time.Since(began); d != 2500*time.Millisecond {
				t.Errorf("it took %v", d)
			}
			last.End()
			task.End()
			if w.Code != 200 {
				t.Fatal(w.Code, w.Body)
			}
			got := w.Body.String()
			disposition, packed := `attachment; filename="capture.test-\d+-20000101T00000\dZ.json"`, "gzip"
			if format == "names" { // it is packed already
				disposition, packed = strings.Replace(disposition, "json", "names.gz", 1), ""
			}
			if h := w.Header(); !regexp.MustCompile(disposition).MatchString(h.Get("Content-Disposition")) || h.Get("Content-Encoding") != packed || h.Get("Vary") != "Accept, Accept-Encoding" {
				t.Errorf("headers: %v", h)
			}
			if format == "chrome" {
				var all []string
				for _, e := range eventsOf(t, unpack(t, w.Body.Bytes())) {
					switch e.Kind {
					case tracefmt.Begin, tracefmt.Complete, tracefmt.End:
						all = append(all, e.Kind.String()+" "+e.Name)
					}
				}
				got = strings.Join(all, ", ")
			}
			if got != want {
				t.Errorf("%s: got %s", format, got)
			}
		})
	}
}

// TestMaxRecords: a capture that is kept in memory ends to grow, and says so.
func TestMaxRecords(t *testing.T) {
	registerNames()
	synctest.Test(t, func(t *testing.T) {
		base := tracetest.Strict(t)
		done := make(chan *httptest.ResponseRecorder)
		go func() {
			done <- get(capture.Handler(capture.Config{Recorder: trace.RecorderFromContext(base), MaxRecords: 2}), "capture?seconds=1&format=names")
		}()
		synctest.Wait()
		for range 5 {
			_, task := trace.WithTask(base, "task")
			task.End()
		}
		if got := (<-done).Body.String(); got != "task,task,3 lost" {
			t.Errorf("got %s", got)
		}
	})
}

func TestProfile(t *testing.T) {
	if tracefmt.Lookup("pprof") == nil {
		w := get(capture.Handler(capture.Config{}), "profile?seconds=5")
		if got := w.Body.String(); w.Code != 501 || got != "this program can't write profiles: it has to import github.com/spanstack/spanstack/tracefmt/pprof\n" {
			t.Errorf("%d %s", w.Code, got)
		}
	}
	registerPprof()
	synctest.Test(t, func(t *testing.T) {
		base := tracetest.Strict(t)
		ctx, task := trace.WithTask(base, "task")
		began := time.Now()
		h := capture.Handler(capture.Config{Recorder: trace.RecorderFromContext(ctx)})
		w := get(h, "profile", "Accept-Encoding", "gzip") // as go tool pprof asks
		if w.Code != 200 || w.Body.String() != "task" || time.Since(began) != 30*time.Second || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%d %s after %v", w.Code, w.Body, time.Since(began))
		}
		if got := w.Header().Get("Content-Disposition"); !strings.HasSuffix(got, `.pb.gz"`) {
			t.Error(got)
		}
		if w := get(h, "profile?format=chrome"); w.Code != 400 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		task.End()
	})
}

func TestFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tracetest.Strict(t)
		ctx, task := trace.WithTask(base, "outer", slog.String("dataset", "tank/a b"))
		for _, name := range []string{"first", "second", "third\n"} {
			_, s := trace.WithSpan(ctx, name)
			time.Sleep(time.Second)
			s.EndErr(new(errors.New("broken")))
			s.End()
		}
		h := capture.Handler(capture.Config{Recorder: trace.RecorderFromContext(base)})
		for query, want := range map[string]string{
			"":                           "outer: begin outer\nouter: complete first\nouter: complete second\nouter: complete third\n",
			"?last=1500ms&format=chrome": "outer: begin outer\nouter: complete second\nouter: complete third\n",
			"?last=1ns":                  "outer: begin outer\nouter: complete third\n",
			"?last=1000000h&debug=0":     "outer: begin outer\nouter: complete first\nouter: complete second\nouter: complete third\n",
		} {
			w := get(h, "flight"+query)
			if got := brief(eventsOf(t, w.Body.Bytes())); got != want || w.Header().Get("Connection") != "close" || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("flight%s: got:\n%s", query, got)
			}
		}
		w := get(h, "flight?last=1500ms&debug=1", "Accept", "text/html")
		want := `2000-01-01T00:00:00.000000Z      open  task     ID  outer  dataset="tank/a b"
2000-01-01T00:00:01.000000Z        1s  span     ID  second  error=broken
2000-01-01T00:00:02.000000Z        1s  span     ID  "third\n"  error=broken
`
		text := regexp.MustCompile(`[a-z2-7]{13}`).ReplaceAllString(w.Body.String(), "ID")
		text = regexp.MustCompile(`(?m)^.*clock.*\n`).ReplaceAllString(text, "")
		if text != want || w.Header().Get("Content-Disposition") != "" {
			t.Errorf("got:\n%s", text)
		}
		task.End()
	})
}

func TestActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tracetest.Strict(t)
		rec := trace.RecorderFromContext(base)
		h := capture.Handler(capture.Config{Recorder: rec, Describe: func(r *trace.Record) string {
			if r.Name == "zfs send" {
				return "process 77 in state D, taskq_wait_id"
			}
			return ""
		}})
		normal := func(s string) string {
			s = regexp.MustCompile(`\b[a-p][a-z2-7]{12}\b`).ReplaceAllString(s, "aaaaaaaaaaaaa")
			return regexp.MustCompile(`\(pid \d+\)`).ReplaceAllString(s, "(pid 1)")
		}
		if got := normal(get(h, "active").Body.String()); got != "capture.test (pid 1): 0 tasks and 0 spans are open, level recording\n" {
			t.Errorf("got:\n%s", got)
		}
		ctx, task := trace.WithTask(base, "replicate", slog.String("dataset", "tank/a b"), slog.Int("n", 3), slog.Float64("x", 0.5), slog.Bool("on", true),
			slog.Float64("nan", math.NaN()))
		time.Sleep(90 * time.Minute)
		sctx, span := trace.WithSpan(ctx, "step\x1b[2J", slog.String("text", "a\nb"))
		time.Sleep(1234567 * time.Microsecond)
		_, child := trace.WithTask(sctx, "zfs send")
		child.SetError(errors.New("out of space"))
		child.Log(time.Time{}, slog.LevelInfo, "earlier")
		child.Log(time.Time{}, slog.LevelWarn, "started", slog.Int("pid", 77))
		_, other := trace.WithTask(base, "other")
		time.Sleep(5 * time.Millisecond)
		want := `capture.test (pid 1): 3 tasks and 1 span are open, level recording
      AGE  KIND  ID             NAME
  1h30m1s  task  aaaaaaaaaaaaa  replicate        dataset="tank/a b" n=3 x=0.5 on=true nan=NaN
    1.24s  span  aaaaaaaaaaaaa    "step\x1b[2J"  text="a\nb"
      5ms  task  aaaaaaaaaaaaa      zfs send     failed [process 77 in state D, taskq_wait_id]
      5ms  log                        started    pid=77
      5ms  task  aaaaaaaaaaaaa  other
`
		if got := normal(get(h, "active").Body.String()); got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
		for _, w := range []*httptest.ResponseRecorder{get(h, "active?format=json"), get(h, "active", "Accept", "application/json, text/plain;q=0.9")} {
			var doc struct {
				Level string
				Open  []struct {
					ID, Parent, Kind, Status string
					Depth                    int
					Age                      int64 `json:"age_ns"`
					Attrs                    map[string]any
					State                    string
					Log                      struct{ Msg, Level string } `json:"last_log"`
				}
			}
			if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || len(doc.Open) != 4 || doc.Level != "recording" || w.Header().Get("Content-Type") != "application/json" {
				t.Fatalf("%v: %s", err, w.Body)
			}
			first, second, third := doc.Open[0], doc.Open[1], doc.Open[2]
			if first.Attrs["n"] != 3.0 || first.Attrs["on"] != true || first.Attrs["x"] != 0.5 || first.Attrs["nan"] != "NaN" || second.Parent != first.ID || third.Parent != second.ID ||
				third.Depth != 2 || third.Age != int64(5*time.Millisecond) || second.Attrs["text"] != "a\nb" || third.Kind != "task" || third.Status != "error" ||
				third.State != "process 77 in state D, taskq_wait_id" || third.Log.Msg != "started" || third.Log.Level != "WARN" || first.Log.Msg != "" {
				t.Errorf("%s", w.Body)
			}
		}
		for _, s := range []*trace.Span{other, child, span, task} {
			s.End()
		}
	})
}

// TestActiveIsDeep: a chain of as many tasks as can be open is shown.
func TestActiveIsDeep(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{})
	ctx := trace.WithRecorder(t.Context(), rec)
	for range 20_000 {
		ctx, _ = trace.WithTask(ctx, "task") //lint:ignore tracevet they are to be open
	}
	h := capture.Handler(capture.Config{Recorder: rec})
	w := get(h, "active")
	if lines := strings.Count(w.Body.String(), "\n"); lines != 20_002 || !strings.Contains(w.Body.String(), " +19969 task") || w.Body.Len() > 4<<20 {
		t.Errorf("%d lines, %d bytes", lines, w.Body.Len())
	}
	if w := get(h, "active?format=json"); !json.Valid(w.Body.Bytes()) {
		t.Error("no JSON")
	}
}

func TestAnomalies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := tracetest.Lenient(t)
		rec := trace.RecorderFromContext(base)
		h := capture.Handler(capture.Config{Recorder: rec})
		want := `       0  span started without a task in its context
       0  span started while a sibling was open, or on another goroutine than its task's
       0  span started in one that had ended
       0  ended while spans in it were open
       0  task ended while child tasks of it were running
       0  span started in too many open ones
       0  forgotten, since too much is open
`
		if got := get(h, "anomalies").Body.String(); got != want {
			t.Errorf("got:\n%s", got)
		}
		for range 150 {
			_, s := trace.WithSpan(base, "lost")
			s.End()
		}
		got := get(h, "anomalies").Body.String()
		if !strings.HasPrefix(got, "     150  span started without") || strings.Count(got, "span=lost site=") != 100 || !strings.Contains(got, "http_test.go:") {
			t.Errorf("got:\n%s", got)
		}
		var doc struct {
			Counts map[string]int
			Recent []struct {
				Misuse, Span string
				Time         time.Time
				Attrs        map[string]any
			}
		}
		w := get(h, "anomalies", "Accept", "application/json")
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || doc.Counts[trace.NoTask.String()] != 150 || len(doc.Counts) != 6 ||
			len(doc.Recent) != 100 || doc.Recent[0].Misuse != trace.NoTask.String() || doc.Recent[0].Attrs["span"] != "lost" || !doc.Recent[0].Time.Equal(time.Now()) {
			t.Errorf("%v: %s", err, w.Body)
		}
	})
}

func TestLevel(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{})
	h := capture.Handler(capture.Config{Recorder: rec})
	for _, c := range []struct{ method, body, want string }{
		{"GET", "", "recording"}, {"PUT", "off", "off"}, {"GET", "ids", "off"}, {"PUT", " IDs\n", "ids"}, {"PUT", "recording", "recording"},
	} {
		w := ask(h, c.method, "/debug/trace/level", c.body)
		if w.Code != 200 || w.Body.String() != c.want+"\n" || rec.Level().String() != c.want {
			t.Errorf("%s %q: %d %s", c.method, c.body, w.Code, w.Body)
		}
	}
}

func TestIndex(t *testing.T) {
	registerNames()
	rec := trace.NewRecorder(trace.Config{})
	h := capture.Handler(capture.Config{Recorder: rec})
	w := get(h, "")
	page := w.Body.String()
	for _, want := range []string{"<!doctype html>", `href="capture?seconds=5"`, `href="active"`, "names of slices &lt;for tests&gt; (not for stream)", "Open: 0 tasks, 0 spans. Level: recording."} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in:\n%s", want, page)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; base-uri 'none'; ") || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%v", w.Header())
	}
	if strings.Contains(page, os.Args[0]) || strings.Contains(page, "-test.") {
		t.Error("the page shows the command line")
	}
	if page := get(capture.Handler(capture.Config{Recorder: rec, ShowCommand: true}), "").Body.String(); !strings.Contains(page, "-test.") {
		t.Error("the page doesn't show the command line")
	}
	for _, stripped := range []struct {
		prefix, target string
	}{{"/trace", "/trace/"}, {"/trace/", "/trace/"}} { // mounted elsewhere
		h := http.StripPrefix(stripped.prefix, h)
		if w := ask(h, "GET", stripped.target, ""); w.Code != 200 || ask(h, "GET", stripped.target+"level", "").Body.String() != "recording\n" {
			t.Errorf("%v: %d", stripped, w.Code)
		}
	}
}

// TestHead: HEAD has the headers of GET, at once.
func TestHead(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{})
	h := capture.Handler(capture.Config{Recorder: rec, MaxCaptures: 1, MaxStreams: 1})
	for target, want := range map[string]string{
		"capture?seconds=3600": "application/json gzip attachment",
		"stream":               "application/json gzip attachment",
		"flight":               "application/json gzip attachment",
		"flight?debug=1":       "text/plain; charset=utf-8 gzip ",
		"active":               "text/plain; charset=utf-8 gzip ",
		"anomalies":            "text/plain; charset=utf-8 gzip ",
		"level":                "text/plain; charset=utf-8  ",
	} {
		for range 3 { // they hold no slots
			w := ask(h, "HEAD", "/debug/trace/"+target, "", "Accept-Encoding", "gzip")
			disposition, _, _ := strings.Cut(w.Header().Get("Content-Disposition"), ";")
			if got := w.Header().Get("Content-Type") + " " + w.Header().Get("Content-Encoding") + " " + disposition; got != want || w.Code != 200 {
				t.Errorf("%s: %d %q, want %q", target, w.Code, got, want)
			}
		}
	}
}

func TestNegotiation(t *testing.T) {
	registerNames()
	h := capture.Handler(capture.Config{Recorder: trace.NewRecorder(trace.Config{})})
	for accept, want := range map[string]string{
		"":                                    "application/json",
		"*/*":                                 "application/json",
		"text/html,*/*;q=0.8":                 "application/json",
		"application/x-names":                 "application/x-names",
		"application/*":                       "application/json",
		"*/*, application/x-names":            "application/x-names",
		"application/json;q=0, */*;q=0.1":     "application/x-names",
		"application/json;q=NaN, nonsense;;;": "application/json",
	} {
		w := ask(h, "HEAD", "/debug/trace/flight", "", "Accept", accept)
		if got := w.Header().Get("Content-Type"); got != want {
			t.Errorf("Accept %q: %d %s", accept, w.Code, got)
		}
	}
	for encoding, want := range map[string]string{"": "", "gzip": "gzip", "br, *;q=0.1": "gzip", "gzip;q=0": "", "gzip;q=0, *": "", "deflate": "", "GZIP;q=0.5": "gzip"} {
		if got := ask(h, "HEAD", "/debug/trace/flight", "", "Accept-Encoding", encoding).Header().Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: %q", encoding, got)
		}
	}
}
