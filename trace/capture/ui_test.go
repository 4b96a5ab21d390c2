package capture_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
)

// A page says what it was asked for, and whether it was closed.
type page struct{ closed bool }

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	io.WriteString(w, r.Method+" "+r.URL.String()+" "+string(body))
}

func (p *page) Close() error {
	p.closed = true
	return nil
}

func TestUI(t *testing.T) {
	h := capture.Handler(capture.Config{Recorder: trace.NewRecorder(trace.Config{}), UI: new(page)})
	long := strings.Repeat("x", 4<<10) // more than other pages take
	for target, want := range map[string]string{
		"/debug/trace/ui/":                "POST / " + long,
		"/debug/trace/ui/api/tiles?a=b%2": "POST /api/tiles?a=b%2 " + long,
		"/debug/trace/ui/a/../b":          "POST /a/../b " + long, // as it is: the page knows its own names
	} {
		if w := ask(h, "POST", target, long); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %.100s, want %.100s", target, w.Code, w.Body, want)
		}
	}
	if w := get(h, "ui"); w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != "ui/" {
		t.Errorf("ui: %d %v", w.Code, w.Header())
	}
	if w := ask(h, "GET", "/debug/trace/ui/", "", "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("a page of another site gets %d", w.Code)
	}
	if w := get(h, "uix"); w.Code != http.StatusNotFound {
		t.Errorf("uix: %d", w.Code)
	}
	if w := get(h, ""); !strings.Contains(w.Body.String(), `<a href="ui/">`) {
		t.Error("the index doesn't lead to the page")
	}
	without := capture.Handler(capture.Config{Recorder: trace.NewRecorder(trace.Config{})})
	if w := get(without, "ui/"); w.Code != http.StatusNotFound {
		t.Errorf("without a page, ui/ is answered with %d", w.Code)
	}
	if w := get(without, ""); strings.Contains(w.Body.String(), "ui/") {
		t.Error("the index leads to a page that isn't there")
	}
}

func TestServerClosesUI(t *testing.T) {
	ui := new(page)
	s, err := capture.Listen("localhost:0", capture.Config{UI: ui})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := fetch(t, s.URL()+"ui/", "", "localhost", ""); status != 200 || body != "GET / " {
		t.Errorf("%d %s", status, body)
	}
	if err := s.Stop(); err != nil || !ui.closed {
		t.Errorf("%v, closed: %v", err, ui.closed)
	}
}

// TestStreamLast: a stream with a past begins with what the flight recorder holds of it.
func TestStreamLast(t *testing.T) {
	for last, want := range map[time.Duration]string{0: "open", time.Second: "late open", time.Minute: "early late open"} {
		synctest.Test(t, func(t *testing.T) {
			base := tracetest.Strict(t)
			rec := trace.RecorderFromContext(base)
			for _, name := range []string{"early", "late"} {
				_, task := trace.WithTask(base, name)
				task.End()
				time.Sleep(900 * time.Millisecond)
			}
			_, open := trace.WithTask(base, "open")
			defer open.End()
			in := capture.OpenStream(t.Context(), tracefmt.Lookup("chrome"), rec, last)
			defer in.Close()
			var names []string
			r := tracefmt.Lookup("chrome").NewReader(in)
			for {
				e, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind != tracefmt.Complete && e.Kind != tracefmt.Begin {
					continue
				}
				if names = append(names, e.Name); e.Name == "open" {
					break
				}
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("the last %v are %s, want %s", last, got, want)
			}
		})
	}
	for param, want := range map[string]string{"last=1": "400 last=", "last=-1s": "400 last=", "last=1s&seconds=1": "400 unknown parameter"} {
		h := capture.Handler(capture.Config{Recorder: trace.NewRecorder(trace.Config{})})
		if w := get(h, "stream?"+param); w.Code != 400 || !strings.HasPrefix("400 "+w.Body.String(), want) {
			t.Errorf("%s: %d %s", param, w.Code, w.Body)
		}
	}
}

// TestOpenStreamClose: a stream that nobody reads is over when it is closed, and says so to a reader that comes later.
func TestOpenStreamClose(t *testing.T) {
	base := tracetest.Strict(t)
	_, task := trace.WithTask(base, "open")
	defer task.End()
	in := capture.OpenStream(t.Context(), tracefmt.Lookup("chrome"), trace.RecorderFromContext(base), 0)
	time.Sleep(20 * time.Millisecond) // so that it blocks, most of the time
	for range 2 {
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := in.Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("after Close, Read returns %d, %v", n, err)
	}
}
