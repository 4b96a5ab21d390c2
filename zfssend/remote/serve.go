package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// headerExchange is the number of a request, by which another one can cancel it.
const headerExchange = "Zferry-Exchange"

// request is one that an agent has got, with what it needs for a reply.
type request struct {
	s      *service
	client *zfssend.Client
	verb   string
	http   *http.Request
	ctx    context.Context // ends with the request
	cancel context.CancelCauseFunc
	demand demand
	reply  *reply
}

// handlers are what there is below /v1/. A handler that returns an error has not replied.
var handlers = map[string]func(*request) error{
	"list": control(func(r *request, q *listRequest) (any, error) {
		if err := r.demand.list([]string{q.Name}, 0); err != nil {
			return nil, err
		}
		return r.client.List(r.ctx, q.Name, q.Options)
	}),
	"properties": control(func(r *request, q *propertiesRequest) (any, error) {
		if err := r.demand.list([]string{q.Name}, 0, '@', '#'); err != nil {
			return nil, err
		}
		return r.client.Properties(r.ctx, q.Name, q.Properties...)
	}),
	"guids": control(func(r *request, q *namesRequest) (any, error) {
		if err := r.demand.list(q.Names, 0, '@', '#'); err != nil {
			return nil, err
		}
		return r.client.GUIDs(r.ctx, q.Names...)
	}),
	"holds": control(func(r *request, q *namesRequest) (any, error) {
		if err := r.demand.list(q.Names, '@'); err != nil {
			return nil, err
		}
		return r.client.Holds(r.ctx, q.Names...)
	}),
	"estimate": control(func(r *request, q *sendRequest) (any, error) {
		if err := r.demand.stream(VerbList, q.Snapshot, &q.Options); err != nil {
			return nil, err
		}
		return r.client.Estimate(r.ctx, q.Snapshot, q.Options)
	}),
	"snapshot": control(func(r *request, q *namesRequest) (any, error) {
		if err := r.demand.batch(VerbSnapshot, q.Names, '@'); err != nil {
			return nil, err
		}
		return nil, r.client.Snapshot(r.ctx, q.Names...)
	}),
	"bookmark": control(func(r *request, q *bookmarkRequest) (any, error) {
		if err := r.demand.bookmarks(q.Bookmarks); err != nil {
			return nil, err
		}
		return nil, r.client.Bookmark(r.ctx, q.Bookmarks...)
	}),
	"hold": control(func(r *request, q *holdRequest) (any, error) {
		if err := r.demand.batch(VerbHold, q.Snapshots, '@'); err != nil {
			return nil, err
		}
		return nil, r.client.Hold(r.ctx, q.Tag, q.Snapshots...)
	}),
	"release": control(func(r *request, q *holdRequest) (any, error) {
		if err := r.demand.batch(VerbRelease, q.Snapshots, '@'); err != nil {
			return nil, err
		}
		return nil, r.client.Release(r.ctx, q.Tag, q.Snapshots...)
	}),
	"destroy": control(func(r *request, q *destroyRequest) (any, error) {
		if err := r.demand.destroy(q.Options, q.Names); err != nil {
			return nil, err
		}
		return nil, r.client.DestroyWith(r.ctx, q.Options, q.Names...)
	}),
	"create": control(func(r *request, q *createRequest) (any, error) {
		if err := r.demand.create(q.Name, q.Options); err != nil {
			return nil, err
		}
		if err := r.parents(q); err != nil {
			return nil, err
		}
		return nil, r.client.Create(r.ctx, q.Name, q.Options)
	}),
	"rollback": control(func(r *request, q *nameRequest) (any, error) {
		if err := r.demand.batch(VerbRollback, []string{q.Name}, '@'); err != nil {
			return nil, err
		}
		return nil, r.client.Rollback(r.ctx, q.Name)
	}),
	"set": control(func(r *request, q *setRequest) (any, error) {
		for property := range q.Values {
			if err := r.demand.set(VerbSet, q.Name, property); err != nil {
				return nil, err
			}
		}
		if err := r.demand.set(VerbSet, q.Name); err != nil {
			return nil, err
		}
		return nil, r.client.SetProperties(r.ctx, q.Name, q.Values)
	}),
	"inherit": control(func(r *request, q *inheritRequest) (any, error) {
		for _, name := range q.Names {
			if err := r.demand.set(VerbSet, name, q.Property); err != nil {
				return nil, err
			}
		}
		return nil, r.client.Inherit(r.ctx, q.Property, q.Names...)
	}),
	"abort": control(func(r *request, q *nameRequest) (any, error) {
		if err := r.demand.batch(VerbAbort, []string{q.Name}, 0); err != nil {
			return nil, err
		}
		return nil, r.client.AbortReceive(r.ctx, q.Name)
	}),
	"send":    (*request).send,
	"receive": (*request).receive,
	"trace":   (*request).trace,
	"lock":    (*request).lock,
}

// quick are requests that leave no trace: those about the connection itself.
var quick = map[string]func(*request) (any, error){
	"clock":  func(r *request) (any, error) { return nil, r.read(&clockRequest{}) },
	"cancel": (*request).cancelOther,
}

// control makes a handler of a function that answers a request.
func control[Q any](answer func(*request, *Q) (any, error)) func(*request) error {
	return func(r *request) error {
		q := new(Q)
		if err := r.read(q); err != nil {
			return err
		}
		result, err := answer(r, q)
		return r.reply.finish(result, &status{Error: faultOf(err)})
	}
}

// parents checks that those that are to be made are within a root: all are if the root itself exists.
func (r *request) parents(q *createRequest) error {
	if !q.Options.Parents || r.s.policy.Anywhere {
		return nil
	}
	for _, root := range r.s.policy.Roots {
		if !within(q.Name, root) {
			continue
		}
		_, err := r.client.GUIDs(r.ctx, root)
		if err == nil || !errors.Is(err, zfssend.NotFound) {
			return err
		}
	}
	return r.demand.refuse(q.Name, "the root above it doesn't exist, and is not for a peer to make")
}

// ServeHTTP implements http.Handler for one connection.
func (s *service) ServeHTTP(w http.ResponseWriter, h *http.Request) {
	came := time.Now()
	if !s.enter() {
		return
	}
	defer s.leave()
	r := &request{s: s, client: s.agent.client(), http: h, reply: newReply(w, orDefault(s.agent.Heartbeat, DefaultHeartbeat))}
	defer r.reply.stop()
	defer r.survive()
	ctx := extract(s.ctx, h.Header)
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	defer r.cancel(nil)
	defer context.AfterFunc(h.Context(), func() { r.cancel(errPeerGone) })()
	verb, ok := strings.CutPrefix(h.URL.Path, pathV1)
	r.verb = verb
	r.demand = demand{policy: &s.policy, op: verb}
	switch {
	case h.URL.Path == pathHello:
		s.greeted.Store(true)
		r.greet(came)
	case !ok || h.Method != http.MethodPost || handlers[verb] == nil && quick[verb] == nil:
		r.fail(violation("the agent knows no request %.80q", h.Method+" "+h.URL.Path))
	case quick[verb] != nil:
		r.quick(came)
	default:
		r.do()
	}
}

// survive turns a panic, which is a bug here, into an error of the one request: others have streams on this connection.
func (r *request) survive() {
	if v := recover(); v != nil {
		logging.GetLogger(r.s.ctx, subsystem).Error("panic", "request", r.verb, "value", v, "stack", string(debug.Stack()))
		r.fail(fmt.Errorf("the agent has a bug: panic: %v", v))
	}
}

// do handles a request, as a task that goes on from the peer's.
func (r *request) do() {
	number, err := strconv.ParseUint(r.http.Header.Get(headerExchange), 10, 64)
	if err != nil || !r.register(number) {
		r.fail(violation("a request without a number of its own"))
		return
	}
	r.reply.ending = func() { r.unregister(number) } // before the peer knows, who may go away then
	defer r.reply.ending()
	var task *trace.Span
	r.ctx, task = trace.WithTask(r.ctx, "agent "+r.verb, slog.Uint64("exchange", number))
	defer task.End()
	r.reply.begin()
	if err := handlers[r.verb](r); err != nil {
		task.SetError(err)
		r.fail(err)
	}
}

func (r *request) register(number uint64) bool {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[number] != nil || s.closed {
		return false
	}
	s.running[number] = r.cancel
	return true
}

func (r *request) unregister(number uint64) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	delete(r.s.running, number)
}

// cancelOther cancels another request. That there is none is no error: it may have ended meanwhile.
func (r *request) cancelOther() (any, error) {
	var q cancelRequest
	if err := r.read(&q); err != nil {
		return nil, err
	}
	r.s.mu.Lock()
	cancel := r.s.running[q.Exchange]
	r.s.mu.Unlock()
	if cancel != nil {
		cancel(abortError{orUnknown(q.Reason.error(nil))})
	}
	return nil, nil
}

func (r *request) quick(came time.Time) {
	_, err := quick[r.verb](r)
	if err != nil {
		r.fail(err)
		return
	}
	r.reply.finish(&stamps{came.UnixNano(), time.Now().UnixNano()}, &status{})
}

// greet says who is here, and which protocols are spoken. What the peer says is for it to be compared: see Host.
func (r *request) greet(came time.Time) {
	var theirs hello
	if err := r.readAny(&theirs); err != nil {
		r.fail(err)
		return
	}
	ours := hello{Oldest: oldestProtocol, Newest: Protocol, Program: r.s.agent.Program, Features: features,
		MaxStreams: orDefault(r.s.agent.MaxStreams, DefaultMaxStreams)}
	ours.Received, ours.Sent = came.UnixNano(), time.Now().UnixNano()
	r.reply.finish(&ours, &status{})
}

func (r *request) fail(err error) {
	r.reply.finish(nil, &status{Error: faultOf(err)})
}

// read reads a request that is nothing but JSON. A field that this agent doesn't know is an error: it may be one that
// forbids something.
func (r *request) read(into any) error { return r.readJSON(into, true) }

// readAny is read for what other versions may say, too.
func (r *request) readAny(into any) error { return r.readJSON(into, false) }

func (r *request) readJSON(into any, strict bool) error {
	if err := r.reply.readBy(time.Now().Add(orDefault(r.s.agent.Lost, DefaultLost))); err != nil {
		return err
	}
	most := orDefault(r.s.agent.MaxRequest, DefaultMaxRequest)
	text, err := io.ReadAll(io.LimitReader(r.http.Body, most+1))
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	if int64(len(text)) > most {
		return violation("a request of more than %d bytes", most)
	}
	return decodeRequest(text, into, strict)
}

// decodeRequest decodes a request.
func decodeRequest(text []byte, into any, strict bool) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if strict {
		d.DisallowUnknownFields()
	}
	if err := d.Decode(into); err != nil {
		return violation("bad request: %v; if it has an unknown field, the agent is the older side: update it", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return violation("bad request: there is more after its end")
	}
	return nil
}

// reply is what an agent answers. Signs of life come by themselves.
type reply struct {
	w          http.ResponseWriter
	controller *http.ResponseController
	heartbeat  time.Duration
	ending     func() // called before the status is written; may be nil

	mu    sync.Mutex // of w; the sign of life waits for nobody who has it
	ended bool
	timer *time.Timer
}

func newReply(w http.ResponseWriter, heartbeat time.Duration) *reply {
	w.Header().Set("Content-Type", mediaType)
	p := &reply{w: w, controller: http.NewResponseController(w), heartbeat: heartbeat}
	p.timer = time.AfterFunc(time.Hour, p.beat)
	p.timer.Stop() // until begin
	return p
}

// begin sends what there is to send before anything is known, so that the peer knows that the request has come.
func (p *reply) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.w.WriteHeader(http.StatusOK)
	p.controller.Flush()
	p.timer.Reset(p.heartbeat)
}

func (p *reply) beat() {
	if p.mu.TryLock() { // else something is being written
		defer p.mu.Unlock()
		if p.ended {
			return
		}
		p.w.Write(appendFrame(nil, kindBeat, nil))
		p.controller.Flush()
	}
	p.timer.Reset(p.heartbeat)
}

// write writes whole frames.
func (p *reply) write(frames []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return errPeerGone
	}
	if _, err := p.w.Write(frames); err != nil {
		return err
	}
	return p.controller.Flush()
}

// finish writes the result, if there is one, and the status. Nothing comes after that.
func (p *reply) finish(result any, s *status) error {
	if p.ending != nil {
		p.ending()
	}
	var frames []byte
	if result != nil {
		text, err := json.Marshal(result)
		if err != nil {
			return err
		}
		frames = appendText(frames, kindJSON, text)
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_ = p.write(appendText(frames, kindStatus, text)) // if that fails, nobody is there to be told
	p.stop()
	return nil
}

// stop returns once nothing will be written any more.
func (p *reply) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.timer.Stop()
}

// readBy bounds how long a request may take to come; a time that has passed ends it at once, zero never.
func (p *reply) readBy(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil
	}
	return p.controller.SetReadDeadline(t)
}
