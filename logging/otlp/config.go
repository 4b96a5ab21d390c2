package otlp

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"golang.org/x/net/http/httpguts"
	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"

	"github.com/spanstack/spanstack/internal/backoff"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/internal/names"
)

// Config says where lines go. The zero value is what the environment says (OTEL_EXPORTER_OTLP_ENDPOINT and the other
// variables of OpenTelemetry's specification), or else a collector on this host.
type Config struct {
	Protocol Protocol
	// Endpoint is the collector's URL: https://HOST:PORT, or http for a connection without TLS. The port is 4318 for HTTP
	// and 4317 for gRPC if there is none. With HTTP, there may be a path; it is /v1/logs if there is none.
	Endpoint string
	Headers  map[string]string // of each request, such as a token
	TLS      *tls.Config       // nil: this host's certificate authorities
	Compress bool              // by gzip

	// Service is the program's name for the collector, the attribute service.name of its resource. "" is that of
	// OTEL_SERVICE_NAME, or else the executable's.
	Service string

	Options logging.Options // of what concerns the format, nothing is used; the name is "otlp" if there is none
	// Queue is where lines wait. Its Bytes are an estimate of what they take in memory. Chunk, Wait and Report aren't
	// used.
	Queue logging.QueueConfig
}

// Protocol is how a collector is reached.
type Protocol uint8

const (
	HTTP Protocol = iota // OTLP/HTTP with binary protobuf
	GRPC                 // OTLP/gRPC
)

var protocolNames = []string{HTTP: "http", GRPC: "grpc"}

// String returns the protocol's name.
func (p Protocol) String() string { return names.Of(p, protocolNames) }

// MarshalText implements encoding.TextMarshaler.
func (p Protocol) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: http or grpc.
func (p *Protocol) UnmarshalText(text []byte) error {
	return names.Parse(p, text, "OTLP protocol", protocolNames)
}

// Open returns a handler whose lines go to a collector, which needn't be there yet. It must be closed, lest the last
// lines are lost.
func Open(c Config) (*logging.Handler, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	e, err := newExporter(c)
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	return newHandler(e, c), nil
}

// newHandler returns a handler of lines that e exports.
func newHandler(e sdklog.Exporter, c Config) *logging.Handler {
	p := newProcessor(e, c.Queue)
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(p), sdklog.WithResource(newResource(c.Service)))
	o := c.Options
	o.Name, o.Outlet, o.OTelIDs = cmp.Or(o.Name, "otlp"), p, false // records have the IDs as fields of their own
	return logging.Adapt(&handler{otelslog.NewHandler(scopeName, otelslog.WithLoggerProvider(provider))}, o)
}

// scopeName is that of the instrumentation scope.
const scopeName = "github.com/spanstack/spanstack/logging"

// Validate reports what is wrong with c. Open does so, too.
func (c Config) Validate() error {
	if int(c.Protocol) >= len(protocolNames) {
		return fmt.Errorf("unknown protocol %d", c.Protocol)
	}
	for name, value := range c.Headers {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("header %q: its name or its value is none of HTTP", name)
		}
	}
	if c.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil:
		return fmt.Errorf("endpoint %q: %w", c.Endpoint, err.(*url.Error).Err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("endpoint %q: want a URL, http://HOST:PORT or https://HOST:PORT", c.Endpoint)
	case c.Protocol == GRPC && u.Path != "" && u.Path != "/":
		return fmt.Errorf("endpoint %q: there is no path with gRPC", c.Endpoint)
	}
	return nil
}

// url returns the endpoint with port and path; "" if the environment or the default is to decide.
func (c *Config) url() string {
	u, err := url.Parse(c.Endpoint)
	if c.Endpoint == "" || err != nil {
		return ""
	}
	port := map[Protocol]string{HTTP: "4318", GRPC: "4317"}[c.Protocol]
	u.Host = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
	if c.Protocol == HTTP && (u.Path == "" || u.Path == "/") {
		u.Path = "/v1/logs"
	}
	return u.String()
}

// attemptTimeout is how long one request may take.
const attemptTimeout = 10 * time.Second

// newExporter returns an exporter that tries again on its own when the collector says so, until its context ends.
func newExporter(c Config) (sdklog.Exporter, error) {
	if c.Protocol == GRPC {
		o := []otlploggrpc.Option{
			otlploggrpc.WithTimeout(attemptTimeout),
			otlploggrpc.WithRetry(otlploggrpc.RetryConfig{Enabled: true, InitialInterval: backoff.First, MaxInterval: backoff.Max}),
			otlploggrpc.WithDialOption(grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: attemptTimeout,
				Backoff: grpcbackoff.Config{BaseDelay: backoff.First, Multiplier: 2, Jitter: 0.2, MaxDelay: backoff.Max}})),
		}
		if u := c.url(); u != "" {
			o = append(o, otlploggrpc.WithEndpointURL(u))
		}
		if len(c.Headers) > 0 {
			o = append(o, otlploggrpc.WithHeaders(c.Headers))
		}
		if c.TLS != nil {
			o = append(o, otlploggrpc.WithTLSCredentials(credentials.NewTLS(c.TLS)))
		}
		if c.Compress {
			o = append(o, otlploggrpc.WithCompressor("gzip"))
		}
		return otlploggrpc.New(context.Background(), o...)
	}
	o := []otlploghttp.Option{
		otlploghttp.WithTimeout(attemptTimeout),
		otlploghttp.WithRetry(otlploghttp.RetryConfig{Enabled: true, InitialInterval: backoff.First, MaxInterval: backoff.Max}),
	}
	if u := c.url(); u != "" {
		o = append(o, otlploghttp.WithEndpointURL(u))
	}
	if len(c.Headers) > 0 {
		o = append(o, otlploghttp.WithHeaders(c.Headers))
	}
	if c.TLS != nil {
		o = append(o, otlploghttp.WithTLSClientConfig(c.TLS))
	}
	if c.Compress {
		o = append(o, otlploghttp.WithCompression(otlploghttp.GzipCompression))
	}
	return otlploghttp.New(context.Background(), o...)
}

// newResource describes this program. What the environment says (OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME) comes
// before what is found out, and service before that.
func newResource(service string) *resource.Resource {
	name := func(s string) resource.Option { return resource.WithAttributes(attribute.String("service.name", s)) }
	o := []resource.Option{name(filepath.Base(os.Args[0])), resource.WithHost(), resource.WithProcessPID(),
		resource.WithTelemetrySDK(), resource.WithFromEnv()}
	if service != "" {
		o = append(o, name(service))
	}
	r, err := resource.New(context.Background(), o...)
	if err != nil && r == nil {
		return resource.Default()
	}
	return r // with what could be found out
}
