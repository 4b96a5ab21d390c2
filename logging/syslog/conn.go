package syslog

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/spanstack/spanstack/logging/internal/redial"
)

// localSockets are where daemons of this host listen: on Linux, and on BSD.
var localSockets = []string{"/dev/log", "/var/run/log", "/var/run/syslog"}

// framing is how messages are told apart.
type framing uint8

const (
	datagrams framing = iota // each is one
	lines                    // a line feed behind each, as on local streams
	octets                   // each is behind its length: RFC 6587, section 3.4.1, and RFC 5425, section 4.3
)

// dialer returns what connects to a daemon.
func dialer(c Config) (func(context.Context) (redial.Conn, error), error) {
	address, err := c.target()
	if err != nil {
		return nil, err
	}
	d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	secure := &tls.Dialer{NetDialer: d, Config: c.TLS} // of nil, the defaults
	return func(ctx context.Context) (redial.Conn, error) {
		switch c.Network {
		case UDP:
			return connect(ctx, d.DialContext, "udp", address, datagrams)
		case TCP:
			return connect(ctx, d.DialContext, "tcp", address, octets)
		case TLS:
			return connect(ctx, secure.DialContext, "tcp", address, octets)
		}
		return connectLocal(ctx, d, address)
	}, nil
}

func connectLocal(ctx context.Context, d *net.Dialer, path string) (redial.Conn, error) {
	paths := localSockets
	if path != "" {
		paths = []string{path}
	}
	var errs error
	for _, path := range paths {
		conn, err := connect(ctx, d.DialContext, "unixgram", path, datagrams)
		if err != nil {
			conn, err = connect(ctx, d.DialContext, "unix", path, lines)
		}
		if err == nil {
			return conn, nil
		}
		errs = errors.Join(errs, err)
	}
	return nil, errs
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

func connect(ctx context.Context, dial dialFunc, network, address string, f framing) (redial.Conn, error) {
	c, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := &conn{Conn: c, framing: f}
	if f != datagrams {
		go conn.watch()
	}
	return conn, nil
}

// A conn is a connection to a daemon.
type conn struct {
	net.Conn
	framing framing
	frames  []byte // that are sent at once
}

// Send implements [redial.Conn].
func (c *conn) Send(p []byte) (int, error) {
	switch c.framing {
	case octets:
		return c.sendFrames(p)
	case lines:
		n, err := c.Write(p)
		return bytes.LastIndexByte(p[:n], '\n') + 1, err
	}
	return redial.Lines(p, func(line []byte) error {
		_, err := c.Write(line)
		return err
	})
}

// sendFrames sends all lines with one write. What went out in part is sent anew over the next connection.
func (c *conn) sendFrames(p []byte) (int, error) {
	c.frames = c.frames[:0]
	n, _ := redial.Lines(p, func(line []byte) error {
		c.frames = append(strconv.AppendInt(c.frames, int64(len(line)), 10), ' ')
		c.frames = append(c.frames, line...)
		return nil
	})
	written, err := c.Write(c.frames)
	if err == nil {
		return n, nil
	}
	n, _ = redial.Lines(p, func(line []byte) error {
		if written -= len(strconv.Itoa(len(line))) + 1 + len(line); written < 0 {
			return err
		}
		return nil
	})
	return n, err
}

// watch waits for the daemon to close a stream, and closes it, too: a write would notice only at the second time. Daemons
// say nothing on it.
func (c *conn) watch() {
	var b [64]byte
	for {
		if _, err := c.Read(b[:]); err != nil {
			c.Close()
			return
		}
	}
}
