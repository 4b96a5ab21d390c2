// Package redial writes log lines over connections that break: it connects again and again, and goes on with the first
// line that wasn't sent. Each outlet of package logging that talks to a daemon is one of its dialers.
package redial

import (
	"bytes"
	"context"
	"os"
	"sync"

	"github.com/spanstack/spanstack/internal/backoff"
	"github.com/spanstack/spanstack/logging"
)

// A Conn is a connection to a daemon. Close may be called at any time, and makes Send return.
type Conn interface {
	// Send sends lines, each with its line feed, and returns the length of those that went out as a whole.
	Send(lines []byte) (n int, err error)
	Close() error
}

// An Outlet is a queue before a connection that is made when it is needed. While there is none, the queue fills.
type Outlet struct {
	*logging.Queue
	w *writer
}

// New returns an outlet that connects by dial, which gets a context that ends when the outlet is closed.
func New(dial func(context.Context) (Conn, error), c logging.QueueConfig) *Outlet {
	w := &writer{dial: dial}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return &Outlet{Queue: logging.NewQueue(w, c), w: w}
}

// Close flushes, and closes the connection.
func (o *Outlet) Close() error {
	err := o.Queue.Close()
	o.w.close()
	return err
}

// writer is what the queue writes to. Write is called by one goroutine at a time.
type writer struct {
	dial   func(context.Context) (Conn, error)
	ctx    context.Context // done: nothing is tried any more
	cancel context.CancelFunc

	mu   sync.Mutex
	conn Conn // nil: none
}

// Write sends lines. It tries until all are sent, or the outlet is closed.
func (w *writer) Write(p []byte) (n int, err error) {
	var waits backoff.Waits
	for n < len(p) {
		sent, err := w.attempt(p[n:])
		n += sent
		if sent > 0 {
			waits.Reset()
		}
		if err == nil {
			continue
		}
		w.disconnect()
		if !waits.Wait(w.ctx) {
			return n, err
		}
	}
	return n, nil
}

// attempt sends as many lines as it can, over one connection.
func (w *writer) attempt(p []byte) (int, error) {
	w.mu.Lock()
	conn := w.conn
	w.mu.Unlock()
	if conn == nil {
		var err error
		if conn, err = w.connect(); err != nil {
			return 0, err
		}
	}
	return conn.Send(p)
}

func (w *writer) connect() (Conn, error) {
	conn, err := w.dial(w.ctx)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		conn.Close()
		return nil, os.ErrClosed
	}
	w.conn = conn
	return conn, nil
}

func (w *writer) disconnect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

func (w *writer) close() {
	w.cancel()
	w.disconnect()
}

// Lines calls f with each line without its line feed, until it fails. It returns the length of those for which it
// didn't.
func Lines(p []byte, f func(line []byte) error) (n int, err error) {
	for n < len(p) {
		end := n + bytes.IndexByte(p[n:], '\n')
		if err := f(p[n:end]); err != nil {
			return n, err
		}
		n = end + 1
	}
	return n, nil
}
