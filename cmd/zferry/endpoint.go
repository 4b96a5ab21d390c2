package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/remote"
)

// endpoint is a dataset, of this host or another one.
type endpoint struct {
	host    string // as for ssh: "host" or "user@host"; "" with addr, or on this host
	addr    string // "host:port" of an agent that listens, with TLS
	dataset string
}

// endpointHelp explains the forms.
const endpointHelp = `[user@]host:pool/dataset is a dataset of another host: zferry starts "zferry agent" there, over ssh.
tls://host:port/pool/dataset is one of a host where "zferry agent --listen" runs. A dataset of this host whose pool has a colon in
its name is written with one in front: :pool:a/dataset.`

// parseEndpoint parses one. A host is what stands before the first colon, unless there is a slash before that.
func parseEndpoint(text string) (e endpoint, err error) {
	if rest, ok := strings.CutPrefix(text, "tls://"); ok {
		e.addr, e.dataset, ok = strings.Cut(rest, "/")
		if _, _, err := net.SplitHostPort(e.addr); err != nil || !ok {
			return e, fmt.Errorf("%s: want tls://host:port/pool/dataset", text)
		}
		return e, checkDataset(e.dataset)
	}
	host, dataset, ok := strings.Cut(text, ":")
	if !ok || strings.Contains(host, "/") {
		host, dataset = "", text
	}
	if strings.HasPrefix(host, "-") || strings.ContainsAny(host, " \t\n") {
		return e, fmt.Errorf("%s: %q is no host", text, host)
	}
	return endpoint{host: host, dataset: dataset}, checkDataset(dataset)
}

func checkDataset(text string) error {
	name, err := zfssend.ParseName(text)
	if err == nil && name.Sigil != 0 {
		err = fmt.Errorf("%s: want a dataset, not a snapshot or bookmark of it", text)
	}
	return err
}

// isHere reports whether it is on this host.
func (e endpoint) isHere() bool { return e.host == "" && e.addr == "" }

// String returns the endpoint as it is written.
func (e endpoint) String() string {
	switch {
	case e.addr != "":
		return "tls://" + e.addr + "/" + e.dataset
	case e.host != "":
		return e.host + ":" + e.dataset
	}
	return e.dataset
}

// connection is how other hosts are reached.
type connection struct {
	sshOptions    []string
	agent         string
	cert, key, ca string

	trace *farTraces // gets the traces of their agents
}

func (c *connection) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&c.sshOptions, "ssh-option", nil, "give ssh this `OPTION`, such as --ssh-option=-p2222; may be repeated")
	flags.StringVar(&c.agent, "agent", remote.DefaultCommand, "run this `COMMAND` on the other host")
	flags.StringVar(&c.cert, "tls-cert", "", "`FILE` with this host's certificate, for tls://")
	flags.StringVar(&c.key, "tls-key", "", "`FILE` with the key of that")
	flags.StringVar(&c.ca, "tls-ca", "", "`FILE` with the certificates that sign those of agents")
}

// open returns the host of an endpoint, and what ends the connection.
func (c *connection) open(ctx context.Context, e endpoint, here *zfssend.Client) (zfssend.Host, io.Closer, error) {
	if e.isHere() {
		return here.Host(), io.NopCloser(nil), nil
	}
	host, err := c.dial(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	c.trace.follow(ctx, host, e.name())
	return host, host, nil
}

// name returns that of the host.
func (e endpoint) name() string {
	if e.addr != "" {
		return e.addr
	}
	return e.host
}

func (c *connection) dial(ctx context.Context, e endpoint) (*remote.Host, error) {
	config := remote.Config{Name: e.name(), Program: "zferry " + version()}
	if e.addr == "" {
		return remote.SSH(ctx, remote.SSHConfig{Destination: e.host, Options: c.sshOptions, Command: c.agent, Config: config})
	}
	if c.cert == "" || c.key == "" || c.ca == "" {
		return nil, errors.New("tls:// needs --tls-cert, --tls-key and --tls-ca")
	}
	cert, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, fmt.Errorf("certificate of this host: %w", err)
	}
	pem, err := os.ReadFile(c.ca)
	if err != nil {
		return nil, fmt.Errorf("certificates for agents: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificates for agents: %s holds none", c.ca)
	}
	name, _, _ := net.SplitHostPort(e.addr)
	return remote.Dial(ctx, e.addr, &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots, ServerName: name}, config)
}

// settle is how long the last records of an agent may take to be written.
const settle = 600 * time.Millisecond
