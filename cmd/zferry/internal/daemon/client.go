package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client talks to a daemon by its control socket.
type Client struct{ Socket string }

// ErrNoDaemon says that no daemon listens at the socket.
var ErrNoDaemon = errors.New("no daemon listens there")

// Status asks for the status.
func (c Client) Status(ctx context.Context) (*Status, error) {
	s := &Status{}
	return s, c.do(ctx, http.MethodGet, "/v1/status", s)
}

// Run makes a job due now.
func (c Client) Run(ctx context.Context, job string) error {
	return c.do(ctx, http.MethodPost, "/v1/run?job="+url.QueryEscape(job), nil)
}

// Reload lets the daemon read its configuration again. The error is what is wrong with it.
func (c Client) Reload(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/v1/reload", nil)
}

// answerMost bounds an answer, in bytes.
const answerMost = 16 << 20

func (c Client) do(ctx context.Context, method, path string, to any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", c.Socket)
	}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return fmt.Errorf("%s: %w: %w", c.Socket, ErrNoDaemon, dial.Err)
	}
	if err != nil {
		return fmt.Errorf("ask daemon at %s: %w", c.Socket, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerMost))
	switch {
	case err != nil:
		return fmt.Errorf("ask daemon at %s: %w", c.Socket, err)
	case resp.StatusCode != http.StatusOK:
		return errors.New(strings.TrimSpace(string(body)))
	case to == nil:
		return nil
	}
	return json.Unmarshal(body, to)
}
