// Command http is a small service that is instrumented twice: by OpenTelemetry's otelhttp, which knows about HTTP, and by
// package trace, which knows what the service does. Both make one trace, and there is no SDK. Run it with
//
//	SPANSTACK_TRACE=trace.json go run ./examples/http -requests 3
//
// which asks itself for three prices and ends, or without -requests as a service on localhost:8080:
//
//	curl localhost:8080/prices/apple
//
// In chrome://tracing or at https://ui.perfetto.dev each request is a slice "GET /prices/{item}", by otelhttp, with the
// client's span around it and the service's own task below it, in which "look up" and "round" are. Every line of the log
// has the ID stack from the client's task on, since the ID stack travels with the traceparent header:
//
//	… INFO  shop  sold  item=apple price=0.4 trace=…~jusi7vm2l5nn7/a6wj7w6oplkzn/
//
// So one ID finds what the service did for one request, in the log and in the trace:
//
//	go run ./cmd/trace-convert grep ID trace.json
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/otelbridge"
)

func main() {
	stop := capture.FromEnv() // SPANSTACK_TRACE
	address := flag.String("listen", "localhost:8080", "serve on this address")
	requests := flag.Int("requests", 0, "ask so many times, and end")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *address, *requests)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "http: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address string, requests int) error {
	bridge := otelbridge.New(trace.Default())
	options := []otelhttp.Option{otelhttp.WithTracerProvider(bridge.TracerProvider()), otelhttp.WithPropagators(otelbridge.Propagator{})}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /prices/{item}", sell)
	server := &http.Server{Handler: otelhttp.NewHandler(mux, "shop", options...), ReadHeaderTimeout: 10 * time.Second}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	defer server.Close()
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	fmt.Fprintf(os.Stderr, "serving on http://%s/prices/apple\n", l.Addr())

	if requests > 0 {
		client := &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport, options...)}
		return ask(ctx, client, "http://"+l.Addr().String(), requests)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-served:
		return err
	}
}

var prices = map[string]float64{"apple": 0.4, "pear": 0.55, "melon": 2.999}

// sell answers a request, whose context has otelhttp's span.
func sell(w http.ResponseWriter, r *http.Request) {
	item := r.PathValue("item")
	ctx, task := trace.WithTask(r.Context(), "sell", slog.String("item", item))
	defer task.End()
	price, err := lookUp(ctx, item)
	if err != nil {
		logging.GetLogger(ctx, "shop").Warn("not sold", "item", item, "error", err)
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	logging.GetLogger(ctx, "shop").Info("sold", "item", item, "price", price)
	fmt.Fprintf(w, "%.2f\n", price)
}

func lookUp(ctx context.Context, item string) (price float64, err error) {
	ctx, span := trace.WithSpan(ctx, "look up")
	defer span.EndErr(&err)
	time.Sleep(2 * time.Millisecond) // as if there were a database
	price, ok := prices[item]
	if !ok {
		return 0, fmt.Errorf("there is no %q", item)
	}
	return round(ctx, price), nil
}

func round(ctx context.Context, price float64) float64 {
	_, span := trace.WithSpan(ctx, "round")
	defer span.End()
	return float64(int(price*100+0.5)) / 100
}

// ask asks for prices, one after the other.
func ask(ctx context.Context, client *http.Client, url string, n int) error {
	items := []string{"apple", "melon", "fish"}
	ctx, task := trace.WithTask(ctx, "customer")
	defer task.End()
	for i := range n {
		if err := askFor(ctx, client, url+"/prices/"+items[i%len(items)]); err != nil {
			return err
		}
	}
	return nil
}

func askFor(ctx context.Context, client *http.Client, url string) (err error) {
	ctx, span := trace.WithSpan(ctx, "ask", slog.String("url", url))
	defer span.EndErr(&err)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	logging.GetLogger(ctx, "customer").Info("answer", "status", response.StatusCode, "body", string(body))
	return nil
}
