package remote

import (
	"bytes"
	"context"
	"io"
)

// Trace returns the agent's own trace, from now on, in the format that it has. It ends with ctx or Close, or with an error
// when the agent or the connection does. It takes a place among the streams.
func (h *Host) Trace(ctx context.Context) (io.ReadCloser, error) {
	s := &sender{stream: stream{op: "trace", object: h.cfg.name()}}
	err := h.openStream(ctx, &s.stream, func(ctx context.Context, session *session) (*exchange, error) {
		return session.open(ctx, pathV1+"trace", bytes.NewReader([]byte("{}")))
	})
	if err != nil {
		return nil, err
	}
	s.bind(ctx)
	return s, nil
}
