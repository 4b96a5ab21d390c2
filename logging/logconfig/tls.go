package logconfig

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
)

// certificates are what an outlet over TLS has for it: files in PEM format.
type certificates struct{ ca, cert, key, serverName string }

// validate reports what doesn't go together. If there is no TLS, without says so: then there are none.
func (c certificates) validate(wrong func(field, format string, args ...any), without string) {
	for _, f := range []struct{ name, value string }{{"ca", c.ca}, {"cert", c.cert}, {"key", c.key}, {"server_name", c.serverName}} {
		if f.value != "" && without != "" {
			wrong(f.name, "%s", without)
		}
	}
	if c.cert != "" && c.key == "" {
		wrong("key", "there is none for the certificate")
	}
	if c.key != "" && c.cert == "" {
		wrong("cert", "there is none for the key")
	}
}

// config reads the files.
func (c certificates) config() (*tls.Config, error) {
	config := &tls.Config{ServerName: c.serverName}
	if c.ca != "" {
		pem, err := os.ReadFile(c.ca)
		if err != nil {
			return nil, &FieldError{Field: "ca", Err: err}
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &FieldError{Field: "ca", Err: errors.New(c.ca + " has no certificate in PEM format")}
		}
	}
	if c.cert != "" {
		cert, err := tls.LoadX509KeyPair(c.cert, c.key)
		if err != nil {
			return nil, &FieldError{Field: "cert", Err: err}
		}
		config.Certificates = []tls.Certificate{cert}
	}
	return config, nil
}
