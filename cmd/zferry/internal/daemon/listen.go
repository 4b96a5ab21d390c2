package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/spanstack/spanstack/cmd/zferry/internal/liveview"
	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
	"github.com/spanstack/spanstack/cmd/zferry/internal/schedule"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
)

// DefaultSocket is the control socket, unless the configuration or the service manager says otherwise.
const DefaultSocket = "/run/zferry/zferry.sock"

// SocketPath returns that of the control socket: the configured one, or the default.
func SocketPath(configured string) string {
	if configured != "" {
		return configured
	}
	if list := os.Getenv("RUNTIME_DIRECTORY"); list != "" {
		dir, _, _ := strings.Cut(list, ":")
		return filepath.Join(dir, filepath.Base(DefaultSocket))
	}
	return DefaultSocket
}

// listen opens the control socket, and the address for metrics.
func (d *Daemon) listen(ctx context.Context) (stop func(), err error) {
	log := logging.GetLogger(ctx, subsystem)
	control, err := d.control(ctx)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	log.Debug("control socket is open", "path", SocketPath(d.config.Socket))
	if d.config.Listen == "off" {
		return func() { _ = control.Stop() }, nil
	}
	l, err := listenTCP(string(d.config.Listen))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for metrics: %w", err), control.Stop())
	}
	log.Info("metrics are served", "address", l.Addr())
	handler := d.publicHandler()
	if tcp, ok := l.Addr().(*net.TCPAddr); ok && tcp.IP.IsLoopback() { // and so no page of the web in a browser here
		handler = capture.Access{}.Wrap(handler)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		WriteTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics aren't served any more", "error", err)
		}
	}()
	return func() {
		_ = server.Close() // scrapes are short
		<-served
		_ = control.Stop()
	}, nil
}

// listenTCP listens at an address, which is one of loopback if it doesn't say which.
func listenTCP(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	return net.Listen("tcp", net.JoinHostPort(host, port))
}

// publicHandler serves what may be seen by whoever reaches the address.
func (d *Daemon) publicHandler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.NewCollector(d.view))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 30 * time.Second}))
	mux.HandleFunc("GET /healthz", d.serveHealth)
	return mux
}

func (d *Daemon) serveHealth(w http.ResponseWriter, _ *http.Request) {
	s := d.Status()
	var bad []string
	if !s.Alive {
		bad = append(bad, "the scheduler hangs")
	}
	for _, j := range s.Jobs {
		for _, a := range j.Alerts {
			bad = append(bad, fmt.Sprintf("job %s: %s", j.Name, a))
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if len(bad) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, strings.Join(bad, "\n"))
		return
	}
	fmt.Fprintln(w, "ok")
}

// view is what metrics show. The state is a copy, since it goes on.
func (d *Daemon) view() metrics.View {
	states := d.scheduler.States()
	d.mu.Lock()
	defer d.mu.Unlock()
	v := metrics.View{Now: d.now(), Version: d.options.Version, State: &metrics.State{}, Running: map[string]bool{},
		Lag: map[string]time.Duration{}, Overdue: map[string]time.Duration{}}
	for _, s := range states {
		v.Running[s.Name] = s.Running
	}
	for i := range d.config.Jobs {
		j := &d.config.Jobs[i]
		if j.Alert.Lag > 0 {
			v.Lag[j.Name] = time.Duration(j.Alert.Lag)
		}
		if j.Alert.Overdue > 0 {
			v.Overdue[j.Name] = time.Duration(j.Alert.Overdue)
		}
	}
	text, err := json.Marshal(d.state)
	if err == nil {
		err = json.Unmarshal(text, v.State)
	}
	if err != nil {
		panic(err) // it is made of texts, numbers and times
	}
	return v
}

// control opens the control socket, with a mode that lets only the daemon's user connect.
func (d *Daemon) control(ctx context.Context) (*capture.Server, error) {
	path := SocketPath(d.config.Socket)
	rec := trace.RecorderFromContext(ctx)
	server, err := capture.Listen("unix:"+path, capture.Config{Recorder: rec, Describe: d.options.Describe, UI: liveview.Handler(rec)})
	if err != nil {
		return nil, err
	}
	server.Handle("GET /v1/status", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, d.Status()) }))
	server.Handle("POST /v1/run", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := d.Trigger(r.URL.Query().Get("job"))
		if _, unknown := errors.AsType[schedule.ErrUnknown](err); unknown {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		answer(w, struct{}{})
	}))
	server.Handle("POST /v1/reload", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := d.Reload(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		answer(w, struct{}{})
	}))
	return server, nil
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client is gone
}
