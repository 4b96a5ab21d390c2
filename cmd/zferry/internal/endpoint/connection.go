package endpoint

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/zfssend/remote"
)

// Connection says how other hosts are reached. The zero value is ssh with the user's configuration.
type Connection struct {
	SSHOptions []string `yaml:"ssh_options"` // of ssh, before ours
	Agent      string   `yaml:"agent"`       // the command on the other host; "" is remote.DefaultCommand
	TLS        TLS      `yaml:"tls"`         // for tls://
}

// TLS are files with certificates.
type TLS struct {
	Cert string `yaml:"cert"` // this host's
	Key  string `yaml:"key"`  // the key of that
	CA   string `yaml:"ca"`   // what signs those of peers
}

// AddFlags adds flags that set c.
func (c *Connection) AddFlags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&c.SSHOptions, "ssh-option", nil, "give ssh this `OPTION`, such as --ssh-option=-p2222; may be repeated")
	flags.StringVar(&c.Agent, "agent", remote.DefaultCommand, "run this `COMMAND` on the other host")
	flags.StringVar(&c.TLS.Cert, "tls-cert", "", "`FILE` with this host's certificate, for tls://")
	flags.StringVar(&c.TLS.Key, "tls-key", "", "`FILE` with the key of that certificate")
	flags.StringVar(&c.TLS.CA, "tls-ca", "", "`FILE` with the certificates that sign those of agents")
}

// Or returns the connection with what it leaves open taken from another one. TLS is taken as a whole.
func (c Connection) Or(other Connection) Connection {
	if c.SSHOptions == nil {
		c.SSHOptions = other.SSHOptions
	}
	c.Agent = cmp.Or(c.Agent, other.Agent)
	c.TLS = cmp.Or(c.TLS, other.TLS)
	return c
}

// ErrNoCertificates says that tls:// needs files that weren't named.
var ErrNoCertificates = errors.New("tls:// needs a certificate, its key, and the certificates of the authority")

// Check finds what is missing to reach an endpoint, without a look at files: the error is ErrNoCertificates.
func (c *Connection) Check(e Endpoint) error {
	if e.viaTLS() && (c.TLS.Cert == "" || c.TLS.Key == "" || c.TLS.CA == "") {
		return ErrNoCertificates
	}
	return nil
}

// dial connects to the host of an endpoint.
func (c *Connection) dial(ctx context.Context, e Endpoint, program string) (*remote.Host, error) {
	config := remote.Config{Name: e.HostName(), Program: program}
	if !e.viaTLS() {
		return remote.SSH(ctx, remote.SSHConfig{Destination: e.Host, Options: c.SSHOptions, Command: c.Agent, Config: config})
	}
	if err := c.Check(e); err != nil {
		return nil, err
	}
	cert, roots, err := c.TLS.Load("agents")
	if err != nil {
		return nil, err
	}
	name, _, _ := net.SplitHostPort(e.HostName())
	return remote.Dial(ctx, e.HostName(), &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots, ServerName: name}, config)
}

// Load reads the files. Errors name the peers: "agents" or "clients".
func (t *TLS) Load(peers string) (own tls.Certificate, authorities *x509.CertPool, err error) {
	own, err = tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return own, nil, fmt.Errorf("certificate of this host: %w", err)
	}
	pem, err := os.ReadFile(t.CA)
	if err != nil {
		return own, nil, fmt.Errorf("certificates for %s: %w", peers, err)
	}
	authorities = x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(pem) {
		return own, nil, fmt.Errorf("certificates for %s: %s holds none", peers, t.CA)
	}
	return own, authorities, nil
}
