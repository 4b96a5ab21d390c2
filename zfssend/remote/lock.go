package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	"github.com/spanstack/spanstack/zfssend"
)

// lock handles a request for a lock, which lasts as long as the request.
func (r *request) lock() error {
	var q lockRequest
	if err := r.read(&q); err != nil {
		return err
	}
	if err := r.demand.list([]string{q.Dataset}, 0); err != nil {
		return err
	}
	lock, err := r.client.Lock(r.ctx, q.Dataset, q.Tree)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := r.reply.write(appendFrame(nil, kindBegun, nil)); err != nil {
		return err
	}
	<-r.ctx.Done()
	lock.Close() // before the peer is told
	return r.reply.finish(nil, &status{Error: faultOf(context.Cause(r.ctx)), State: zfssend.StateCanceled.String()})
}

// Lock implements zfssend.Host. Closing it is bounded by [Config.Grace].
func (h *Host) Lock(ctx context.Context, dataset string, tree bool) (io.Closer, error) {
	text, err := json.Marshal(&lockRequest{dataset, tree})
	if err != nil {
		return nil, err
	}
	s := &sender{stream: stream{op: "lock", object: dataset}}
	err = h.openStream(ctx, &s.stream, func(ctx context.Context, session *session) (*exchange, error) {
		return session.open(ctx, pathV1+"lock", bytes.NewReader(text))
	})
	if err != nil {
		return nil, err
	}
	s.bind(ctx)
	return s, nil
}
