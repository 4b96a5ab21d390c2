package remote

import (
	"io"
	"sync"
	"time"
)

// upload is the body of a request that carries a stream: the request itself, the stream, and how it ended, as frames. One
// goroutine reads it, which is HTTP's, and another one feeds it.
type upload struct {
	heartbeat time.Duration
	pieces    chan []byte   // full ones
	free      chan []byte   // empty ones
	quit      chan struct{} // closed when nobody reads on
	stop      sync.Once

	pending []byte // whole frames, to be sent before anything else
	current []byte // the piece of the stream that is being sent
	whole   []byte // all of its buffer
	last    chan []byte
	over    bool
	timer   *time.Timer
}

func newUpload(request []byte, heartbeat time.Duration) *upload {
	u := &upload{heartbeat: heartbeat, pending: request, pieces: make(chan []byte), free: make(chan []byte, 2),
		quit: make(chan struct{}), last: make(chan []byte, 1), timer: time.NewTimer(heartbeat)}
	for range cap(u.free) { // one is filled while the other one is sent
		u.free <- make([]byte, copyBuffer)
	}
	return u
}

// Read implements io.Reader: it returns frames.
func (u *upload) Read(p []byte) (int, error) {
	for {
		switch {
		case len(u.pending) > 0:
			n := copy(p, u.pending)
			u.pending = u.pending[n:]
			return n, nil
		case len(u.current) > 0:
			return u.readCurrent(p), nil
		case u.over:
			return 0, io.EOF
		}
		u.timer.Reset(u.heartbeat)
		select {
		case piece := <-u.pieces:
			u.current, u.whole = piece, piece[:cap(piece)]
		case frame := <-u.last:
			u.pending, u.over = frame, true
		case <-u.quit:
			u.over = true
		case <-u.timer.C:
			u.pending = appendFrame(nil, kindBeat, nil)
		}
	}
}

// readCurrent returns a frame of the present piece.
func (u *upload) readCurrent(p []byte) int {
	if len(p) <= headerSize {
		u.pending = appendFrame(nil, kindData, u.current)
		u.take(len(u.current))
		n := copy(p, u.pending)
		u.pending = u.pending[n:]
		return n
	}
	n := copy(p[headerSize:], u.current)
	putHeader(p, kindData, n)
	u.take(n)
	return headerSize + n
}

// take notes that so much of the present piece is sent.
func (u *upload) take(n int) {
	if u.current = u.current[n:]; len(u.current) == 0 {
		u.free <- u.whole
	}
}

// Close ends the body. It may be called several times, by anybody.
func (u *upload) Close() error {
	u.stop.Do(func() { close(u.quit) })
	return nil
}

// buffer returns a buffer to be filled, nil if there is no use for one any more.
func (u *upload) buffer() []byte {
	select {
	case b := <-u.free:
		return b
	case <-u.quit:
		return nil
	}
}

// send sends a piece, and reports whether there is use for more.
func (u *upload) send(piece []byte) bool {
	select {
	case u.pieces <- piece:
		return true
	case <-u.quit:
		return false
	}
}

// end sends the last frame.
func (u *upload) end(frame []byte) { u.last <- frame }
