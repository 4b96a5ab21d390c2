package remote

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// copyBuffer is how much of a stream is moved at a time, in bytes.
const copyBuffer = 256 << 10

var errSilent = errors.New("the peer sends neither data nor signs of life")

// send handles a request for a stream.
func (r *request) send() error {
	var q sendRequest
	if err := r.read(&q); err != nil {
		return err
	}
	if err := r.admitSend(&q); err != nil {
		return err
	}
	if err := r.s.takeStream(); err != nil {
		return err
	}
	defer r.s.giveStream()
	stream, err := r.client.Send(r.ctx, q.Snapshot, q.Options)
	if err != nil {
		return err
	}
	err = r.carry(stream)
	stream.Close() // which waits for what was given up
	if err == io.EOF {
		err = nil
	} else if failure := stream.Err(); failure != nil {
		err = failure
	}
	trace.FromContext(r.ctx).SetError(err)
	return r.reply.finish(nil, statusOf(stream, err))
}

// admitSend checks what is asked for. A token is compared with what its snapshot really is: a peer that says itself which
// GUID to expect could have another snapshot of the pool sent, since zfs finds it by the GUID in the token.
func (r *request) admitSend(q *sendRequest) error {
	if err := r.demand.stream(VerbSend, q.Snapshot, &q.Options); err != nil {
		return err
	}
	if q.Options.Token != "" {
		q.Options.Expect = nil
	}
	if !r.s.policy.RefusePlaintext || q.Options.Raw {
		return nil
	}
	name, err := zfssend.ParseName(q.Snapshot)
	if err != nil {
		return err
	}
	list, err := r.client.List(r.ctx, name.Dataset, zfssend.ListOptions{Recursive: q.Options.Replicate, WithoutVersions: true})
	if err != nil {
		return err
	}
	for _, d := range list {
		if d.Encrypted() {
			return r.demand.refuse(q.Snapshot, "%s is encrypted, and its stream has to be raw", d.Name)
		}
	}
	return nil
}

// carry moves a stream to the peer, and returns how it ended, or that the peer takes no more.
func (r *request) carry(stream io.Reader) error {
	if err := r.reply.write(appendFrame(nil, kindBegun, nil)); err != nil {
		return err
	}
	buf := make([]byte, headerSize+copyBuffer)
	for {
		n, err := stream.Read(buf[headerSize:])
		if n > 0 {
			putHeader(buf, kindData, n)
			if err := r.reply.write(buf[:headerSize+n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// receive handles a stream that comes.
func (r *request) receive() error {
	in := newInbound(r)
	defer in.frames.waits.stop()
	var q receiveRequest
	if err := in.request(&q); err != nil {
		return err
	}
	if err := r.demand.receive(q.Dataset, &q.Options); err != nil {
		return err
	}
	if err := r.s.takeStream(); err != nil {
		return err
	}
	defer r.s.giveStream()
	receive, err := r.client.Receive(r.ctx, q.Dataset, in, q.Options)
	if err != nil {
		return err
	}
	if err := r.reply.write(appendFrame(nil, kindBegun, nil)); err != nil {
		r.cancel(errPeerGone)
	}
	err = receive.Wait()
	trace.FromContext(r.ctx).SetError(err)
	return r.reply.finish(nil, statusOf(receive, err))
}

// inbound is a stream that a peer sends: the input of zfs receive. The end of the request isn't that of the stream.
type inbound struct {
	r      *request
	frames frameReader
	ended  error
	silent atomic.Bool
}

func newInbound(r *request) *inbound {
	in := &inbound{r: r}
	in.frames = frameReader{r: r.http.Body, waits: newSilence(orDefault(r.s.agent.Lost, DefaultLost), func() {
		in.silent.Store(true)
		in.Close()
	})}
	return in
}

// request reads what is asked for, which comes first.
func (in *inbound) request(q *receiveRequest) error {
	k, _, err := in.frames.next()
	if err != nil {
		return in.reason(err)
	}
	k, text, err := in.frames.message(k, orDefault(in.r.s.agent.MaxRequest, DefaultMaxRequest))
	if err != nil {
		return in.reason(err)
	}
	if k != kindJSON {
		return violation("a frame %q, where a request has to be", byte(k))
	}
	return decodeRequest(text, q, true)
}

// Read reads from the stream. It returns io.EOF only if the peer has said that it is whole.
func (in *inbound) Read(p []byte) (int, error) {
	for in.frames.left == 0 && in.ended == nil {
		k, length, err := in.frames.next()
		switch {
		case err != nil:
			in.ended = in.reason(err)
		case k == kindEnd:
			in.ended = io.EOF
		case k == kindAbort:
			in.ended = in.aborted(k)
		case k != kindData:
			in.ended = violation("a frame %q of %d bytes in a stream", byte(k), length)
		}
	}
	if in.ended != nil {
		return 0, in.ended
	}
	n, err := in.frames.read(p)
	if err != nil {
		in.ended = in.reason(err)
	}
	return n, in.ended
}

// reason says why a body can't be read on.
func (in *inbound) reason(err error) error {
	if cause := context.Cause(in.r.ctx); cause != nil {
		return cause
	}
	if in.silent.Load() {
		return errSilent
	}
	if errors.Is(err, errTruncated) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// aborted returns why the peer gives up.
func (in *inbound) aborted(k kind) error {
	_, text, err := in.frames.message(k, maxFrame)
	var f fault
	if err == nil {
		err = decode(text, &f)
	}
	if err != nil {
		return err
	}
	return abortError{orUnknown(f.error(nil))}
}

// Close unblocks a Read. What still comes is thrown away by HTTP/2. It may be called late: a zfs that was given up has its
// stream closed when it ends.
func (in *inbound) Close() error { return in.r.http.Body.Close() }

// trace handles a request for the agent's own trace.
func (r *request) trace() error {
	if err := r.read(&traceRequest{}); err != nil {
		return err
	}
	if err := r.demand.may("", VerbTrace); err != nil {
		return err
	}
	if r.s.agent.Trace == nil {
		return errors.New("trace: this agent records none")
	}
	if err := r.s.takeStream(); err != nil {
		return err
	}
	defer r.s.giveStream()
	if err := r.reply.write(appendFrame(nil, kindBegun, nil)); err != nil {
		return err
	}
	err := r.s.agent.Trace(r.ctx, &dataWriter{reply: r.reply})
	state := zfssend.StateComplete
	if cause := context.Cause(r.ctx); cause != nil {
		state, err = zfssend.StateCanceled, cause
	} else if err != nil {
		state = zfssend.StateFailed
	}
	return r.reply.finish(nil, &status{Error: faultOf(err), State: state.String()})
}

// dataWriter writes data frames.
type dataWriter struct {
	reply *reply
	buf   []byte
}

func (d *dataWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		piece := p[:min(len(p), copyBuffer)]
		d.buf = appendFrame(d.buf[:0], kindData, piece)
		if err := d.reply.write(d.buf); err != nil {
			return n, err
		}
		n += len(piece)
		p = p[len(piece):]
	}
	return n, nil
}
