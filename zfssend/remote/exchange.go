package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// errUnconfirmed says that a cancelled request was not seen to end.
type errUnconfirmed struct{ cause error }

func (e *errUnconfirmed) Error() string {
	return e.cause.Error() + " (the other host has not confirmed that it has stopped)"
}
func (e *errUnconfirmed) Unwrap() error { return e.cause }

// exchange is a request and its reply.
type exchange struct {
	s      *session
	number uint64
	ctx    context.Context // of HTTP: it isn't the caller's, whose cancellation is told to the agent
	cancel context.CancelCauseFunc
	quick  bool // it is about the connection itself, and nobody is told when it is given up
	frames frameReader
	sent   atomic.Bool // some of the request is

	mu      sync.Mutex
	body    io.ReadCloser // of the reply, once it begins
	aborted error         // why this side gives up
	timer   *time.Timer
}

// open sends a request and waits until the agent has it. body is closed by HTTP.
func (s *session) open(ctx context.Context, path string, body io.Reader) (*exchange, error) {
	x := &exchange{s: s, quick: !strings.HasPrefix(path, pathV1) || path == pathCancel || path == pathClock, number: s.number.Add(1)}
	x.ctx, x.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	x.frames.waits = newSilence(s.cfg.lost(), func() { x.cancel(&lostError{s.cfg.lost()}) })
	defer context.AfterFunc(ctx, func() { x.abort(context.Cause(ctx)) })()
	request, err := http.NewRequestWithContext(x.ctx, http.MethodPost, "http://"+authority+path, &noticed{body, x})
	if err != nil {
		return nil, x.fail(err)
	}
	if b, ok := body.(*bytes.Reader); ok {
		request.ContentLength = int64(b.Len())
	}
	request.Header.Set("Content-Type", mediaType)
	request.Header.Set(headerExchange, strconv.FormatUint(x.number, 10))
	inject(ctx, request.Header)
	response, err := s.http.RoundTrip(request)
	if err != nil {
		return nil, x.fail(err)
	}
	x.isOpen(response.Body)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != mediaType {
		return nil, x.fail(violation("it answers with HTTP status %d and type %.40q", response.StatusCode, clean(response.Header.Get("Content-Type"))))
	}
	return x, nil
}

// noticed is a body that tells when it is read: the request is on its way then.
type noticed struct {
	io.Reader
	x *exchange
}

func (n *noticed) Read(p []byte) (int, error) {
	n.x.isSent()
	return n.Reader.Read(p)
}

func (n *noticed) Close() error {
	if c, ok := n.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// isSent notes that an answer can be expected from now on. A request may have to wait for its turn before.
func (x *exchange) isSent() {
	if x.sent.Load() {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sent.Store(true); x.body == nil && !x.quick {
		x.frames.waits.begin()
	}
}

// isOpen notes that the agent has the request, so that it can be told to give it up.
func (x *exchange) isOpen(body io.ReadCloser) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.frames.waits.end()
	x.body, x.frames.r = body, body
	if x.aborted != nil && !x.quick {
		go x.tellAbort(x.aborted)
	}
}

// abort gives the request up. The agent is told so, and its reply is awaited: it says what became of it. It returns at once.
func (x *exchange) abort(cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.aborted != nil {
		return
	}
	x.aborted = cause
	if x.quick || !x.sent.Load() {
		x.cancel(cause)
		return
	}
	x.timer = time.AfterFunc(x.s.cfg.grace(), func() { x.cancel(&errUnconfirmed{cause}) })
	if x.body != nil {
		go x.tellAbort(cause)
	}
}

func (x *exchange) tellAbort(cause error) {
	if x.s.ask(context.Background(), pathCancel, &cancelRequest{x.number, faultOf(cause)}, nil) != nil {
		x.cancel(&errUnconfirmed{cause})
	}
}

// reason returns why this side has given up, nil if it hasn't.
func (x *exchange) reason() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.aborted
}

// fail ends the exchange because of an error of the connection, and returns what that means: a *ConnError, or, after abort, its
// cause.
func (x *exchange) fail(err error) error {
	cause := context.Cause(x.ctx)
	x.close()
	aborted := x.reason()
	unconfirmed, _ := errors.AsType[*errUnconfirmed](cause)
	switch {
	case x.s.link.ended() != nil:
		return x.s.failure(err)
	case unconfirmed != nil:
		return unconfirmed
	case aborted != nil:
		return aborted
	case cause != nil:
		return x.s.failure(cause)
	}
	return x.s.failure(err)
}

// close ends the exchange.
func (x *exchange) close() {
	x.mu.Lock()
	body := x.body
	if x.timer != nil {
		x.timer.Stop()
	}
	x.mu.Unlock()
	x.frames.waits.stop()
	if body != nil {
		body.Close()
	}
	x.cancel(nil)
}

// status reads frames up to the one that ends the reply, and puts a result in front of it into result. It closes the exchange.
func (x *exchange) status(result any, most int64) (*status, error) {
	for {
		k, _, err := x.frames.next()
		if err != nil {
			return nil, x.fail(err)
		}
		k, text, err := x.frames.message(k, most)
		switch {
		case err != nil:
			return nil, x.fail(err)
		case k == kindStatus:
			return x.end(text)
		case k != kindJSON || result == nil:
			return nil, x.fail(violation("a frame %q where a status has to be", byte(k)))
		}
		if err := decode(text, result); err != nil {
			return nil, x.fail(err)
		}
		result = nil // there is one at most
	}
}

// end decodes the status.
func (x *exchange) end(text []byte) (*status, error) {
	s := new(status)
	if err := decode(text, s); err != nil {
		return nil, x.fail(err)
	}
	x.close()
	return s, nil
}

// ask makes a request that is answered at once, about the connection itself.
func (s *session) ask(ctx context.Context, path string, request, result any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	bound := s.cfg.lost()
	if path == pathHello {
		bound = helloPatience
	}
	quick, cancel := context.WithTimeoutCause(ctx, bound, &lostError{bound})
	defer cancel()
	x, err := s.open(quick, path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer context.AfterFunc(quick, func() { x.cancel(context.Cause(quick)) })()
	if result == nil {
		result = new(json.RawMessage)
	}
	st, err := x.status(result, 1<<20)
	if err != nil {
		return err
	}
	return st.Error.error(nil)
}

// call makes a request that zfs answers. told is the agent's error, with which there may be a result nevertheless; lost is one
// of the connection, or the cause of a cancellation, after which it isn't known what became of the request.
func (h *Host) call(ctx context.Context, verb string, request, result any) (told, lost error) {
	text, err := json.Marshal(request)
	if err != nil {
		return err, nil
	}
	s, err := h.connected(ctx)
	if err != nil {
		return nil, err
	}
	x, err := s.open(ctx, pathV1+verb, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { x.abort(context.Cause(ctx)) })()
	st, err := x.status(result, orDefault(h.cfg.MaxReply, DefaultMaxReply))
	if err != nil {
		return nil, err
	}
	return st.Error.error(x.reason()), nil
}

// lostProcess returns the error of a zfs of which the end isn't known.
func lostProcess(op, object string, err error) *zfssend.Error {
	e := &zfssend.Error{Op: op, Object: object, ExitCode: -1, Err: err}
	if !errors.Is(err, zfssend.ErrTransport) {
		e.Cause = zfssend.Canceled
	}
	return e
}

// lostBatch is lostProcess for a request about several objects: any of them may have been done.
func lostBatch(op string, names []string, err error) error {
	one := lostProcess(op, objectOf(names), err)
	b := &zfssend.BatchError{Op: op, Total: len(names), Processes: []*zfssend.Error{one}}
	for _, name := range names {
		b.Failed = append(b.Failed, zfssend.Failure{Name: name, Cause: one.Cause, Message: err.Error(), Uncertain: true})
	}
	return b
}
