package capture_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
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

// A pipeWriter is a response whose body is read while it is written.
type pipeWriter struct {
	*httptest.ResponseRecorder
	out io.Writer
}

func (w pipeWriter) Write(p []byte) (int, error) { return w.out.Write(p) }

// TestStream: a stream shows what is open at once, what comes as soon as it was open for an interval, and is complete
// when its context ends.
func TestStream(t *testing.T) {
	for _, encoding := range []string{"identity", "gzip"} {
		synctest.Test(t, func(t *testing.T) {
			base := tracetest.Strict(t)
			ctx, task := trace.WithTask(base, "outer")
			_, ended := trace.WithSpan(ctx, "ended")
			ended.End()
			time.Sleep(time.Second)
			in, out := io.Pipe()
			r := httptest.NewRequest("GET", "/debug/trace/stream", nil)
			r.Host = "localhost"
			r.Header.Set("Accept-Encoding", encoding)
			rctx, cancel := context.WithCancel(t.Context())
			var mu sync.Mutex
			var text []byte
			read := make(chan struct{})
			go func() {
				defer close(read)
				var content io.Reader = in
				if encoding == "gzip" {
					content, _ = gzip.NewReader(in)
				}
				buf := make([]byte, 1<<10)
				for {
					n, err := content.Read(buf)
					mu.Lock()
					text = append(text, buf[:n]...)
					mu.Unlock()
					if err != nil {
						return
					}
				}
			}()
			seen := func() string {
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				b := bytes.Clone(text)
				return strings.ReplaceAll(brief(eventsOf(t, b)), "\n", ", ")
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				capture.Handler(capture.Config{Recorder: trace.RecorderFromContext(base)}).ServeHTTP(pipeWriter{httptest.NewRecorder(), out}, r.WithContext(rctx))
				out.Close()
			}()
			if got := seen(); got != "outer: begin outer" {
				t.Errorf("at once: %s", got)
			}
			_, span := trace.WithSpan(ctx, "span")
			time.Sleep(250 * time.Millisecond)
			if got := seen(); got != "outer: begin outer, outer: begin span" {
				t.Errorf("after an interval: %s", got)
			}
			span.End()
			cancel()
			<-done
			<-read
			if got := seen(); got != "outer: begin outer, outer: begin span, outer: end span" || !bytes.HasSuffix(text, []byte("]\n")) {
				t.Errorf("at the end: %s", got)
			}
			task.End()
		})
	}
}

func TestStreamWantsAStreamingFormat(t *testing.T) {
	if err := capture.Stream(t.Context(), io.Discard, names, trace.NewRecorder(trace.Config{})); err == nil || err.Error() != "stream trace: the format names can't be streamed" {
		t.Error(err)
	}
	r, w := io.Pipe()
	r.Close()
	if err := capture.Stream(t.Context(), w, tracefmt.Lookup("chrome"), trace.NewRecorder(trace.Config{})); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// TestSlots: so many captures and streams are possible at a time, and no more; each that ends makes room.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := capture.Handler(capture.Config{Recorder: trace.NewRecorder(trace.Config{}), MaxCaptures: 1, MaxStreams: 2})
		done := make(chan int, 10)
		go func() { done <- get(h, "capture?seconds=10").Code }()
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			go func() {
				r := httptest.NewRequestWithContext(ctx, "GET", "/debug/trace/stream", nil)
				r.Host = "localhost"
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				done <- w.Code
			}()
		}
		synctest.Wait()
		for target, want := range map[string]string{
			"capture":   "1 captures are under way, which is the limit: try again later\n",
			"flight":    "1 captures are under way, which is the limit: try again later\n",
			"anomalies": "1 captures are under way, which is the limit: try again later\n",
			"stream":    "2 streams are under way, which is the limit: try again later\n",
		} {
			if w := get(h, target); w.Code != 503 || w.Body.String() != want || w.Header().Get("Retry-After") != "5" || w.Header().Get("Content-Disposition") != "" {
				t.Errorf("%s: %d %s %v", target, w.Code, w.Body, w.Header())
			}
		}
		if w := get(h, "active"); w.Code != 200 {
			t.Error("active has no limit", w.Code)
		}
		cancel()
		for range 3 {
			if code := <-done; code != 200 {
				t.Error(code)
			}
		}
		if w := get(h, "flight"); w.Code != 200 {
			t.Error(w.Code)
		}
	})
}

// TestClientsThatComeAndGo cuts a hundred captures and streams at random while a program works: each output can be loaded
// as far as it came, and nothing is left of them.
func TestClientsThatComeAndGo(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{Bytes: 4 << 20})
	base := trace.WithRecorder(t.Context(), rec)
	s, err := capture.Listen("localhost:0", capture.Config{Recorder: rec, MaxCaptures: 100, MaxStreams: 100})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var workers, clients sync.WaitGroup
	for i := range 4 {
		workers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				ctx, task := trace.WithTask(base, "work", slog.Int("i", i))
				_, span := trace.WithSpan(ctx, "step")
				time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
				span.End()
				task.End()
			}
		})
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	for i := range 100 {
		clients.Go(func() {
			target := s.URL() + []string{"stream", "capture?seconds=0.2", "capture?seconds=20", "flight"}[i%4]
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(50+rand.IntN(1000))*time.Millisecond)
			defer cancel()
			r, _ := http.NewRequestWithContext(ctx, "GET", target, nil)
			if i%8 < 4 {
				r.Header.Set("Accept-Encoding", "gzip")
			}
			resp, err := client.Do(r)
			if err != nil {
				return // it was too short
			}
			defer resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("%s: %s", target, resp.Status)
				return
			}
			b, err := io.ReadAll(resp.Body)
			checkCut(t, target, b, resp.Header.Get("Content-Encoding") == "gzip", err == nil)
		})
	}
	clients.Wait()
	close(stop)
	workers.Wait()
	client.CloseIdleConnections()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// checkCut wants the beginning of a trace, or all of it, to be loadable.
func checkCut(t *testing.T, what string, b []byte, packed, complete bool) {
	if len(b) == 0 {
		if complete {
			t.Errorf("%s: complete and empty", what)
		}
		return
	}
	r, err := tracefmt.NewReader(bytes.NewReader(b))
	if err != nil {
		if complete || !errors.Is(err, tracefmt.ErrTruncated) {
			t.Errorf("%s: %v, of %d bytes", what, err, len(b))
		}
		return
	}
	if r.Packed == "gzip" != packed {
		t.Errorf("%s: packed is %q", what, r.Packed)
	}
	for n := 0; ; n++ {
		_, err := r.Next()
		if err == nil {
			continue
		}
		if err != io.EOF && (complete || !errors.Is(err, tracefmt.ErrTruncated)) {
			t.Errorf("%s: %v, after %d events", what, err, n)
		}
		return
	}
}
