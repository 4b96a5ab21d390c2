package logconfig

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/otlp"
)

// OTLP is a collector of OpenTelemetry: see package otlp. What isn't said here is what OpenTelemetry's environment
// variables say, such as OTEL_EXPORTER_OTLP_ENDPOINT.
type OTLP struct {
	// Endpoint is http://HOST:PORT or https://HOST:PORT, with a path if need be. "" is that of the environment, or else
	// this host.
	Endpoint string        `yaml:"endpoint"`
	Protocol otlp.Protocol `yaml:"protocol"`
	Compress bool          `yaml:"compress"` // what is sent, by gzip
	Service  string        `yaml:"service"`  // service.name; "": OTEL_SERVICE_NAME, or else the program's name

	// Headers are sent with each request: NAME=VALUE, separated by commas. Everybody on this host can see those of a
	// flag. HeaderFile has more, NAME=VALUE in each line; it is read when the outlet is opened.
	Headers    string `yaml:"headers"`
	HeaderFile string `yaml:"header_file"`

	// These are for https:// only: see [Syslog].
	CA         string `yaml:"ca"`
	Cert       string `yaml:"cert"`
	Key        string `yaml:"key"`
	ServerName string `yaml:"server_name"`
}

func (t OTLP) place() string { return fmt.Sprint("otlp ", t.Protocol, " ", t.Endpoint) }

func (t OTLP) certificates() certificates { return certificates{t.CA, t.Cert, t.Key, t.ServerName} }

func (t OTLP) validate(wrong func(field, format string, args ...any)) {
	if err := (otlp.Config{Protocol: t.Protocol, Endpoint: t.Endpoint}).Validate(); err != nil {
		wrong("endpoint", "%s", strings.TrimPrefix(err.Error(), "endpoint "))
	}
	if _, err := parseHeaders(strings.Split(t.Headers, ",")); err != nil {
		wrong("headers", "%w", err)
	}
	without := "only an endpoint with https:// has certificates"
	if !strings.HasPrefix(t.Endpoint, "http://") && t.Endpoint != "" {
		without = ""
	}
	t.certificates().validate(wrong, without)
}

func (t OTLP) open(s settings) (*logging.Handler, error) {
	c := otlp.Config{Protocol: t.Protocol, Endpoint: t.Endpoint, Compress: t.Compress, Service: t.Service, Options: s.options, Queue: s.queue}
	var err error
	if c.Headers, err = parseHeaders(strings.Split(t.Headers, ",")); err != nil {
		return nil, &FieldError{Field: "headers", Err: err}
	}
	if t.HeaderFile != "" {
		more, err := readHeaders(t.HeaderFile)
		if err != nil {
			return nil, &FieldError{Field: "header_file", Err: err}
		}
		maps.Copy(c.Headers, more)
	}
	if t.certificates() != (certificates{}) {
		if c.TLS, err = t.certificates().config(); err != nil {
			return nil, err
		}
	}
	return otlp.Open(c)
}

// parseHeaders parses headers of the form NAME=VALUE. Errors don't have the values, which may be secrets.
func parseHeaders(list []string) (map[string]string, error) {
	headers := map[string]string{}
	for i, h := range list {
		if strings.TrimSpace(h) == "" {
			continue
		}
		name, value, ok := strings.Cut(h, "=")
		if !ok {
			return nil, fmt.Errorf("number %d is no header: want NAME=VALUE", i+1)
		}
		headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return headers, otlp.Config{Headers: headers}.Validate()
}

// maxHeaders is the size of a file of headers, in bytes.
const maxHeaders = 64 << 10

func readHeaders(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxHeaders:
		return nil, errors.New(path + " is too large to be a file of headers")
	}
	headers, err := parseHeaders(strings.Split(string(text), "\n"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return headers, nil
}
