package daemon_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// shortDir returns a directory whose path is short enough for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "z")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// freeAddress returns one of loopback at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run runs a daemon with listeners, and returns what ends it.
func run(t *testing.T, text string, o daemon.Options) (d *daemon.Daemon, path string, stop func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "zferry.yml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if d, err = daemon.New(c, o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(tracetest.Strict(t))
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	return d, path, func() {
		cancel(errors.New("stopped by the test"))
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// eventually calls f until it reports success.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never happened: %s", what)
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// getAs asks for metrics by another name of the address, and returns the status.
func getAs(t *testing.T, address, host string) int {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestListeners asks a daemon by its socket and by HTTP.
func TestListeners(t *testing.T) {
	zfstest.CheckLeaks(t)
	address, socket := freeAddress(t), filepath.Join(shortDir(t), "s")
	s := &steps{start: time.Now(), fail: map[string][]error{}, takes: map[string]time.Duration{"snapshot": 0, "replicate": 0, "prune": time.Hour}}
	text := homeJob + "listen: " + address + "\nsocket: " + socket + "\n"
	_, path, stop := run(t, text, daemon.Options{Steps: s.all(), Version: "v1", Notify: func(string) error { return nil }})
	client := daemon.Client{Socket: socket}
	ctx := t.Context()
	eventually(t, "it answers", func() bool { _, err := client.Status(ctx); return err == nil })
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v: %v", info.Mode(), err)
	}

	if err := client.Run(ctx, "nobody"); err == nil || err.Error() != `there is no job "nobody"` {
		t.Error(err)
	}
	if err := client.Run(ctx, "home"); err != nil {
		t.Error(err)
	}
	var status *daemon.Status
	eventually(t, "the job prunes", func() bool {
		status, _ = client.Status(ctx)
		return status.Jobs[0].Step != nil && status.Jobs[0].Step.Step == "prune"
	})
	if code, body := get(t, "http://"+address+"/metrics"); code != 200 || !strings.Contains(body, `zferry_job_running{job="home"} 1`) ||
		!strings.Contains(body, `zferry_build_info{goversion="go`) || !strings.Contains(body, `zferry_job_alert_lag_seconds{job="home"} 10800`) {
		t.Errorf("metrics: %d\n%s", code, body)
	}
	if code, body := get(t, "http://"+address+"/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("health: %d %s", code, body)
	}
	if code := getAs(t, address, "evil.example.org"); code == 200 {
		t.Errorf("a page that has its own name for loopback gets an answer: %d", code)
	}
	for _, private := range []string{"/debug/trace/", "/v1/status"} {
		if code, _ := get(t, "http://"+address+private); code != 404 {
			t.Errorf("%s is public: %d", private, code)
		}
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	if resp, err := (&http.Client{Transport: transport}).Get("http://localhost/debug/trace/active"); err != nil {
		t.Error(err)
	} else {
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !strings.Contains(string(body), "prune") {
			t.Errorf("the step isn't in the tree of what is open:\n%s", body)
		}
	}

	if err := os.WriteFile(path, []byte("jobs: [{name: x}]"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := client.Reload(ctx); err == nil || !strings.Contains(err.Error(), "want a dataset") {
		t.Error(err)
	}
	stop()
	if _, err := client.Status(ctx); !errors.Is(err, daemon.ErrNoDaemon) {
		t.Errorf("after its end: %v", err)
	}
}

// TestUnhealthy: a job that is overdue is bad health.
func TestUnhealthy(t *testing.T) {
	zfstest.CheckLeaks(t)
	address := freeAddress(t)
	s := &steps{start: time.Now(), fail: map[string][]error{}, takes: map[string]time.Duration{}}
	text := strings.Replace(homeJob, "lag: 3h, overdue: 5h", "overdue: 1ms", 1) + "listen: " + address + "\nsocket: " + filepath.Join(shortDir(t), "s") + "\n"
	_, _, stop := run(t, text, daemon.Options{Steps: s.all(), Notify: func(string) error { return nil }})
	eventually(t, "health is bad", func() bool {
		code, body := get(t, "http://"+address+"/healthz")
		return code == 503 && body == "job home: no success for more than 1ms\n"
	})
	stop()
}

// TestAddressInUse is an error of the start, and leaves nothing behind.
func TestAddressInUse(t *testing.T) {
	zfstest.CheckLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &steps{}
	socket := filepath.Join(shortDir(t), "s")
	c, err := config.Parse("zferry.yml", []byte(homeJob+"listen: "+l.Addr().String()+"\nsocket: "+socket+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := daemon.New(c, daemon.Options{Steps: s.all()})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "listen for metrics: ") {
		t.Error(err)
	}
	if _, err := os.Stat(socket); err == nil {
		t.Error("the socket stays")
	}
}

// TestSystemd has a real socket, as systemd's is.
func TestSystemd(t *testing.T) {
	zfstest.CheckLeaks(t)
	socket := filepath.Join(shortDir(t), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "300000")
	watchdog, err := daemon.Watchdog()
	if err != nil || watchdog != 300*time.Millisecond {
		t.Fatalf("%v, %v", watchdog, err)
	}
	var told []string
	next := func() string {
		t.Helper()
		buf := make([]byte, 4096)
		l.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := l.Read(buf)
		if err != nil {
			t.Fatalf("%v; so far: %q", err, told)
		}
		told = append(told, string(buf[:n]))
		return string(buf[:n])
	}
	until := func(pattern string) {
		t.Helper()
		for re := regexp.MustCompile(pattern); !re.MatchString(next()); {
		}
	}

	s := &steps{start: time.Now(), fail: map[string][]error{}, takes: map[string]time.Duration{"snapshot": time.Hour}}
	stuck := &stuckClock{hang: make(chan struct{})}
	d, _, stop := run(t, homeJob+"listen: off\nsocket: "+filepath.Join(shortDir(t), "s")+"\n", daemon.Options{Steps: s.all(), Watchdog: watchdog, Clock: stuck})
	until("^READY=1$")
	for range 5 { // in any order, the first ones
		until("^WATCHDOG=1$")
	}
	d.Trigger("home")
	until("^STATUS=home: snapshot$")
	ctx := tracetest.Strict(t)
	if err := d.Reload(ctx); err != nil {
		t.Error(err)
	}
	until(`^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]+$`)
	until("^READY=1$")

	// A loop that hangs isn't alive, whatever else still works.
	stuck.hangNow()
	quiet := 0
	for deadline := time.Now().Add(20 * time.Second); quiet < 3 && time.Now().Before(deadline); {
		buf := make([]byte, 4096)
		l.SetReadDeadline(time.Now().Add(watchdog))
		if _, err := l.Read(buf); err != nil {
			quiet++
		} else {
			quiet = 0
		}
	}
	if quiet < 3 {
		t.Error("the watchdog hears of a loop that hangs")
	}
	close(stuck.hang)
	until("^WATCHDOG=1$")
	stop()
	until("^STOPPING=1$")
}
