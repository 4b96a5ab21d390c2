package remote

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/spanstack/spanstack/logging"
)

// handshakeTimeout bounds how long a connection may take to show who it is.
const handshakeTimeout = 10 * time.Second

// maxConnections is how many an agent that listens serves at a time.
const maxConnections = 64

// nextProtocol is what both sides of TLS agree to speak.
const nextProtocol = "zferry"

// Dial talks to the agent that listens at an address, host:port. Both sides show certificates: config has the one of this side, and
// by RootCAs those that the agent's may be signed with. If the connection is lost, the next request makes another one, unless
// Redial says otherwise.
func Dial(ctx context.Context, addr string, config *tls.Config, c Config) (*Host, error) {
	host, _, err := net.SplitHostPort(addr)
	c.Name = cmp.Or(c.Name, addr)
	if err != nil {
		return nil, c.fail(err)
	}
	config = config.Clone()
	config.ServerName = cmp.Or(config.ServerName, host)
	config.NextProtos = []string{nextProtocol}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS13)
	dial := func(ctx context.Context) (io.ReadWriteCloser, error) {
		ctx, cancel := context.WithTimeout(ctx, 3*handshakeTimeout)
		defer cancel()
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", addr)
	}
	if c.Redial == nil {
		c.Redial = dial
	}
	conn, err := dial(ctx)
	if err != nil {
		return nil, c.broken(err)
	}
	return NewHost(ctx, conn, c)
}

// ListenAndServe serves peers that connect to an address, with TLS, until ctx is done; then it returns the context's cause. config
// has the agent's certificate, and by ClientCAs those that the peers' are signed with. Each peer gets the policy that
// [Agent.Clients] has for a name in its certificate: the first of its common name and its DNS names, in that order, that is there.
// One that has none is told so.
func (a *Agent) ListenAndServe(ctx context.Context, addr string, config *tls.Config) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return a.ServeListener(ctx, l, config)
}

// ServeListener is [Agent.ListenAndServe] for a listener, which it closes.
func (a *Agent) ServeListener(ctx context.Context, l net.Listener, config *tls.Config) error {
	defer l.Close()
	for name, policy := range a.Clients {
		if err := policy.Validate(); err != nil {
			return fmt.Errorf("policy of %s: %w", name, err)
		}
	}
	if config.ClientCAs == nil {
		return errors.New("no certificates to know peers by: ClientCAs is empty")
	}
	config = config.Clone()
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.NextProtos = []string{nextProtocol}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS13)
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var running sync.WaitGroup
	defer running.Wait()
	places := make(chan struct{}, maxConnections)
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil { // out of descriptors, or the peer went away again
			time.Sleep(100 * time.Millisecond)
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		running.Go(func() {
			defer func() { <-places }()
			a.serveTLS(ctx, conn, config)
		})
	}
}

// serveTLS serves a peer that has just connected.
func (a *Agent) serveTLS(ctx context.Context, raw net.Conn, config *tls.Config) {
	log := logging.GetLogger(ctx, subsystem).With("peer", raw.RemoteAddr())
	conn := tls.Server(raw, config)
	bounded, cancel := context.WithTimeout(ctx, handshakeTimeout)
	err := conn.HandshakeContext(bounded)
	cancel()
	if err != nil {
		log.Warn("refused a connection", "error", err)
		conn.Close()
		return
	}
	name, policy, ok := a.policyOf(conn.ConnectionState().PeerCertificates[0])
	log = log.With("client", name)
	if !ok {
		log.Warn("a client has no policy") // and is told so by what it is refused
	}
	log.Info("connected")
	if err := a.serve(ctx, conn, policy); err != nil {
		log.Log(ctx, slog.LevelWarn, "connection ended", "error", err)
		return
	}
	log.Info("disconnected")
}

// policyOf returns the policy for a certificate, and the name that it is for.
func (a *Agent) policyOf(cert *x509.Certificate) (string, Policy, bool) {
	names := append([]string{cert.Subject.CommonName}, cert.DNSNames...)
	for _, name := range names {
		if policy, ok := a.Clients[name]; ok && name != "" {
			return name, policy, true
		}
	}
	return names[0], Policy{}, false
}
