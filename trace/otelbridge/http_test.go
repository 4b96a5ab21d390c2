package otelbridge_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/otelbridge"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// serverEnv makes the test's program a server: the value is where its trace goes.
const serverEnv = "SPANSTACK_TEST_SERVER"

// TestServer is the server's process. It ends with its standard input.
func TestServer(t *testing.T) {
	path := os.Getenv(serverEnv)
	if path == "" {
		t.Skip("it is run by TestHTTP, in a process of its own")
	}
	b := otelbridge.New(trace.Default())
	file, err := capture.Start(path, trace.Default())
	if err != nil {
		t.Fatal(err)
	}
	handler := otelhttp.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, task := trace.WithTask(r.Context(), "answer")
		_, span := trace.WithSpan(ctx, "look up")
		io.WriteString(w, trace.Stack(ctx))
		span.End()
		task.End()
	}), "serve", otelhttp.WithTracerProvider(b.TracerProvider()), otelhttp.WithPropagators(otelbridge.Propagator{}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler}
	go s.Serve(l)
	fmt.Printf("listening on %s\n", l.Addr())
	io.Copy(io.Discard, os.Stdin)
	s.Close()
	if err := file.Stop(); err != nil {
		t.Fatal(err)
	}
}

// startServer starts the server's process. stop ends it, and with it its trace.
func startServer(t *testing.T, path string) (url string, stop func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServer$")
	cmd.Env = append(os.Environ(), serverEnv+"="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var address string
	if _, err := fmt.Fscanf(out, "listening on %s\n", &address); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out)
	return "http://" + address, func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// TestHTTP: a request through otelhttp, with our provider and no SDK, is one trace in both processes' captures, in which
// each span has the parent that it should have.
func TestHTTP(t *testing.T) {
	dir := t.TempDir()
	url, stop := startServer(t, filepath.Join(dir, "server.json"))
	b, base := newBridge(t)
	file, err := capture.Start(filepath.Join(dir, "client.json"), trace.RecorderFromContext(base))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	client := &http.Client{Transport: otelhttp.NewTransport(transport, otelhttp.WithTracerProvider(b.TracerProvider()), otelhttp.WithPropagators(otelbridge.Propagator{}))}
	ctx, task := trace.WithTask(base, "ask")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	stack, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	transport.CloseIdleConnections()
	task.End()
	if err := file.Stop(); err != nil {
		t.Fatal(err)
	}
	stop()
	if !strings.HasPrefix(string(stack), strings.TrimSuffix(task.Stack(), "/")) {
		t.Errorf("the server's stack %s doesn't begin with the client's %s", stack, task.Stack())
	}

	var merged timeline.Timeline
	for _, name := range []string{"client.json", "server.json"} {
		readTrace(t, &merged, filepath.Join(dir, name))
	}
	type slice struct{ parent, process, trace string }
	found := map[string]slice{} // by name
	names := map[string]string{}
	process := map[tracefmt.TrackID]string{}
	for e := range merged.Events() {
		switch e.Kind {
		case tracefmt.Process:
			process[e.Track] = e.SourceID.String()
		case tracefmt.Track:
			process[e.Track] = process[e.Process]
		case tracefmt.Complete, tracefmt.Begin, tracefmt.AsyncBegin:
			found[e.Name] = slice{e.Parent, process[e.Track], e.Attr("trace_id").String()}
			names[e.ID] = e.Name
		}
	}
	path := []string{"ask", "HTTP GET", "GET", "answer", "look up"}
	for i, name := range path[1:] {
		s, ok := found[name]
		if !ok || names[s.parent] != path[i] {
			t.Errorf("the parent of %q is %q, want %q; there are %v", name, names[s.parent], path[i], names)
		}
	}
	if found["ask"].process != found["HTTP GET"].process || found["GET"].process != found["answer"].process || found["ask"].process == found["GET"].process {
		t.Errorf("processes: %v", found)
	}
	if id := found["ask"].trace; id != task.Ref().Trace.String() || found["GET"].trace != id {
		t.Errorf("trace IDs: %v", found)
	}
}

func readTrace(t *testing.T, into *timeline.Timeline, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := tracefmt.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := into.Read(r); err != nil {
		t.Fatal(err)
	}
}

// TestOtherPropagators: with W3C Trace Context alone, the trace is one, and the ID stack begins with the caller's ID.
func TestOtherPropagators(t *testing.T) {
	_, base := newBridge(t)
	ctx, task := trace.WithTask(base, "ask")
	defer task.End()
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	server := tracetest.Strict(t)
	otelbridge.New(trace.RecorderFromContext(server))
	_, serve := trace.WithTask(propagation.TraceContext{}.Extract(context.WithoutCancel(server), carrier), "serve")
	defer serve.End()
	if want := "/" + task.ID().String() + "/" + serve.ID().String() + "/"; serve.Stack() != want || serve.Ref().Trace != task.Ref().Trace {
		t.Errorf("the stack is %s, want %s", serve.Stack(), want)
	}
}
