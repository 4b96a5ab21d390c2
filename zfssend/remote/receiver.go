package remote

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// receiver is a zfs receive of another host.
type receiver struct {
	stream
	up         *upload
	input      io.Reader
	closeInput func() error
	fed        chan struct{} // closed when nothing reads the input any more
	inputErr   error         // why it failed; may be read after fed
}

// Receive implements zfssend.Host. Begin lacks the contents of a first record, and Stderr is empty until the end.
func (h *Host) Receive(ctx context.Context, dataset string, input io.ReadCloser, o zfssend.ReceiveOptions) (zfssend.Receiver, error) {
	r := &receiver{stream: stream{op: "receive", object: dataset}, input: input, closeInput: sync.OnceValue(input.Close), fed: make(chan struct{})}
	text, err := json.Marshal(&receiveRequest{dataset, o})
	if err == nil {
		r.up = newUpload(appendText(nil, kindJSON, text), orDefault(h.cfg.Heartbeat, DefaultHeartbeat))
		err = h.openStream(ctx, &r.stream, func(ctx context.Context, session *session) (*exchange, error) {
			return session.open(ctx, pathV1+"receive", r.up)
		})
	}
	if err != nil {
		r.closeInput()
		if r.up != nil {
			r.up.Close()
		}
		return nil, err
	}
	unbind := context.AfterFunc(ctx, func() { r.cancel(context.Cause(ctx)) })
	r.mu.Lock()
	r.unbind = unbind
	r.mu.Unlock()
	go r.feed()
	go r.await()
	return r, nil
}

// feed copies the input to the agent.
func (r *receiver) feed() {
	defer close(r.fed)
	for {
		start := time.Now()
		buf := r.up.buffer()
		r.writeWait.Add(int64(time.Since(start)))
		if buf == nil {
			return
		}
		start = time.Now()
		n, err := r.input.Read(buf)
		r.readWait.Add(int64(time.Since(start)))
		if n > 0 {
			r.count(buf[:n])
			if !r.up.send(buf[:n]) {
				return
			}
		} else {
			r.up.free <- buf
		}
		switch {
		case err == io.EOF:
			r.drainState()
			r.up.end(appendFrame(nil, kindEnd, nil))
			return
		case err != nil:
			r.inputErr = err
			r.up.end(abortFrame(err))
			return
		}
	}
}

// drainState notes that all of the stream has gone out.
func (r *receiver) drainState() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == zfssend.StateOpen {
		r.state = zfssend.StateDraining
	}
}

// await waits for the agent's word on the end, which may come long before that of the input.
func (r *receiver) await() {
	st, err := r.x.status(nil, orDefault(r.host.cfg.MaxReply, DefaultMaxReply))
	r.up.Close()
	r.closeInput()
	r.settleInput()
	if err != nil {
		r.fail(err)
		return
	}
	r.finish(st)
}

// settleInput waits for the end of feed, for as long as an input may take to unblock its Read.
func (r *receiver) settleInput() {
	timer := time.NewTimer(r.host.cfg.grace())
	defer timer.Stop()
	select {
	case <-r.fed:
		r.x.gaveUp(r.inputErr)
	case <-timer.C:
	}
}

// gaveUp notes why this side gave up, where the agent was told so within the stream.
func (x *exchange) gaveUp(cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.aborted == nil {
		x.aborted = cause
	}
}

// Wait implements zfssend.Receiver.
func (r *receiver) Wait() error {
	<-r.done
	return r.Err()
}

// Close implements zfssend.Receiver. It is bounded by [Config.Grace].
func (r *receiver) Close() error {
	r.cancel(os.ErrClosed)
	<-r.done
	return r.outcome()
}

// cancel ends the stream before its time. The input isn't needed any more.
func (r *receiver) cancel(cause error) {
	if r.giveUp(cause) {
		go r.closeInput()
	}
}
