package capture_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
)

// fetch gets a URL with a client of its own, over a Unix socket if there is one.
func fetch(t *testing.T, url, socket, host, token string) (status int, body string) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	if socket != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestListen(t *testing.T) {
	for _, addr := range []string{"localhost:0", "LOCALHOST:0", ":0", "127.0.0.1:0"} {
		s, err := capture.Listen(addr, capture.Config{Access: capture.Access{Token: "secret"}})
		if err != nil {
			t.Fatal(err)
		}
		if ip := s.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
			t.Errorf("%s listens at %v", addr, ip)
		}
		s.Handle("/debug/other", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "other") }))
		other := strings.Replace(s.URL(), "/debug/trace/", "/debug/other", 1)
		root := strings.Replace(s.URL(), "/debug/trace/", "/", 1)
		for _, c := range []struct {
			url, host, token string
			status           int
			body             string
		}{
			{s.URL(), "", "secret", 200, "<!doctype html>"},
			{root, "", "secret", 200, "<!doctype html>"},
			{root + "nothing", "", "secret", 404, "404 page not found"},
			{strings.TrimSuffix(s.URL(), "/"), "", "secret", 200, "<!doctype html>"},
			{other, "", "secret", 200, "other"},
			{other, "", "", 401, "want the token"},
			{other, "evil.example", "secret", 403, `this server isn't known by the name "evil.example"`},
		} {
			if status, body := fetch(t, c.url, "", c.host, c.token); status != c.status || !strings.HasPrefix(body, c.body) {
				t.Errorf("%+v: %d %s", c, status, body)
			}
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
	for addr, want := range map[string]string{
		"6060":                   "debug listener 6060: address 6060: missing port in address: want HOST:PORT, :PORT or unix:PATH",
		"":                       "debug listener : missing port in address: want HOST:PORT, :PORT or unix:PATH",
		"localhost:x":            "debug listener localhost:x: listen tcp: lookup tcp/x: ",
		"unix:":                  `debug listener unix:: want a path after "unix:"`,
		"unix:/nonexistent/sock": "debug listener unix:/nonexistent/sock: ",
	} {
		if _, err := capture.Listen(addr, capture.Config{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", addr, err, want)
		}
	}
}

// TestListenElsewhere: who says so gets all interfaces, and may use the address that is called.
func TestListenElsewhere(t *testing.T) {
	s, err := capture.Listen("0.0.0.0:0", capture.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	_, port, _ := net.SplitHostPort(s.Addr().String())
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		ip := a.(*net.IPNet).IP
		if ip.To4() == nil {
			continue
		}
		url := "http://" + net.JoinHostPort(ip.String(), port) + "/debug/trace/level"
		if status, body := fetch(t, url, "", "", ""); status != 200 {
			t.Errorf("%s: %d %s", url, status, body)
		}
		if status, _ := fetch(t, url, "", "192.0.2.1", ""); status != 403 {
			t.Errorf("%s by another address: %d", url, status)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "debug.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := capture.Listen("unix:"+path, capture.Config{}); err == nil || err.Error() != fmt.Sprintf("debug listener unix:%s: another program listens at %[1]s", path) {
		t.Errorf("somebody listens there: %v", err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close() // as a program that was killed leaves it
	s, err := capture.Listen("unix:"+path, capture.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, mode %v", err, info.Mode())
	}
	if status, body := fetch(t, "http://any.name/debug/trace/level", path, "", ""); status != 200 || body != "recording\n" {
		t.Errorf("%d %s", status, body)
	}
	if s.Addr().String() != path || s.URL() != "unix:"+path {
		t.Errorf("%v %s", s.Addr(), s.URL())
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) > 0 {
		t.Errorf("left: %v", entries)
	}
	os.WriteFile(path, []byte("precious"), 0o600)
	if _, err := capture.Listen("unix:"+path, capture.Config{}); err == nil || !strings.HasSuffix(err.Error(), path+" is there, and no socket") {
		t.Error(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Error("a file was removed")
	}
}

// TestSocketOfAnother: a socket that another program put in our place stays.
func TestSocketOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "debug.sock")
	s, err := capture.Listen("unix:"+path, capture.Config{})
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	other, err := capture.Listen("unix:"+path, capture.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if status, _ := fetch(t, "http://x/debug/trace/level", path, "", ""); status != 200 {
		t.Error(status)
	}
	other.Stop()
}

// TestStopCompletesStreams: what a server that ends was sending is complete, and a client that takes nothing doesn't keep
// it.
func TestStopCompletesStreams(t *testing.T) {
	rec := trace.NewRecorder(trace.Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := capture.Serve(l, capture.Config{Recorder: rec})
	resp, err := http.Get(s.URL() + "stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read := make(chan []byte)
	go func() {
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		read <- b
	}()
	stalled, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	stalled.(*net.TCPConn).SetReadBuffer(4 << 10)
	fmt.Fprintf(stalled, "GET /debug/trace/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
	bufio.NewReaderSize(stalled, 16).ReadByte()
	ctx := trace.WithRecorder(t.Context(), rec)
	for range 10_000 { // more than a connection holds
		_, task := trace.WithTask(ctx, "task", slog.String("text", strings.Repeat("x", 1000)))
		task.End()
	}
	time.Sleep(time.Second) // for the stalled one to block
	began := time.Now()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > 4500*time.Millisecond { // less than if it had to be broken off
		t.Errorf("Stop took %v", d)
	}
	b := <-read
	if !strings.HasSuffix(string(b), "]\n") || len(eventsOf(t, b)) < 5000 {
		t.Errorf("the stream has %d bytes", len(b))
	}
}

// TestServerWithTimeouts: the timeouts of the server that a handler is in don't cut streams.
func TestServerWithTimeouts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: capture.Handler(capture.Config{Recorder: trace.NewRecorder(trace.Config{})}),
		ReadTimeout: 200 * time.Millisecond, WriteTimeout: 200 * time.Millisecond}
	go server.Serve(l)
	defer server.Close()
	began := time.Now()
	status, body := fetch(t, "http://"+l.Addr().String()+"/debug/trace/capture?seconds=1", "", "", "")
	if status != 200 || !strings.HasSuffix(body, "]\n") || time.Since(began) < time.Second {
		t.Errorf("%d %s after %v", status, body, time.Since(began))
	}
}
