package otlp_test

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // that it can unpack requests
	"google.golang.org/protobuf/proto"

	"github.com/spanstack/spanstack/logging/otlp"
)

// A collector is one that keeps what it gets. It answers as it is told to.
type collector struct {
	collogspb.UnimplementedLogsServiceServer
	t        *testing.T
	protocol otlp.Protocol
	address  string
	stop     func()

	mu       sync.Mutex
	records  []*logspb.LogRecord
	resource *resourcepb.Resource
	header   http.Header
	requests int
	// answer is what it says to a request with n records; the zero answer is that all is well.
	answer func(n int) answer
}

type answer struct {
	status   int           // of HTTP
	err      error         // of gRPC
	after    string        // Retry-After
	rejected int64         // a partial success
	message  string        // likewise
	delay    time.Duration // until the client is gone, or that time is over
}

// startCollector starts one. An empty address is a new one.
func startCollector(t *testing.T, p otlp.Protocol, address string) *collector {
	t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{t: t, protocol: p, address: l.Addr().String()}
	var wg sync.WaitGroup
	if p == otlp.GRPC {
		s := grpc.NewServer()
		collogspb.RegisterLogsServiceServer(s, c)
		wg.Go(func() { s.Serve(l) })
		c.stop = sync.OnceFunc(func() { s.Stop(); wg.Wait() })
	} else {
		s := &http.Server{Handler: c}
		wg.Go(func() { s.Serve(l) })
		c.stop = sync.OnceFunc(func() { s.Close(); wg.Wait() })
	}
	t.Cleanup(c.stop)
	return c
}

func (c *collector) endpoint() string { return "http://" + c.address }

// take keeps what a request has, if the answer is that all is well.
func (c *collector) take(r *collogspb.ExportLogsServiceRequest) answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	var records []*logspb.LogRecord
	for _, resource := range r.ResourceLogs {
		c.resource = resource.Resource
		for _, scope := range resource.ScopeLogs {
			records = append(records, scope.LogRecords...)
		}
	}
	var a answer
	if c.answer != nil {
		a = c.answer(len(records))
	}
	if a.status == 0 && a.err == nil && a.delay == 0 {
		c.records = append(c.records, records[a.rejected:]...)
	}
	return a
}

// Export is the gRPC service.
func (c *collector) Export(ctx context.Context, r *collogspb.ExportLogsServiceRequest) (*collogspb.ExportLogsServiceResponse, error) {
	a := c.take(r)
	if a.delay > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(a.delay):
		}
	}
	return a.response(), a.err
}

func (a *answer) response() *collogspb.ExportLogsServiceResponse {
	if a.rejected == 0 && a.message == "" {
		return &collogspb.ExportLogsServiceResponse{}
	}
	return &collogspb.ExportLogsServiceResponse{PartialSuccess: &collogspb.ExportLogsPartialSuccess{
		RejectedLogRecords: a.rejected, ErrorMessage: a.message}}
}

// ServeHTTP is the HTTP service.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			c.t.Error(err)
			return
		}
		body = unpacked
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return // the client is gone
	}
	var request collogspb.ExportLogsServiceRequest
	if err := proto.Unmarshal(b, &request); err != nil || r.URL.Path != "/v1/logs" || r.Method != http.MethodPost {
		c.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	c.mu.Lock()
	c.header = r.Header
	c.mu.Unlock()
	a := c.take(&request)
	if a.delay > 0 {
		select {
		case <-r.Context().Done():
		case <-time.After(a.delay):
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	if a.after != "" {
		w.Header().Set("Retry-After", a.after)
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
		return
	}
	b, err = proto.Marshal(a.response())
	if err != nil {
		c.t.Error(err)
	}
	w.Write(b)
}

// got returns the records so far.
func (c *collector) got() []*logspb.LogRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*logspb.LogRecord(nil), c.records...)
}

// waitFor waits until the collector has got n records.
func (c *collector) waitFor(n int) []*logspb.LogRecord {
	c.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		records := c.got()
		if len(records) >= n {
			return records
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%d records, want %d", len(records), n)
		}
	}
}
